"""Datasets become sequences, on the real engine; a judge that uses nothing of the plugin looks at the outcome."""

from __future__ import annotations

import json
import os
import pickle
import platform
import re
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import ray
from pieces import Strikes, StrikingSink, is_given_up, judge, picture, pixels, rendered, written
from seqsave_ray import SequenceDatasink, WorkerDiedError, write_sequence, writing
from tests.support.patience import PATIENCE
from tests.support.places import Place
from tests.support.proxy import Proxy

import seqsave

if TYPE_CHECKING:
    from conftest import S3Server

HERE = Path(__file__).parent


def test_a_dataset_becomes_a_sequence(engine: Any, place: Place) -> None:
    made = write_sequence(rendered(24, 6), place.url, filetype="png")
    assert (made.complete, len(made.frames)) == (True, 24)
    judge(place, range(24))
    # Workers are used again: a second write in them has its own settings and names.
    other = Place(place.kind, f"{place.url}-b", {}, place.server)
    write_sequence(rendered(4, 2), f"{other.url}/shot.####.jpg")
    assert other.frames() == [f"shot.{index:04d}.jpg" for index in range(4)]


def test_64_tasks_need_a_request_for_each_frame_and_a_few_more(engine: Any, s3_server: S3Server) -> None:
    place = Place("s3", s3_server.new_prefix(), {}, s3_server)
    with Proxy(s3_server.endpoint_url) as proxy:
        options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
        write_sequence(rendered(64, 64), place.url, filetype="png", storage_options=options, total=64)
        assert proxy.count("PUT", r"frame_\d+\.png$") == 64
        assert len(proxy.requests) <= 64 + 6
    judge(place, range(64))


def test_rows_out_of_order_and_twice(engine: Any, place: Place) -> None:
    rows = [{"image": picture(index), "index": index} for index in (5, 0, 3, 5, 4, 1, 2, 0, 5)]
    write_sequence(engine.from_items(rows, override_num_blocks=4), place.url, filetype="png", total=6)
    judge(place, range(6))


