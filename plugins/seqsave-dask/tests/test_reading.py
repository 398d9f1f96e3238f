"""from_sequence: shape, dtype and frames of the array, what is read and when, gaps, batches, secrets."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import numpy as np
import pytest
from PIL import Image
from seqsave_dask import from_sequence

import seqsave

if TYPE_CHECKING:
    from tests.support.places import Place
    from tests.support.proxy import Proxy
    from tests.support.s3 import S3Server


def pictures(count: int = 6, shape: tuple[int, ...] = (9, 14, 3), dtype: str = "uint8") -> np.ndarray[Any, Any]:
    drawn = np.random.default_rng(3).random((count, *shape))
    return drawn.astype(dtype) if dtype.startswith("float") else (drawn * np.iinfo(dtype).max).astype(dtype)


def opened(place: Place, *given: Any, **more: Any) -> Any:
    return from_sequence(place.url, *given, storage_options=place.storage_options or None, **more)


@pytest.mark.parametrize("chunks", [1, 2, 4, -1, "auto", (1, 5), np.int64(4)])
def test_an_array_has_the_frames_of_the_sequence(place: Place, chunks: Any) -> None:
    frames = pictures()
    seqsave.save(frames, place.url, storage_options=place.storage_options or None)
    array = opened(place, chunks)
    assert isinstance(array, da.Array)
    assert (array.shape, array.dtype) == (frames.shape, frames.dtype)
    assert array.chunks[1:] == ((9,), (14,), (3,))
    assert np.array_equal(array.compute(), frames)
    assert np.array_equal(array[2:4, 3:, :5].compute(), frames[2:4, 3:, :5])


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])  # processes: test_writing.py
def test_every_scheduler_reads_it(tmp_path: Path, scheduler: str) -> None:
    frames = pictures()
    seqsave.save(frames, tmp_path)
    with dask.config.set(scheduler=scheduler, num_workers=2):
        assert np.array_equal(from_sequence(tmp_path, 2).compute(), frames)


@pytest.mark.parametrize(
    ("shape", "dtype", "filetype"),
    [
        ((5, 7, 1), "uint8", "png"),
        ((5, 7, 4), "uint16", "png"),
        ((5, 7, 2), "uint8", "png"),
        ((5, 7, 3), "uint8", "jpg"),
    ],
)
def test_shape_and_dtype_are_those_of_the_files(tmp_path: Path, shape: Any, dtype: str, filetype: str) -> None:
    frames = pictures(2, shape, dtype)
    seqsave.save(frames, tmp_path, filetype=filetype)
    with_manifest = from_sequence(tmp_path)
    for one in (tmp_path / ".seqsave").iterdir():
        one.unlink()
    without = from_sequence(tmp_path)
    for array in (with_manifest, without):
        assert (array.shape, array.dtype) == (frames.shape, frames.dtype)
        found = array.compute()
        assert (found.shape, found.dtype) == (frames.shape, frames.dtype)
        assert filetype == "jpg" or np.array_equal(found, frames)


@pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")
@pytest.mark.parametrize(("given", "kept"), [(2, 1), (4, 3)])
def test_alpha_that_jpeg_dropped_is_not_read(tmp_path: Path, given: int, kept: int) -> None:
    seqsave.save(pictures(2, (8, 8, given)), tmp_path, filetype="jpg")
    array = from_sequence(tmp_path)
    assert array.shape == array.compute().shape == (2, 8, 8, kept)


def test_frames_of_other_programs_are_read(tmp_path: Path) -> None:
    for index, frame in enumerate(pictures(3)):
        Image.fromarray(frame).save(tmp_path / f"shot.{1001 + index}.png")
    array, indices = from_sequence(f"{tmp_path}/shot.####.png", return_indices=True)
    assert indices == (1001, 1002, 1003)
    assert np.array_equal(array.compute(), pictures(3))


def test_opening_reads_no_frame_and_a_block_reads_its_own(s3_server: S3Server, proxy: Proxy) -> None:
    url, options = s3_server.new_prefix(), {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    seqsave.save(pictures(), url, storage_options=options)
    before = len(proxy.requests)
    array = from_sequence(url, 2, storage_options=options)
    sent = proxy.requests[before:]
    assert len(sent) == 2
    assert not [one.path for one in sent if one.path.endswith(".png")]
    array[2].compute()
    assert sorted(Path(one.path).name for one in proxy.requests[before + 2 :]) == ["frame_00002.png", "frame_00003.png"]


def test_without_a_manifest_one_frame_is_read(s3_server: S3Server, proxy: Proxy) -> None:
    url, options = s3_server.new_prefix(), {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    seqsave.save(pictures(), url, manifest=False, storage_options=options)
    before = len(proxy.requests)
    from_sequence(url, storage_options=options)
    read = [one.path for one in proxy.requests[before:] if one.path.endswith(".png")]
    assert [Path(path).name for path in read] == ["frame_00000.png"]


# --- gaps, frames, batches -------------------------------------------------------------------------------------------


def test_gaps_are_named_or_skipped(tmp_path: Path) -> None:
    frames = pictures(8)
    seqsave.save(frames, tmp_path)
    for index in (2, 3, 7):  # the manifest knows that 7 is missing too
        (tmp_path / f"frame_{index:05d}.png").unlink()
    with pytest.raises(seqsave.SequenceNotFoundError, match=r"lacks frames 2-3,7: pass missing='skip'"):
        from_sequence(tmp_path)
    array, indices = from_sequence(tmp_path, 2, missing="skip", return_indices=True)
    assert indices == (0, 1, 4, 5, 6)
    assert np.array_equal(array.compute(), frames[[0, 1, 4, 5, 6]])


def test_numbers_in_steps_are_no_gaps_if_the_manifest_states_them(tmp_path: Path) -> None:
    seqsave.save(pictures(3), tmp_path, start=10, step=5)
    assert from_sequence(tmp_path, return_indices=True)[1] == (10, 15, 20)
    (tmp_path / ".seqsave" / "frame.png.json").unlink()
    with pytest.raises(seqsave.SequenceNotFoundError, match=r"11-14,16-19"):
        from_sequence(tmp_path)


@pytest.mark.parametrize("chosen", ["1-3", [3, 1, 1], range(0, 6, 2), np.array([5, 0])])
def test_frames_are_chosen(tmp_path: Path, chosen: Any) -> None:
    frames = pictures()
    seqsave.save(frames, tmp_path)
    wanted = [1, 2, 3] if isinstance(chosen, str) else [int(index) for index in chosen]
    array, indices = from_sequence(tmp_path, frames=chosen, return_indices=True)
    assert list(indices) == wanted
    assert np.array_equal(array.compute(), frames[wanted])


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"frames": "4-9"}, seqsave.SequenceNotFoundError, "lacks frames 6-9"),
        ({"frames": "40-90", "missing": "skip"}, seqsave.SequenceNotFoundError, "none of these frames"),
        ({"frames": 3}, seqsave.FrameNameError, "indices, or text"),
        ({"frames": "x"}, seqsave.FrameNameError, "x"),
        ({"missing": "zeros"}, seqsave.OptionError, "'raise' or 'skip'"),
        ({"batch": 1}, seqsave.SequenceNotFoundError, "no batch 1"),
        ({"chunks": 0}, seqsave.OptionError, "at least 1"),
        ({"chunks": (2, 2)}, seqsave.OptionError, "length 6"),
        ({"chunks": 1.5}, seqsave.OptionError, "number of frames"),
        ({"max_pixels": -1}, seqsave.OptionError, "max_pixels"),
        ({"chunks": True}, seqsave.OptionError, "number of frames"),
    ],
)
def test_unsuitable_arguments_are_one_clear_error(
    tmp_path: Path, given: Any, error: type[Exception], words: str
) -> None:
    seqsave.save(pictures(), tmp_path)
    with pytest.raises(error, match=words):
        from_sequence(tmp_path, **given)


def test_no_sequence_is_the_usual_error(tmp_path: Path) -> None:
    with pytest.raises(seqsave.SequenceNotFoundError):
        from_sequence(tmp_path)


def test_variations_are_chosen(tmp_path: Path) -> None:
    first, second = pictures(2), pictures(2)[::-1]
    with seqsave.open_writer(tmp_path) as writer:
        for index in range(2):
            writer.write(first[index], index=index, batch=0)
            writer.write(second[index], index=index, batch=1)
    assert np.array_equal(from_sequence(tmp_path).compute(), first)
    assert np.array_equal(from_sequence(tmp_path, batch=1).compute(), second)


# --- pictures that differ --------------------------------------------------------------------------------------------


def test_frames_of_two_sizes_are_named(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seqsave.save([*pictures(2), *pictures(2, (4, 4, 3))], tmp_path)
    with pytest.raises(seqsave.ImageError, match=r"frames 0-1 are 14x9 .*frames 2-3 are 4x4 .*frames=\.\.\."):
        from_sequence(tmp_path)
    assert from_sequence(tmp_path, frames="2-3").shape == (2, 4, 4, 3)


def test_a_file_that_was_replaced_is_not_described_by_the_manifest(tmp_path: Path) -> None:
    seqsave.save(pictures(2), tmp_path)
    for path in tmp_path.glob("*.png"):
        Image.fromarray(pictures(1, (20, 30, 3))[0]).save(path)
    assert from_sequence(tmp_path).shape == (2, 20, 30, 3)


@pytest.mark.parametrize("other", [(4, 4, 3), (9, 14, 4)])
def test_a_frame_of_another_kind_is_named_when_it_is_read(tmp_path: Path, other: Any) -> None:
    seqsave.save(pictures(2), tmp_path, manifest=False)
    Image.fromarray(pictures(1, other)[0]).save(tmp_path / "frame_00001.png")
    array = from_sequence(tmp_path)
    array[0].compute()
    with pytest.raises(seqsave.ImageError, match=r"frame 1 \(frame_00001.png\) is .*14x9 uint8 with 3 channels"):
        array.compute()


def test_channels_are_added_where_nothing_is_lost(tmp_path: Path) -> None:
    frames = pictures(2, (9, 14, 4))
    seqsave.save(frames, tmp_path, manifest=False)
    Image.fromarray(frames[1, ..., :3].copy()).save(tmp_path / "frame_00001.png")
    found = from_sequence(tmp_path).compute()
    assert np.array_equal(found[1, ..., :3], frames[1, ..., :3])
    assert (found[1, ..., 3] == 255).all()


def test_a_damaged_manifest_is_left_out_with_a_warning(tmp_path: Path) -> None:
    seqsave.save(pictures(2), tmp_path)
    (tmp_path / ".seqsave" / "frame.png.json").write_text("{")
    with pytest.warns(seqsave.SeqSaveWarning, match="opened without it"):
        array = from_sequence(tmp_path)
    assert np.array_equal(array.compute(), pictures(2))


# --- secrets ---------------------------------------------------------------------------------------------------------


def shown(array: da.Array) -> str:
    graph = dict(array.__dask_graph__())
    return "\n".join([repr(array), array._repr_html_(), repr(graph), *(repr(one) for one in graph.values())])


def test_storage_options_travel_unseen_and_only_if_given(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url, options = s3_server.new_prefix(), s3_server.storage_options
    seqsave.save(pictures(2), url, storage_options=options)
    array = from_sequence(url, storage_options=options)
    assert s3_server.secret not in shown(array)
    assert s3_server.secret.encode() in pickle.dumps(array)
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    array = from_sequence(url)
    assert s3_server.secret.encode() not in pickle.dumps(array)
    assert s3_server.key.encode() not in pickle.dumps(array)
    assert np.array_equal(array.compute(), pictures(2))


def test_a_small_graph_for_many_frames(tmp_path: Path) -> None:
    seqsave.save(pictures(300, (2, 2, 1)), tmp_path)
    array = from_sequence(tmp_path)
    assert len(pickle.dumps(array)) / 300 < 400
