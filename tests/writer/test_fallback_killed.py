"""SIGKILL of a run that spools, at every step: each frame that it reported as safe is published or kept, whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

import seqsave
from seqsave import targets
from seqsave.spool import Spool, flush_spool
from seqsave.spool.deferred import DeferredUpdates
from tests.support.forks import Forks
from tests.support.holds import Hold
from tests.support.proxy import Proxy
from tests.writer.spooling import picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.s3 import S3Server

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only on systems with fork"),
]

KEEPING = [
    Hold(what="half", path=r"/\.seqsave-[^/]*\.tmp$", nth=3),
    Hold(what="temporary", path=r"\.frame$", nth=3),
    Hold(what="named", path=r"\.frame$", nth=3),
    Hold(what="spooled", nth=3),
]
HOLDS = {
    "spooling": [Hold(what="saved"), *KEEPING],
    "behind": [*KEEPING, Hold(what="dropping", nth=2), Hold(what="dropped", nth=2)],
}
REFUSED = r"frame_\d*[1-8]\.png$"


@pytest.mark.parametrize("mode", ["spooling", "behind"])
def test_a_run_that_is_killed(s3_server: S3Server, tmp_path: Path, mode: str) -> None:
    url = s3_server.new_prefix()
    spool = Spool(tmp_path / "spool")
    stated: list[str] = []
    with Proxy(s3_server.endpoint_url) as proxy, Forks("tests.writer.spooling") as forks:
        options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
        order = {"url": url, "options": options, "spool": str(spool.folder), "count": 40, "behind": mode == "behind"}
        if mode == "spooling":
            proxy.slow_down(path=REFUSED)
        for turn, hold in enumerate(HOLDS[mode]):
            stated += forks.run(hold=hold, first=1000 * turn, **order)
        proxy.clear()
        cut = proxy.cut(path=r"frame_\d+\.png$")
        stated += forks.run(reached=cut.reached, first=1000 * len(HOLDS[mode]), **order)
        proxy.clear()
        promised = {int(line.split()[1]) for line in stated}
        there = {entry.name for entry in targets.resolve(url, options).list() if not entry.is_folder}
        waiting = {entry.index for entry in spool.contents().entries if entry.is_frame}
        assert all(index in waiting or f"frame_{index:05d}.png" in there for index in promised)
        assert len(promised) > len(HOLDS[mode])
        assert waiting, "nothing was spooled: the test proves nothing"
        outcomes = flush_spool(spool, lambda text: targets.resolve(text, options), records=DeferredUpdates(spool))
        assert {outcome.status for outcome in outcomes} <= {"published"}
        sequence = seqsave.open_sequence(url, storage_options=options)
        for frame in sequence:
            assert np.array_equal(frame.read(), picture(frame.index)), f"frame {frame.index} is damaged"
        assert promised <= set(sequence.indices)
        # Interrupted runs: whatever frames exist, no run has stated that they are all.
        found = sequence.manifest
        assert found is None or not found.complete
    assert spool.contents().entries == ()
