"""``seqsave verify``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seqsave import SeqSaveWarning, open_writer, save
from tests.cli.runner import options, seqsave

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    save(np.zeros((60, 4, 6, 3), "uint8"), tmp_path, manifest=False)
    return tmp_path


def test_whole(place: Place) -> None:
    save(np.zeros((3, 4, 6, 3), "uint8"), place.url, storage_options=place.storage_options)
    result = seqsave("verify", place.url, *options(place))
    assert result.out.endswith(": 3 frames, not decoded: complete, as recorded in its manifest\n")
    deep = seqsave("verify", place.url, "--deep", *options(place))
    assert deep.out.endswith(": complete and intact, as recorded in its manifest\n")
    assert ": 3 frames, 3 decoded (6x4, 3 channels, uint8): " in deep.out


def test_what_to_render_again(frames: Path) -> None:
    for index in (17, *range(40, 53)):
        (frames / f"frame_{index:05d}.png").unlink()
    (frames / "frame_00003.png").write_bytes(b"\x89PNG")
    shallow = seqsave("verify", str(frames), status=1)
    assert shallow.out.splitlines() == [
        f"frame_#####.png in {frames}: 46 frames, not decoded: 14 problems",
        "  missing: 17,40-52",
        "  its end is unknown, since it has no manifest: give the expected frames with --frames",
        "render again: 17,40-52",
    ]
    deep = seqsave("verify", str(frames), "--deep", status=1).out.splitlines()
    assert "  undecodable: 3" in deep
    (cut,) = (line for line in deep if line.startswith("    frame_00003.png: "))
    assert ": the file is truncated: it ends at byte 4, before its picture does" in cut
    assert seqsave("ls", str(frames)).out.startswith("frame_#####.png 0-59 (46 frames; 14 missing: 17,40-52)  ")
    assert deep[-1] == "render again: 3,17,40-52"


def test_json(frames: Path) -> None:
    (frames / "frame_00002.png").unlink()
    document = seqsave("verify", str(frames), "--json", status=1).document
    assert document["ok"] is False
    assert document["render_again"] == "2"
    assert document["findings"] == [{"kind": "missing", "index": 2, "batch": None, "url": None, "message": ""}]
    assert seqsave("verify", str(frames), "--frames", "3-59", "--json").document["ok"] is True


def test_frames_that_cannot_be_judged(tmp_path: Path) -> None:
    save(np.zeros((5, 4, 6, 3), "uint8"), tmp_path)
    (tmp_path / "frame_00004.png").write_bytes(b"\x89PNG")
    result = seqsave("verify", tmp_path, "--deep", "--max-pixels", "23", status=1)
    lines = result.out.splitlines()
    state = "unfinished, 4 of 5: 5 frames, none decoded"
    assert lines[0] == f"frame_#####.png in {tmp_path}: {state}: 2 problems, 4 frames cannot be judged"
    assert lines[lines.index("  cannot judge: 0-3") + 1 :] == [
        "    frame_00000.png: this PNG has 6 x 4 pixels, more than the allowed 23: raise max_pixels to decode it "
        "(3 more are alike)",
        "    --max-pixels 24 decodes pictures of this size",
        "    the bytes are as recorded in the manifest",
        "render again: 4",
    ]
    document = seqsave("verify", tmp_path, "--deep", "--max-pixels", "23", "--json", status=1).document
    assert (document["cannot_judge"], document["render_again"]) == ("0-3", "4")
    assert document["findings"][0]["reason"] == "too large"
    assert "4 decoded" in seqsave("verify", tmp_path, "--deep", "--max-pixels", "24", "--frames", "0-3").out
    assert "render again: 4" in seqsave("verify", tmp_path, "--deep", "--max-pixels", "24", status=1).out
    assert "--max-pixels needs --deep" in seqsave("verify", tmp_path, "--max-pixels", "24", status=2).err


def test_frames_of_an_unknown_type(tmp_path: Path) -> None:
    for index in (1, 2):
        (tmp_path / f"sim.{index:04d}.vdb").write_bytes(b"x")
    out = seqsave("verify", tmp_path / "sim.####.vdb", "--deep", status=1).out
    assert "  cannot judge: 1-2" in out
    assert "no encoder here reads .vdb files (1 more are alike)" in out
    assert "render again" not in out


@pytest.mark.parametrize("wrong", ["all", "9-3", "0-10x0", "--3", "1..5", ""])
def test_wrong_ranges(frames: Path, wrong: str) -> None:
    assert "is not a list of frames" in seqsave("verify", str(frames), f"--frames={wrong}", status=2).err


def test_nothing_there(tmp_path: Path) -> None:
    assert "no sequence" in seqsave("verify", str(tmp_path), status=1).err


def test_against_the_manifest(tmp_path: Path) -> None:
    with pytest.warns(SeqSaveWarning, match="2 of the 5 frames that `total` states are not saved: 3-4"):
        save(np.zeros((3, 4, 6, 3), "uint8"), tmp_path, total=5)
    (tmp_path / "frame_00001.png").write_bytes(b"\x89PNG")
    (tmp_path / "frame_00009.png").write_bytes(b"\x89PNG")
    lines = seqsave("verify", str(tmp_path), status=1).out.splitlines()
    assert lines[0].endswith("4 frames, not decoded: 4 problems")
    assert lines[1:] == [
        "  changed: 1",
        "  missing: 3-4",
        "  foreign: 9",
        f"    frame_00001.png has 4 bytes, {(tmp_path / 'frame_00000.png').stat().st_size} were written",
        "    frame_00009.png is not in the manifest",
        "render again: 1,3-4",
    ]
    document = seqsave("verify", str(tmp_path), "--json", status=1).document
    assert document["manifest"] == "unfinished"
    assert document["obstacles"] == ["frames are missing: 3-4"]
    assert document["render_again"] == "1,3-4"


def test_copies_that_were_not_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(np.zeros((4, 4, 6, 3), "uint8"), tmp_path / "shot", filetype="png")
    shutil.copytree(tmp_path / "shot", tmp_path / "copy")
    monkeypatch.setattr("seqsave.sequences.findings.MOST_READ", 0)
    lines = seqsave("verify", str(tmp_path / "copy")).out.splitlines()
    assert lines[0].endswith("4 frames, not decoded: complete, as recorded in its manifest")
    assert lines[1:] == [
        "  not compared: 0-3",
        "    these are not the recorded files, but copies or others of the same size: --deep compares them",
    ]
    assert seqsave("verify", str(tmp_path / "copy"), "--json").document["not_compared"] == "0-3"
    assert "not compared" not in seqsave("verify", str(tmp_path / "copy"), "--deep").out


# --- what was expected -----------------------------------------------------------------------------------------------

BROKEN_OFF = """
import os, sys
import numpy as np
import seqsave

