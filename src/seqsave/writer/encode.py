"""Turn an image into the bytes of its frame: array, metadata, warnings about losses, and encoding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from seqsave import naming
from seqsave.errors import EncodeError, SeqSaveError
from seqsave.manifest import Picture
from seqsave.naming.key import FrameKey
from seqsave.plugins.encoded import checked_result
from seqsave.sequences.header import picture_of
from seqsave.settings.facts import PictureFacts
from seqsave.settings.texts import placed
from seqsave.types import Encoded
from seqsave.wording import described
from seqsave.writer.frame import FrameTask

if TYPE_CHECKING:
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
        self._embedding, self._first = config.embedding, config.naming.start
        self._facts = PictureFacts(form, config)
        self._warn = warn

    def take(self, task: FrameTask, image: SharedImage) -> None:
        """Take the image for the task, before the frame is accepted. Raises ImageError."""
        taken = image.take(self._pixels, None if image.info is None else self._facts.left(image.info, task.texts))
        task.taken, task.held, task.picture = taken, taken.held, Picture.of(taken.shape, taken.dtype)

    def note_accepted(self, task: FrameTask) -> None:
        """Warn of the known losses of a frame that is accepted."""
        if task.taken is not None:
            self._note(task.key, task.taken.notes)
            if not task.taken.converts:
                self._note(task.key, task.taken.losses(self._resolved.extension))

    def encode(self, task: FrameTask) -> Encoded:
        """Return the encoded frame, and release the picture. Runs on an encoding thread."""
        assert task.taken is not None  # noqa: S101 - for the type checker: no file is encoded elsewhere
        is_first = task.key.index == self._first
        inside, beside = placed(self._embedding, task.texts, is_first=is_first, embeds=self._resolved.embed)
        encoded = self._encode(task.key, task.taken, inside)
        if self._thumbnails is not None:
            label = str(task.key.index) if task.key.batch is None else f"{task.key.index}, batch {task.key.batch}"
            self._thumbnails.keep(label, task.taken.prepare().array, task.taken.stated, self._resolved.extension)
        task.taken = None
        self._note_lost_alpha(task, encoded)
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
            task.picture = replace(task.picture, channels=found.channels)

    def _encode(self, key: FrameKey, taken: Taken, inside: Mapping[str, str]) -> Encoded:
        info = self._facts.of(key, taken)
        try:
            prepared = taken.prepare()
            if taken.converts:
                self._note(key, taken.losses(self._resolved.extension))
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

    def _note(self, key: FrameKey, notes: Iterable[tuple[str, str]]) -> None:
        for kind, message in notes:
            self._warn(kind, message, key)
