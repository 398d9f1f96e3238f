"""Read and decode one frame of a sequence, and its sidecars."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from isal.isal_zlib import crc32

from seqsave import naming, targets
from seqsave.errors import DecodeError, EncoderNotFoundError
from seqsave.metadata import text
from seqsave.plugins import registry
from seqsave.runtime import retry
from seqsave.sequences.fallback import decode_by_pillow
from seqsave.sequences.soundness import is_truncated
from seqsave.sequences.upright import orientation_of, turned_info, upright
from seqsave.specs import EncoderSpec
from seqsave.types import MAX_PIXELS, Decoded
from seqsave.wording import described

if TYPE_CHECKING:
    from seqsave.types import ImageArray

__all__ = ["MAX_PIXELS", "Files", "Frame", "Key", "Place", "decode", "key_of", "list_folder", "name_below"]

_USUAL = retry.RetryPolicy()

Place = tuple[str, ...]
Key = tuple[int, int]  # (index, batch); batch is -1 outside of batch folders, so that these frames come first


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a sequence. Only its methods read the file.

    index, batch: the frame's numbers; ``batch`` is None outside of batch folders.
    url:  URL of the file, without secrets; an absolute path for a local file.
    size: size of the file in bytes; None for a frame that was opened by its URL alone, and where a listing states no
          sizes, as that of a web server.
    name: name of the file, such as ``frame_00017.png``, without its batch folder.
    version: a text that changes when the file is replaced, as its listing stated it; None if that states none.
    """

    index: int
    batch: int | None
    url: str
    size: int | None
    name: str
    _path: str = field(repr=False)
    _files: Files = field(repr=False, compare=False)
    version: str | None = field(default=None, repr=False, compare=False)

    @property
    def place(self) -> Place:
        """Return a value that is equal for two frames with the same file, also if their URLs differ in spelling."""
        return self._files.place(self._path)

    @property
    def storage(self) -> Place:
        """Return a value that differs for two frames on different storages, and so cannot have the same file."""
        return self._files.storage

    def read(self, *, max_pixels: int = MAX_PIXELS) -> ImageArray:
        """Read and return the picture as an array of shape H,W,C, in the dtype of the file.

        max_pixels: W x H of the largest picture that is decoded.

        Raises DecodeError, TargetError, EncoderUnavailableError, EncoderNotFoundError (no encoder reads this format).
        """
        return self.decode(max_pixels=max_pixels).array

    @property
    def source(self) -> tuple[targets.Target, str]:
        """Return the target in which the file is, and its path there."""
        return self._files.target, self._path

    @property
    def files(self) -> Files:
        """Return the reader of this file and of those of its sequence."""
        return self._files

    def read_published(self) -> tuple[bytes, targets.Published]:
        """Read the file, and return its bytes and the storage's record of them. Raises TargetError."""
        return self._files.read_published(self._path)

    def read_bytes(self) -> bytes:
        """Read and return the bytes of the file. Raises TargetError."""
        return self._files.read(self._path)

    def read_metadata(self) -> dict[str, Any]:
        """Read and return the metadata in the file and its sidecars, by name. Text that is not JSON stays text.

        A workflow, prompt or parameters that another program has put into XMP are among them.
        """
        from seqsave.metadata.stated import generation_in  # here, as numpy comes with it

        data = self.read_bytes()
        decoded = self.decode(data)
        return text.load({**generation_in(decoded.info), **self.texts_beside(data), **decoded.metadata})

    def texts_beside(self, data: bytes, checksum: int | None = None) -> dict[str, str]:
        """Return the metadata in the sidecars of the frame, name to text; ``data`` is the result of ``read_bytes``.

        checksum: its CRC-32, if it is known; then the bytes are not needed.
        """
        return self._files.texts_beside(self._path, data, checksum)

    def decode(
        self,
        data: bytes | None = None,
        *,
        max_pixels: int = MAX_PIXELS,
        least_width: Callable[[int], int] | None = None,
    ) -> Decoded:
        """Return picture and texts at once; pass ``data`` to avoid reading the file again. Raises as ``read``.

        least_width: lets a decoder that can return fewer pixels do so. It is called with the width of the picture,
                     only by such a decoder, and returns the least width that is needed.
        """
        return decode(self.name, self.read_bytes() if data is None else data, max_pixels, least_width)


