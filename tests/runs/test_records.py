"""A record of a frame travels from its task to the commit."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import Any

import pytest

import seqsave
from seqsave import manifest
from seqsave.runs import FrameRecord
from tests.runs.pieces import open_run, task
from tests.support.places import Place


def test_a_record_travels_as_json_and_pickled(place: Place) -> None:
    run = open_run(place, recipe="abc")
    run.begin()
    (record,) = task(run, 3)
    data = place.read("frame_00003.png")
    assert (record.size, record.checksum) == (len(data), f"crc32:{zlib.crc32(data):08x}")
    assert record.picture == manifest.Picture(width=24, height=16, channels=3, dtype="uint8")
    assert FrameRecord.from_document(json.loads(json.dumps(record.as_document()))) == record
    for damage in ({}, {**record.as_document(), "checksum": None}, {**record.as_document(), "run": 3}, None):
        with pytest.raises(seqsave.ManifestError, match="damaged"):
            FrameRecord.from_document(damage)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        *({"size": "70"}, {"size": True}, {"size": -1}, {"index": 1.0}, {"index": True}, {"batch": "1"}, {"batch": -1}),
        *({"checksum": "md5:0"}, {"checksum": None}, {"picture": {"width": 1}}, {"recipe": 5}, {"version": 5}),
        *({"etag": ["x"]}, {"acknowledged": 1}, {"index": 2**64}),
    ],
    ids=str,
)
def test_records_with_values_of_other_types_leave_the_manifest_as_it_is(values: dict[str, Any]) -> None:
    run = seqsave.open_run("memory://odd-records", total=2)
    run.begin()
    records = task(run, 0, 1)
    before = run.target.read(".seqsave/frame.png.json")
    with pytest.raises(seqsave.RunError, match="damaged"):
        run.commit([records[0], replace(records[1], **values)])
    assert run.target.read(".seqsave/frame.png.json") == before
    assert run.commit(records).complete


def test_a_record_without_a_version_is_compared_with_the_file(place: Place) -> None:
    run = open_run(place, total=2)
    run.begin()
    first, second = task(run, 0, 1)
    with pytest.raises(seqsave.RunError, match="other bytes than their records: 1"):
        run.commit([first, replace(second, version=None, etag=None, checksum="crc32:00000000")])
    assert run.commit([first, replace(second, version=None, etag=None)]).complete
