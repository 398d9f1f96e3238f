"""SIGKILL of a run that spools, at any moment: what it has said to be safe is published or kept, whole."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import seqsave
from seqsave import targets
from seqsave.spool import Spool, flush_spool
from seqsave.writer.deferred import BelatedRecords
from tests.support.processes import ROOT
from tests.support.proxy import Proxy
from tests.writer.spooling import picture

if TYPE_CHECKING:
    from tests.support.s3 import S3Server

KILLS = 8


def run_and_kill(arguments: list[str], seconds: float) -> list[int]:
    """What it said to be safe until so long after the first one."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.writer.spooling", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdout is not None
        said = child.stdout.readline()
        time.sleep(seconds)
        child.kill()
        said += child.stdout.read()
    lines = said.splitlines() if said.endswith("\n") else said.splitlines()[:-1]
    return [int(line.split()[1]) for line in lines]


@pytest.mark.s3
@pytest.mark.parametrize("mode", ["spooling", "behind"])
def test_a_run_that_is_killed(s3_server: S3Server, tmp_path: Path, mode: str) -> None:
    url = s3_server.new_prefix()
    spool = Spool(tmp_path / "spool")
    dice = random.Random(3)
    promised: set[int] = set()
    with Proxy(s3_server.endpoint_url) as proxy:
        options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
        for turn in range(KILLS):
            proxy.clear()
            if mode == "spooling":
                proxy.slow_down(probability=0.7)
            given = [url, json.dumps(options), str(spool.folder), str(1000 * turn), "500", mode]
            promised.update(run_and_kill(given, dice.uniform(0, 0.6)))
        proxy.clear()
        there = {entry.name for entry in targets.resolve(url, options).list() if not entry.is_folder}
        waiting = {entry.index for entry in spool.contents().entries if entry.is_frame}
        assert all(index in waiting or f"frame_{index:05d}.png" in there for index in promised)
        assert len(promised) > KILLS
        if mode == "spooling":
            assert waiting, "nothing was spooled: the test proves nothing"
        outcomes = flush_spool(spool, lambda text: targets.resolve(text, options), records=BelatedRecords(spool))
        assert {outcome.status for outcome in outcomes} <= {"published"}
        sequence = seqsave.open_sequence(url, storage_options=options)
        for frame in sequence:
            assert np.array_equal(frame.read(), picture(frame.index)), f"frame {frame.index} is damaged"
        assert promised <= set(sequence.indices)
        # Runs that broke off: whatever is there, nobody has said that it is all.
        found = sequence.manifest
        assert found is None or not found.complete
    assert spool.contents().entries == ()
