"""``seqsave rm``."""

from __future__ import annotations

import errno
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seqsave import open_sequence, open_writer, save, targets
from seqsave.errors import DOCS, TargetError
from seqsave.manifest.liveness import alive
from seqsave.sequences.removal import plan_removal, remove
from seqsave.targets.local import LocalTarget
from tests.cli.runner import options, seqsave
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place

ZEROS = np.zeros((5, 4, 6, 3), "uint8")


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_one_sequence_and_nothing_else(place: Place) -> None:
    for prefix in ("shot", "shot2", "shots/shot"):
        save(ZEROS, place.url, prefix=prefix, storage_options=place.storage_options)
    save(ZEROS, place.url, prefix="shot", filetype="jpg", storage_options=place.storage_options)
    place.write("shot_notes.txt", b"notes")
    place.write("shot_00001.png.bak", b"a copy")
    before = place.names()
    result = seqsave("rm", place.url, "--prefix", "shot", "--filetype", "png", "--yes", *options(place))
    assert "removed shot_#####.png in" in result.out
    gone = set(before) - set(place.names())
    assert {name for name in gone if not name.startswith(".seqsave/")} == {
        f"shot_{index:05d}.png" for index in range(5)
    }
    assert {name for name in gone if name.startswith(".seqsave/")} <= {
        ".seqsave/shot.png.json",
        ".seqsave/shot.png.json.lock",
    }
    assert ".seqsave/shot.png.json" in gone
    for rest in ("--prefix=shot2", "--prefix=shot"):
        assert "complete" in seqsave("verify", place.url, rest, *options(place)).out


def test_batches_sidecars_and_the_preview(tmp_path: Path) -> None:
    with open_writer(tmp_path, filetype="jpg", metadata={"workflow": {"nodes": []}}, metadata_in="sidecar") as writer:
        for index in range(5):
            writer.write(ZEROS[0], index=index, batch=0)
            writer.write(ZEROS[0], index=index, batch=3)
    seqsave("preview", tmp_path, "-q")
    assert (tmp_path / "frame.mp4").exists()
    asked = seqsave("rm", tmp_path, "--dry-run").out
    assert asked.splitlines()[0].startswith(f"would remove frame_#####.jpg in {tmp_path} (10 frames, ")
    assert asked.splitlines()[0].endswith(": batch_0000/frame_00000.jpg to batch_0003/frame_00004.jpg)")
    document = seqsave("rm", tmp_path, "--dry-run", "--json").document
    assert (document["first"], document["last"]) == ("batch_0000/frame_00000.jpg", "batch_0003/frame_00004.jpg")
    assert asked.splitlines()[1] == "  and 2 metadata files, the preview frame.mp4, its manifest"
    assert (tmp_path / "batch_0003" / "frame_00000.jpg").exists()
    seqsave("rm", tmp_path, "--yes")
    assert names(tmp_path) == []


def test_a_manifest_that_records_other_frames_stays_and_is_not_named(tmp_path: Path) -> None:
    save(ZEROS, tmp_path)
    save(ZEROS, tmp_path, digits=3, start=10)
    part = tmp_path / "frame_###.png"
    assert "its manifest" not in seqsave("rm", part, "--dry-run").out
    assert seqsave("rm", part, "--dry-run", "--json").document["beside"] == []
    assert "its manifest" not in seqsave("rm", part, "--yes").out
    known = open_sequence(tmp_path).manifest
    assert known is not None
    assert [frame.index for frame in known.frames] == [0, 1, 2, 3, 4]
    result = seqsave("rm", tmp_path, "--yes")
    assert result.out.splitlines()[1] == "  and its manifest"
    assert names(tmp_path) == []


def test_the_clip_that_the_frames_came_from_stays(tmp_path: Path) -> None:
    save(ZEROS, tmp_path, prefix="clip")
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42 from a camera")
    seqsave("rm", tmp_path, "--yes")
    assert names(tmp_path) == ["clip.mp4"]


