"""The manifest's file: writing and reading agree, so does the schema, and damage is found."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsave import ManifestError, manifest
from seqsave.manifest import FrameEntry, Manifest, Picture, RunEntry, WriterEntry
from tests.manifest.strategies import (
    UNHURRIED,
    manifests,
    values,
)

SCHEMA = json.loads(resources.files("seqsave").joinpath("manifest.schema.json").read_text(encoding="utf-8"))


def validate(data: bytes) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(data))


@UNHURRIED
@given(manifests)
def test_what_is_written_is_read_again_and_fits_the_schema(made: Manifest) -> None:
    data = manifest.dump(made)
    data.decode("ascii")
    assert manifest.load(data) == made
    validate(data)


def test_one_frame_in_each_line() -> None:
    lines = manifest.dump(example()).decode().splitlines()
    assert sum(line.startswith('    {"index": ') for line in lines) == 3


def test_each_other_value_has_a_line_of_its_own() -> None:
    data = manifest.dump(replace(example(), metadata={"workflow": {"nodes": [{"id": 1}, {"id": 2}]}}))
    lines = [line for line in data.decode().splitlines() if line.startswith('  "')]
    assert [line.partition('"')[2].partition('"')[0] for line in lines] == [*json.loads(data)]


def test_the_page_shows_one_that_fits() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "manifest.md").read_text(encoding="utf-8")
    data = page.split("```json\n")[1].split("```")[0].encode()
    validate(data)
    assert [frame.recipe for frame in manifest.load(data).frames] == ["sha256:5f2b8c0e", None]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


PICTURE = Picture(width=6, height=4, channels=3, dtype="uint8")


def example() -> Manifest:
    found = [
        FrameEntry(index=i, batch=None, name=f"frame_{i:05d}.png", size=7, checksum="crc32:00000001", picture=PICTURE)
        for i in (0, 1, 3)
    ]
    return Manifest(prefix="frame", extension="png", filetype="png", expected=(range(5),), frames=tuple(found))


PATHS = [
    ("version",), ("version", "text"), ("version", 0), ("complete",), ("complete", 1), ("prefix",), ("prefix", 3),
    ("digits", -1), ("digits", True), ("digits", 10**9),
    ("expected", f"-{2**63 - 1}-{2**63 - 1}"), ("step", 0), ("total", -1), ("total", 1.5), ("rate", "fast"),
    ("rate", "1/0"),
    ("rate", "9" * 21), ("rate", "1/" + "9" * 21),
    ("rate", 24), ("metadata", []), ("recipe", 7), ("picture", {"width": 1}), ("picture", []), ("expected",),
    ("expected", "5-3"), ("expected", "0-9,3"), ("expected", "--1"), ("expected", "-1--3"),
    ("expected", "0-99999999999999999999999"),
    ("expected", "0-99999999999"), ("frames",), ("frames", {}), ("frames", [3]), ("frames", [{}]), ("writers", [{}]),
    ("writers", None), ("unfinished", 3), ("unfinished", [3]), ("runs",), ("runs", {}), ("runs", [{}]),
    ("runs", [{"id": "a", "start": 0, "step": 1, "total": 10**18}, {"id": 3}]),
    ("runs", [{"id": "a", "start": 0, "step": 2, "total": 10**7}]),
    ("runs", [{"id": "a", "start": 0, "step": 1, "total": -1}]),
    ("runs", [{"id": "a", "start": 0, "step": 1, "total": 1, "batches": [-1]}]),
    ("frames", [{"index": 0, "name": "a", "size": 1, "checksum": None, "run": 0}]),
    ("frames", [{"index": 2**63, "name": "a", "size": 1, "checksum": None}]),
    ("frames", [{"index": 0, "name": "a", "size": -1, "checksum": None}]),
    ("frames", [{"index": 0, "name": "a", "size": True, "checksum": None}]),
    ("frames", [{"index": 0, "name": ["a"], "size": 1, "checksum": None}]),
    ("frames", [{"index": 0, "name": "a", "size": 1, "checksum": 7}]),
    ("frames", [{"index": 0, "name": "a", "size": 1, "checksum": None, "acknowledged": 1}]),
    ("frames", [{"index": 0, "name": "a", "size": 1, "checksum": None, "batch": -1}]),
]  # fmt: skip


@pytest.mark.parametrize("change", PATHS, ids=repr)
def test_damage_is_reported(change: tuple[Any, ...]) -> None:
    document = json.loads(manifest.dump(example()))
    if len(change) == 1:
        del document[change[0]]
    else:
        document[change[0]] = change[1]
    with pytest.raises(ManifestError, match=r"^the manifest .*has more than|damaged") as caught:
        manifest.load(json.dumps(document).encode())
    assert not caught.value.is_newer


def test_what_a_run_declares_takes_little_memory() -> None:
    """Frames with gaps between them are a range each: a hostile file names ten million of them in few bytes."""
    document = json.loads(manifest.dump(example()))
    run = {"id": "x", "start": 0, "step": 2, "total": 10**7, "expected": ""}
    loaded = manifest.load(json.dumps({**document, "runs": [*document["runs"], run], "unfinished": ["x"]}).encode())
    (found,) = [one for one in loaded.runs if one.id == "x"]
    assert manifest.declared(found.start, found.step, found.total) == ()
    assert len(manifest.declared(0, 2, 1000)) == 1000
    assert manifest.declared(0, 1, 10**7) == (range(10**7),)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_what_is_no_manifest_at_all(data: bytes) -> None:
    with pytest.raises(ManifestError, match="damaged"):
        manifest.load(data)


def test_a_newer_version() -> None:
    document = json.loads(manifest.dump(example()))
    with pytest.raises(ManifestError, match="version 3, but this seqsave knows 2: update seqsave") as caught:
        manifest.load(json.dumps({**document, "version": 3}).encode())
    assert caught.value.is_newer


@UNHURRIED
@given(st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_manifest_or_an_error(data: bytes) -> None:
    with pytest.raises(ManifestError):
        manifest.load(data)


@settings(UNHURRIED, max_examples=25)  # making one takes far longer than damaging it: each is damaged eight times
@given(made=manifests, data=st.data())
def test_any_damage_is_found_or_harmless(made: Manifest, data: st.DataObject) -> None:
    whole = manifest.dump(made)
    for position in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=8, max_size=8)):
        damaged = bytearray(whole)
        damaged[position] = data.draw(st.integers(0, 255))
        with contextlib.suppress(ManifestError):
            manifest.load(bytes(damaged))


def test_what_is_missing() -> None:
    assert example().missing == {None: (range(2, 3), range(4, 5))}
    batches = tuple(replace(frame, batch=batch) for frame in example().frames for batch in (0, 2))
    assert replace(example(), frames=batches, expected=(range(3),)).missing == {0: (range(2, 3),), 2: (range(2, 3),)}
    beside = (*batches, FrameEntry(index=2, batch=None, name="frame_00002.png", size=1))  # another run's
    assert replace(example(), frames=beside, expected=(range(3),)).missing == {0: (range(2, 3),), 2: (range(2, 3),)}
    assert replace(example(), expected=(range(2), range(3, 4))).missing == {}


def test_why_it_is_not_complete() -> None:
    writer = WriterEntry(id="x", host="gpu7", pid=12, since="2026-11-23T08:00:00Z")
    disputed = tuple(replace(frame, disputed=frame.index == 3) for frame in example().frames)
    found = replace(example(), writers=(writer,), frames=disputed, unfinished=("y",)).obstacles()
    assert found == [
        "process 12 on gpu7 since 2026-11-23T08:00:00Z is changing it",
        "frames are missing: 2,4",
        "frames were replaced after they were recorded: 3",
        "a run was interrupted or failed",
    ]
    assert replace(example(), complete=True).obstacles() == []


VERSION_1 = Path(__file__).with_name("version1.json").read_bytes()


def test_version_1_is_read_and_its_frames_are_of_one_earlier_run() -> None:
    one = manifest.load(VERSION_1)
    assert (one.complete, one.total, one.expected, one.batches) == (True, 4, (range(4),), (None,))
    assert [frame.run for frame in one.frames] == ["earlier", "earlier", None, "earlier"]
    assert [frame.recipe for frame in one.frames] == ["r", None, "r", "r"]
    assert [frame.version for frame in one.frames] == [None, "a5d0", "7-1", None]
    (run,) = one.runs
    assert (run.id, run.start, run.total, run.expected) == ("earlier", 0, 4, (range(4),))
    validate(VERSION_1)
    again = manifest.load(manifest.dump(one))
    assert again == one
    validate(manifest.dump(one))


def test_the_order_of_the_members_does_not_matter() -> None:
    document = json.loads(manifest.dump(replace(example(), runs=(RunEntry(id="a"),))))
    for last in ("version", "picture", "recipe", "runs"):
        moved = {name: value for name, value in document.items() if name != last} | {last: document[last]}
        assert manifest.load(json.dumps(moved).encode()) == manifest.load(json.dumps(document).encode())


def test_a_frame_of_the_first_run_does_not_name_it() -> None:
    entries = tuple(replace(frame, run=run) for frame, run in zip(example().frames, ("a", "b", None), strict=True))
    one = replace(example(), frames=entries, runs=(RunEntry(id="a"), RunEntry(id="b")))
    lines = [json.loads(line.strip(" ,")) for line in manifest.dump(one).decode().splitlines() if '{"index"' in line]
    assert [line.get("run", "absent") for line in lines] == ["absent", 1, None]


def test_metadata_is_bounded_in_depth() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    document = json.loads(manifest.dump(example()))
    with pytest.raises(ManifestError, match="metadata is nested more than 200 levels deep"):
        manifest.load(json.dumps({**document, "metadata": {"workflow": deep}}).encode())


def test_ten_million_expected_frames_cost_nothing() -> None:
    one = replace(example(), expected=(range(10_000_000),))
    assert one.missing == {None: (range(2, 3), range(4, 10_000_000))}
    assert one.progress == (3, 10_000_000)
