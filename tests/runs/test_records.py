"""A record of a frame travels from its task to the commit."""

from __future__ import annotations

import json
import zlib

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
