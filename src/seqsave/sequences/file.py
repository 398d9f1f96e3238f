"""Read one frame's file whole, to copy it byte for byte, and compare it with its manifest."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isal.isal_zlib import crc32

from seqsave.errors import ManifestError, SeqSaveWarning, SourceError, TargetError
from seqsave.sequences.header import STATING, picture_of, rate_in
from seqsave.sequences.soundness import problem_of
from seqsave.targets import Original
from seqsave.types import Encoded
from seqsave.wording import checksum_of, counted

if TYPE_CHECKING:
    from fractions import Fraction

    from seqsave.manifest import FrameEntry, Manifest, Picture
    from seqsave.sequences.frame import Frame
    from seqsave.sequences.frames import Frames

__all__ = ["FrameFile", "files_of", "manifest_of", "rate_of"]

# Formats whose frames state the rate of their sequence.
_WITH_RATE = ("exr",)


@dataclass(slots=True)
class FrameFile:
    """The file of a frame.

    stated: its entry in the manifest; None without one.
    seen:   facts about its picture from its header, after loading; None if the header does not state them simply.
    crc32, length: of its bytes, after loading. etag: of that version; None for storages without ETags.
    """

    frame: Frame
    stated: FrameEntry | None = None
    seen: Picture | None = None
    crc32: int | None = None
    length: int = 0
    etag: str | None = None

    @property
    def size(self) -> int:
        """Return its size in bytes as it was listed."""
        return self.frame.size or 0

    @property
    def picture(self) -> Picture | None:
        """Return the facts about its picture, from the manifest or, after loading, from its header."""
        known = None if self.stated is None else self.stated.picture
        return known or self.seen

    @property
    def recipe(self) -> str | None:
        """Return the recipe that the manifest states."""
        return None if self.stated is None else self.stated.recipe

    def load(self) -> Encoded:
        """Read the file, and the texts beside it.

        Raises SourceError for a file that cannot be read, is not whole, or differs from its entry in the manifest;
        TargetError for a temporary failure of the storage.
        """
        frame = self.frame
        try:
            data, published = frame.read_published()
            self.crc32, self.length, self.etag = crc32(data), len(data), published.etag
            problem = self._problem_of(data, self.crc32)
            if problem:
                raise SourceError(f"{frame.url} {problem}")
            self.seen = picture_of(data)
            return Encoded(data=data, leftover=frame.texts_beside(data, self.crc32))
        except TargetError as error:
            if error.transient:
                raise
            raise SourceError(str(error)) from error

    def original(self) -> Original | None:
        """Return the loaded version of the file, for the storage to copy; None if the storage states no version."""
        if self.crc32 is None or self.etag is None:
            return None
        target, path = self.frame.source
        return Original(target=target, path=path, etag=self.etag, size=self.length, crc32=self.crc32)

    def take_as_stated(self) -> bool:
        """Take version and checksum from the manifest, without reading the file; return False if it lacks them.

        If the storage still has this version, it has these bytes.
        """
        stated = self.stated
        if stated is None or stated.etag is None or stated.size is None or stated.size != self.frame.size:
            return False
        checksum = checksum_of(stated.checksum)
        is_described = stated.picture is not None or self.frame.name.rpartition(".")[2].lower() not in STATING
        if checksum is None or not is_described:
            return False
        self.crc32, self.length, self.etag = checksum, stated.size, stated.etag
        return True

    def texts_beside(self) -> dict[str, str]:
        """Return the texts beside a file whose checksum is known. Raises as ``load``."""
        try:
            return self.frame.texts_beside(b"", self.crc32)
        except TargetError as error:
            if error.transient:
                raise
            raise SourceError(str(error)) from error

    def _problem_of(self, data: bytes, checksum: int) -> str:
        stated, extension = self.stated, self.frame.name.rpartition(".")[2]
        recorded = None if stated is None else checksum_of(stated.checksum)
        if stated is None or (stated.size == len(data) and recorded is None):  # its checksum cannot be computed here
            return problem_of(data, extension)
        if stated.size == len(data) and recorded == checksum:
            return ""
        return problem_of(data, extension) or (
            "differs from its entry in the manifest. If it was changed on purpose, "
            "'seqsave manifest --rebuild' records it as it is"
        )


def files_of(sequence: Frames, frames: Iterable[Frame] | None = None) -> Iterator[FrameFile]:
    """Return the files of a sequence, or of some of its frames, with their entries in the manifest.

    Warns of frames with checksums that cannot be compared.
    """
    found = manifest_of(sequence)
    stated = {} if found is None else {one.key: one for one in found.frames if one.checksum and not one.disputed}
    unknown = [one.checksum for one in stated.values() if one.checksum and checksum_of(one.checksum) is None]
    if unknown:
        warnings.warn(
            f"{sequence.pattern} in {sequence.url}: {counted(len(unknown), 'frame')} with a checksum of an unknown "
            f"algorithm ({unknown[0]:.80}) cannot be compared with the manifest, and only their sizes are",
            SeqSaveWarning,
            stacklevel=2,
        )
    for frame in sequence if frames is None else frames:
        entry = stated.get((frame.index, frame.batch))
        yield FrameFile(frame, entry if entry is not None and _is_of(entry, frame) else None)


def manifest_of(sequence: Frames, without: str = "The frames are copied without its facts") -> Manifest | None:
    """Return the manifest of a sequence; None for one without, and for a damaged one, with a warning.

    without: what follows for the caller, as the end of the warning.
    """
    with contextlib.suppress(TargetError):  # a key may have the right to read frames only
        try:
            return sequence.manifest
        except ManifestError as error:
            warnings.warn(f"{error}. {without}", SeqSaveWarning, stacklevel=3)
    return None


def rate_of(sequence: Frames) -> Fraction | None:
    """Return the rate in frames per second that the manifest states, or else the first frame; None if neither does.

    Raises ManifestError for a damaged manifest, and TargetError.
    """
    known = sequence.manifest
    if known is not None and known.rate is not None:
        return known.rate
    if sequence.extension.lower() not in _WITH_RATE:
        return None
    return rate_in(sequence[0].read_bytes())


def _is_of(entry: FrameEntry, frame: Frame) -> bool:
    return entry.name.rpartition("/")[2] == frame.name
