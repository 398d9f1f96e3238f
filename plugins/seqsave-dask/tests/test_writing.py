"""to_sequence with dask's schedulers of one machine: frames, numbers, odd arrays, failures, runs that continue."""

from __future__ import annotations

import io
import json
import logging
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from PIL import Image
from seqsave_dask import from_sequence, to_sequence
from tests.support.patience import PATIENCE
from tests.support.places import Place

import seqsave

if TYPE_CHECKING:
    from tests.support.proxy import Proxy
    from tests.support.s3 import S3Server


def pictures(count: int = 7, shape: tuple[int, ...] = (9, 14, 3)) -> np.ndarray[Any, Any]:
    return np.random.default_rng(5).integers(0, 256, (count, *shape), dtype=np.uint8)


def blocks(frames: np.ndarray[Any, Any], length: int = 2) -> da.Array:
    return da.from_array(frames, chunks=(length, *frames.shape[1:]))


def saved(array: da.Array, place: Place, **given: Any) -> Any:
    return to_sequence(array, place.url, storage_options=place.storage_options or None, **given)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Two processes for all tests of the scheduler "processes", since each needs seconds to start."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as running:
        yield running


@pytest.fixture(params=["synchronous", "threads", "processes"])
def scheduler(request: pytest.FixtureRequest) -> Iterator[str]:
    name: str = request.param
    with dask.config.set(num_workers=2, pool=request.getfixturevalue("pool") if name == "processes" else None):
        yield name


def judge(place: Place, frames: np.ndarray[Any, Any], numbers: Any = None) -> None:
    """Look at names, pixels and manifest, with nothing of the code under test."""
    numbers = range(len(frames)) if numbers is None else numbers
    assert place.frames() == sorted(f"frame_{index:05d}.png" for index in numbers)
    for index, wanted in zip(numbers, frames, strict=True):
        with Image.open(io.BytesIO(place.read(f"frame_{index:05d}.png"))) as found:
            assert np.array_equal(np.asarray(found), wanted)
    written = json.loads(place.read(".seqsave/frame.png.json"))
    assert (written["complete"], written["writers"], len(written["frames"])) == (True, [], len(frames))
    for frame in written["frames"]:
        data = place.read(frame["name"])
        assert (frame["size"], frame["checksum"]) == (len(data), f"crc32:{zlib.crc32(data):08x}")


@pytest.mark.parametrize("length", [1, 3, 7])
def test_an_array_becomes_a_complete_sequence(place: Place, length: int) -> None:
    frames = pictures()
    made = saved(blocks(frames, length), place)
    assert (made.complete, len(made.frames)) == (True, 7)
    judge(place, frames)


def test_every_scheduler_saves_and_reads(tmp_path: Path, scheduler: str) -> None:
    place = Place("local", str(tmp_path / "shot"))
    saved(blocks(pictures()), place, scheduler=scheduler)
    judge(place, pictures())
    assert np.array_equal(from_sequence(place.url, 2).compute(scheduler=scheduler), pictures())


def test_what_is_saved_is_what_is_read(place: Place) -> None:
    options = place.storage_options or None
    frames = np.random.default_rng(1).random((5, 6, 8, 3)).astype("float32")
    to_sequence(blocks(frames), place.url, storage_options=options, dtype="uint16")
    back = from_sequence(place.url, 2, storage_options=options)
    assert back.dtype == np.uint16
    to_sequence(back[::-1], f"{place.url}2", storage_options=options)
    again = from_sequence(f"{place.url}2", storage_options=options)
    assert np.array_equal(again.compute()[::-1], back.compute())


def test_a_delayed_value_saves_when_it_is_computed(tmp_path: Path, scheduler: str) -> None:
    place = Place("local", str(tmp_path / "shot"))
    lazy = saved(blocks(pictures()), place, compute=False)
    assert not (tmp_path / "shot").exists()
    for _ in range(2):
        assert lazy.compute(scheduler=scheduler).complete
        judge(place, pictures())


@pytest.mark.parametrize("index", [range(1001, 1008), [9, 3, 4, -2, 6, 70, 8], np.arange(7) * 3])
def test_frames_have_the_numbers_of_index(tmp_path: Path, index: Any) -> None:
    place = Place("local", str(tmp_path / "shot"))
    made = saved(blocks(pictures()), place, index=index)
    assert made.complete
    wanted = dict(zip(map(int, index), pictures(), strict=True))
    for number, frame in wanted.items():
        assert np.array_equal(seqsave.open_sequence(place.url).frame(number).read(), frame)
    assert seqsave.open_sequence(place.url).expected == tuple(sorted(wanted))


