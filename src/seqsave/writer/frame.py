"""The records of a frame on its way from ``write`` to the storage: the caller's input, its task and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from isal.isal_zlib import crc32

from seqsave.errors import SeqSaveError, SourceError
from seqsave.runtime.jobs import Job
from seqsave.types import SavedFrame

if TYPE_CHECKING:
    from seqsave.manifest import Picture
    from seqsave.naming.key import FrameKey
    from seqsave.pictures.packs import Proxy
    from seqsave.pictures.pixels import SharedImage, Taken
    from seqsave.sequences.file import FrameFile
    from seqsave.sequences.shown import Waiting
    from seqsave.targets import Original
    from seqsave.types import Encoded

__all__ = ["FileToPublish", "FrameSource", "FrameTask"]


@dataclass(eq=False, slots=True)
class FrameSource:
    """The caller's input for one frame: an image or an encoded file, its metadata and its recipe.

    file:  a file in a storage that is copied unchanged. name: its new name, if it differs from the rule's.
    shown: the image for the preview, or the error that prevents a preview.
    """

    image: SharedImage | None
    encoded: Encoded | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    recipe: str | None = None
    shown: Waiting | SeqSaveError | None = None
    file: FrameFile | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class FileToPublish:
    """One file that is ready to be published.

    content:  its bytes, or a function that reads them.
    crc32:    of its bytes. size: their number.
    create:   the storage must refuse the file if one of that name exists.
    original: a file with these bytes that the storage may copy; None where it cannot.
    """

    path: str
    content: Any
    content_type: str
    create: bool
    crc32: int
    size: int
    original: Original | None = None

    @classmethod
    def of(cls, path: str, data: Any, content_type: str, *, create: bool = False) -> FileToPublish:
        """Return the file of these bytes."""
        return cls(path, data, content_type, create, crc32(data), memoryview(data).nbytes)

    @property
    def is_read(self) -> bool:
        """Return whether the bytes are in memory."""
        return not callable(self.content)

    @property
    def data(self) -> Any:
        """Return the bytes, which may have to be read. Raises SourceError, TargetError."""
        return self.content() if callable(self.content) else self.content

    def is_equal(self, data: bytes) -> bool:
        """Return whether these are the bytes of the file. Reads nothing."""
        if self.is_read:
            return data == bytes(self.content)
        return (len(data), crc32(data)) == (self.size, self.crc32)


class _Output(Protocol):
    """The output of one file type, whose steps are those of a task."""

    def encode(self, task: FrameTask) -> int: ...

    def publish(self, task: FrameTask) -> Any: ...


@dataclass(eq=False, slots=True)
class FrameTask(Job[SavedFrame]):
    """One file of one frame on its way: ``output`` encodes and publishes it.

    Each step sets its own fields, and clears those that no later step needs.

    Prepared, on the caller's thread:
        taken:    the picture; None after encoding, and for a file that was encoded elsewhere.
        encoded:  that file.
        file:     a file in a storage that is copied unchanged; the encoding thread reads it, if it has to be read.
        texts:    the frame's own metadata.
        recipe:   what the frame is made from.
        picture:  facts about the picture in the file; None for a file that was encoded elsewhere.
    Accepted, in one step with its numbering:
        key:         its numbers and path.
        passed_over: why it is not written; None if it is.
    Encoded, on an encoding thread:
        files:    in the order in which they are published.
        proxy:    its small pictures, up to the moment when they enter a pack; None without them.
        original: the version of ``file`` that the storage may copy.
    """

    spares: ClassVar[tuple[type[Exception], ...]] = (SourceError,)  # a file of another sequence that cannot be read

    key: FrameKey
    output: _Output
    passed_over: Literal["stopped", "skipped"] | None = None
    taken: Taken | None = None
    encoded: Encoded | None = None
    file: FrameFile | None = None
    original: Original | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    recipe: str | None = None
    picture: Picture | None = None
    files: Sequence[FileToPublish] = ()
    proxy: Proxy | None = None

    def encode(self) -> int:
        """Make the files, and return the size of all of them, in bytes."""
        return self.output.encode(self)

    def rename(self, path: str) -> None:
        """Let the frame's file have the path with the other Unicode form of its name, which has the same sidecars."""
        own = self.frame
        self.files = [replace(file, path=path) if file is own else file for file in self.files]
        self.key = replace(self.key, path=path)

    def publish(self) -> Any:
        """Publish the files: return the record of the frame, or a coroutine for it."""
        return self.output.publish(self)

    @property
    def frame(self) -> FileToPublish:
        """Return the frame's own file; the others are sidecars."""
        (found,) = [file for file in self.files if file.path == self.key.path]
        return found
