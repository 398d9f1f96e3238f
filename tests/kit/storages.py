"""A sound storage, and ones that each break one promise: what the kit for storages has to find."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO

from seqsave.errors import FrameExistsError, TargetError
from seqsave.targets import Capabilities, Data, Location, Published
from seqsave.targets.base import Entries, Entry
from seqsave.targets.memory import MemoryTarget
from tests.support.patience import PATIENCE


class Sound(MemoryTarget):
    """As memory:// is, below another protocol."""

    _refuses_for_certain = False

    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> Sound:
        return cls(location.rest.strip("/"), options, url=url)

    def publish(
        self,
        path: str,
        data: Data,
        *,
        content_type: str = "application/octet-stream",
        create: bool = False,
        checksum: int | None = None,
    ) -> Published:
        return super().publish(path, data, content_type=content_type, create=create, checksum=checksum)

    def _put_bytes(self, path: str, data: bytes) -> None:
        self._filesystem.pipe_file(self._full(path), data)


class WritesWhenOpened(Sound):
    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> Sound:
        target = cls(location.rest.strip("/"), options, url=url)
        target._put_bytes(".probe", b"")
        return target


class ForgetsTheLastByte(Sound):
    def publish(self, path: str, data: Data, **more: Any) -> Published:  # type: ignore[override]
        published = super().publish(path, bytes(data)[:-1], **more)
        return Published(size=published.size + 1)


class LeavesATemporaryFile(Sound):
    def publish(self, path: str, data: Data, **more: Any) -> Published:  # type: ignore[override]
        super().publish(f"{path}.part", data, **more)
        return super().publish(path, data, **more)


class KeepsTheBuffer(Sound):
    """It writes later what was given: at the next call."""

    waiting: tuple[str, Data] | None = None

    def publish(self, path: str, data: Data, **more: Any) -> Published:  # type: ignore[override]
        published = super().publish(path, data, **more)
        type(self).waiting = (self._full(path), data)
        return published

    @classmethod
    def flush(cls, filesystem: Any) -> None:
        if cls.waiting is not None:
            filesystem.pipe_file(cls.waiting[0], bytes(cls.waiting[1]))
            cls.waiting = None


class LowersNames(Sound):
    def publish(self, path: str, data: Data, **more: Any) -> Published:  # type: ignore[override]
        return super().publish(path.replace("%", "_"), data, **more)


class TakesAnyPath(Sound):
    def _checked(self, path: str) -> str:
        return path.strip("/") or "x"


class KeepsTheFirst(Sound):
    def publish(self, path: str, data: Data, **more: Any) -> Published:  # type: ignore[override]
        if self.exists(path):
            return Published(size=len(data))
        return super().publish(path, data, **more)


class Torn(Sound):
    """A file that is replaced grows under its name. It waits between the two halves until a reader has looked."""

    looked = threading.Event()

    def publish(self, path: str, data: Data, **more: Any) -> Published:  # type: ignore[override]
        if self.exists(path):
            self.looked.clear()
            super().publish(path, bytes(data)[: len(data) // 2], **more)
            self.looked.wait(PATIENCE)
        return super().publish(path, data, **more)

    def read(self, path: str) -> bytes:
        data = super().read(path)
        self.looked.set()
        return data


class NeverRefuses(Sound):
    def publish(self, path: str, data: Data, *, create: bool = False, **more: Any) -> Published:  # type: ignore[override]
        return super().publish(path, data, create=False, **more)


class RefusesAfterwards(Sound):
    def publish(self, path: str, data: Data, *, create: bool = False, **more: Any) -> Published:  # type: ignore[override]
        there = create and self.exists(path)
        super().publish(path, data, **more)
        if there:
            raise FrameExistsError(path)
        return Published(size=len(data))


class TakesWhatItCannot(NeverRefuses):
    capabilities = Capabilities(folders=True, atomic=True, create="none", checksum=False, thread_safe=True)


class LooksThenWrites(Sound):
    """All threads that look at the same time find nothing."""

    looking = threading.Barrier(8)

    def publish(self, path: str, data: Data, *, create: bool = False, **more: Any) -> Published:  # type: ignore[override]
        if create:
            self.looking.wait(PATIENCE)
        return super().publish(path, data, create=False, **more)


class OnlyOneLoop(Sound):
    @property
    def loop(self) -> Any:
        return object()


class BelievesWhatIsKnown(Sound):
    def update(self, path: str, change: Any, *, content_type: str, known: Any = None) -> Published | None:
        before = known[0] if known else self._content(path)
        after = change(before)
        if after is None:
            self.delete(path)
            return None
        return self.publish(path, after, content_type=content_type)


class LosesUpdates(BelievesWhatIsKnown):
    """Each reads what the other will have replaced."""

    reading = threading.Barrier(2)

    def update(self, path: str, change: Any, *, content_type: str, known: Any = None) -> Published | None:
        before = self._content(path)
        self.reading.wait(PATIENCE)
        return self.publish(path, change(before), content_type=content_type)


class MissingIsEmpty(Sound):
    def read(self, path: str) -> bytes:
        return super().read(path) if self.exists(path) else b""


class MissingMayPass(Sound):
    def read(self, path: str) -> bytes:
        if self.exists(path):
            return super().read(path)
        error = _PassingError(f"{path} is not there yet")
        error.transient = True
        raise error


class _PassingError(TargetError, FileNotFoundError):
    pass


class OnePosition(Sound):
    files: dict[str, BinaryIO] = {}

    def open_read(self, path: str) -> BinaryIO:
        file = self.files.get(path)
        if file is None or file.closed:
            file = self.files[path] = io.BytesIO(self._bytes(path))
        return file


class Remembers(Sound):
    listings: dict[str, Entries] = {}

    def list(self, folder: str = "") -> Entries:
        found = super().list(folder)
        return self.listings.setdefault(self._full(folder) if folder else self._top, found) if found else []


class ListsSome(Sound):
    def list(self, folder: str = "") -> Entries:
        return super().list(folder)[:1000]


class ListsMissing(Sound):
    def list(self, folder: str = "") -> Entries:
        return super().list(folder) or [Entry("ghost", 0, False)]


class FolderExists(Sound):
    def exists(self, path: str) -> bool:
        return super().exists(path) or bool(super().list(path))


class KeepsALock(Sound):
    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.lock = threading.Lock()


class MixesThreads(Sound):
    """One buffer for all threads; it waits until two of them are in it."""

    buffer: bytes = b""
    two = threading.Barrier(2)

    def publish(self, path: str, data: Data, **more: Any) -> Published:  # type: ignore[override]
        type(self).buffer = bytes(data)
        self.two.wait(PATIENCE)
        return super().publish(path, self.buffer, **more)