url, end, total = sys.argv[1], sys.argv[2], int(sys.argv[3]) or None
with seqsave.open_writer(url, total=total, concurrency=1) as writer:
    for number in range(8):
        writer.write(np.full((4, 6, 3), 9 + number, "uint8")).result()
    if end == "killed":
        os.kill(os.getpid(), 9)
    raise {"Ctrl-C": KeyboardInterrupt, "exception": ValueError}[end]
"""


def break_off(url: Path, end: str, total: int = 20) -> None:
    call = [sys.executable, "-c", BROKEN_OFF, str(url), end, str(total)]
    assert subprocess.run(call, stderr=subprocess.DEVNULL, check=False).returncode != 0


@pytest.mark.parametrize("end", ["killed", "Ctrl-C", "exception"])
@pytest.mark.parametrize("is_over_older", [False, True])
def test_a_run_that_was_broken_off(tmp_path: Path, end: str, is_over_older: bool) -> None:
    if is_over_older:
        save(np.zeros((20, 4, 6, 3), "uint8"), tmp_path)
    break_off(tmp_path, end)
    assert ", unfinished, 8 of 20; to render again: 8-19\n" in seqsave("ls", tmp_path, status=1).out
    lines = seqsave("verify", tmp_path, status=1).out.splitlines()
    assert ": unfinished, 8 of 20: " in lines[0]
    assert f"  {'older' if is_over_older else 'missing'}: 8-19" in lines
    assert lines[-1] == "render again: 8-19"
    document = seqsave("verify", tmp_path, "--json", status=1).document
    assert document["manifest"] == "unfinished"
    assert document["render_again"] == document["progress"]["render_again"] == "8-19"
    assert (document["progress"]["done"], document["progress"]["wanted"]) == (8, 20)
    (listed,) = seqsave("ls", tmp_path, "--json", status=1).document["sequences"]
    assert (listed["complete"], listed["progress"]) == (False, document["progress"])
    # What a killed run has replaced is not the recorded file: a run that skips cannot say what it is.
    is_replaced = is_over_older and end == "killed"
    save(np.zeros((20, 4, 6, 3), "uint8"), tmp_path, if_exists="overwrite" if is_replaced else "skip")
    assert "complete, as recorded" in seqsave("verify", tmp_path).out


def test_one_repaired_frame_does_not_complete_an_interrupted_run(tmp_path: Path) -> None:
    save(np.zeros((20, 4, 6, 3), "uint8"), tmp_path)
    break_off(tmp_path, "exception")
    with open_writer(tmp_path, filetype="png") as writer:
        writer.write(np.ones((4, 6, 3), "uint8"), index=12)
    assert seqsave("verify", tmp_path, status=1).out.endswith("\n  older: 8-11,13-19\nrender again: 8-11,13-19\n")


def test_frames_of_two_runs_at_the_same_time(tmp_path: Path) -> None:
    first, second = (open_writer(tmp_path, filetype="png", total=3) for _ in range(2))
    first.write(np.full((4, 6, 3), 1, "uint8"), index=0).result()
    for index in range(3):
        second.write(np.full((4, 6, 3), 2, "uint8"), index=index).result()
    second.close()
    for index in (1, 2):
        first.write(np.full((4, 6, 3), 1, "uint8"), index=index).result()
    with pytest.warns(SeqSaveWarning, match="1 saved frame was replaced before this run ended"):
        first.close()
    result = seqsave("verify", tmp_path, status=1).out
    assert (
        "  unfinished: frames of two runs are mixed, which wrote them at the same time: 1 of 3 are from the" in result
    )
    assert result.endswith("  mixed: 1-2\nrender again: 1-2\n")
    assert "interrupted" not in result
    assert "older" not in result


@pytest.mark.parametrize("end", ["killed", "Ctrl-C"])
def test_a_run_without_a_known_end(tmp_path: Path, end: str) -> None:
    break_off(tmp_path, end, total=0)
    assert ", unfinished, 8 frames and no known end\n" in seqsave("ls", tmp_path, status=1).out
    result = seqsave("verify", tmp_path, status=1)
    assert ": unfinished, 8 frames and no known end: " in result.out
    assert "older" not in result.out
    assert seqsave("verify", tmp_path, "--json", status=1).document["expected"] is None


def test_a_run_that_kept_the_existing_frames(tmp_path: Path) -> None:
    save(np.zeros((5, 4, 6, 3), "uint8"), tmp_path)
    with pytest.raises(ValueError, match="broken off"), open_writer(tmp_path, total=20, if_exists="skip") as writer:
        writer.write(np.zeros((4, 6, 3), "uint8"))
        raise ValueError("broken off")
    assert "render again: 5-19\n" in seqsave("verify", tmp_path, status=1).out


def test_without_a_record_the_end_is_not_known(frames: Path) -> None:
    out = seqsave("verify", frames).out
    assert "no gap, but its end is unknown, since it has no manifest" in out
    assert "complete" not in out
    assert seqsave("verify", frames, "--json").document["expected"] is None
    assert seqsave("verify", frames, "--frames", "0-59").out.endswith(": complete\n")
    assert "  missing: 60-69" in seqsave("verify", frames, "--frames", "0-69", status=1).out


def test_older_frames_beside_a_shorter_run(tmp_path: Path) -> None:
    save(np.zeros((20, 4, 6, 3), "uint8"), tmp_path)
    with pytest.warns(SeqSaveWarning, match="frames of an older run lie beside those of this one: 8-19"):
        save(np.ones((8, 4, 6, 3), "uint8"), tmp_path)
    assert "frames of an older run lie beside it: 8-19\n" in seqsave("ls", tmp_path, status=1).out
    result = seqsave("verify", tmp_path, status=1).out
    assert "  mixed: frames of an older run are outside of the last one's range: 8-19" in result
    assert "render again" not in result
    for index in range(8, 20):
        (tmp_path / f"frame_{index:05d}.png").unlink()
    assert "complete, as recorded" in seqsave("verify", tmp_path).out
    assert seqsave("ls", tmp_path).out.endswith(", complete\n")


def test_only_some_frames_are_looked_at(place: Place) -> None:
    save(np.zeros((9, 4, 6, 3), "uint8"), place.url, start=-3, storage_options=place.storage_options)
    place.write("frame_00005.png", b"\x89PNG")
    result = seqsave("verify", place.url, "--frames", "-3--1,2", "--deep", *options(place))
    assert ": 4 frames, 4 decoded (6x4, 3 channels, uint8): complete and intact, as recorded" in result.out
    found = seqsave("verify", place.url, "--frames", "4-7", "--deep", "--json", *options(place), status=1).document
    assert found["render_again"] == "5-7"
    assert (found["frames"], found["decoded"]) == (2, 1)
    assert "is not a list of frames" in seqsave("verify", place.url, "--frames", "7-4", status=2).err


def test_a_list_of_frames_states_what_is_expected(frames: Path) -> None:
    (frames / "frame_00041.png").unlink()
    listed = seqsave("verify", str(frames), "--frames", "17,40-42,70", "--json", status=1).document
    assert listed["render_again"] == "41,70"
    assert listed["expected"] == "17,40-42,70"


def test_a_sequence_that_is_being_written_comes_with_advice(tmp_path: Path) -> None:
    frames = np.zeros((3, 4, 6, 3), "uint8")
    with open_writer(tmp_path / "a b", total=3) as writer:
        writer.write(frames[0]).result()
        lines = seqsave("verify", tmp_path / "a b", status=1).out.splitlines()
        assert lines[1].startswith("  unfinished: process ")
        assert lines[1].endswith(
            f" is changing it; verify it again when that has ended. If it has died: seqsave manifest '{tmp_path}/a b' "
            "--release"
        )
        assert lines[2:] == ["  missing: 1-2", "render again: 1-2"]
        writer.write_frames(frames[1:])
    np.save(tmp_path / "clip.npy", frames)
    seqsave("save", tmp_path / "clip.npy", tmp_path / "farm", "--run", "shot 1", "--frames", "0-1", status=2)
    seqsave("save", tmp_path / "clip.npy", tmp_path / "farm", "--run", "shot1", "--frames", "0-1")
    (line,) = [one for one in seqsave("verify", tmp_path / "farm", status=1).out.splitlines() if "of many tasks" in one]
    commit = f"seqsave commit {tmp_path}/farm --run shot1 --frames"
    assert line.endswith(f" is changing it; when all of its tasks have ended: {commit} FIRST-LAST")
    done = seqsave("verify", tmp_path / "farm", "--frames", "0-2", status=1).out
    assert f"{commit} 0-2\n" in done


def test_a_folder_that_does_not_exist_is_named_alone(tmp_path: Path) -> None:
    (tmp_path / "renders").mkdir()
    assert seqsave("verify", tmp_path / "render", status=1).err == (
        f"seqsave: error: {tmp_path / 'render'} does not exist (did you mean 'renders'?)\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own there")
@pytest.mark.parametrize("manifest", [True, False])
def test_a_link_to_a_missing_file_is_no_frame(tmp_path: Path, manifest: bool) -> None:
    save(np.zeros((4, 4, 4, 3), np.uint8), tmp_path, manifest=manifest)
    for index in (1, 3):
        (tmp_path / f"frame_{index:05}.png").unlink()
        (tmp_path / f"frame_{index:05}.png").symlink_to("elsewhere.png")
    result = seqsave("verify", tmp_path, status=1)
    assert "    frame_00003.png is a link to a file that does not exist" in result.out
    assert "render again: 1,3" in result.out
    found = seqsave("verify", tmp_path, "--json", status=1).document["findings"]
    assert [(one["kind"], one["index"]) for one in found] == [("unreadable", 1), ("unreadable", 3)]
    listed = seqsave("ls", tmp_path, status=1)
    assert "2 cannot be read: 1,3" in listed.out
    assert "cannot be read: frame_00001.png, frame_00003.png (a link to a file that does not exist)" in listed.err
