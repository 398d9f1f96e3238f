"""The records of a frame on its way from ``write`` to the storage: its numbers, its task and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from isal.isal_zlib import crc32

from seqsave.errors import SourceError
from seqsave.runtime.jobs import Job
from seqsave.types import FailedFrame, SavedFrame

if TYPE_CHECKING:
    from seqsave.manifest import Picture
    from seqsave.sequences.file import FrameFile
    from seqsave.types import Encoded, Status
    from seqsave.writer.outputs import Output
    from seqsave.writer.pixels import Taken

__all__ = ["FileToPublish", "FrameKey", "FrameTask"]


@dataclass(frozen=True, slots=True)
class FrameKey:
    """One frame's numbers, its filetype, and the path of its file under the target.

    filetype:  as the user named it; it and the path are "" before the frame is prepared for a filetype.
    after_end: why the frame is past the last one and is left out; "" for a frame that is not.
    """

    index: int
    batch: int | None
    path: str = ""
    after_end: str = ""
    filetype: str = ""

    @property
    def numbers(self) -> tuple[int, int | None]:
        """Return index and batch, which identify the frame in the manifest."""
        return self.index, self.batch

    @property
    def folder(self) -> str:
        """Return the folder under the target, ``""`` for the target itself."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Return the file's name."""
        return self.path.rpartition("/")[2]

    def saved(
        self, url: str, status: Status, *, size: int = 0, checksum: str | None = None, etag: str | None = None
    ) -> SavedFrame:
        """Return the record of the frame, once it is known what became of it."""
        return SavedFrame(
            index=self.index,
            batch=self.batch,
            filetype=self.filetype,
            url=url,
            size=size,
            checksum=checksum,
            etag=etag,
            status=status,
        )

    def failed(self, url: str, error: BaseException) -> FailedFrame:
        """Return the record of the frame, which is not saved because of ``error``."""
        text = str(error) or repr(error)
        return FailedFrame(
            index=self.index, batch=self.batch, filetype=self.filetype, url=url, error=text, exception=error
        )

    def beside(self, name: str) -> str:
        """Return the path of the file ``name`` in the frame's folder."""
        return f"{self.folder}/{name}" if self.folder else name


@dataclass(frozen=True, slots=True)
class FileToPublish:
    """One file that is ready to be published.

    crc32:  of its bytes. size: their number.
    create: the storage must refuse the file if one of that name exists.
    """

    path: str
    data: Any
    content_type: str
    create: bool
    crc32: int
    size: int

    @classmethod
    def of(cls, path: str, data: Any, content_type: str, *, create: bool = False) -> FileToPublish:
        """Return the file of these bytes."""
        return cls(path, data, content_type, create, crc32(data), memoryview(data).nbytes)


@dataclass(eq=False, slots=True)
class FrameTask(Job[SavedFrame]):
    """One file of one frame on its way: ``output`` encodes and publishes it.

    Each step fills in its own part, and drops what no later step needs.

    Prepared, on the caller's thread:
        taken:    the picture; None once it is encoded, and for a file that was encoded elsewhere: ``encoded``.
        file:     a file in a storage that is passed on as it is, and read by the encoding thread.
        texts:    the frame's own metadata.
        recipe:   what the frame is made from.
        picture:  what will be in the file; None for a file that was encoded elsewhere.
    Accepted, in one step with its numbering:
        key:      its numbers and path. passed_over: why nothing is written, if so.
    Encoded, on an encoding thread:
        files:    in the order in which they are published.
    """

    spares: ClassVar[tuple[type[Exception], ...]] = (SourceError,)  # a file of another sequence that cannot be read

    key: FrameKey
    output: Output
    passed_over: Literal["stopped", "skipped"] | None = None
    taken: Taken | None = None
    encoded: Encoded | None = None
    file: FrameFile | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    recipe: str | None = None
    picture: Picture | None = None
    files: Sequence[FileToPublish] = ()

    def encode(self) -> int:
        """Make the files. Return their bytes together."""
        self.output.encode(self)
        return self.size

    @property
    def size(self) -> int:
        """Return how many bytes the files have together."""
        return sum([file.size for file in self.files])

    def publish(self) -> Any:
        """Publish the files: return the record of the frame, or a coroutine for it."""
        return self.output.publish(self)

    @property
    def frame(self) -> FileToPublish:
        """Return the frame's own file; the others are sidecars."""
        (found,) = [file for file in self.files if file.path == self.key.path]
        return found