@pytest.mark.parametrize("tasks", [1, 4])
@pytest.mark.parametrize("if_exists", ["overwrite", "skip"])
def test_rows_of_one_number_with_different_pictures_are_an_error(
    engine: Any, tmp_path: Path, tasks: int, if_exists: str
) -> None:
    place = Place("local", str(tmp_path / "shot"))
    rows = [{"image": picture(index % 3, seed=index // 3), "index": index % 3} for index in range(4)]
    with pytest.raises(seqsave.RunError, match=r"different pictures for frame 0: ") as caught:
        write_sequence(
            engine.from_items(rows, override_num_blocks=tasks), place.url, filetype="png", if_exists=if_exists
        )
    assert caught.value.frames == (range(1),)
    assert is_given_up(place)


@pytest.mark.parametrize("given", [{}, {"total": 6}, {"frames": "0-5"}], ids=lambda given: next(iter(given), "nothing"))
def test_missing_rows_are_named(engine: Any, tmp_path: Path, given: dict[str, Any]) -> None:
    place = Place("local", str(tmp_path / "shot"))
    rows = [{"image": picture(index), "index": index} for index in (0, 1, 4)]
    dataset = engine.from_items(rows, override_num_blocks=2)
    with pytest.raises(seqsave.RunError, match=r"no rows for these frames: 2-3(,5)?; ") as caught:
        write_sequence(dataset, place.url, filetype="png", **given)
    assert caught.value.frames == ((range(2, 4), range(5, 6)) if given else (range(2, 4),))
    assert is_given_up(place)


def test_rows_after_the_end_are_named(engine: Any, tmp_path: Path) -> None:
    place = Place("local", str(tmp_path / "shot"))
    with pytest.warns(seqsave.SeqSaveWarning, match=r"^rows after the end .* not saved: frames 4-6;"):
        write_sequence(rendered(7, 3), place.url, filetype="png", total=4)
    judge(place, range(4))
    write_sequence(rendered(7, 3), place.url, filetype="png", total=4, at_end="keep going")
    assert len(place.frames()) == 7


def test_an_empty_dataset_is_an_error(engine: Any, tmp_path: Path) -> None:
    with pytest.raises(seqsave.RunError, match="no task of the run has saved a frame"):
        write_sequence(rendered(4, 2).filter(lambda row: row["index"] > 9), tmp_path / "shot", filetype="png")


def test_a_failing_frame_is_named(engine: Any, place: Place) -> None:
    def spoil(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "image": np.zeros((4, 4, 7), np.uint8)} if row["index"] == 17 else row

    with pytest.raises(seqsave.ImageError, match=r"^frame 17: .*7 channels"):
        write_sequence(rendered(24, 6, spoil), place.url, filetype="png")
    assert is_given_up(place)


def test_an_error_names_the_machine(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = platform.node()
    monkeypatch.setattr(platform, "node", lambda: "driver")  # of this process, and not of the workers
    spoiled = rendered(2, 1, lambda row: {**row, "image": np.zeros((4, 4, 7), np.uint8)})
    with pytest.raises(seqsave.ImageError, match=rf"^frame 0: .*7 channels.* \(on the machine {re.escape(here)}\)$"):
        write_sequence(spoiled, tmp_path / "shot", filetype="png")


def test_bad_rows_and_calls_are_refused(engine: Any, tmp_path: Path) -> None:
    url = tmp_path / "shot"
    dataset = engine.from_items([{"image": picture(0), "index": 0}])
    with pytest.raises(seqsave.OptionError, match="no column 'frame', but 'image', 'index'"):
        write_sequence(dataset, url, index="frame")
    with pytest.raises(seqsave.OptionError, match="max_retries is -1"):
        write_sequence(dataset, url, max_retries=-1)
    with pytest.raises(seqsave.OptionError, match="list is no dataset"):
        write_sequence([], url)  # type: ignore[arg-type]
    with pytest.raises(seqsave.OptionError, match="memory of one process"):
        write_sequence(dataset, "memory://shot")
    with pytest.raises(seqsave.OptionError, match="concurrency"):
        write_sequence(dataset, url, concurrency=0)
    assert not url.exists()
    for index, error in ((None, "is null"), (1.5, "whole number"), ("a", "whole number")):
        bad = engine.from_items([{"image": picture(0), "index": index}])
        with pytest.raises(seqsave.FrameNameError, match=error):
            write_sequence(bad, url, filetype="png")
    with pytest.raises(seqsave.FrameNameError, match=r"^frame 3: batch is 'x'"):
        write_sequence(
            engine.from_items([{"image": picture(0), "index": 3, "take": "x"}]), url, filetype="png", batch="take"
        )


def test_blocks_that_may_be_left_out_need_a_total(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.DataContext.get_current(), "max_errored_blocks", 1)
    with pytest.raises(seqsave.OptionError, match="max_errored_blocks"):
        write_sequence(rendered(4, 2), tmp_path / "shot", filetype="png")


def test_an_interrupted_driver_gives_the_run_up(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine.Dataset, "write_datasink", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_sequence(rendered(4, 2), tmp_path / "shot", filetype="png")
    assert is_given_up(Place("local", str(tmp_path / "shot")))


def test_batches_sizes_floats_and_warnings(engine: Any, tmp_path: Path) -> None:
    place = Place("local", str(tmp_path / "shot"))

    def change(row: dict[str, Any]) -> dict[str, Any]:
        side = 4 + row["index"] // 4
        image = np.full((side, 6, 3), np.nan if row["index"] == 7 else 0.5, np.float32)
        return {"image": image, "where": {"index": row["index"] // 2, "batch": row["index"] % 2}}

    with pytest.warns(seqsave.SeqSaveWarning, match="NaN"):
        write_sequence(
            rendered(8, 2, change), place.url, index="where.index", batch="where.batch", filetype="png", total=4
        )
    assert place.frames() == [f"batch_{batch:04d}/frame_{index:05d}.png" for batch in range(2) for index in range(4)]
    assert [pixels(place, f"batch_0000/frame_{index:05d}.png").shape[0] for index in range(4)] == [4, 4, 5, 5]
    assert written(place)["complete"]


def test_existing_frames(engine: Any, tmp_path: Path) -> None:
    place = Place("local", str(tmp_path / "shot"))
    write_sequence(rendered(6, 2), place.url, filetype="png")
    again = rendered(8, 3, lambda row: {**row, "image": picture(row["index"], seed=1)})
    with pytest.raises(seqsave.SaveError, match=r"frame \d: .*frame_0000\d\.png already exists"):
        write_sequence(again, place.url, filetype="png", if_exists="error")
    assert np.array_equal(pixels(place, "frame_00005.png"), picture(5))
    write_sequence(again, place.url, filetype="png", if_exists="skip")
    assert [int(np.array_equal(pixels(place, f"frame_{n:05d}.png"), picture(n))) for n in range(8)] == [1] * 6 + [0] * 2
    assert written(place)["complete"]


def test_killed_workers_do_no_harm(engine: Any, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strikes = Strikes(tmp_path / "strikes", "before-2", "after-9", "before-22")
    monkeypatch.setattr(writing, "SequenceDatasink", lambda *given, **more: StrikingSink(strikes, *given, **more))
    write_sequence(rendered(24, 6), place.url, filetype="png", if_exists="error")
    assert strikes.struck == ["after-9.0", "before-2.0", "before-22.0"]
    judge(place, range(24))


def test_a_frame_that_always_kills_its_worker_ends_the_write(
    engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strikes = Strikes(tmp_path / "strikes", "before-3", times=9)
    monkeypatch.setattr(writing, "SequenceDatasink", lambda *given, **more: StrikingSink(strikes, *given, **more))
    place = Place("local", str(tmp_path / "shot"))
    with pytest.raises(WorkerDiedError, match=r"^frames 2-3: .* died, in each of 2 attempts: ") as caught:
        write_sequence(rendered(4, 2), place.url, filetype="png", max_retries=1)
    assert caught.value.frames == (range(2, 4),)
    assert isinstance(caught.value.__cause__, ray.exceptions.WorkerCrashedError)
    assert strikes.struck == ["before-3.0", "before-3.1"]
    assert is_given_up(place)


@pytest.mark.filterwarnings("ignore::ray.util.annotations.RayDeprecationWarning")
def test_the_death_of_a_worker_that_makes_pictures_stays_an_error_of_ray(engine: Any, tmp_path: Path) -> None:
    def fall(row: dict[str, Any]) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGKILL)
        return row

    made = engine.range(2, override_num_blocks=1).map(fall, max_retries=0)
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        write_sequence(made, tmp_path / "shot", image="id", index="item", filetype="png")


def test_a_task_is_done_again_after_the_storage_was_unavailable(engine: Any, s3_server: S3Server) -> None:
    place = Place("s3", s3_server.new_prefix(), {}, s3_server)
    with Proxy(s3_server.endpoint_url) as proxy:
        options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
        once = seqsave.RetryPolicy(attempts=1)
        fault = proxy.slow_down(path=r"frame_00003\.png$", first=1)
        write_sequence(rendered(6, 3), place.url, filetype="png", storage_options=options, retry=once)
        assert fault.hits == 1
        judge(place, range(6))
        proxy.slow_down(path=r"frame_00003\.png$")
        with pytest.raises(writing.StorageFailedError, match=r"frame_00003"):
            write_sequence(
                rendered(6, 3), place.url, filetype="png", storage_options=options, retry=once, max_retries=1
            )
    assert is_given_up(place)


# --- drivers of their own --------------------------------------------------------------------------------------------


def drive(environment: dict[str, str], **order: Any) -> subprocess.CompletedProcess[str]:
    address = ray.get_runtime_context().gcs_address
    return subprocess.run(
        [sys.executable, HERE / "driver.py", address, json.dumps({"settings": {}, **order})],
        cwd=HERE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_killed_driver_goes_on_in_another_process(engine: Any, tmp_path: Path, environment: dict[str, str]) -> None:
    place = Place("local", str(tmp_path / "shot"))
    settings = {"run": "night-7", "filetype": "png", "if_exists": "error"}
    killed = drive(environment, killed=True, url=place.url, frames=12, tasks=4, settings=settings)
    assert killed.returncode == -9, killed.stderr
    assert [writer["id"] for writer in written(place)["writers"]] == ["run-night-7"]
    assert not written(place)["complete"]
    for _ in range(2):  # a second end of the same run changes nothing
        write_sequence(rendered(12, 3), place.url, **settings)
        judge(place, range(12))


def test_20_000_frames_in_bounded_memory_of_the_driver(
    engine: Any, tmp_path: Path, environment: dict[str, str]
) -> None:
    place = Place("local", str(tmp_path / "shot"))
    settings = {"filetype": "png", "total": 20_000}
    done = drive(environment, small=True, url=place.url, frames=20_000, tasks=64, settings=settings)
    assert done.returncode == 0, done.stderr
    stated = json.loads(done.stdout.splitlines()[-1])
    assert (stated["complete"], stated["frames"]) == (True, 20_000)
    assert stated["gained"] < 150e6
    assert len(place.frames()) == 20_000


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_a_passed_secret_is_in_nothing_that_is_shown(s3_server: S3Server) -> None:
    url = s3_server.new_prefix()
    sink = SequenceDatasink(url, storage_options=s3_server.storage_options)
    assert s3_server.secret not in f"{sink!r} {sink} {sink.run!r} {sink.run.as_document()}"
    assert s3_server.secret.encode() in pickle.dumps(sink)  # how tasks get it
    assert s3_server.secret.encode() not in pickle.dumps(SequenceDatasink(url))


def test_no_secret_is_in_the_session_s_folder_or_a_manifest(
    engine: Any, s3_server: S3Server, ray_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = Place("s3", s3_server.new_prefix(), {}, s3_server)
    options = s3_server.storage_options
    write_sequence(rendered(4, 2), place.url, filetype="png", storage_options=options)
    wrong = {**options, "secret": "hush-hush-hush-hush"}
    with pytest.raises(seqsave.TargetError) as caught:
        write_sequence(rendered(4, 2), place.url, filetype="png", storage_options=wrong)
    spoiled = rendered(4, 2, lambda row: {**row, "image": np.zeros((4, 4, 7), np.uint8)})
    with pytest.raises(seqsave.ImageError) as failed:
        write_sequence(spoiled, place.url, filetype="png", storage_options=options)
    errors = [line for error in (caught, failed) for line in traceback.format_exception(error.value)]
    shown = "".join([*capfd.readouterr(), *errors])
    files = [path for path in ray_folder.rglob("*") if path.is_file()]
    assert any(path.name.startswith("ray-data") for path in files)
    for secret in (s3_server.secret, wrong["secret"]):
        assert secret not in shown
        assert not [path for path in files if secret.encode() in path.read_bytes()]
        assert secret.encode() not in place.read(".seqsave/frame.png.json")
