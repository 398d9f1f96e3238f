"""What a viewer shows of a storage, and the list that the page gets of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.errors import SequenceNotFoundError
from seqsave.look.catalog import Shown, facts_of, find, runs_of
from tests.support.places import Place


def frame(shade: float = 0.1) -> Any:
    return np.full((4, 8, 3), shade, np.float32)


def shown(url: Any, **how: Any) -> list[Shown]:
    _, seen = find([url] if isinstance(url, str | Path) else url, **how)
    return [Shown(number, one) for number, one in enumerate(seen)]


def test_gaps_without_a_record(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, filetype="png", manifest=False) as writer:
        for index in (-2, -1, 3, 7):
            writer.write(frame(), index=index)
    document = shown(tmp_path)[0].document()
    assert document["runs"] == [[[-2, -1, 1], [3, 3, 1], [7, 7, 1]]]
    assert document["missing"] == [[[0, 2, 1], [4, 6, 1]]]
    assert (document["first"], document["last"]) == (-2, 7)
    assert (document["expected"], document["finished"]) == (None, None)


def test_what_a_record_expects(tmp_path: Path) -> None:
    seqsave.save([frame()] * 6, tmp_path, filetype="png", start=10, step=2)
    (tmp_path / "frame_00014.png").unlink()
    document = shown(tmp_path)[0].document()
    assert document["expected"] == [[10, 20, 2]] or document["expected"] == [[i, i, 1] for i in range(10, 21, 2)]
    assert document["missing"] == [[[14, 14, 1]]]
    assert document["finished"] is False


def test_variations(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, filetype="png") as writer:
        for _ in range(3):
            writer.write_batch(np.stack([frame(0.1), frame(0.2)]))
    (tmp_path / "batch_0001" / "frame_00001.png").unlink()
    document = shown(tmp_path)[0].document()
    assert document["batches"] == [0, 1]
    assert document["runs"] == [[[0, 2, 1]], [[0, 0, 1], [2, 2, 1]]]
    assert document["missing"] == [[], [[1, 1, 1]]]


def test_the_entries_of_a_manifest_are_kept_only_to_find_proxies_by(tmp_path: Path) -> None:
    """They are many, and the page needs what they come to."""
    for name, proxies in (("without", False), ("with", True)):
        seqsave.save([frame()] * 5, tmp_path / name, filetype="png", proxies=proxies, rate=25)
        (one,) = shown(tmp_path / name)
        known, own = one.seen.progress.known, one.sequence.manifest
        assert known is not None
        assert own is not None
        assert (len(known.frames), len(own.frames)) == (1, 5 if proxies else 1)
        document = one.document()
        assert (document["runs"], document["finished"]) == ([[[0, 4, 1]]], True)
        facts = facts_of(one.sequence, None)
        assert (facts.picture, facts.rate) == (own.picture, 25)
        assert facts.picture is not None


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    seqsave.save([frame()] * 2, tmp_path, filetype="png")
    (tmp_path / ".seqsave" / "frame.png.json").write_text("{")
    document = shown(tmp_path)[0].document()
    assert (document["runs"], document["state"]) == ([[[0, 1, 1]]], "manifest damaged")


def test_several_places_and_folders_below(tmp_path: Path) -> None:
    for name in ("a", "b/c"):
        seqsave.save([frame()], tmp_path / name, filetype="png")
    assert [one.document()["url"][-18:] for one in shown(tmp_path, recursive=True)] == [
        "/a/frame_#####.png",
        "/c/frame_#####.png",
    ]
    assert len(shown([tmp_path / "b" / "c", tmp_path / "a"])) == 2
    assert len(shown(str(tmp_path / "a" / "frame_#####.png"))) == 1
    assert len(shown(str(tmp_path / "a" / "*.png"))) == 1


def test_a_file_stands_for_its_sequence(place: Place) -> None:
    options = {"storage_options": place.storage_options}
    seqsave.save([frame()] * 3, place.url, filetype="png", **options)
    seqsave.save([frame()], place.url, prefix="b", filetype="png", **options)
    catalog, seen = find([f"{place.url}/frame_00001.png"], place.storage_options)
    assert [len(one.sequence) for one in seen] == [3]
    assert [len(one.sequence) for one in catalog.look_again(())] == [3]


@pytest.mark.parametrize(
    ("below", "text"),
    [
        ("nothing", "does not exist"),
        ("", "no sequence in .*, but folders: a; --recursive searches them"),
        ("e", "empty"),
    ],
)
def test_a_place_without_a_sequence_is_an_error(tmp_path: Path, below: str, text: str) -> None:
    seqsave.save([frame()], tmp_path / "a", filetype="png")
    if below == "e":
        (tmp_path / "e").mkdir()
    with pytest.raises(SequenceNotFoundError, match=text):
        find([str(tmp_path / below) if below else str(tmp_path)])


def test_a_hundred_thousand_frames_are_a_short_list(tmp_path: Path) -> None:
    tmp_path.joinpath("s").mkdir()
    for index in range(3000):
        tmp_path.joinpath("s", f"frame_{index * 33:07d}.png").touch()
    one = shown(tmp_path / "s")[0]
    assert len(one.document()["runs"][0]) == 3000
    assert re.match(r".*has no bytes", one.document()["broken"][0]["33"])


def test_a_later_look_shows_what_came_what_went_and_what_was_replaced(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, filetype="png", manifest=False) as writer:
        for index in (1, 2, 5, 8, 9):
            writer.write(frame(), index=index)
    (one,) = shown(tmp_path)
    catalog, _ = find([tmp_path])
    assert one.take(catalog.look()[0]) == (False, [])
    for index in (1, 5, 9):
        (tmp_path / f"frame_0000{index}.png").unlink()
    with seqsave.open_writer(tmp_path, filetype="png", manifest=False) as writer:
        for index in (0, 3, 8, 10):
            writer.write(frame(0.9), index=index)
    assert one.take(catalog.look()[0]) == (True, [(8, None)])
    assert one.document()["runs"] == [[[0, 0, 1], [2, 3, 1], [8, 8, 1], [10, 10, 1]]]
    assert one.grows
    assert [one.frame(index, None) is not None for index in (1, 2, 3, 9, 10)] == [False, True, True, False, True]


def test_a_later_look_uses_the_frames_of_the_one_before(tmp_path: Path) -> None:
    seqsave.save([frame()] * 3, tmp_path, filetype="png")
    catalog, before = find([tmp_path])
    seqsave.save([frame()], tmp_path, filetype="png", start=3)
    (after,) = catalog.look_again(before)
    assert [one is other for one, other in zip(after.sequence, before[0].sequence, strict=False)] == [True] * 3
    assert len(after.sequence) == 4
    assert after.sequence.manifest is not None
    assert after.sequence.manifest.expected == (range(4),), "the manifest is read again"


def test_runs_as_json() -> None:
    assert runs_of([range(3), range(5, 6), range(10, 20, 4), range(0)]) == [[0, 2, 1], [5, 5, 1], [10, 18, 4]]
