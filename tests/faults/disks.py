"""Disks that are full or read-only: a small tmpfs, which takes the right to mount one."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.child import Order
from tests.faults.judge import Judge, healthy_run
from tests.faults.saver import Saver
from tests.faults.steps import resume
from tests.faults.trial import Faults, Lab, Trial
from tests.support.patience import wait_until
from tests.support.places import Place

FAULTS = Faults()

FRAMES = 60  # of 37 KB each
SMALL = "1m"
LARGE = "64m"


@functools.cache
def can_mount() -> bool:
    """Return whether this process may mount a tmpfs."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(OSError):
        if _mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", folder).returncode == 0:
            subprocess.run(["umount", folder], check=True)
            return True
    return False


def _mount(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False)


class SmallDisk:
    """A tmpfs at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def remount(self, options: str) -> None:
        """``size=64m``, ``ro``, ``rw``. While a file is open for writing it cannot become read-only: wait for that."""
        wait_until(lambda: _mount("-o", f"remount,{options}", str(self.path)).returncode == 0, f"remount {options}")


@contextmanager
def small_disk(folder: Path, size: str = SMALL) -> Iterator[SmallDisk]:
    folder.mkdir(parents=True)
    done = _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    if done.returncode:
        raise RuntimeError(f"cannot mount a tmpfs: {done.stderr.decode()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@FAULTS.add("Disk full", "local", 10)
def full(lab: Lab, trial: Trial, times: int) -> None:
    """A third of the frames fit; then the disk gets larger and another run saves the rest."""
    for number in range(times):
        with small_disk(lab.folder()) as disk:
            place = Place("local", str(disk.path / "shot"))
            order = Order(
                url=place.url,
                indices=list(range(FRAMES)),
                settings={"if_exists": ("overwrite", "skip")[number % 2], "concurrency": (None, 1)[number // 2 % 2]},
            )
            judge = Judge(trial, place, healthy_run(lab, order))
            with Saver(order) as saver:
                judge.fails(saver.end(), "SaveError", "the disk is full")
                trial.tried += 1
                judge.hear(saver)
                judge.leaves_nothing_behind()
            disk.remount(f"size={LARGE}")
            resume(trial, judge, order)


@FAULTS.add("Target becomes read-only", "local", 10)
def read_only(lab: Lab, trial: Trial, times: int) -> None:
    """In the middle of a run, and found so by the next one; then it may be written again and another run goes on."""
    for number in range(times):
        with small_disk(lab.folder(), LARGE) as disk:
            place = Place("local", str(disk.path / "shot"))
            order = Order(url=place.url, indices=list(range(FRAMES)), halt_before=FRAMES // 2)
            judge = Judge(trial, place, healthy_run(lab, order))
            with Saver(order) as saver:
                saver.wait_for(lambda word: word.get("status") == "saved", 3 + number)
                disk.remount("ro")
                trial.tried += 1
                saver.go()
                judge.fails(saver.end(), "SaveError", "read-only")
                judge.hear(saver)
            with Saver(order) as refused:
                judge.fails(refused.end(), "TargetError", "read-only")
                judge.hear(refused)
            disk.remount("rw")
            resume(trial, judge, order)