def test_start_step_pattern_and_batch_are_as_in_a_writer(tmp_path: Path) -> None:
    to_sequence(blocks(pictures()), f"{tmp_path}/shot.####.png", start=1001, step=2, batch=3)
    names = sorted(path.name for path in (tmp_path / "batch_0003").glob("shot*"))
    assert names == [f"shot.{1001 + 2 * position}.png" for position in range(7)]


def test_grey_frames_need_no_axis_of_channels(tmp_path: Path) -> None:
    frames = pictures(3, (9, 14))
    assert to_sequence(blocks(frames), tmp_path).complete
    assert from_sequence(tmp_path).shape == (3, 9, 14, 1)


def test_blocks_inside_of_frames_are_joined(tmp_path: Path) -> None:
    place = Place("local", str(tmp_path / "shot"))
    saved(da.from_array(pictures(), chunks=(4, 5, 3, 2)), place)
    judge(place, pictures())


def test_joined_blocks_stay_small(tmp_path: Path) -> None:
    array = da.zeros((40, 64, 64, 3), dtype="uint8", chunks=(40, 8, 8, 3))
    with dask.config.set({"array.chunk-size": "64KiB"}):
        lazy = to_sequence(array, tmp_path, compute=False)
    assert sum(1 for key in lazy.__dask_graph__() if "seqsave-write" in str(key)) >= 8


def test_a_run_takes_a_request_for_each_frame_and_few_more(s3_server: S3Server, proxy: Proxy) -> None:
    url, options = s3_server.new_prefix(), {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    to_sequence(blocks(pictures(24), 4), url, storage_options=options)
    assert len([one for one in proxy.requests if one.method == "PUT" and one.path.endswith(".png")]) == 24
    assert len(proxy.requests) <= 24 + 6


def test_an_xarray_keeps_its_frame_numbers(tmp_path: Path) -> None:
    numbers = [1001, 1002, 1005]
    rendered = xr.DataArray(blocks(pictures(3), 1), dims=("frame", "y", "x", "channel"), coords={"frame": numbers})
    to_sequence(rendered.data, tmp_path, index=rendered.frame.values)
    array, indices = from_sequence(tmp_path, return_indices=True)
    back = xr.DataArray(array, dims=("frame", "y", "x", "channel"), coords={"frame": list(indices)})
    assert back.sel(frame=1005).equals(rendered.sel(frame=1005))


# --- arrays and arguments that cannot be saved -----------------------------------------------------------------------


def unknown() -> da.Array:
    array = da.zeros((6, 4, 4, 3), dtype="uint8", chunks=2)
    return array[array.sum(axis=(1, 2, 3)) > -1]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 4, 4, 3), "uint8"), "ndarray, not a dask array: seqsave.save"),
        (da.zeros((4, 4), dtype="uint8"), "2 axes"),
        (da.zeros((2, 2, 4, 4, 3), dtype="uint8"), "5 axes"),
        (da.zeros((0, 4, 4, 3), dtype="uint8"), "no frames"),
        (da.zeros((2, 0, 4, 3), dtype="uint8"), "0"),
        (da.zeros((2, 4, 4, 0), dtype="uint8"), "0"),
        (da.zeros((1080, 1920, 3), dtype="uint8"), "one picture H,W,C"),
        (da.zeros((2, 4, 4, 3), dtype="int64"), "int64"),
        (da.zeros((2, 4, 4, 3), dtype="complex64"), "complex64"),
        (da.zeros((2, 4, 4, 3), dtype="U3"), "str96"),
        (da.from_array(np.full((2, 4, 4, 3), None, object), chunks=1), "object"),
        (da.ma.masked_equal(da.zeros((2, 4, 4, 3), dtype="uint8"), 0), "masked"),
        (unknown(), "unknown sizes"),
        (da.zeros((2, 4, 4, 3), dtype="int32"), "int32"),
        (da.zeros((2, 3, 16, 24), dtype="uint8"), "channels first"),
        (da.zeros((2, 16, 24, 5), dtype="uint8"), "5 channels"),
    ],
)
def test_an_odd_array_is_one_clear_error_and_nothing_is_written(tmp_path: Path, array: Any, words: str) -> None:
    with pytest.raises(seqsave.ImageError, match=words):
        to_sequence(array, tmp_path / "shot")
    assert not (tmp_path / "shot").exists()


