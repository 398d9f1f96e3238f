"""Turn an image into the bytes of its frame: array, metadata, warnings about losses, and encoding."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from seqsave import naming
from seqsave.errors import EncodeError, SeqSaveError
from seqsave.manifest import Picture
from seqsave.naming.key import FrameKey
from seqsave.plugins.encoded import checked_result
from seqsave.sequences.frame import decode
from seqsave.sequences.header import picture_of
from seqsave.settings.texts import placed
from seqsave.types import Encoded, FrameInfo, ImageInfo, SavedFrame
from seqsave.wording import counted, described
from seqsave.writer.frame import FrameTask

if TYPE_CHECKING:
    from concurrent.futures import Future

    from seqsave.pictures.arrays import Prepared
    from seqsave.pictures.embedded import Thumbnails
    from seqsave.pictures.pixels import SharedImage, Taken
    from seqsave.settings.config import WriterConfig
    from seqsave.settings.formats import Format

__all__ = ["Encoding"]

Warn = Callable[[str, str, FrameKey], None]


class Encoding:
    """The encoding of one file type's frames. ``warn`` is called with (kind, message, key).

    thumbnails: keeps small pictures of some frames; None for none.
    """

    def __init__(self, form: Format, config: WriterConfig, warn: Warn, thumbnails: Thumbnails | None = None) -> None:
        self._thumbnails = thumbnails
        self._resolved, self._pixels, self._options = form.resolved, form.pixels, form.options
        self._prefix = form.rule.prefix
        self._embedding, self._naming = config.embedding, config.naming
        self._rate, self._tags = config.embedding.exact_rate, config.embedding.stated_tags
        self._warn = warn
        self._size: tuple[int, int] | None = None
        self._kinds = _Kinds(warn)
        self._picture: Picture | None = None

    def take(self, task: FrameTask, image: SharedImage) -> None:
        """Take the image for the task, before the frame is accepted. Raises ImageError."""
        taken = image.take(self._pixels, None if image.info is None else self._unreplaced(image.info, task.texts))
        task.taken, task.held, task.picture = taken, taken.held, self.shared(Picture.of(taken.shape, taken.dtype))

    def note_accepted(self, task: FrameTask) -> None:
        """Warn of the known losses of a frame that is accepted."""
        if task.file is not None or task.encoded is not None:
            self._kinds.expect(task)
        if task.taken is None:
            return
        height, width = task.taken.shape[:2]
        self.note_size(task.key, width, height)
        self._kinds.expect(task)
        for kind, message in task.taken.notes:
            self._warn(kind, message, task.key)
        if not task.taken.converts:
            self._warn_of_losses(task.key, task.taken, task.taken.prepare())

    def note_kept(self, key: FrameKey) -> None:
        """Note that an existing frame stays in place of an accepted one, or that nothing is known of its picture."""
        self._kinds.leave(key)

    def encode(self, task: FrameTask) -> Encoded:
        """Return the encoded frame, and release the picture. Runs on an encoding thread."""
        if task.encoded is not None:
            if task.picture is None:
                self.note_kept(task.key)
            else:
                self._kinds.add(task.key, task.picture)
            return task.encoded
        assert task.taken is not None  # noqa: S101 - for the type checker: a task has one of the two
        is_first = task.key.index == self._naming.start
        inside, beside = placed(self._embedding, task.texts, is_first=is_first, embeds=self._resolved.embed)
        encoded = self._encode(task.key, task.taken, inside)
        if self._thumbnails is not None:
            label = str(task.key.index) if task.key.batch is None else f"{task.key.index}, batch {task.key.batch}"
            self._thumbnails.keep(label, task.taken.prepare().array, task.taken.stated, self._resolved.extension)
        task.taken = None
        self._note_lost_alpha(task, encoded)
        if task.picture is not None:
            self._kinds.add(task.key, task.picture)
        for message in encoded.warnings:
            self._warn(message, message, task.key)
        if encoded.leftover:
            names = ", ".join(map(repr, encoded.leftover))
            text = f"metadata that does not fit into the file is kept beside it in {naming.PRIVATE_FOLDER}/: {names}"
            self._warn("sidecar", text, task.key)
        return replace(encoded, leftover={**beside, **encoded.leftover}) if beside else encoded

    def _note_lost_alpha(self, task: FrameTask, encoded: Encoded) -> None:
        """Correct the number of channels if the encoder has dropped or composited alpha, as for JPEG."""
        if task.picture is None or task.picture.channels not in (2, 4):
            return
        found = picture_of(bytes(encoded.data))
        if found is not None and found.channels < task.picture.channels:
            task.picture = self.shared(replace(task.picture, channels=found.channels))

    def shared(self, picture: Picture) -> Picture:
        """Return an equal record: one object for all frames that are alike."""
        last = self._picture
        if picture != last:
            self._picture = picture
            return picture
        return last

    def picture_in(self, task: FrameTask) -> Picture:
        """Return the facts about the picture in the frame's file, which is decoded if need be. Raises DecodeError."""
        if task.picture is not None:
            return task.picture
        array = decode(task.key.name, bytes(self.encode(task).data)).array
        return Picture.of(array.shape, array.dtype)

    def _encode(self, key: FrameKey, taken: Taken, inside: Mapping[str, str]) -> Encoded:
        info = self._info_of(key, taken)
        try:
            prepared = taken.prepare()
            if taken.converts:
                self._warn_of_losses(key, taken, prepared)
            encoder = self._resolved.encoder
            return checked_result(encoder.encode(prepared.array, metadata=inside, options=self._options, info=info))
        except SeqSaveError as error:
            error.frame = key.index  # no new error: a plugin's own class may take other arguments
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            problem = f"the encoder of {info.filetype!r} failed: {described(error)}"
            raise EncodeError(f"frame {key.index}: {problem}") from error

    def _unreplaced(self, info: ImageInfo, texts: Mapping[str, str]) -> ImageInfo:
        """Return what the source states, without the facts that a setting states instead.

        Nor with attributes of another format that are texts of the frame's metadata: a warning names them once.
        """
        if info.attributes and info.attributes_of != self._resolved.spec.filetype:
            kept = {name: value for name, value in info.attributes.items() if name not in texts}
            info = replace(info, attributes=kept)
        own = {"dpi": self._embedding.dpi, "rate": self._rate}
        from seqsave.pictures.fitting import without  # here, as numpy comes with it

        return without(info, [name for name, value in own.items() if value is not None])

    def _info_of(self, key: FrameKey, taken: Taken) -> FrameInfo:
        image = taken.info
        tags = {**image.tags, **self._tags} if image.tags else self._tags
        return FrameInfo(
            index=key.index,
            batch=key.batch,
            prefix=self._prefix,
            filetype=self._resolved.filetype,
            name=key.name,
            total=self._naming.total,
            rate=self._rate if self._rate is not None else image.rate,
            color=taken.color if taken.color is not None else image.color,
            dpi=self._embedding.dpi if self._embedding.dpi is not None else image.dpi,
            tags=tags,
            image=image,
        )

    def note_size(self, key: FrameKey, width: int, height: int) -> None:
        """Warn once of a picture whose size differs from that of the frames before."""
        if self._size is None:
            self._size = (width, height)
        elif self._size != (width, height):
            first = "x".join(map(str, self._size))
            self._warn("size", f"is {width}x{height}, the frames before are {first}", key)

    def _warn_of_losses(self, key: FrameKey, taken: Taken, prepared: Prepared) -> None:
        if prepared.clipped:
            advice = ": they look like 0..255: divide by 255" if prepared.scaled and taken.of_colours else ""
            self._warn("clipped", f"values outside 0..1 were clipped{advice}", key)
        if prepared.nan:
            self._warn("nan", "NaN became 0", key)
        if prepared.infinite:
            self._warn("infinite", "numbers beyond what the narrower floats hold became infinite", key)
        if prepared.alpha_dropped:
            self._warn("alpha", f"{self._resolved.extension} files have no alpha: it was dropped", key)