class Files:
    """The reader of a sequence's files: a target, with retries, and the sidecars beside the frames.

    Listings of sidecars are cached: each folder is listed once.
    """

    def __init__(self, target: targets.Target) -> None:
        self.target = target
        self._sidecars: dict[str, list[tuple[str, str]]] = {}
        self._known: dict[str, Frame] = {}
        self._identity: Place | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> targets.Target:
        # Without the listings: another process may use this much later.
        return self.target

    def __setstate__(self, target: targets.Target) -> None:
        self.__init__(target)  # type: ignore[misc]

    def again(self, frames: Iterable[Frame]) -> Files:
        """Return these files for a newer listing. A long one then takes little more memory than the one before.

        frames: of the earlier listing, which ``frame`` returns for files that are still the same, until
                ``forget_frames``.
        """
        self._known = {frame.source[1]: frame for frame in frames if frame.files is self}
        with self._lock:
            self._sidecars = {}
        return self

    def forget_frames(self) -> None:
        """Return no frames of an earlier listing any more."""
        self._known = {}

    def frame(
        self, path: str, size: int | None, index: int, batch: int | None = None, version: str | None = None
    ) -> Frame:
        """Return the file ``path`` as a frame; one of ``again``, if it has not changed."""
        known = self._known.get(path)
        if known is not None and (known.version, known.size, known.index, known.batch) == (version, size, index, batch):
            return known
        return Frame(index, batch, self.target.url_of(path), size, path.rpartition("/")[2], path, self, version)

    @property
    def storage(self) -> Place:
        """Return a value that is equal for all places on one storage, and different for other storages."""
        return self._where[:-1]

    def place(self, path: str) -> Place:
        """Return a value that is equal for all spellings of this file's path, and different for other files."""
        *storage, root = self._where
        whole = f"{root}/{path}"
        if self.target.is_local:
            folder, name = os.path.split(whole)
            whole = os.path.normcase(os.path.join(os.path.realpath(folder), name))  # noqa: PTH118 - text, not a path
        return (*storage, whole)

    @property
    def _where(self) -> Place:
        """Return what identifies the storage, and the root in it."""
        if self._identity is None:
            identity = dict(self.target.identity())
            root = identity.pop("root")
            self._identity = (*(text for pair in sorted(identity.items()) for text in pair), root)
        return self._identity

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        return retry.call(_USUAL, lambda: self.target.read(path), contact=self.target.known)

    def read_published(self, path: str) -> tuple[bytes, targets.Published]:
        """Return the bytes of a file, and the storage's record of them."""
        return retry.call(_USUAL, lambda: self.target.read_published(path), contact=self.target.known)

    def texts_beside(self, path: str, data: bytes, checksum: int | None = None) -> dict[str, str]:
        """Return the sidecars of the file ``path`` with the content ``data``, or with this CRC-32."""
        found = self.sidecar_paths(path, data, checksum)
        return {key: self.read(sidecar).decode() for key, sidecar in found.items()}

    def sidecar_paths(self, path: str, data: bytes, checksum: int | None = None) -> dict[str, str]:
        """Return the paths of these sidecars, by the name of the metadata."""
        folder, _, name = path.rpartition("/")
        private = naming.join(folder, naming.PRIVATE_FOLDER)
        sidecars = self._sidecar_names(private, name)
        checksum = crc32(data) if sidecars and checksum is None else checksum or 0
        keys = {sidecar: naming.sidecar_key(sidecar, name, checksum) for sidecar in sidecars}
        return {key: f"{private}/{sidecar}" for sidecar, key in keys.items() if key is not None}

    def _sidecar_names(self, folder: str, name: str) -> list[str]:
        """Return the sidecars in ``folder`` of files of this name, whatever their bytes are."""
        with self._lock:
            if folder not in self._sidecars:
                names = (entry.name for entry in list_folder(self.target, folder))
                self._sidecars[folder] = sorted((naming.normalized(name), name) for name in names)
        listed, head = self._sidecars[folder], naming.normalized(f"{name}.")
        found = islice(listed, bisect_left(listed, (head, "")), None)
        return [sidecar for _, sidecar in takewhile(lambda pair: pair[0].startswith(head), found)]


