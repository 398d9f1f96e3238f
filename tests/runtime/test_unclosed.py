"""Writers that are never closed: a warning, no threads left behind, and no frame lost."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from tests.support.needs import needs_obstore
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.s3 import S3Server

IMAGE = np.zeros((8, 8, 3), np.uint8)
FRAMES = [f"frame_{i:05d}.png" for i in range(3)]
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="only on systems that fork")


def drop(kept: list[seqsave.SequenceWriter]) -> None:
    kept.clear()
    gc.collect()


def wait_for(threads: set[threading.Thread]) -> None:
    for thread in threads:
        thread.join(PATIENCE)
    assert not [thread.name for thread in threads if thread.is_alive()]


@pytest.mark.parametrize("preview", [None, "webm"])
def test_a_dropped_writer_warns_and_its_threads_end(preview: str | None) -> None:
    if preview is not None:
        pytest.importorskip("av")
    before = set(threading.enumerate())
    threads: set[threading.Thread] = set()
    for number in range(5):
        writer = seqsave.open_writer(f"memory://dropped{number}", manifest=False, filetype="png", preview=preview)
        futures = [writer.write(IMAGE) for _ in range(2)]
        threads |= set(threading.enumerate()) - before
        kept = [writer]
        del writer
        with pytest.warns(ResourceWarning, match=r"<SequenceWriter frame_#####\.png in .* was never closed"):
            drop(kept)
        assert [future.result(PATIENCE).status for future in futures] == ["saved", "saved"]
    assert threads
    wait_for(threads)


def test_the_progress_bar_of_a_dropped_writer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqsave.runtime.progress.is_terminal", lambda _: True)
    before = set(threading.enumerate())
    kept = [seqsave.open_writer("memory://bar", progress=True)]
    threads = set(threading.enumerate()) - before
    assert threads
    with pytest.warns(ResourceWarning):
        drop(kept)
    wait_for(threads)


@pytest.mark.parametrize("is_late", [False, True])
def test_the_run_of_a_dropped_writer_does_not_keep_the_manifest_from_being_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    from seqsave.targets.local import LocalTarget

    may_go_on, publish = threading.Event(), LocalTarget.publish

    def late(self: LocalTarget, path: str, *arguments: Any, **more: Any) -> Any:
        if path.endswith("frame_00000.png"):
            may_go_on.wait(PATIENCE)
        return publish(self, path, *arguments, **more)

    monkeypatch.setattr(LocalTarget, "publish", late)
    others = set(threading.enumerate())
    kept = [seqsave.open_writer(tmp_path, filetype="png")]
    future = kept[0].write(IMAGE)
    if not is_late:
        may_go_on.set()
        kept[0].flush()
    threads = set(threading.enumerate()) - others
    with pytest.warns(ResourceWarning):
        drop(kept)
    may_go_on.set()
    future.result(PATIENCE)
    wait_for({thread for thread in threads if thread.name.startswith("seqsave-encode")})
    seqsave.save([IMAGE] * 3, tmp_path, filetype="png")
    manifest = json.loads((tmp_path / ".seqsave" / "frame.png.json").read_text())
    assert manifest["complete"]
    assert manifest["writers"] == []


def test_a_writer_is_dropped_without_taking_a_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector may drop a writer on any thread at any moment: what that thread holds others may wait for."""
    pytest.importorskip("av")
    monkeypatch.setattr("seqsave.runtime.progress.is_terminal", lambda _: True)
    kept = [seqsave.open_writer("memory://locked", filetype="png", preview="webm", progress=True)]
    kept[0].write(IMAGE)
    kept[0].flush()
    inside: Any = kept[0]
    pipelines = [inside._pipeline, inside._ending._preview._pipeline]
    locks = [lock for one in pipelines for lock in (one._changed, one._workers._changed, one._pace._lock)]
    locks += [inside._log._lock, inside._acceptor.lock, inside._ending._bar._live._lock]
    del inside, pipelines
    are_held, is_dropped = threading.Event(), threading.Event()

    def hold() -> None:
        for lock in locks:
            lock.acquire()
        are_held.set()
        is_dropped.wait(PATIENCE)
        for lock in locks:
            lock.release()

    holder = threading.Thread(target=hold)
    holder.start()
    assert are_held.wait(PATIENCE)
    with pytest.warns(ResourceWarning):
        drop(kept)
    assert holder.is_alive()  # it was dropped while they were held
    is_dropped.set()
    holder.join(PATIENCE)


# --- the end of the program -------------------------------------------------------------------------------------------

PROGRAM = """
import json, os, sys, threading, warnings
import numpy as np
import seqsave
from seqsave.encoders.png.encoder import PngEncoder
from seqsave.targets.local import LocalTarget

url, options, spoilt = json.loads(sys.argv[1])
warnings.simplefilter("ignore", ResourceWarning)
warnings.simplefilter("ignore", DeprecationWarning)  # of forks
IMAGE = np.zeros((8, 8, 3), np.uint8)
at_the_end, encode, publish = threading.Event(), PngEncoder.encode, LocalTarget.publish

def late(*arguments, **more):
    at_the_end.wait()
    return encode(*arguments, **more)

def spoil(self, path, *arguments, **more):
    if spoilt and path.endswith(spoilt):
        raise seqsave.TargetError("the disk is away")
    return publish(self, path, *arguments, **more)

PngEncoder.encode, LocalTarget.publish = late, spoil

def open_writer(url=url, **more):
    return seqsave.open_writer(url, filetype="png", storage_options=options, **{"manifest": False, **more})

def write(writer):
    for _ in range(3):
        writer.write(IMAGE)
    return writer

# Nothing is published before the main thread has ended: what is registered last is called first.
writer = write(open_writer())
threading._register_atexit(at_the_end.set)
"""

