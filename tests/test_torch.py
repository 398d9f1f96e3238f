"""The dataset for PyTorch: with ``DataLoader``, in this process and in spawned workers."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from tests.support.needs import needs_package
from tests.support.places import Place

if TYPE_CHECKING:
    from pathlib import Path

MODULE = "seqsave.torch"


def picture(index: int, dtype: Any = np.uint8) -> Any:
    """Noise of 6 x 4 pixels that states its number: no frame is like another."""
    return np.random.default_rng(index).integers(0, np.iinfo(dtype).max, (4, 6, 3), dtype=dtype, endpoint=True)


def save(url: Any, indices: Any = range(8), storage_options: Any = None, dtype: Any = np.uint8) -> None:
    with seqsave.open_writer(url, filetype="png", storage_options=storage_options) as writer:
        for index in indices:
            writer.write(picture(index, dtype), index=index)


# --- without PyTorch -------------------------------------------------------------------------------------------------


def test_without_pytorch_the_error_has_the_command_that_installs_it(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["torch"] = None  # as where it is not installed
try:
    import seqsave.torch
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "seqsave.torch needs PyTorch: pip install torch\n"


# --- in this process -------------------------------------------------------------------------------------------------


@pytest.fixture
def torch() -> Any:
    return needs_package("torch")


def dataset(source: Any, **given: Any) -> Any:
    from seqsave.torch import SequenceDataset

    return SequenceDataset(source, **given)


def loader(frames: Any, **given: Any) -> Any:
    from torch.utils.data import DataLoader

    return DataLoader(frames, **given)


def doubled(tensor: Any) -> Any:
    return tensor * 2


def forked() -> Any:
    return pytest.mark.skipif(not hasattr(os, "fork"), reason="only on systems with fork")


def as_tensor(torch: Any, index: int) -> Any:
    return torch.from_numpy(picture(index)).permute(2, 0, 1).float() / 255


@pytest.mark.torch
def test_an_item_is_a_tensor_and_the_number_of_its_frame(torch: Any, tmp_path: Path) -> None:
    save(tmp_path / "out", range(1001, 1005))
    frames = dataset(tmp_path / "out")
    assert (len(frames), frames.shape) == (4, (3, 4, 6))
    tensor, index = frames[1]
    assert (tensor.shape, tensor.dtype, index) == ((3, 4, 6), torch.float32, 1002)
    assert torch.equal(tensor, as_tensor(torch, 1002))
    assert frames[-1][1] == 1004
    assert tensor.is_contiguous()
    with pytest.raises(IndexError, match="no position 4"):
        frames[4]
    assert "frame_#####.png 1001-1004" in repr(frames)


@pytest.mark.torch
@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255), (np.uint16, 65535)])
def test_stored_values_and_their_float32(torch: Any, tmp_path: Path, dtype: Any, largest: int) -> None:
    save(tmp_path / "out", range(2), dtype=dtype)
    stored, _ = dataset(tmp_path / "out", dtype="stored")[1]
    assert str(stored.dtype) == f"torch.{np.dtype(dtype)}"
    assert np.array_equal(stored.permute(1, 2, 0).numpy(), picture(1, dtype))
    scaled, _ = dataset(tmp_path / "out")[1]
    assert scaled.dtype == torch.float32
    assert np.array_equal(scaled.permute(1, 2, 0).numpy(), picture(1, dtype) / np.float32(largest))


@pytest.mark.torch
def test_options_of_another_kind_are_refused(torch: Any, tmp_path: Path) -> None:
    save(tmp_path / "out")
    with pytest.raises(seqsave.OptionError, match="dtype"):
        dataset(tmp_path / "out", dtype="float16")
    with pytest.raises(seqsave.OptionError, match="a sequence has its own"):
        dataset(seqsave.open_sequence(tmp_path / "out"), storage_options={"a": 1})
    with pytest.raises(seqsave.SequenceNotFoundError):
        dataset(tmp_path / "nothing")


@pytest.mark.torch
def test_gaps_are_named_once_and_gone_over(torch: Any, tmp_path: Path) -> None:
    save(tmp_path / "out", [1, 2, 5, 6, 9])
    with pytest.warns(seqsave.SeqSaveWarning, match=r"lacks 3-4,7-8: the dataset goes over gaps, and has 5 frames"):
        frames = dataset(tmp_path / "out")
    copy = pickle.loads(pickle.dumps(frames))  # noqa: S301 - our own
    assert [index for _, index in copy] == [1, 2, 5, 6, 9]


@pytest.mark.torch
def test_a_frame_of_another_size_is_named_unless_a_transform_takes_it(torch: Any, tmp_path: Path) -> None:
    save(tmp_path / "out", range(2))
    with pytest.warns(seqsave.SeqSaveWarning, match="frames of several sizes"):
        seqsave.save(np.zeros((1, 8, 6, 3), np.uint8), tmp_path / "out", filetype="png", start=2)
    frames = dataset(tmp_path / "out")
    with pytest.raises(seqsave.ImageError, match=r"frame 2 is 3x8x6 float32, and frame 0 is 3x4x6 float32.*transform"):
        frames[2]
    kept = dataset(tmp_path / "out", transform=torch.nn.Identity())
    assert [tensor.shape[1] for tensor, _ in kept] == [4, 4, 8]
    halved = dataset(tmp_path / "out", transform=torch.nn.AdaptiveAvgPool2d((4, 6)))
    (batch, indices), *_ = loader(halved, batch_size=3)
    assert (tuple(batch.shape), indices.tolist()) == ((3, 3, 4, 6), [0, 1, 2])


@pytest.mark.torch
def test_a_damaged_frame_is_named(torch: Any, tmp_path: Path) -> None:
    save(tmp_path / "out")
    frames = dataset(tmp_path / "out")
    (tmp_path / "out" / "frame_00003.png").write_bytes(b"no picture")
    with pytest.raises(seqsave.DecodeError, match=r"frame_00003\.png"):
        frames[3]


# --- in workers ------------------------------------------------------------------------------------------------------


@pytest.mark.torch
@pytest.mark.parametrize("method", ["spawn", pytest.param("fork", marks=forked())])
@pytest.mark.parametrize("place", ["local", pytest.param("s3", marks=pytest.mark.s3)], indirect=True)
def test_workers_read_each_frame_once_in_any_order(torch: Any, place: Place, method: str) -> None:
    save(place.url, range(12), place.storage_options)
    frames = dataset(place.url, storage_options=place.storage_options or None, transform=doubled)
    frames[0]  # the connections of this process are open, and must not be used by its workers
    loaded = loader(frames, batch_size=4, shuffle=True, num_workers=2, multiprocessing_context=method)
    found = {}
    for batch, indices in loaded:
        found.update(zip(indices.tolist(), batch, strict=True))
    assert sorted(found) == list(range(12))
    assert all(torch.equal(tensor, as_tensor(torch, index) * 2) for index, tensor in found.items())


@pytest.mark.torch
@pytest.mark.parametrize("place", ["memory"], indirect=True)
def test_memory_has_no_frames_in_another_process(torch: Any, place: Place) -> None:
    save(place.url)
    frames = dataset(place.url)
    assert sorted(int(index) for _, indices in loader(frames, batch_size=4) for index in indices) == list(range(8))
    with pytest.raises(
        seqsave.TargetError, match=r"only in the process that saved them: use DataLoader\(num_workers=0\)"
    ):
        list(loader(frames, num_workers=1, multiprocessing_context="spawn"))


@pytest.mark.torch
def test_an_error_of_a_worker_reaches_the_loop_with_its_frame(torch: Any, tmp_path: Path) -> None:
    save(tmp_path / "out")
    frames = dataset(tmp_path / "out")
    (tmp_path / "out" / "frame_00003.png").unlink()
    with pytest.raises(seqsave.TargetError, match=r"frame_00003\.png"):
        list(loader(frames, num_workers=1, multiprocessing_context="spawn"))