def test_the_preview_of_another_sequence_of_this_prefix_stays(tmp_path: Path) -> None:
    save(ZEROS, tmp_path, filetype=["png", "jpg"])
    seqsave("preview", tmp_path, "--filetype", "png", "-q")
    seqsave("rm", tmp_path, "--filetype", "jpg", "--yes")
    assert (tmp_path / "frame.mp4").exists()
    seqsave("rm", tmp_path, "--filetype", "png", "--yes")
    assert names(tmp_path) == []


def test_some_frames_are_to_be_rendered_again(place: Place) -> None:
    save(ZEROS, place.url, start=-2, storage_options=place.storage_options)
    result = seqsave("rm", place.url, "--frames=-2--1,1", "--yes", "--json", *options(place)).document
    assert (result["frames"], result["count"], result["removed"], result["left"]) == ("-2--1,1", 3, "-2--1,1", "")
    assert result["is_whole"] is False
    assert place.frames() == ["frame_00000.png", "frame_00002.png"]
    assert seqsave("verify", place.url, "--json", *options(place), status=1).document["render_again"] == "-2--1,1"
    seqsave("rm", place.url, "--frames", "0,2", "--yes", *options(place))
    assert place.frames() == []
    assert ".seqsave/frame.png.json" not in place.names()


def test_frames_that_do_not_exist_are_named(tmp_path: Path) -> None:
    save(ZEROS, tmp_path)
    error = seqsave("rm", tmp_path, "--frames", "3-7", "--yes", status=1).err
    assert error == f"seqsave: error: frame_#####.png in {tmp_path} has no frames 5-7: there are 0-4\n"
    assert len(open_sequence(tmp_path)) == 5


def test_without_a_terminal_it_does_not_remove(tmp_path: Path) -> None:
    save(ZEROS, tmp_path)
    error = seqsave("rm", tmp_path, stdin="y\n", status=2).err
    assert "there is no terminal to ask on: --yes removes without a question" in error
    assert len(open_sequence(tmp_path)) == 5


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("answer", ["n", "y"])
def test_it_asks(tmp_path: Path, answer: str) -> None:
    save(ZEROS, tmp_path)
    mine, its = pty.openpty()
    try:
        os.write(mine, f"{answer}\n".encode())
        command = [sys.executable, "-m", "seqsave", "rm", str(tmp_path), "-q"]
        ended = subprocess.run(command, stdin=its, capture_output=True, text=True, timeout=PATIENCE)
    finally:
        os.close(mine)
        os.close(its)
    assert f"frame_#####.png in {tmp_path} (5 frames, " in ended.stderr
    assert "frame_00000.png to frame_00004.png" in ended.stderr
    assert ended.returncode == (0 if answer == "y" else 1), ended
    assert ("nothing was removed" in ended.stderr) is (answer == "n")
    assert len(list(tmp_path.glob("*.png"))) == (0 if answer == "y" else 5)


def test_a_sequence_must_be_named_exactly(tmp_path: Path) -> None:
    save(ZEROS, tmp_path, prefix="shot2")
    save(ZEROS[:1], tmp_path, prefix="other")
    before = names(tmp_path)
    assert "2 sequences in" in seqsave("rm", tmp_path, "--yes", status=1).err
    assert "no sequence shot_####" in seqsave("rm", tmp_path, "--prefix", "shot", "--yes", status=1).err
    assert "is a glob" in seqsave("rm", tmp_path / "shot*.png", "--yes", status=2).err
    assert "does not exist" in seqsave("rm", tmp_path / "shot", "--yes", status=1).err
    assert "is a file, not a folder" in seqsave("rm", tmp_path / "shot2_00001.png", "--yes", status=1).err
    assert "no sequence shot_####.png in" in seqsave("rm", tmp_path / "shot_####.png", "--yes", status=1).err
    assert names(tmp_path) == before


def test_a_run_at_work_is_not_disturbed(tmp_path: Path) -> None:
    before = set(alive)
    with open_writer(tmp_path) as writer:
        writer.write(ZEROS[0])
        writer.write(ZEROS[0])
        writer.flush()
        error = seqsave("rm", tmp_path, "--yes", status=1).err
    assert "is in use: process" in error
    assert len(open_sequence(tmp_path)) == 2
    assert alive <= before


