"""Read frames from a ``.npy`` file with the axes T,H,W,C, one at a time and never with pickles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from seqsave import targets
from seqsave.errors import SourceError
from seqsave.sources.records import Source, SourceFrame
from seqsave.wording import counted

__all__ = ["open_array"]


def open_array(target: targets.Target, name: str) -> Source:
    """Open a ``.npy`` file: read its header now, and frames during the iteration. Raises SourceError, TargetError."""
    url = target.url_of(name)
    with target.open_read(name) as file:
        shape, fortran, dtype = _header(file, url)
        start, length = file.tell(), file.seek(0, 2)
    _check(url, shape, dtype, length - start)
    text = "x".join(map(str, shape))
    return Source(
        description=f"{url}: array {text} of {dtype}",
        frames=partial(_frames, target, name, start, shape, fortran, dtype),
        total=shape[0],
    )


def _header(file: IO[bytes], url: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        return read(file)
    except (ValueError, KeyError) as error:
        raise SourceError(f"{url} is not a valid .npy file: {error}", reason="damaged") from error


def _check(url: str, shape: tuple[int, ...], dtype: np.dtype[Any], length: int) -> None:
    if dtype.hasobject:
        raise SourceError(f"{url} holds pickled Python objects, which are never read")
    if len(shape) != 4:
        raise SourceError(
            f"{url} has the shape {shape}: it must have exactly four axes T,H,W,C (time, height, width, channels)"
        )
    if shape[0] == 0:
        raise SourceError(f"{url} has the shape {shape}: it holds no frames")
    expected = math.prod(shape) * dtype.itemsize
    if length < expected:
        raise SourceError(
            f"{url} is truncated: it has {counted(length, 'byte')} of pixels, but its header says {expected}",
            reason="damaged",
            topic="damaged-file",
        )


def _frames(
    target: targets.Target, name: str, start: int, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any]
) -> Iterator[SourceFrame]:
    with target.open_read(name) as file:
        if fortran:  # time is the fastest axis there: no frame lies in one piece
            file.seek(0)
            whole = npy.read_array(file, allow_pickle=False)
            yield from (_frame(picture) for picture in whole)
            return
        file.seek(start)
        for _ in range(shape[0]):
            yield _frame(_read(file, target.url_of(name), shape[1:], dtype))


def _read(file: IO[bytes], url: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    length = math.prod(shape) * dtype.itemsize
    data = bytearray()
    while len(data) < length:
        piece = file.read(length - len(data))
        if not piece:
            raise SourceError(f"{url} became shorter while it was read", reason="damaged")
        data += piece
    return np.frombuffer(data, dtype).reshape(shape)


def _frame(picture: np.ndarray[Any, Any]) -> SourceFrame:
    return SourceFrame(index=None, image=picture, size=(picture.shape[1], picture.shape[0]))
