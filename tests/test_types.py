"""The records that seqsave returns: what they count, and how they show themselves."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from seqsave import types
from seqsave.types import FailedFrame, SavedFrame, SaveResult

RECORDS = [one for one in vars(types).values() if dataclasses.is_dataclass(one)]


def frame(index: int, status: Any, size: int = 10) -> SavedFrame:
    url = f"memory://shot/frame_{index:05d}.png"
    return SavedFrame(
        index=index, batch=None, filetype="png", url=url, size=size, checksum=None, etag=None, status=status
    )


RESULT = SaveResult(
    url="memory://shot",
    frames=(frame(0, "saved"), frame(1, "skipped", 0), frame(2, "spooled", 30), frame(3, "stopped", 0)),
    failures=(FailedFrame(index=4, batch=None, filetype="png", url="memory://shot/frame_00004.png", error="full"),),
)


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_is_frozen_and_takes_names_only(record: Any) -> None:
    assert record.__dataclass_params__.frozen
    assert all(one.kw_only for one in dataclasses.fields(record))


def test_a_result_counts_each_status_and_only_what_the_storage_has() -> None:
    assert RESULT.counts == {"saved": 1, "skipped": 1, "stopped": 1, "spooled": 1, "failed": 1}
    assert RESULT.urls == ("memory://shot/frame_00000.png", "memory://shot/frame_00001.png")
    assert RESULT.size == 10
    assert repr(SaveResult(url="memory://shot", frames=())) == "<SaveResult no frames in memory://shot>"
