"""Read files of a storage in pieces."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any, BinaryIO

__all__ = ["open_ranges"]

_PIECE = 4 << 20


def open_ranges(size: int, fetch: Callable[[int, int], bytes]) -> BinaryIO:
    """Return a seekable file of ``size`` bytes, read by ``fetch(start, stop)`` in pieces of some megabytes."""
    return io.BufferedReader(_Ranges(size, fetch), min(_PIECE, max(1, size)))


class _Ranges(io.RawIOBase):
    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self._size = size
        self._fetch = fetch
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"cannot seek to {start + offset}")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self._next(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        # The inherited one asks for 8 KiB at a time.
        return b"".join(iter(lambda: self._next(_PIECE), b""))

    def _next(self, count: int) -> bytes:
        stop = min(self._at + count, self._size)
        data = self._fetch(self._at, stop) if stop > self._at else b""
        self._at += len(data)
        return data
