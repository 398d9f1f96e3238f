"""Sequences of which all frames are gone, beside others and alone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave as core
from seqsave.sequences.lost import lost_beside
from seqsave.targets.base import Target
from tests.cli.runner import options, seqsave

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place

LACKING = "a_#####.png (no frame left), 5 frames to render again: 0-4"


def save(place: Place, prefix: str, **settings: Any) -> None:
    frames = np.zeros((5, 4, 6, 3), np.uint8)
    core.save(frames, place.url, prefix=prefix, storage_options=place.storage_options, **settings)


def remove(place: Place, start: str) -> None:
    """Delete frames around seqsave."""
    target = core.targets.resolve(place.url, place.storage_options)
    for name in place.frames():
        if name.startswith(start):
            target.delete(name)


@pytest.fixture
def two(place: Place) -> Place:
    """a_#####.png, of which only the manifest is left, and b_#####.png."""
    for prefix in ("a", "b"):
        save(place, prefix)
    remove(place, "a_")
    return place


@pytest.mark.every_day
def test_a_sequence_that_is_gone_is_listed_beside_another(two: Place) -> None:
    listed = seqsave("ls", two.url, *options(two), status=1).out.splitlines()
    assert listed[0].startswith("b_#####.png 0-4 (5 frames)")
    assert listed[1:] == [LACKING]
    (lost,) = seqsave("ls", two.url, "--json", *options(two), status=1).document["lost"]
    assert (lost["pattern"], lost["render_again"], lost["has_writers"]) == ("a_#####.png", "0-4", False)
    assert lost["manifest"].endswith("/.seqsave/a.png.json")


def test_each_command_names_it_where_it_is_asked_for(two: Place) -> None:
    clause = "no frame of a_#####.png is left, of 5 frames to render again: 0-4"
    for command in ("ls", "verify", "info", "preview", "manifest"):
        assert clause in seqsave(command, two.url, "--prefix", "a", *options(two), status=1).err
    assert clause in seqsave("verify", f"{two.url}/a_#####.png", *options(two), status=1).err
    with pytest.raises(core.SequenceNotFoundError, match=r"but 1 sequence: b_#####\.png 0-4; no frame of a_#####\.png"):
        core.open_sequence(two.url, "a", storage_options=two.storage_options)


def test_verify_warns_of_it_unless_one_sequence_was_asked_for(two: Place) -> None:
    assert "no frame of a_#####.png is left" in seqsave("verify", two.url, *options(two)).err
    assert seqsave("verify", two.url, "--prefix", "b", *options(two)).err == ""
    assert seqsave("ls", two.url, "--prefix", "b", *options(two)).out.startswith("b_")


def test_a_tree_has_them_in_each_folder(tmp_path: Path) -> None:
    for folder in ("one", "both/below"):
        for prefix in ("a", "b"):
            core.save(np.zeros((2, 4, 6, 3), np.uint8), tmp_path / "in" / folder, prefix=prefix)
        for frame in (tmp_path / "in" / folder).glob("a_*.png"):
            frame.unlink()
    shutil.rmtree(tmp_path / "in" / "one" / "b_00000.png", ignore_errors=True)
    (tmp_path / "in" / "one" / "b_00000.png").unlink()
    (tmp_path / "in" / "one" / "b_00001.png").unlink()
    listed = seqsave("ls", "-r", tmp_path / "in", status=1).out.splitlines()
    assert [line.partition(" ")[0] for line in listed] == [
        "both/below/b_#####.png",
        "both/below/a_#####.png",
        "one/a_#####.png",
        "one/b_#####.png",
    ]
    stated = seqsave("save", "-r", tmp_path / "in", tmp_path / "out").err
    assert stated.count("is left, of 2 frames to render again: 0-1") == 3


def test_a_run_that_has_begun_is_not_lost(place: Place) -> None:
    save(place, "b")
    with core.open_writer(place.url, prefix="a", total=3, storage_options=place.storage_options) as writer:
        writer.write(np.zeros((4, 6, 3), np.uint8)).result()
        remove(place, "a_")
        (line,) = [one for one in seqsave("ls", place.url, *options(place), status=1).out.splitlines() if "a_" in one]
        writer.write(np.zeros((4, 6, 3), np.uint8), index=0 + 1)
        writer.write(np.zeros((4, 6, 3), np.uint8), index=2)
        assert line == "a_#####.png (no frame yet), a run is writing 3 frames: 0-2"
        with pytest.raises(core.SaveError, match="another program has removed it"):
            writer.close()


def test_sequences_with_frames_under_other_names_are_not_lost(place: Place) -> None:
    """In another width, in capital letters, in batch folders, as a single file."""
    for prefix in ("a", "b", "c"):
        save(place, prefix)
    data = place.read("a_00000.png")
    remove(place, "a_")
    remove(place, "c_")
    place.write("a_7.PNG", data)
    place.write("batch_0001/c_00001.png", data)
    assert seqsave("ls", place.url, "--json", *options(place), status=None).document["lost"] == []


def test_a_name_that_another_sequence_has_is_no_frame_of_a_lost_one(place: Place) -> None:
    save(place, "take_3")
    remove(place, "take_")
    for take in (1, 2, 3):
        name = f"take_{take}_00001.png"
        with core.open_writer(
            f"{place.url}/take_#_00001.png", manifest=False, storage_options=place.storage_options
        ) as one:
            one.write(np.full((4, 6, 3), take, np.uint8), index=take)
        assert name in place.frames()
    found = seqsave("ls", place.url, "--json", *options(place), status=1).document
    assert [one["pattern"] for one in found["sequences"]] == ["take_#_00001.png"]
    assert [(one["pattern"], one["render_again"]) for one in found["lost"]] == [("take_3_#####.png", "0-4")]


def test_what_cannot_be_a_lost_sequence_is_passed_over(two: Place) -> None:
    two.write(".seqsave/x.png.json", b"no manifest")
    two.write(".seqsave/b_00001.png.9ae0daaf.workflow.json", b"{}")
    assert len(seqsave("ls", two.url, "--json", *options(two), status=1).document["lost"]) == 1
    target = core.targets.resolve(two.url, two.storage_options)
    target.delete(".seqsave/a.png.json")
    assert LACKING not in seqsave("ls", two.url, *options(two)).out


def test_reading_a_sequence_does_not_ask_for_others(two: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only ``ls``, ``verify`` and errors pay the additional listing."""
    asked: list[str] = []
    target = type(core.targets.resolve(two.url, two.storage_options))
    real = target.list

    def note(self: Target, folder: str = "") -> Any:
        asked.append(folder)
        return real(self, folder)

    monkeypatch.setattr(target, "list", note)
    sequence = core.open_sequence(two.url, storage_options=two.storage_options)
    assert (sequence.pattern, asked) == ("b_#####.png", [""])
    assert [one.pattern for one in lost_beside(sequence)] == ["a_#####.png"]
    assert asked == ["", ".seqsave", ""]
    asked.clear()
    save(two, "a")
    asked.clear()
    assert lost_beside(sequence) == []
