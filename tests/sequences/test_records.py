"""What people see of the library's records and errors in a prompt or a notebook."""

from __future__ import annotations

import dataclasses
import os
import re
import traceback
from pathlib import Path

import numpy as np
import pytest

import seqsave
from seqsave.types import Decoded, Encoded
from tests.support.places import Place

RECORDS = [
    value
    for name in sorted(set(dir(seqsave)))
    if not name.startswith("_")
    and isinstance(value := getattr(seqsave, name), type)
    and dataclasses.is_dataclass(value)
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_each_field_is_documented(record: type) -> None:
    documented = record.__doc__ or ""
    fields = [one.name for one in dataclasses.fields(record) if not one.name.startswith("_")]
    assert [name for name in fields if not re.search(rf"\b{name}\b", documented)] == []
    properties = {name: value for name, value in vars(record).items() if isinstance(value, property)}
    assert [name for name, one in properties.items() if not one.__doc__ and not name.startswith("_")] == []


def test_a_notebook_shows_sequences_and_results(tmp_path: Path) -> None:
    folder = tmp_path / "a <b> & c"
    with seqsave.open_writer(folder, prefix="<i>shot", filetype="png") as writer:
        for index in (1, 2, 5):
            writer.write(np.zeros((4, 6, 3), np.uint8), index=index)
    sequence, shown = seqsave.open_sequence(folder), f"{tmp_path}/a &lt;b&gt; &amp; c"
    assert sequence._repr_html_().startswith(
        f"<div>&lt;i&gt;shot_#####.png in {shown}<br>3 frames: 1-2,5<br>gaps: 3-4<br>{sequence.size} bytes</div><img"
    )
    assert writer.result._repr_html_() == f"&lt;SaveResult 3 saved in {shown}&gt;"
    failed = seqsave.FailedFrame(index=7, batch=None, filetype="png", url="x", error="the disk is <full>")
    result = seqsave.SaveResult(url="x", frames=(), failures=(failed, failed), warnings=("one", "two"))
    assert result._repr_html_() == "&lt;SaveResult 2 failed in x&gt;<br>frame 7: the disk is &lt;full&gt;<br>one<br>two"


def test_records_print_short(tmp_path: Path) -> None:
    secret = {"workflow": {"nodes": ["x" * 5000]}}
    result = seqsave.save(np.zeros((240, 4, 6, 3), "uint8"), tmp_path, metadata=secret, start=1001)
    sequence = seqsave.open_sequence(tmp_path)
    known = sequence.manifest
    assert known is not None
    assert repr(known) == "<Manifest frame_#####.png 1001-1240: complete, 240 frames>"
    shown = [
        result,
        result.frames[0],
        sequence,
        sequence[0],
        known.frames[0],
        seqsave.flush(tmp_path / "spool"),
        Encoded(data=bytes(10**6), leftover={"workflow": "x" * 5000}),
        Decoded(array=sequence[0].read(), metadata={"workflow": "x" * 5000}),
    ]
    for one in shown:
        assert len(repr(one)) < 500, one
        assert "xxxxx" not in repr(one)
        assert "\n" not in repr(one)


def test_a_number_in_the_place_of_a_position(tmp_path: Path) -> None:
    seqsave.save(np.zeros((3, 4, 6, 3), "uint8"), tmp_path, start=1001)
    sequence = seqsave.open_sequence(tmp_path)
    with pytest.raises(IndexError, match=r"positions count from 0; \.frame\(1001\) returns a frame by its number"):
        sequence[1001]
    with pytest.raises(IndexError, match=r"; \.frame\(1003\) returns"):
        sequence[7]
    assert sequence.frame(1001).index == 1001


PACKAGE = Path(seqsave.__file__).parent


def printed(error: BaseException) -> list[str]:
    return "".join(traceback.format_exception(error)).splitlines()


def test_an_error_is_short_and_says_each_thing_once(tmp_path: Path) -> None:
    (tmp_path / "blocked").touch()
    with pytest.raises(seqsave.SeqSaveError) as caught:
        seqsave.save(np.zeros((2, 4, 6, 3), "uint8"), tmp_path / "blocked" / "x")
    lines = printed(caught.value)
    assert len([line for line in lines if line.startswith("seqsave.errors.TargetError: ")]) <= 1


def test_causes_in_other_libraries_are_one_line_each(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(seqsave.TargetError) as caught:
        seqsave.open_frame(f"{place.url}/frame_00001.png", storage_options=place.storage_options).read()
    lines = printed(caught.value)
    ours = (f"{PACKAGE}{os.sep}", f"seqsave_obstore{os.sep}")
    of_others = [line for line in lines if "site-packages" in line and not any(name in line for name in ours)]
    assert not of_others, lines
    assert caught.value.__cause__ is not None
    monkeypatch.setenv("SEQSAVE_TRACEBACK", "1")
    with pytest.raises(seqsave.TargetError) as traced:
        seqsave.open_frame(f"{place.url}/frame_00001.png", storage_options=place.storage_options).read()
    assert traced.value.__cause__ is not None
    assert traced.value.__cause__.__traceback__ is not None