def decode(
    name: str, data: bytes, max_pixels: int = MAX_PIXELS, least_width: Callable[[int], int] | None = None
) -> Decoded:
    """Return the picture and texts in a file; the extension of its name chooses the encoder.

    The picture is turned upright as the file states it. least_width: as in ``Frame.decode``.

    Raises DecodeError, EncoderUnavailableError, EncoderNotFoundError (nothing reads this format).
    """
    extension = name.rpartition(".")[2]
    spec = registry.spec_for_extension(extension)
    if spec is None:
        hint = registry.install_hint(extension)
        raise EncoderNotFoundError(f"{name!r}: no encoder here reads .{extension} files{hint}")
    if not data:
        raise DecodeError(f"{name}: the file is empty")
    decoded = _decoded(name, data, spec, max_pixels, least_width)
    orientation = orientation_of(data)
    if orientation == 1:
        return decoded
    return replace(decoded, array=upright(decoded.array, orientation), info=turned_info(decoded.info, orientation))


def _decoded(
    name: str, data: bytes, spec: EncoderSpec, max_pixels: int, least_width: Callable[[int], int] | None
) -> Decoded:
    """Return the picture from the decoder of ``spec``. Every error of the decoder becomes a DecodeError."""
    encoder = registry.encoder_of(spec)
    if not hasattr(encoder, "decode"):
        raise EncoderNotFoundError(f"{name!r}: the encoder of {spec.filetype!r} cannot read files back")
    try:
        if least_width is not None and hasattr(encoder, "decode_reduced"):
            decoded = encoder.decode_reduced(data, max_pixels=max_pixels, least_width=least_width)
        else:
            decoded = encoder.decode(data, max_pixels=max_pixels)
    except DecodeError as error:
        known = decode_by_pillow(data, max_pixels) if error.reason == "unsupported" else None
        if known is None:
            what = str(error)
            if error.reason == "damaged" and is_truncated(data):
                what = f"the file is truncated: it ends at byte {len(data)}, before its picture does"
            raise DecodeError(f"{name}: {what}", reason=error.reason, pixels=error.pixels) from error
        decoded = known
    except MemoryError as error:
        raise DecodeError(f"{name}: there is not enough memory to decode it", reason="too large") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise DecodeError(f"{name}: the decoder of {spec.filetype!r} failed: {described(error)}") from error
    if not isinstance(decoded, Decoded):
        raise DecodeError(f"{name}: the decoder of {spec.filetype!r} returned {type(decoded).__name__}, not Decoded")
    return decoded


def key_of(frame: Frame) -> Key:
    """Return the key by which a sequence's frames are sorted and found."""
    return (frame.index, -1 if frame.batch is None else frame.batch)


def name_below(frame: Frame) -> str:
    """Return the path of a frame's file below its sequence's folder: ``batch_0003/frame_00017.png``."""
    return frame.name if frame.batch is None else f"{naming.batch_folder(frame.batch)}/{frame.name}"


def list_folder(target: targets.Target, folder: str) -> list[targets.Entry]:
    """Return the entries of a folder, without names that the target cannot request."""
    entries = retry.call(_USUAL, lambda: target.list(folder), contact=target.known)
    valid = [entry for entry in entries if target.is_valid_path(entry.name)]
    return targets.Listed(valid, targets.unreadable_in(entries))
