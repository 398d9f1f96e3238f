"""``ls`` and ``workflow`` on every storage."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import seqsave as core
from seqsave.errors import TargetError
from seqsave.targets.local import LocalTarget
from tests.cli.runner import options, seqsave
from tests.sources.pictures import WORKFLOW, encode, picture, png_with_workflow

if TYPE_CHECKING:
    from seqsave.targets.base import Entries
    from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets


def fill(place: Place, names: list[str], size: int = 1000) -> None:
    for name in names:
        place.write(name, b"x" * size)


@pytest.mark.every_day
def test_a_sequence_with_a_gap(place: Place) -> None:
    fill(place, [f"frame_{n:05}.png" for n in range(30) if n != 17])
    result = seqsave("ls", place.url, *options(place))
    assert result.out == "frame_#####.png 0-29 (29 frames; 1 missing: 17)  29.0 kB\n"
    assert result.err == ""


def test_ranges_can_be_given_to_frames(place: Place) -> None:
    """A hyphen joins two numbers; the second one may be negative as well."""
    fill(place, [f"frame_{n:06}.png" if n < 0 else f"frame_{n:05}.png" for n in (*range(-50, -2), 3)])
    assert " missing: -2-2)" in seqsave("ls", place.url, *options(place)).out
    ranges = seqsave("ls", place.url, "--json", *options(place)).document["sequences"][0]["indices"]
    assert ranges == "-50--3,3"
    assert seqsave("rm", place.url, "--frames", ranges, "--dry-run", *options(place)).out.startswith("would remove ")


def test_gaps_are_compressed(place: Place) -> None:
    fill(place, [f"frame_{n:05}.png" for n in (1, 2, 5, 6, 10)])
    assert seqsave("ls", place.url, *options(place)).out == (
        "frame_#####.png 1-10 (5 frames; 5 missing: 3-4,7-9)  5.0 kB\n"
    )


def test_frames_that_were_never_wanted_are_not_missing(tmp_path: Path) -> None:
    """A run over chosen frames is complete with gaps between them."""
    np.save(tmp_path / "clip.npy", np.zeros((12, 4, 6, 3), np.uint8))
    seqsave("save", tmp_path / "clip.npy", tmp_path / "out", "--frames", "3-5,9")
    line = seqsave("ls", tmp_path / "out").out
    assert line.startswith("frame_#####.png 3-5,9 (4 frames)  ")
    assert line.endswith(", complete\n")
    assert '"missing": ""' in seqsave("ls", tmp_path / "out", "--json").out
    (tmp_path / "out" / "frame_00004.png").unlink()
    assert "3,5,9 (3 frames; 1 missing: 4)" in seqsave("ls", tmp_path / "out", status=1).out


def test_batches(place: Place) -> None:
    fill(place, [f"batch_{b:04}/frame_{n:05}.png" for b in (0, 1, 3) for n in (7, 8)])
    assert seqsave("ls", place.url, *options(place)).out == (
        "frame_#####.png 7-8 (6 frames in 3 batches: 0-1,3)  6.0 kB\n"
    )


def test_several_sequences_and_folders(place: Place) -> None:
    fill(place, ["a_1.png", "b_0002.jpg", "deep/er/c_3.png", "notes.txt"])
    assert seqsave("ls", place.url, *options(place)).out.splitlines() == [
        "a_#.png 1 (1 frame)  1.0 kB",
        "b_####.jpg 2 (1 frame)  1.0 kB",
    ]
    everything = seqsave("ls", place.url, "--recursive", *options(place)).out
    assert "deep/er/c_#.png 3 (1 frame)  1.0 kB" in everything.splitlines()


def test_a_prefix_chooses(place: Place) -> None:
    fill(place, ["a_1.png", "b_1.png", "sub/a_1.png"])
    assert seqsave("ls", place.url, "--prefix", "b", *options(place)).out.startswith("b_#.png")
    assert seqsave("ls", place.url, "--prefix", "sub/a", *options(place)).out.startswith("sub/a_#.png")
    assert "no sequence c_####" in seqsave("ls", place.url, "--prefix", "c", *options(place), status=1).err


def test_a_pattern(place: Place) -> None:
    fill(place, ["shot.0007.exr", "shot.0009.exr", "other.0001.exr"])
    assert seqsave("ls", f"{place.url}/shot.####.exr", *options(place)).out == (
        "shot.####.exr 7-9 (2 frames; 1 missing: 8)  2.0 kB\n"
    )


@pytest.mark.every_day
def test_json(place: Place) -> None:
    fill(place, ["frame_00003.png", "frame_00005.png"])
    (found,) = seqsave("ls", place.url, "--json", *options(place)).document["sequences"]
    assert found == {
        "pattern": "frame_#####.png",
        "url": found["url"],
        "prefix": "frame",
        "digits": 5,
        "extension": "png",
        "filetype": "png",
        "first": 3,
        "last": 5,
        "count": 2,
        "indices": "3,5",
        "missing": "4",
        "missing_count": 1,
        "empty": "",
        "unreadable": "",
        "batches": [],
        "size": 2000,
        "complete": None,
        "progress": None,
    }
    assert found["url"].rstrip("/").endswith(place.url.rpartition("/")[2])


@pytest.mark.every_day
def test_frames_that_are_all_gone_are_to_be_rendered_again(tmp_path: Path) -> None:
    core.save(np.zeros((10, 4, 6, 3), np.uint8), tmp_path, step=2)
    for frame in tmp_path.glob("*.png"):
        frame.unlink()
    for command in ("ls", "verify", "info", "preview"):
        stated = seqsave(command, tmp_path, status=1).err
        assert "no frame of frame_#####.png is left, of 10 frames to render again: 0-18x2" in stated


def test_numbers_that_two_files_have_are_named(tmp_path: Path) -> None:
    core.save(np.zeros((4, 4, 6, 3), np.uint8), tmp_path, digits=2, start=97)
    with pytest.warns(core.SeqSaveWarning, match="other files have the numbers of frames of this sequence: 97-99"):
        core.save(np.zeros((4, 4, 6, 3), np.uint8), tmp_path, digits=3, start=97)
    listed = seqsave("ls", tmp_path, status=1).out
    assert "frame_###.png 97-100 (4 frames; 3 more than once: 97-99)" in listed


def test_a_folder_that_may_not_be_listed_is_named_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.save(np.zeros((2, 4, 6, 3), np.uint8), tmp_path / "open")
    (tmp_path / "closed").mkdir()
    listing = LocalTarget.list

    def refuse(self: LocalTarget, folder: str = "") -> Entries:
        if folder == "closed":
            raise TargetError("cannot list closed: this user lacks the permission", fault="not_permitted")
        return listing(self, folder)

    monkeypatch.setattr(LocalTarget, "list", refuse)
    found = seqsave("ls", "-r", tmp_path, status=1)
    assert "frame_#####.png 0-1 (2 frames)" in found.out
    assert "not listed: cannot list closed" in found.err
    with pytest.warns(core.SeqSaveWarning, match="left out: cannot list closed"):
        assert len(list(core.find_sequences(tmp_path, recursive=True))) == 1


def test_nothing_is_status_1_and_a_message(place: Place) -> None:
    result = seqsave("ls", place.url, *options(place), status=1)
    assert result.out == ""
    assert result.err.startswith("seqsave: error: ")
    assert " does not exist" in result.err
    document = seqsave("ls", place.url, "--json", *options(place), status=1).document
    assert document == {"sequences": [], "lost": [], "folders": []}


def test_what_there_is_instead(place: Place) -> None:
    fill(place, ["sub/frame_00001.png"])
    assert seqsave("ls", place.url, *options(place)).out == "sub/\n"
    (folder,) = seqsave("ls", place.url, "--json", *options(place)).document["folders"]
    assert folder == f"{place.url}/sub/"
    missed = seqsave("ls", place.url, "--prefix", "x", *options(place), status=1).err
    assert "no sequence x_#### in " in missed
    assert "but folders: sub" in missed
    fill(place, ["clip.mp4", "notes.txt"])
    assert "no sequence x_#### in" in (
        seqsave("ls", place.url, "--recursive", "--prefix", "x", *options(place), status=1).err
    )


def test_an_empty_folder_is_there(tmp_path: Path) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    (tmp_path / "empty").mkdir()
    MemoryFileSystem(skip_instance_cache=True).makedirs("/top/empty")
    for url in (f"{tmp_path}/empty", f"{tmp_path}/empty/", "memory://top/empty"):
        reported = seqsave("ls", url, status=1).err
        assert reported == f"seqsave: error: no sequence in {url.rstrip('/')}: the folder is empty\n"


def test_folders_without_a_sequence(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    reported = seqsave("ls", tmp_path, "--recursive", status=1).err
    assert reported == f"seqsave: error: no sequence in {tmp_path} or the folders below it\n"


def test_a_file_is_no_folder(place: Place) -> None:
    fill(place, ["frame_1.png"])
    url = f"{place.url}/frame_1.png"
    for more in ([], ["--json"]):
        result = seqsave("ls", url, *more, *options(place), status=1)
        assert result.out == ""
        assert result.err.endswith(
            "frame_1.png is a file, not a folder: give the folder that it lies in, or the pattern of its sequence, as "
            "frame_#.png\n"
        )
    assert f"{place.url}/frame_1.png/x does not exist" in seqsave("ls", f"{url}/x", *options(place), status=1).err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files on this system")
def test_a_pipe_among_the_frames_is_no_frame(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"f_{number}.png").write_bytes(b"x")
    os.mkfifo(tmp_path / "f_3.png")
    (tmp_path / "f_4.png").symlink_to(tmp_path / "f_4.png")
    result = seqsave("ls", tmp_path, status=1)
    assert result.out == "f_#.png 1-2 (2 frames; 2 cannot be read: 3-4)  2 B\n"
    assert "f_3.png (not a regular file); f_4.png (a link to a file that does not exist)" in result.err
    assert "unreadable: 3-4" in seqsave("verify", tmp_path, "--frames", "1-4", "--deep", status=1).out
    assert "neither a file nor a folder" in seqsave("ls", tmp_path / "f_4.png", status=1).err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files on this system")
def test_what_is_neither_file_nor_folder_is_not_meant(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for command in ("ls", "workflow"):
        reported = seqsave(command, tmp_path / "pipe", status=1).err
        assert reported == f"seqsave: error: {tmp_path / 'pipe'} is neither a file nor a folder that can be read\n"


def test_an_enormous_gap_is_quick_and_short(tmp_path: Path) -> None:
    for number in (0, 5, 9_000_000_000_000):
        (tmp_path / f"frame_{number}.png").write_bytes(b"x")
    assert "(3 frames; 8999999999998 missing: 1-4,6-8999999999999)" in seqsave("ls", tmp_path).out


def test_many_gaps_are_cut(tmp_path: Path) -> None:
    missing = {3 * k + k % 2 for k in range(1, 50)}  # at two distances in turn
    for number in sorted({*range(150)} - missing):
        (tmp_path / f"frame_{number:05}.png").write_bytes(b"x")
    line = seqsave("ls", tmp_path).out
    assert ",60,... (29 more))" in line
    assert seqsave("ls", tmp_path, "--json").document["sequences"][0]["missing"].endswith(",148")


def test_a_name_with_an_escape_is_shown_harmlessly(tmp_path: Path) -> None:
    (tmp_path / "a\u202egnp_1.png").write_bytes(b"x")
    assert seqsave("ls", tmp_path).out.startswith("a\\u202egnp_#.png")


# --- workflow ----------------------------------------------------------------------------------------------------


def test_workflow(place: Place) -> None:
    place.write("frame_00018.png", png_with_workflow(picture()))
    url = f"{place.url}/frame_00018.png"
    assert seqsave("workflow", url, *options(place)).document == {"workflow": WORKFLOW}
    assert seqsave("workflow", url, "--key", "workflow", *options(place)).document == WORKFLOW
    assert "東京" in seqsave("workflow", url, *options(place)).out


def test_a_text_that_is_no_json_is_printed_as_json(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_with_workflow(picture(), "a cat"))
    assert seqsave("workflow", path, "--key", "workflow").document == "a cat"


def test_what_lies_beside_the_file_is_printed(tmp_path: Path) -> None:
    (tmp_path / "a_1.jpg").write_bytes(encode(picture(), "jpg"))
    (tmp_path / ".seqsave").mkdir()
    crc32 = zlib.crc32((tmp_path / "a_1.jpg").read_bytes())
    (tmp_path / ".seqsave" / f"a_1.jpg.{crc32:08x}.workflow.json").write_text('{"w": 1}')
    assert seqsave("workflow", tmp_path / "a_1.jpg").document == {"workflow": {"w": 1}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("workflow", json.dumps({"nodes": [{"title": "x" * 3000}]})),
        ("prompt", json.dumps({"1": {"class_type": "KSampler"}})),
        ("parameters", "a cat\nSteps: 20, Sampler: Euler a"),
    ],
)
@pytest.mark.parametrize("place", ["dc:description", "exif:UserComment"])
@pytest.mark.parametrize("filetype", ["png", "jpg"])
def test_a_workflow_in_xmp(filetype: str, place: str, name: str, text: str, tmp_path: Path) -> None:
    from PIL import Image, PngImagePlugin

    spaces = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    inner = f"<{place}><rdf:Alt><rdf:li xml:lang='x-default'>{text}</rdf:li></rdf:Alt></{place}>"
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    packet = f"<?xpacket begin='' id=''?><rdf:RDF {rdf}><rdf:Description {spaces}>{inner}</rdf:Description></rdf:RDF>"
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", packet)
    how = {"pnginfo": texts} if filetype == "png" else {"xmp": packet.encode()}
    Image.new("RGB", (8, 8)).save(tmp_path / f"f_00001.{filetype}", **how)

    assert seqsave("workflow", tmp_path / f"f_00001.{filetype}").document == {
        name: json.loads(text) if text[0] == "{" else text
    }


def test_a_description_is_no_workflow(tmp_path: Path) -> None:
    from seqsave import save

    save([picture()], tmp_path, tags={"description": '{"a": 1}'})
    assert "holds no workflow" in seqsave("workflow", tmp_path / "frame_00000.png", status=1).err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["frame_1.png", "--key", "workflo"], 1, "(did you mean 'workflow'?): it has 'workflow'"),
        (["fram_1.png"], 1, "(did you mean 'frame_1.png'?)"),
        (["bare_1.png"], 1, "holds no workflow or other metadata"),
        (["sub"], 1, "is a folder: name one of its frames, as "),
        (["empty"], 1, "empty is a folder: name one of its frames\n"),
        (["text.png"], 1, "not a PNG file"),
    ],
)
def test_workflow_of_the_wrong_thing(tmp_path: Path, arguments: list[str], status: int, message: str) -> None:
    (tmp_path / "frame_1.png").write_bytes(png_with_workflow(picture()))
    (tmp_path / "bare_1.png").write_bytes(encode(picture()))
    (tmp_path / "text.png").write_bytes(b"text")
    (tmp_path / "empty").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "frame_1.png").write_bytes(b"x")
    name, *rest = arguments
    result = seqsave("workflow", tmp_path / name, *rest, status=status)
    assert result.out == ""
    assert message in result.err


def test_a_workflow_with_nan_is_printed_as_json(tmp_path: Path) -> None:
    from PIL import Image, PngImagePlugin

    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", '{"1": {"is_changed": [NaN, -Infinity]}}')
    Image.new("RGB", (8, 8)).save(tmp_path / "f_00001.png", pnginfo=texts)
    out = seqsave("workflow", tmp_path / "f_00001.png").out
    assert "NaN" not in out
    assert json.loads(out) == {"prompt": {"1": {"is_changed": [None, None]}}}


def test_each_frame_is_in_one_count(tmp_path: Path) -> None:
    for index in (0, 1, 3, 6):
        (tmp_path / f"f_{index}.png").write_bytes(b"x")
    (tmp_path / "f_4.png").symlink_to(tmp_path / "nowhere")
    result = seqsave("ls", tmp_path, status=1)
    assert result.out == "f_#.png 0-6 (4 frames; 2 missing: 2,5; 1 cannot be read: 4)  4 B\n"
    (found,) = seqsave("ls", tmp_path, "--json", status=1).document["sequences"]
    assert (found["missing"], found["missing_count"], found["unreadable"]) == ("2,5", 2, "4")


def test_frames_without_bytes_are_named(tmp_path: Path) -> None:
    for index, data in enumerate((b"x", b"", b"x")):
        (tmp_path / f"f_{index}.png").write_bytes(data)
    assert seqsave("ls", tmp_path, status=1).out == "f_#.png 0-2 (3 frames; 1 empty: 1)  2 B\n"
    assert seqsave("ls", tmp_path, "--json", status=1).document["sequences"][0]["empty"] == "1"


def test_a_folder_with_the_name_of_a_frame_is_named(tmp_path: Path) -> None:
    for index in range(2):
        (tmp_path / f"f_{index}.png").write_bytes(b"x")
    (tmp_path / "f_2.png").mkdir()
    (tmp_path / "f_3").mkdir()
    result = seqsave("ls", tmp_path, status=1)
    assert result.out == "f_#.png 0-1 (2 frames; 1 cannot be read: 2)  2 B\n"
    assert "f_2.png (a folder)" in result.err
    assert "f_2.png is a folder" in seqsave("verify", tmp_path, status=1).out


def test_files_of_other_sizes_than_recorded_are_not_complete(tmp_path: Path) -> None:
    core.save(np.zeros((3, 4, 4, 3), np.uint8), tmp_path)
    assert ", complete" in seqsave("ls", tmp_path).out
    path = tmp_path / "frame_00001.png"
    path.write_bytes(path.read_bytes()[:-10])
    assert seqsave("ls", tmp_path, status=1).out.endswith(", unfinished, 2 of 3; to render again: 1\n")


def test_a_damaged_manifest_is_not_passed_over(tmp_path: Path) -> None:
    core.save(np.zeros((3, 4, 4, 3), np.uint8), tmp_path)
    (tmp_path / ".seqsave" / "frame.png.json").write_text("{")
    assert seqsave("ls", tmp_path, status=1).out.endswith(", manifest damaged\n")


def test_files_of_the_same_numbers_in_another_width_are_not_the_recorded_ones(tmp_path: Path) -> None:
    core.save(np.zeros((3, 4, 4, 3), np.uint8), tmp_path, manifest=False)
    with pytest.warns(core.SeqSaveWarning, match="other files have the numbers"):
        core.save(np.zeros((3, 8, 8, 3), np.uint8), tmp_path, digits=2)
    assert "3 more than once: 0-2" in (listed := seqsave("ls", tmp_path, status=1).out)
    assert "render again" not in listed


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_manifest_of_a_newer_version_is_named_and_not_judged(tmp_path: Path, as_json: list[str]) -> None:
    core.save([np.zeros((4, 6, 3), np.uint8)] * 3, tmp_path)
    path = tmp_path / ".seqsave" / "frame.png.json"
    path.write_text(path.read_text().replace('"version": 2', '"version": 3'))
    result = seqsave("ls", tmp_path, *as_json, status=1)
    assert "is listed without its manifest" in result.err
    assert "version 3" in result.err
    if as_json:
        [document] = result.document["sequences"]
        assert (document["complete"], document["progress"]["state"]) == (None, "unread")
    else:
        assert result.out.startswith("frame_#####.png 0-2 (3 frames)  ")
        assert result.out.endswith(", manifest not read\n")
    assert "seqsave: warning: " in seqsave("info", tmp_path).err


def test_what_is_lost_is_named_beside_folders(tmp_path: Path) -> None:
    core.save([np.zeros((4, 6, 3), np.uint8)] * 3, tmp_path)
    for path in tmp_path.glob("*.png"):
        path.unlink()
    (tmp_path / "below").mkdir()
    result = seqsave("ls", tmp_path, status=1)
    assert result.out == "frame_#####.png (no frame left), 3 frames to render again: 0-2\nbelow/\n"


@pytest.mark.skipif(os.name == "nt", reason="only on POSIX: links need a right of their own")
def test_links_to_nowhere_are_named_beside_folders(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "latest").symlink_to("nowhere")
    assert seqsave("ls", tmp_path).err == ""  # it is not named like a frame
    (tmp_path / "frame_00000.png").symlink_to("nowhere")
    result = seqsave("ls", tmp_path, status=1)
    assert result.out == "below/\n"
    assert "not listed: frame_00000.png (a link to a file that does not exist)" in result.err


def test_batch_folders_with_another_padding_are_named(tmp_path: Path) -> None:
    with core.open_writer(tmp_path) as writer:
        writer.write_batch([np.zeros((4, 6, 3), np.uint8)] * 2)
    (tmp_path / "batch_1").mkdir()
    (tmp_path / "batch_x").mkdir()
    shutil.copy(tmp_path / "batch_0001" / "frame_00000.png", tmp_path / "batch_1")
    result = seqsave("ls", tmp_path)
    assert "not listed: batch_1/, since batch folders are named as batch_0001/; seqsave ls" in result.err
    assert f"{tmp_path / 'batch_1'} lists it" in result.err
    assert "batch_x" not in result.err
    assert "not listed" not in seqsave("ls", "-r", tmp_path).err
