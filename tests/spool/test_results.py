"""The records of a flush: counts and representations."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest

from seqsave.spool.results import FlushedFrame, FlushResult, FlushStatus


@pytest.mark.parametrize("record", [FlushedFrame, FlushResult])
def test_every_record_is_frozen_and_takes_names_only(record: Any) -> None:
    assert record.__dataclass_params__.frozen
    assert all(one.kw_only for one in dataclasses.fields(record))


def test_a_flush_counts_each_status_and_knows_what_is_left() -> None:
    found = FlushResult(
        spool="/spool",
        outcomes=tuple(FlushedFrame(index=1, batch=None, url="x", status=s) for s in get_args(FlushStatus)),
    )
    assert set(found.counts.values()) == {1}
    assert [one.status for one in found.frames] == ["published"]
    assert {one.status for one in found.conflicts} | {one.status for one in found.failures} == {
        one.status for one in found.left
    }
    assert {one.status for one in found.left} == set(get_args(FlushStatus)) - {"published", "superseded", "gone"}
    assert repr(FlushResult(spool="/spool")) == "<FlushResult /spool: nothing waited>"