HELD = ""
DROPPED = "del writer"


def ended(program: str, url: object, options: object = None, spoilt: str = "") -> subprocess.CompletedProcess[str]:
    code = textwrap.dedent(PROGRAM) + textwrap.dedent(program)
    run = [sys.executable, "-c", code, json.dumps([str(url), options, spoilt])]
    return subprocess.run(run, capture_output=True, text=True, timeout=PATIENCE, check=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("program", [HELD, DROPPED])
def test_frames_that_were_accepted_are_finished_when_the_program_ends(tmp_path: Path, program: str) -> None:
    done = ended(program, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path) == FRAMES


@pytest.mark.parametrize("program", [HELD, DROPPED])
def test_a_frame_that_fails_then_is_named(tmp_path: Path, program: str) -> None:
    assert "the disk is away" in ended(program, tmp_path, spoilt="frame_00002.png").stderr


def test_a_writer_that_was_not_closed_is_warned_of(tmp_path: Path) -> None:
    done = ended('warnings.simplefilter("default", ResourceWarning)', tmp_path)
    assert done.stderr.count(", open> was never closed: use it in a with block") == 1


@pytest.mark.parametrize(
    ("client", "program"),
    [
        ("s3fs", HELD),
        ("obstore", DROPPED),
        pytest.param("s3fs", DROPPED, marks=pytest.mark.full),
        pytest.param("obstore", HELD, marks=pytest.mark.full),
    ],
)
def test_they_are_finished_on_s3(s3_server: S3Server, client: str, program: str) -> None:
    if client == "obstore":
        needs_obstore()
    url = s3_server.new_prefix()
    done = ended(program, url, {**s3_server.storage_options, "client": client})
    assert (done.returncode, done.stderr) == (0, "")
    assert s3_server.keys(url) == FRAMES


def test_the_manifest_is_finished_on_s3(s3_server: S3Server) -> None:
    url = s3_server.new_prefix()
    options = {**s3_server.storage_options, "client": "s3fs"}
    done = ended('kept = write(open_writer(f"{url}/recorded", manifest=True))', url, options)
    assert (done.returncode, done.stderr) == (0, "")
    manifest = json.loads(s3_server.read(f"{url}/recorded/.seqsave/frame.png.json"))
    assert [frame["index"] for frame in manifest["frames"]] == [0, 1, 2]
    assert manifest["writers"] == []
    assert not manifest["complete"]  # the program may have ended before its last frame


def test_a_writer_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    program = """
    others = [write(open_writer(f"{url}/{name}", prefix=name)) for name in ("a", "b", "c", "d")]
    """
    done = ended(program, tmp_path, spoilt="b_00001.png")
    assert done.stderr.count("the disk is away") >= 1
    assert [len(names(tmp_path / name)) for name in "acd"] == [3, 3, 3]
    assert names(tmp_path) == FRAMES


GOES_ON = """
def go_on():
    at_the_end.wait()
    with open_writer(f"{url}/closed") as other:
        write(other)
    write(writer)

threading.Thread(target=go_on).start()
"""


def test_a_thread_that_goes_on_after_the_main_one_may_write(tmp_path: Path) -> None:
    done = ended(GOES_ON, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(names(tmp_path)) == 6
    assert names(tmp_path / "closed") == FRAMES


@pytest.mark.full
def test_a_thread_that_goes_on_after_the_main_one_may_write_to_s3(s3_server: S3Server) -> None:
    url = s3_server.new_prefix()
    done = ended(GOES_ON, url, {**s3_server.storage_options, "client": "s3fs"})
    assert (done.returncode, done.stderr) == (0, "")
    assert len(s3_server.keys(url)) == 9


def test_a_daemon_that_is_closing_the_writer_comes_to_its_end(tmp_path: Path) -> None:
    program = """
    begun, drain = threading.Event(), type(writer._pipeline).drain

    def begin(*arguments):
        begun.set()
        return drain(*arguments)

    type(writer._pipeline).drain = begin
    threading.Thread(target=writer.close, daemon=True).start()
    begun.wait()
    """
    done = ended(program, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path) == FRAMES


@needs_fork
@pytest.mark.parametrize("program", [HELD, DROPPED])
def test_a_forked_child_leaves_its_parent_s_writers_alone(tmp_path: Path, program: str) -> None:
    fork = """
    if not os.fork():
        sys.exit(3)  # with all that Python does at its end; at_the_end is set in this process only
    print(os.waitstatus_to_exitcode(os.wait()[1]))
    """
    done = ended(textwrap.dedent(program) + textwrap.dedent(fork), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")
    assert names(tmp_path) == FRAMES


@needs_fork
def test_a_process_of_multiprocessing_finishes_its_own_writers(tmp_path: Path) -> None:
    program = """
    import multiprocessing

    def child():
        at_the_end.set()
        globals()["kept"] = write(open_writer(f"{url}/child"))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    """
    done = ended(program, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path / "child") == FRAMES
    assert names(tmp_path) == FRAMES
