"""Writers that are never closed: a warning, no threads left behind, and no frame lost."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

import seqsave
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = np.zeros((8, 8, 3), np.uint8)


def drop(kept: list[seqsave.SequenceWriter]) -> None:
    kept.clear()
    gc.collect()


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
    for thread in threads:
        thread.join(PATIENCE)
    assert not [thread.name for thread in threads if thread.is_alive()]


PROGRAM = """
import atexit, sys, threading, warnings
import numpy as np
import seqsave
from seqsave.targets.local import LocalTarget

warnings.simplefilter("ignore", ResourceWarning)
at_the_end, publish = threading.Event(), LocalTarget.publish

def late(self, path, data, **more):
    at_the_end.wait()
    if path == sys.argv[2]:
        raise seqsave.TargetError("the disk is away")
    return publish(self, path, data, **more)

LocalTarget.publish = late
writer = seqsave.open_writer(sys.argv[1], manifest=False, filetype="png", retry=seqsave.RetryPolicy(attempts=1))
for _ in range(3):
    writer.write(np.zeros((8, 8, 3), np.uint8))
if sys.argv[3] == "dropped":
    del writer
atexit.register(at_the_end.set)  # runs first: nothing is published before the program ends
"""


@pytest.mark.parametrize("how", ["dropped", "held"])
def test_frames_that_were_accepted_are_finished_when_the_program_ends(tmp_path: Path, how: str) -> None:
    run = [sys.executable, "-c", textwrap.dedent(PROGRAM), tmp_path, "", how]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert ended.stderr == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"frame_{i:05d}.png" for i in range(3)]


@pytest.mark.parametrize("how", ["dropped", "held"])
def test_a_frame_that_fails_then_is_named(tmp_path: Path, how: str) -> None:
    run = [sys.executable, "-c", textwrap.dedent(PROGRAM), tmp_path, "frame_00002.png", how]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "the disk is away" in ended.stderr
