"""A storage in memory that ignores case in names and keeps it, as SMB does; and one that is exact in the same way."""

from __future__ import annotations

from typing import Any, ClassVar

from fsspec.implementations.memory import MemoryFileSystem

__all__ = ["Exact", "Folding"]


class Exact(MemoryFileSystem):
    """A filesystem of unknown traits that moves over files. ``calls``: the methods that were called, and the names."""

    protocol = "seqexact"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    calls: ClassVar[list[tuple[str, str]]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(str(path).removeprefix(f"{cls.protocol}://")))

    def _held(self, path: str, doing: str) -> str:
        """Return the name under which a file is held."""
        path = self._strip_protocol(path)
        self.calls.append((doing, path))
        return path

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        super().pipe_file(self._held(path, "pipe"), value, mode, **kwargs)

    def cat_file(self, path: str, start: Any = None, end: Any = None, **kwargs: Any) -> bytes:
        return bytes(super().cat_file(self._held(path, "cat"), start, end, **kwargs))

    def info(self, path: str, **kwargs: Any) -> Any:
        return super().info(self._held(path, "info"), **kwargs)

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        return super().ls(self._held(path, "ls"), detail=detail, **kwargs)

    def rm_file(self, path: str) -> None:
        del self.store[self._held(path, "rm")]

    def mv(self, path1: str, path2: str, **kwargs: Any) -> None:  # type: ignore[override]
        new = self._held(path2, "mv")
        self.store[new] = self.store.pop(self._held(path1, "mv"))

    @classmethod
    def clear(cls) -> None:
        cls.store.clear()
        cls.pseudo_dirs[:] = [""]
        cls.calls.clear()

    @classmethod
    def names(cls) -> list[str]:
        """Every frame, sorted."""
        return sorted(path.rpartition("/")[2] for path in cls.store if "/.seqsave" not in path)


class Folding(Exact):
    """It finds a file by its name in any letters; what is written keeps the name that it had first."""

    protocol = "seqfolding"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    calls: ClassVar[list[tuple[str, str]]] = []

    def _held(self, path: str, doing: str) -> str:
        path = super()._held(path, doing)
        known = [*self.store, *self.pseudo_dirs]
        return next((one for one in known if one.casefold() == path.casefold()), path)
