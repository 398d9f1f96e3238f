"""Sequences are found fresh, by prefix and extension, in numeric order, gaps and batches included."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.sequences import finder
from tests.sequences.placed import PICTURE, fill
from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets


def test_sorted_by_number_and_not_by_text(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_99999.png", "frame_100000.png", "frame_00002.png")
    sequence = seqsave.open_sequence(place.url, **options)
    assert [frame.index for frame in sequence] == [2, 99999, 100000]
    assert sequence.digits == 5


@pytest.mark.every_day
def test_gaps(place: Place, options: dict[str, Any]) -> None:
    fill(place, *(f"frame_{i:05d}.png" for i in range(20) if i not in (7, 11, 12)))
    sequence = seqsave.open_sequence(place.url, **options)
    assert sequence.missing == (7, 11, 12)
    assert sequence.missing_ranges == (range(7, 8), range(11, 13))
    assert len(sequence) == 17


def test_one_stray_number_does_not_hang_it(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00001.png", "frame_999999999999999.png")
    sequence = seqsave.open_sequence(place.url, **options)
    assert sequence.missing_ranges == (range(2, 999999999999999),)
    with pytest.raises(seqsave.FrameNameError, match="too many to list"):
        _ = sequence.missing


@pytest.mark.every_day
def test_batches_with_gaps_and_without_the_first(place: Place, options: dict[str, Any]) -> None:
    fill(place, "batch_0000/frame_00000.png", "batch_0003/frame_00000.png", "batch_0003/frame_00001.png",
         "batch_12345/frame_00001.png", "batch_3/frame_00009.png", "batch_0000/frame_00002.png")  # fmt: skip
    sequence = seqsave.open_sequence(place.url, **options)
    assert sequence.batches == (0, 3, 12345)
    assert [(frame.index, frame.batch) for frame in sequence] == [(0, 0), (0, 3), (1, 3), (1, 12345), (2, 0)]
    assert sequence.indices == (0, 1, 2)
    assert sequence.missing == (0, 1, 2)  # each of them lacks a batch that others have
    assert sequence.frame(1).batch == 3
    assert sequence.frame(1, batch=12345).url.endswith("batch_12345/frame_00001.png")


def test_listings_are_fresh(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00001.png")
    assert len(seqsave.open_sequence(place.url, **options)) == 1
    fill(place, "frame_00002.png")
    assert len(seqsave.open_sequence(place.url, **options)) == 2


@pytest.mark.parametrize("recursive", [False, True])
def test_a_missing_folder_is_named_and_an_empty_one_is_not(tmp_path: Path, recursive: bool) -> None:
    (tmp_path / "empty" / "below").mkdir(parents=True)
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / ".frame_1.png").touch()
    for name in ("empty", "hidden", "empty/below", "empty/shot.####.png"):
        assert list(seqsave.find_sequences(tmp_path / name, recursive)) == []
    with pytest.warns(seqsave.SeqSaveWarning, match=r"emtpy does not exist \(did you mean 'empty'\?\)"):
        assert list(seqsave.find_sequences(tmp_path / "emtpy", recursive)) == []


@pytest.mark.every_day
def test_recursion_leaves_private_and_batch_folders_to_their_sequence(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_1.png", "shots/a/frame_1.png", "shots/a/batch_0001/frame_1.png", "shots/b c/x_1.png",
         ".seqsave/frame_1.png")  # fmt: skip
    assert [s.prefix for s in seqsave.find_sequences(place.url, **options)] == ["frame"]
    found = {s.prefix: s for s in seqsave.find_sequences(place.url, recursive=True, **options)}
    assert set(found) == {"frame", "shots/a/frame", "shots/b c/x"}
    assert found["shots/a/frame"].batches == (1,)


def test_folders_and_sequences_come_in_natural_order(place: Place, options: dict[str, Any]) -> None:
    names = (
        "a10_1.png",
        "a10_2.png",
        "a9_1.png",
        "a9_2.png",
        "shot10/x_1.png",
        "shot2/b/x_1.png",
        "shot2/x_1.png",
        "shot2/x_1.jpg",
    )
    fill(place, *names)
    found = [f"{one.prefix}.{one.extension}" for one in seqsave.find_sequences(place.url, recursive=True, **options)]
    assert found == ["a9.png", "a10.png", "shot2/x.jpg", "shot2/x.png", "shot2/b/x.png", "shot10/x.png"]


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own there")
def test_recursion_follows_no_links_to_folders(tmp_path: Path) -> None:
    seqsave.save(np.zeros((1, 2, 2, 3), np.uint8), tmp_path / "shot", filetype="png")
    (tmp_path / "self").symlink_to(tmp_path)
    (tmp_path / "shot" / "up").symlink_to(tmp_path)
    assert [s.prefix for s in seqsave.find_sequences(tmp_path, recursive=True)] == ["shot/frame"]
    assert [s.prefix for s in seqsave.find_sequences(tmp_path / "self" / "shot")] == ["frame"]
    assert seqsave.open_sequence(tmp_path / "**" / "*.png").urls == (str(tmp_path / "shot" / "frame_00000.png"),)
    assert seqsave.open_sequence(tmp_path / "self" / "*" / "*.png").indices == (0,)


def test_hidden_folders_are_left_out_of_a_search_below(place: Place, options: dict[str, Any]) -> None:
    fill(place, "shot/f_1.png", ".trash/f_1.png", "shot/.old/f_1.png", ".trash/deep/f_1.png")
    assert [s.prefix for s in seqsave.find_sequences(place.url, recursive=True, **options)] == ["shot/f"]
    assert [s.prefix for s in seqsave.find_sequences(f"{place.url}/.trash", recursive=True, **options)] == [
        "f",
        "deep/f",
    ]


def test_names_that_cannot_be_asked_for_are_passed_over(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_1.png", "a::b_2.png", "x::y/frame_3.png")
    found = {s.prefix for s in seqsave.find_sequences(place.url, recursive=True, **options)}
    assert found == ({"frame", "a::b", "x::y/frame"} if place.kind == "local" else {"frame"})


def test_one_number_under_two_names_is_one_frame(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00007.png", "frame_7.png", "frame_00008.png")
    sequence = seqsave.open_sequence(place.url, **options)
    assert [frame.name for frame in sequence] == ["frame_00007.png", "frame_00008.png"]


def test_frames_of_an_earlier_search_are_used_again_while_they_are_the_same(
    place: Place, options: dict[str, Any]
) -> None:
    """A long list that grows then takes little more memory than the one before."""
    picture = np.zeros((2, 2, 3), np.uint8)
    seqsave.save([picture] * 4, place.url, filetype="png", metadata={"a": 1}, metadata_in="sidecar", **options)
    how: dict[str, Any] = {"storage_options": options.get("storage_options")}
    (first,) = finder.find(place.url, **how).sequences
    assert first[0].read_metadata() == {"a": 1}  # its sidecars are listed
    seqsave.save(
        [picture + 200] * 3, place.url, filetype="png", start=3, metadata={"a": 2}, metadata_in="sidecar", **options
    )
    (second,) = finder.find(place.url, known=[first], **how).sequences
    assert [frame.index for frame in second] == list(range(6))
    assert [frame is known for frame, known in zip(second, first, strict=False)] == [True, True, True, False]
    assert {id(frame.files) for frame in second} == {id(first[0].files)}, "one storage, however often it was listed"
    texts = [frame.read_metadata() for frame in second]
    assert texts == [{"a": 1}, {}, {}, {"a": 2}, {}, {}], (
        "the first frame of each run has them, and they are listed again"
    )
    (other,) = finder.find(place.url, known=[second.part(second[:2])], **how).sequences
    assert [frame is known for frame, known in zip(other, second, strict=True)] == [True, True, *[False] * 4]


def test_frames_of_another_place_are_not_used(place: Place, options: dict[str, Any]) -> None:
    how: dict[str, Any] = {"storage_options": options.get("storage_options")}
    for name in ("a", "b"):
        seqsave.save([np.zeros((2, 2, 3), np.uint8)], f"{place.url}/{name}", filetype="png", **options)
    (one,) = finder.find(f"{place.url}/a", **how).sequences
    (other,) = finder.find(f"{place.url}/b", known=[one], **how).sequences
    assert other[0].url.endswith("b/frame_00000.png")


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own there")
@pytest.mark.parametrize("how", ["", "frame_#####.png", "*.png"])
def test_a_link_to_a_missing_file_is_named(tmp_path: Path, how: str) -> None:
    seqsave.save(np.zeros((3, 4, 4, 3), np.uint8), tmp_path)
    (tmp_path / "frame_00002.png").unlink()
    (tmp_path / "frame_00002.png").symlink_to("elsewhere.png")
    (tmp_path / "frame_00007.png").symlink_to("elsewhere.png")
    (tmp_path / "frame_00007.txt").symlink_to("elsewhere.png")
    with pytest.warns(seqsave.SeqSaveWarning, match="cannot be read: frame_00002.png, frame_00007.png .a link to a"):
        sequence = seqsave.open_sequence(tmp_path / how)
    assert sequence.indices == (0, 1)
    assert [(one.index, one.name) for one in sequence.unreadable] == [(2, "frame_00002.png"), (7, "frame_00007.png")]


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own there")
def test_a_folder_with_links_to_missing_files_alone(tmp_path: Path) -> None:
    (tmp_path / "batch_0000").mkdir()
    (tmp_path / "batch_0000" / "frame_1.png").symlink_to("gone")
    message = r"only entries that cannot be read: batch_0000/frame_1\.png"
    with pytest.raises(seqsave.SequenceNotFoundError, match=message):
        seqsave.open_sequence(tmp_path)


# --- what the manifests state goes before what the names seem to state ----------------------------------------------


def begun(place: Place, options: dict[str, Any], **names: Any) -> None:
    """Leave a sequence of nine frames with one."""
    with seqsave.open_writer(names.pop("url", place.url), total=9, **names, **options) as writer:
        writer.write(PICTURE)


def states(place: Place, options: dict[str, Any]) -> dict[str, tuple[tuple[int, ...], int]]:
    """Return the frames of each sequence, and how many its manifest expects."""
    found = seqsave.find_sequences(place.url, **options)
    return {one.pattern: (one.indices, len(one.expected or ())) for one in found}


@pytest.mark.every_day
@pytest.mark.filterwarnings("ignore:8 of the 9 frames")
def test_runs_that_have_one_frame_each_are_not_taken_for_one_sequence(place: Place, options: dict[str, Any]) -> None:
    for version in (1, 2):
        begun(place, options, prefix=f"shot_v{version}")
    assert states(place, options) == {"shot_v1_#####.png": ((0,), 9), "shot_v2_#####.png": ((0,), 9)}
    assert len(seqsave.open_sequence(place.url, prefix="shot_v2", **options)) == 1


@pytest.mark.filterwarnings("ignore:8 of the 9 frames")
def test_a_number_behind_the_frame_s_is_not_taken_for_it(place: Place, options: dict[str, Any]) -> None:
    for size in (2, 4):
        begun(place, options, url=f"{place.url}/beauty.####_{size}k.png")
    expected = {"beauty.####_2k.png": ((0,), 9), "beauty.####_4k.png": ((0,), 9)}
    assert states(place, options) == expected
    found = seqsave.find_sequences(f"{place.url}/*.png", **options)
    assert [one.pattern for one in found] == list(expected)


@pytest.mark.every_day
@pytest.mark.filterwarnings("ignore:6 of the 9 frames")
def test_names_in_unicode_s_decomposed_form_have_their_manifest(place: Place, options: dict[str, Any]) -> None:
    decomposed, composed = "Pru\u0308fung", "Pr\u00fcfung"
    with seqsave.open_writer(place.url, prefix=decomposed, total=9, **options) as writer:
        writer.write_frames([PICTURE] * 3)
    assert states(place, options) == {f"{composed}_#####.png": ((0, 1, 2), 9)}
    with seqsave.open_writer(place.url, prefix=composed, total=9, if_exists="skip", **options) as writer:
        writer.write_frames([PICTURE] * 9)
    with pytest.warns(seqsave.SeqSaveWarning, match="composed"):
        sequence = seqsave.open_sequence(place.url, **options)
    assert sequence.duplicates == ()
    assert sequence.manifest is not None
    assert sequence.manifest.complete
