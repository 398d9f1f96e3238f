"""A place to save to (memory, local folder, S3), which tests read and change without seqsave."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.s3 import S3Server

__all__ = ["Place"]


@dataclass
class Place:
    """``kind`` is memory, local or s3. Paths are relative to ``url``, separated by ``/``.

    read, write and names go around seqsave, so that a test does not believe the code that it tests.
    """

    kind: str
    url: str
    storage_options: dict[str, Any] = field(default_factory=dict)
    server: S3Server | None = None

    def read(self, path: str) -> bytes:
        if self.kind == "local":
            return Path(self.url, path).read_bytes()
        if self.server is not None:
            return self.server.read(f"{self.url}/{path}")
        return bytes(self._memory().cat_file(f"{self.url}/{path}"))

    def write(self, path: str, data: bytes) -> None:
        if self.kind == "local":
            Path(self.url, path).parent.mkdir(parents=True, exist_ok=True)
            Path(self.url, path).write_bytes(data)
        elif self.server is not None:
            self.server.write(f"{self.url}/{path}", data)
        else:
            self._memory().pipe_file(f"{self.url}/{path}", data)

    def names(self) -> list[str]:
        """Return every file below the place, as a sorted list of relative paths."""
        if self.kind == "local":
            root = Path(self.url)
            return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        if self.server is not None:
            return self.server.keys(self.url)
        memory = self._memory()
        root_path = memory._strip_protocol(self.url) + "/"
        return sorted(key.removeprefix(root_path) for key in memory.store if key.startswith(root_path))

    def frames(self) -> list[str]:
        """Return ``names`` without the files in ``.seqsave``: manifests, their locks, sidecars."""
        return [name for name in self.names() if ".seqsave" not in name.split("/")]

    def _memory(self) -> Any:
        from fsspec.implementations.memory import MemoryFileSystem

        return MemoryFileSystem(skip_instance_cache=True)
