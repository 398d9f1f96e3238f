"""``seqsave manifest``, and what ``ls`` shows of the manifest."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seqsave import SeqSaveWarning, save
from tests.cli.runner import options, seqsave
from tests.sources.pictures import encode, picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)


def test_it_is_printed(place: Place) -> None:
    save(FRAMES, place.url, rate=24, storage_options=place.storage_options)
    document = seqsave("manifest", place.url, *options(place)).document
    assert (document["complete"], document["rate"], document["expected"]) == (True, "24", "0-4")
    assert [frame["name"] for frame in document["frames"]] == [f"frame_0000{i}.png" for i in range(5)]


def test_there_is_none(tmp_path: Path) -> None:
    save(FRAMES, tmp_path, manifest=False)
    assert "has no manifest: runs of several frames write one" in seqsave("manifest", tmp_path, status=1).err
    assert "has no manifest" in seqsave("manifest", tmp_path, "--release", status=1).err


def test_what_is_unfinished_is_reported(tmp_path: Path) -> None:
    with pytest.warns(SeqSaveWarning, match="that `total` states"):
        save(FRAMES, tmp_path, total=7)
    result = seqsave("manifest", tmp_path)
    assert result.document["complete"] is False
    assert result.err == "unfinished: frames are missing: 5-6\n"


@pytest.mark.every_day
def test_rebuilt_out_of_the_frames(place: Place) -> None:
    save(FRAMES, place.url, manifest=False, storage_options=place.storage_options)
    document = seqsave("manifest", place.url, "--rebuild", *options(place)).document
    save(FRAMES, place.url, filetype="png with embedded workflow", storage_options=place.storage_options)
    written = seqsave("manifest", place.url, *options(place)).document
    for frame in written["frames"]:
        frame.pop("etag", None)
        frame.pop("acknowledged", None)
    for frame in (*written["frames"], *document["frames"]):
        frame.pop("version", None)  # where it is not the ETag
    for name in ("complete", "frames", "picture", "expected", "prefix", "digits"):
        assert document[name] == written[name]
    assert seqsave("verify", place.url, "--deep", *options(place)).status == 0


def test_rebuilding_keeps_what_only_the_manifest_knows(tmp_path: Path) -> None:
    with pytest.warns(SeqSaveWarning, match="that `total` states"):
        save(FRAMES, tmp_path, rate=25, total=6, recipe="r", metadata={"a": 1})
    (tmp_path / "frame_00001.png").write_bytes((tmp_path / "frame_00000.png").read_bytes())
    (tmp_path / "frame_00002.png").write_bytes(b"no picture")
    result = seqsave("manifest", tmp_path, "--rebuild", status=1)
    document = result.document
    assert (document["rate"], document["recipe"], document["metadata"]) == ("25", "r", {"a": 1})
    assert [frame["index"] for frame in document["frames"]] == [0, 1, 3, 4]
    assert [frame.get("recipe", "r") for frame in document["frames"]] == ["r", None, "r", "r"]
    assert result.err.endswith("unfinished: frames are missing: 2,5\n")
    assert seqsave("manifest", tmp_path, "--rebuild", "--frames", "3-4").document["complete"] is True
    assert [frame["index"] for frame in seqsave("manifest", tmp_path).document["frames"]] == [3, 4]


def test_rebuilding_a_damaged_one(tmp_path: Path) -> None:
    save(FRAMES, tmp_path)
    path = tmp_path / ".seqsave" / "frame.png.json"
    path.write_bytes(b"{")
    assert "is damaged" in seqsave("manifest", tmp_path, status=1).err
    assert seqsave("manifest", tmp_path, "--rebuild").document["complete"] is True
    path.write_bytes(b'{"version": 7}')
    assert "update seqsave" in seqsave("manifest", tmp_path, "--rebuild", status=1).err


def test_rebuilding_one_that_contradicts_itself(tmp_path: Path) -> None:
    save(FRAMES, tmp_path)
    path = tmp_path / ".seqsave" / "frame.png.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "expected": "0-1"}))
    assert "manifest damaged" in seqsave("ls", tmp_path, status=1).out
    result = seqsave("manifest", tmp_path, "--rebuild", "--frames", "0-9", status=1)
    assert result.err.endswith(f"unfinished: frames are missing: {len(FRAMES)}-9\n")
    assert "contradicts" not in result.err


def test_wrong_calls(tmp_path: Path) -> None:
    save(FRAMES, tmp_path)
    assert "--frames is for --rebuild" in seqsave("manifest", tmp_path, "--frames", "0-3", status=2).err
    save(FRAMES, tmp_path, prefix="other")
    assert "2 sequences" in seqsave("manifest", tmp_path, status=1).err
    assert seqsave("manifest", tmp_path, "--prefix", "other").document["prefix"] == "other"


def test_names_of_another_rule_have_one_of_their_own(tmp_path: Path) -> None:
    for name in ("shot.0001.png", "shot_0001.png"):
        (tmp_path / name).write_bytes(encode(picture()))
    assert "has no manifest" in seqsave("manifest", tmp_path / "shot.####.png", status=1).err
    made = seqsave("manifest", tmp_path / "shot.####.png", "--rebuild").document
    assert (made["prefix"], made["separator"], made["tail"], made["complete"]) == ("shot", ".", "", True)
    read = seqsave("manifest", tmp_path / "shot.####.png").document
    assert {**read, "updated": "", "software": ""} == {**made, "updated": "", "software": ""}
    assert "has no manifest" in seqsave("manifest", tmp_path / "shot_####.png", status=1).err


@pytest.mark.parametrize(("total", "says"), [(None, "complete"), (9, "unfinished, 5 of 9; to render again: 5-8")])
def test_ls_shows_it(place: Place, total: int | None, says: str) -> None:
    unfinished = pytest.warns(SeqSaveWarning, match="that `total` states")
    with nullcontext() if total is None else unfinished:
        save(FRAMES, place.url, total=total, storage_options=place.storage_options)
    out = seqsave("ls", place.url, *options(place), status=0 if total is None else 1).out
    assert "(5 frames)  " in out
    assert out.endswith(f" B, {says}\n")
    listed = seqsave("ls", place.url, "--json", *options(place), status=0 if total is None else 1)
    (document,) = listed.document["sequences"]
    assert document["complete"] is (total is None)


def test_the_options_of_save(tmp_path: Path) -> None:
    save(FRAMES, tmp_path / "from")
    seqsave("save", tmp_path / "from", tmp_path / "none", "--no-manifest")
    assert not (tmp_path / "none" / ".seqsave").exists()
    seqsave("save", tmp_path / "from", tmp_path / "to", "--recipe", "a")
    assert seqsave("manifest", tmp_path / "to").document["recipe"] == "a"
    again = ("save", tmp_path / "from", tmp_path / "to", "--json", "--if-exists")
    assert seqsave(*again, "skip-same-recipe", "--recipe", "a").document["counts"]["skipped"] == 5
    assert seqsave(*again, "skip same recipe", "--recipe", "b").document["counts"]["skipped"] == 0
    assert seqsave(*again, "skip-valid").document["counts"]["skipped"] == 5
    assert "--if-exists skip-same-recipe needs a --recipe" in seqsave(*again, "skip-same-recipe", status=None).err
    assert "is not one of" in seqsave(*again, "skip-some", status=2).err
