from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsave.errors import SourceError
from seqsave.sources import open_source
from tests.sources.pictures import npy


def save(folder: Path, array: np.ndarray[Any, Any], **settings: Any) -> Path:
    path = folder / "clip.npy"
    path.write_bytes(npy(array, **settings))
    return path


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "<f4", ">f8", "float16", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_frames_come_one_by_one(tmp_path: Path, dtype: str, order: str) -> None:
    values = np.asarray(np.random.default_rng(1).integers(0, 2, (3, 4, 5, 3)), dtype=np.dtype(dtype), order=order)  # type: ignore[call-overload]
    source = open_source(save(tmp_path, values))
    frames = list(source)
    assert source.total == 3
    assert [frame.index for frame in frames] == [None] * 3
    assert np.array_equal(np.stack([frame.image for frame in frames]), values)
    assert frames[0].size == (5, 4)


def test_later_versions_of_the_format(tmp_path: Path) -> None:
    values = np.ones((2, 3, 4, 1), np.uint8)
    path = tmp_path / "clip.npy"
    with path.open("wb") as file:
        np.lib.format.write_array(file, values, version=(2, 0))
    assert len(list(open_source(path))) == 2


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5), (1, 2, 3, 4, 5), ()])
def test_other_axes_are_an_error(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(SourceError, match="exactly four axes T,H,W,C"):
        open_source(save(tmp_path, np.zeros(shape, np.uint8)))


def test_no_frames(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no frames"):
        open_source(save(tmp_path, np.zeros((0, 4, 5, 3), np.uint8)))


class Bomb:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("/nonexistent/exploded"),))


def test_pickles_are_never_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="never read"):
        open_source(save(tmp_path, np.array([[[[Bomb()]]]], dtype=object), allow_pickle=True))
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(SourceError, match=r"is not a valid \.npy file"):
        open_source(tmp_path / "raw.npy")


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    path = save(tmp_path, np.zeros((3, 4, 5, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(SourceError, match=r"truncated: it has 170 bytes of pixels, but its header says 180"):
        open_source(path)


def test_a_file_that_becomes_shorter(tmp_path: Path) -> None:
    path = save(tmp_path, np.zeros((3, 400, 500, 3), np.uint8))
    source = open_source(path)
    path.write_bytes(path.read_bytes()[: 128 + 700_000])
    frames = iter(source)
    next(frames)
    with pytest.raises(SourceError, match="became shorter"):
        next(frames)


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"\x93NUMPY\x09\x00v\x00", b"hello world, no array"])
def test_no_array_at_all(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "clip.npy"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"is not a valid \.npy file"):
        open_source(path)


def test_memory_stays_that_of_a_frame(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "clip.npy"
    big = np.lib.format.open_memmap(path, "w+", np.uint8, (64, 512, 512, 3))  # 50 MB
    big.flush()
    del big
    source = open_source(path)
    tracemalloc.start()
    try:
        count = sum(1 for _ in source)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 64
    assert peak < 8_000_000