def test_an_xarray_itself_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(seqsave.ImageError, match=r"DataArray, not a dask array: pass its \.data"):
        to_sequence(xr.DataArray(blocks(pictures())), tmp_path)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"index": [1, 2]}, seqsave.FrameNameError, "numbers in index: 2; frames in the array: 7"),
        ({"index": [1, 2, 3, 4, 5, 6, 1]}, seqsave.FrameNameError, "twice: 1"),
        ({"index": 5}, seqsave.FrameNameError, "pass start"),
        ({"index": np.arange(7) / 2}, seqsave.FrameNameError, "whole number"),
        ({"index": np.array(["2026-01-01"] * 7, "M8[D]")}, seqsave.FrameNameError, "whole number"),
        ({"index": range(7), "start": 3}, seqsave.OptionError, "both"),
        ({"batch": -1}, seqsave.FrameNameError, "batch"),
        ({"run": "a/b"}, seqsave.OptionError, "run is"),
        ({"frames": "0-6"}, seqsave.OptionError, "pass index"),
        ({"total": 9}, seqsave.OptionError, "announces frames that the array does not have: 7-8"),
        ({"filetyp": "png"}, seqsave.OptionError, "filetyp"),
        ({"filetype": "pgn"}, seqsave.EncoderNotFoundError, "png"),
        ({"concurrency": 0}, seqsave.OptionError, "concurrency"),
        ({"storage_options": "x"}, seqsave.OptionError, "must be a mapping"),
        ({"retries": -1}, seqsave.OptionError, "retries"),
        ({"scheduler": "treads"}, seqsave.OptionError, "treads"),
    ],
)
def test_unsuitable_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, given: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        to_sequence(blocks(pictures()), tmp_path / "shot", **given)
    assert not (tmp_path / "shot").exists()


@pytest.mark.parametrize("compute", [True, False])
def test_frames_after_the_end_are_named(tmp_path: Path, compute: bool) -> None:
    with pytest.warns(seqsave.SeqSaveWarning, match=r"^frames after the end .* not saved: 5-6;"):
        made = to_sequence(blocks(pictures()), tmp_path / "shot", total=5, compute=compute)
    assert len((made if compute else made.compute()).frames) == 5
    assert len(to_sequence(blocks(pictures()), tmp_path / "all", total=5, at_end="keep going").frames) == 7


# --- failures --------------------------------------------------------------------------------------------------------


def broken(images: Any, block_id: Any = None) -> Any:
    if block_id[0] == 1:
        raise ValueError("no such texture")
    return images


def of_another_kind(images: Any, block_id: Any = None) -> Any:
    return images.astype("int64") if block_id[0] == 1 else images


def too_few(images: Any, block_id: Any = None) -> Any:
    return images[:1] if block_id[0] == 1 else images


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (broken, r"frames 2-3 of frame_#####\.png: ValueError: no such texture"),
        (of_another_kind, r"frame 2: .*int64"),
        (too_few, r"frames 2-3.*block of frames 2 to 3 holds 1 of them"),
    ],
)
def test_a_failing_frame_is_named(tmp_path: Path, scheduler: str, function: Any, words: str) -> None:
    array = blocks(pictures()).map_blocks(function, dtype="uint8")
    with pytest.raises(seqsave.SaveError, match=words) as caught:
        to_sequence(array, tmp_path, scheduler=scheduler)
    assert caught.value.__cause__ is not None
    manifest = seqsave.open_sequence(tmp_path).manifest if any(tmp_path.glob("*.png")) else None
    assert manifest is None or (manifest.complete, manifest.writers) == (False, ())


def test_a_run_that_failed_continues_with_its_id(tmp_path: Path) -> None:
    place = Place("local", str(tmp_path / "shot"))
    array = blocks(pictures()).map_blocks(broken, dtype="uint8")
    with pytest.raises(seqsave.SaveError, match="run='job-17' to continue"):
        saved(array, place, run="job-17")
    assert saved(blocks(pictures()), place, run="job-17").complete
    judge(place, pictures())
    assert saved(blocks(pictures()), place, run="job-17").complete