def test_what_could_not_be_removed_is_left_in_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(ZEROS, tmp_path)
    delete = LocalTarget.delete

    def refuse(self: LocalTarget, path: str) -> None:
        if path == "frame_00002.png":
            raise TargetError(f"cannot delete {path}: denied")
        delete(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(LocalTarget, "delete", refuse)
        result = seqsave("rm", tmp_path, "--yes", status=1)
    assert "removed 2 of frame_#####.png in" in result.out
    assert result.out.endswith("; left: 2-4\n")
    assert "denied" in result.err
    assert open_sequence(tmp_path).indices == (2, 3, 4)
    assert seqsave("verify", tmp_path, "--json", status=1).document["render_again"] == "0-1"
    seqsave("rm", tmp_path, "--yes")
    assert names(tmp_path) == []


def test_a_store_that_keeps_files_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(ZEROS, tmp_path)
    monkeypatch.setattr(LocalTarget, "delete", lambda *_: None)
    error = seqsave("rm", tmp_path, "--yes", status=1).err
    assert "the storage reported success, and lists it all the same" in error
    assert "complete" in seqsave("verify", tmp_path).out


def test_a_damaged_manifest_goes_with_its_sequence(tmp_path: Path) -> None:
    save(ZEROS, tmp_path)
    (tmp_path / ".seqsave" / "frame.png.json").write_text("{")
    seqsave("rm", tmp_path, "--yes")
    assert names(tmp_path) == []


def test_a_frame_that_is_written_again_before_it_is_removed_stays(tmp_path: Path) -> None:
    save(np.zeros((3, 4, 4, 3), "uint8"), tmp_path / "a")
    plan = plan_removal(open_sequence(tmp_path / "a"))
    (tmp_path / "a" / "frame_00001.png").write_bytes(b"a new picture")
    removed = remove(plan)
    assert [frame.index for frame in removed.left] == [1]
    assert "was changed since it was listed" in str(removed.error)
    assert (tmp_path / "a" / "frame_00001.png").read_bytes() == b"a new picture"
    known = open_sequence(tmp_path / "a").manifest
    assert known is not None
    assert not known.complete


def test_a_part_is_shown_by_the_numbers_of_its_frames(tmp_path: Path) -> None:
    save(np.zeros((12, 4, 6, 3), np.uint8), tmp_path)
    shown = seqsave("rm", tmp_path, "--frames", "2,5-9", "--dry-run")
    assert "would remove a part of frame_#####.png" in shown.out + shown.err
    assert ": 2,5-9)" in shown.out + shown.err


@pytest.mark.parametrize(
    "words", [("rm", "--yes"), ("mv", "--offset", "1"), ("manifest", "--rebuild")], ids=["rm", "mv", "manifest"]
)
def test_a_sequence_that_may_not_be_changed_is_not_called_unsaved(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(np.zeros((3, 4, 6, 3), np.uint8), tmp_path)

    def refuse(_: LocalTarget, temporary: str, data: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", temporary)

    monkeypatch.setattr(LocalTarget, "_write", refuse)
    name, *more = words
    places = [tmp_path, tmp_path] if name == "mv" else [tmp_path]
    assert seqsave(name, *places, *more, "-q", status=1).err == (
        f"seqsave: error: cannot change {tmp_path}/.seqsave/frame.png.json: this user lacks the permission; change the "
        f"permissions\nHelp: {DOCS}troubleshooting.html#not-permitted\n"
    )


# --- sequences of which no frame is left ------------------------------------------------------------------------------


def test_what_is_left_of_a_sequence_without_frames_is_removed(place: Place) -> None:
    for prefix in ("shot", "other"):
        save(ZEROS, place.url, prefix=prefix, storage_options=place.storage_options)
    for name in place.names():
        if name.startswith("shot_"):
            targets.resolve(place.url, place.storage_options).delete(name)
    asked = seqsave("rm", place.url, "--prefix", "shot", "--dry-run", *options(place)).out.splitlines()
    assert asked[0].startswith("would remove shot_#####.png in ")
    assert asked[0].endswith(" (no frame left)")
    assert asked[1:] == ["  and its manifest"]
    document = seqsave("rm", place.url, "--prefix", "shot", "--yes", "--json", *options(place)).document
    assert (document["count"], document["first"], document["left"]) == (0, None, "")
    assert document["beside"] == [".seqsave/shot.png.json"]
    assert not any("shot" in name for name in place.names())
    assert "complete" in seqsave("verify", place.url, *options(place)).out
    assert "shot" not in seqsave("ls", place.url, *options(place)).out.replace(place.url, "")


@pytest.mark.parametrize("url", [".", "frame_#####.jpg", "batch"])
def test_batches_and_sidecars_of_frames_that_are_gone(tmp_path: Path, url: str) -> None:
    with open_writer(tmp_path, filetype="jpg", metadata={"workflow": {"nodes": []}}, metadata_in="sidecar") as writer:
        writer.write(ZEROS[0], index=0, batch=0)
        writer.write(ZEROS[0], index=0, batch=3)
    for path in tmp_path.rglob("*.jpg"):
        path.unlink()
    if url == "batch":
        save(ZEROS, tmp_path, prefix="live")
        (tmp_path / ".seqsave" / "notes.txt").write_text("mine")
        call, rest = [tmp_path, "--prefix", "frame", "--filetype", "jpg"], [".seqsave/notes.txt", "live_00000.png"]
    else:
        call, rest = [tmp_path / url], []
    assert "  and 2 metadata files, its manifest\n" in seqsave("rm", *call, "--yes").out
    assert set(rest) <= set(names(tmp_path))
    assert not any("batch" in name or "frame" in name for name in names(tmp_path))
    assert rest or names(tmp_path) == []


def test_which_of_two_lost_sequences_must_be_named(tmp_path: Path) -> None:
    for filetype in ("png", "jpg"):
        save(ZEROS, tmp_path, filetype=filetype)
    for path in [*tmp_path.glob("*.png"), *tmp_path.glob("*.jpg")]:
        path.unlink()
    error = seqsave("rm", tmp_path, "--yes", status=1).err
    assert "no frame of frame_#####.jpg is left" in error
    assert "no frame of frame_#####.png is left" in error
    seqsave("rm", tmp_path, "--filetype", "png", "--yes")
    seqsave("rm", tmp_path, "--frames", "0", "--yes", status=1)
    assert "removed frame_#####.jpg" in seqsave("rm", tmp_path, "--yes").out
    assert names(tmp_path) == []


def test_a_sequence_that_a_run_has_begun_is_not_lost(tmp_path: Path) -> None:
    with open_writer(tmp_path, total=2) as writer:
        writer.write(ZEROS[0]).result()
        (tmp_path / "frame_00000.png").rename(tmp_path / "aside")
        assert "is in use" in seqsave("rm", tmp_path, "--yes", status=1).err
        (tmp_path / "aside").rename(tmp_path / "frame_00000.png")
        writer.write(ZEROS[0])
    assert "complete" in seqsave("verify", tmp_path).out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="only on POSIX")
def test_what_is_named_like_a_frame_and_is_no_file_is_named(tmp_path: Path) -> None:
    save(ZEROS[:3], tmp_path)
    (tmp_path / "frame_00003.png").symlink_to("nowhere")
    os.mkfifo(tmp_path / "frame_00004.png")
    (tmp_path / "frame_00005.png").symlink_to("x" * 300)
    result = seqsave("rm", tmp_path, "--frames", "0", "--yes", "--json")
    assert result.document["not_files"] == []
    result = seqsave("rm", tmp_path, "--yes")
    assert (
        "frame_00003.png (a link to a file that does not exist); frame_00004.png (not a regular file); frame_00005.png "
        f"(a link that cannot be followed) are left in {tmp_path}: only files are removed"
    ) in result.err
    left = sorted(path.name for path in tmp_path.iterdir())  # no search below: Python 3.10 follows the long link
    assert left == ["frame_00003.png", "frame_00004.png", "frame_00005.png"]