class _Kinds:
    """Warns once of a file that has other channels or another dtype than that of the first frame.

    Frames are encoded in any order, and an encoder may drop alpha: what a file has is known after that.
    """

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._lock = threading.Lock()
        self._kind: tuple[int, str] | None = None
        self._accepted: dict[FrameKey, tuple[int, str] | Future[SavedFrame]] = {}
        """The frames in the order in which they were accepted, until the first one's file is made."""

    def expect(self, task: FrameTask) -> None:
        """Note a frame that is accepted."""
        if self._kind is not None:
            return
        with self._lock:
            if self._kind is None:
                self._accepted[task.key] = task.future

    def leave(self, key: FrameKey) -> None:
        """Note an accepted frame whose file is not made, as an existing one stays."""
        with self._lock:
            self._accepted.pop(key, None)
        self._judge()

    def add(self, key: FrameKey, picture: Picture) -> None:
        """Note the picture in a frame's file."""
        kind = picture.channels, picture.dtype
        if kind == self._kind:
            return
        with self._lock:
            self._accepted[key] = kind
        self._judge()

    def _judge(self) -> None:
        with self._lock:
            first = self._kind or self._first()
            if first is None:
                return
            self._kind, known, self._accepted = first, self._accepted, {}
        for key, kind in known.items():
            if isinstance(kind, tuple) and kind != first:
                have, had = counted(kind[0], "channel"), counted(first[0], "channel")
                self._warn("kind", f"has {have} of {kind[1]}, the frames before have {had} of {first[1]}", key)
                return

    def _first(self) -> tuple[int, str] | None:
        """Return the kind of the first frame with a file; None if that is not made yet."""
        while self._accepted:
            key, kind = next(iter(self._accepted.items()))
            if isinstance(kind, tuple):
                return kind
            if not kind.done():
                return None
            del self._accepted[key]  # cancelled or failed
        return None