@pytest.mark.parametrize("if_exists", ["error", "skip", "overwrite"])
def test_a_failed_call_can_be_repeated(tmp_path: Path, if_exists: str) -> None:
    place = Place("local", str(tmp_path / "shot"))
    array = blocks(pictures()).map_blocks(broken, dtype="uint8")
    with pytest.raises(seqsave.SaveError) as caught:
        saved(array, place, if_exists=if_exists, scheduler="synchronous")
    run = str(caught.value).partition("run='")[2].partition("'")[0]
    assert saved(blocks(pictures()), place, run=run, if_exists=if_exists).complete
    judge(place, pictures())


def test_frames_of_other_runs_are_kept(tmp_path: Path) -> None:
    seqsave.save(pictures(2), tmp_path)
    with pytest.raises(seqsave.SaveError, match=r"frame 0: .*exists"):
        to_sequence(blocks(pictures()[::-1].copy()), tmp_path, if_exists="error", scheduler="synchronous")
    assert np.array_equal(seqsave.open_sequence(tmp_path)[0].read(), pictures()[0])


DRIVER = """
    import os, signal, sys
    import dask.array as da
    import numpy as np
    from seqsave_dask import to_sequence

    folder, marker = sys.argv[1:]

    def render(images, block_id=None):
        if block_id[0] == 4:
            try:
                os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return images

    frames = np.random.default_rng(5).integers(0, 256, (7, 9, 14, 3), dtype=np.uint8)
    array = da.from_array(frames, chunks=(1, -1, -1, -1)).map_blocks(render, dtype="uint8")
    to_sequence(array, folder, run="job-3", scheduler="synchronous")
"""


def test_a_driver_that_was_killed_is_started_again(tmp_path: Path) -> None:
    place = Place("local", str(tmp_path / "shot"))
    command = [sys.executable, "-c", textwrap.dedent(DRIVER), place.url, str(tmp_path / "marker")]
    killed = subprocess.run(command, timeout=PATIENCE, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert json.loads(place.read(".seqsave/frame.png.json"))["complete"] is False
    assert 0 < len(place.frames()) < 7
    subprocess.run(command, timeout=PATIENCE, check=True)
    judge(place, pictures())


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_storage_options_are_in_no_graph_key_or_text(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url, options = s3_server.new_prefix(), s3_server.storage_options
    caplog.set_level(logging.DEBUG)
    lazy = to_sequence(blocks(pictures()), url, storage_options=options, compute=False)
    graph = dict(lazy.__dask_graph__())
    assert s3_server.secret not in "\n".join([repr(lazy), repr(graph), *map(repr, graph.values())])
    assert s3_server.secret.encode() in pickle.dumps(graph)
    array = blocks(pictures()).map_blocks(of_another_kind, dtype="uint8")
    with pytest.raises(seqsave.SaveError) as caught:
        to_sequence(array, url, storage_options=options)
    assert s3_server.secret not in repr(caught.value) + str(caught.value) + repr(caught.value.__cause__)
    assert s3_server.secret not in caplog.text
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    lazy = to_sequence(blocks(pictures()), url, compute=False)
    assert s3_server.secret.encode() not in pickle.dumps(dict(lazy.__dask_graph__()))
    assert lazy.compute().complete


# --- many frames -----------------------------------------------------------------------------------------------------

MANY = """
    import resource, sys
    import dask.array as da
    from seqsave_dask import to_sequence

    count, block = 20_000, 100

    small = da.zeros((200, 64, 64, 3), dtype="uint8", chunks=(block, -1, -1, -1))
    to_sequence(small, "memory://first", scheduler="threads")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    array = da.random.default_rng(0).integers(0, 2, (count, 64, 64, 3), dtype="uint8", chunks=(block, -1, -1, -1))
    made = to_sequence(array, sys.argv[1], scheduler="threads", options={"compression": "fast"})
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(made.complete, len(made.frames), (after - before) // 1024)
"""


def test_many_frames_in_bounded_memory(tmp_path: Path) -> None:
    """20,000 frames, 245 MB in all, in 200 tasks."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MANY), str(tmp_path / "many")],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
        env={**os.environ},
    )
    complete, count, grown = done.stdout.split()
    assert (complete, int(count)) == ("True", 20_000)
    assert int(grown) < 150  # MB
