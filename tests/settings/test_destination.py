"""A pattern as the URL of a writer names the files; the name of one file is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from tests.cli.runner import seqsave as command

if TYPE_CHECKING:
    from tests.support.places import Place

TWO = np.zeros((2, 4, 4, 3), np.uint8)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize(
    ("pattern", "start", "first"),
    [
        ("shot.####.png", 1001, "shot.1001.png"),
        ("shot.%04d.jpg", 7, "shot.0007.jpg"),
        ("shot.$F4.jpeg", 7, "shot.0007.jpeg"),
        ("shot.<F4>.PNG", 7, "shot.0007.PNG"),
        ("shot_@@@_left.png", -2, "shot_-001_left.png"),
        ("####.png", 7, "0007.png"),
        ("img (#).png", 9, "img (10).png"),
        ("sh010-v003-%06i.jpg", 123, "sh010-v003-000123.jpg"),
        ("ComfyUI_#####_.png", 1, "ComfyUI_00001_.png"),
    ],
)
def test_a_pattern_names_the_files_and_every_reader_finds_them(
    tmp_path: Path, pattern: str, start: int, first: str
) -> None:
    result = seqsave.save(TWO, tmp_path / pattern, start=start)
    assert first in names(tmp_path)
    assert result.counts["saved"] == 2
    assert result.warnings == ()
    for opened in (seqsave.open_sequence(tmp_path), seqsave.open_sequence(tmp_path / pattern)):
        assert opened.indices == (start, start + 1)
        assert opened.manifest is not None
        assert opened.manifest.complete
    assert next(iter(seqsave.find_sequences(tmp_path))).indices == (start, start + 1)
    assert ", complete" in command("ls", tmp_path).out
    command("verify", tmp_path / pattern, "--deep")


def test_on_every_storage(place: Place) -> None:
    with seqsave.open_writer(f"{place.url}/shot.%04d.png", storage_options=place.storage_options) as writer:
        writer.write_batch(TWO)
    assert place.frames() == ["batch_0000/shot.0000.png", "batch_0001/shot.0000.png"]


def test_the_file_type_comes_from_the_extension(tmp_path: Path) -> None:
    saved = seqsave.save(TWO, tmp_path / "a.####.png", metadata={"seed": 7})
    assert {frame.filetype for frame in saved.frames} == {"png with embedded workflow"}
    saved = seqsave.save(TWO, tmp_path / "b.####.png", filetype="png")
    assert {frame.filetype for frame in saved.frames} == {"png"}
    seqsave.save(TWO, tmp_path / "c.####.jpg", filetype=["jpg", "png"])
    assert {name for name in names(tmp_path) if name.startswith("c")} == {
        "c.0000.jpg", "c.0000.png", "c.0001.jpg", "c.0001.png"
    }  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [{"prefix": "other"}, {"digits": 5}, {"separator": "_"}, {"filetype": "jpg"}, {"filetype": ["jpg"]}],
)
def test_settings_that_contradict_are_errors(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(seqsave.OptionError, match=rf"shot\.####\.png, which contradicts `{next(iter(settings))}`"):
        seqsave.open_writer(tmp_path / "shot.####.png", **settings)
    config = seqsave.check_settings(**settings)
    if settings not in ({"digits": 5}, {"separator": "_"}):  # these are the usual ones
        with pytest.raises(seqsave.OptionError, match="contradicts"):
            seqsave.open_writer(tmp_path / "shot.####.png", config)
    assert names(tmp_path) == []


def test_settings_that_agree_are_none(tmp_path: Path) -> None:
    agreeing: dict[str, Any] = {"prefix": "shot", "separator": ".", "digits": 4, "filetype": "png"}
    seqsave.save(TWO, tmp_path / "shot.####.png", **agreeing)
    assert names(tmp_path) == ["shot.0000.png", "shot.0001.png"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("movie.mp4", "name of a movie.* as .*/movie"),
        ("out.zip", "name of an archive.* as .*/out"),
        ("frame.png", r"name of a picture.* write .*/frame_#####\.png"),
        ("frame_0001.exr", r"write .*/frame_####\.exr"),
        ("shot.####", r"no extension: write .*/shot\.####\.png for numbered files, or .*/shot\.####/"),
        ("shot_%04d", r"no extension: write .*/shot_%04d\.png"),
        ("shot.$F4", r"no extension: write .*/shot\.\$F4\.png"),
    ],
)
def test_the_name_of_one_file_is_refused(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(seqsave.OptionError, match=says):
        seqsave.open_writer(f"{tmp_path}/{name}")
    assert names(tmp_path) == []
    (tmp_path / name).mkdir()
    seqsave.save(TWO, f"{tmp_path}/{name}")
    seqsave.save(TWO, f"{tmp_path}/new-{name}/")
    assert names(tmp_path / name) == names(tmp_path / f"new-{name}") == ["frame_00000.png", "frame_00001.png"]


def test_a_folder_that_reads_as_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "take.####.png").mkdir()
    for name in ("take.####.png", "take #1.v2", "shot_%d.final", "take #1", "shot_%d"):
        seqsave.save(TWO, tmp_path / name)
        assert names(tmp_path / name) == ["frame_00000.png", "frame_00001.png"]
        assert seqsave.open_sequence(tmp_path / name).indices == (0, 1)


@pytest.mark.parametrize("name", [f"{'x' * 300}.####.png", f"{'x' * 300}.png"])
def test_names_that_the_storage_cannot_hold(tmp_path: Path, name: str) -> None:
    for function in (seqsave.open_writer, seqsave.open_sequence, seqsave.open_run):
        with pytest.raises(seqsave.SeqSaveError):
            function(tmp_path / name)


def test_patterns_that_nothing_writes(tmp_path: Path) -> None:
    for name in ("shot.####.xyz", "shot.####.mp4", "shot.%04d.zip"):
        with pytest.raises(seqsave.EncoderNotFoundError):
            seqsave.open_writer(tmp_path / name)
    with pytest.raises(seqsave.FrameNameError, match="two numbers"):
        seqsave.open_writer(tmp_path / "shot_%03d.####.png")


def test_the_command(tmp_path: Path) -> None:
    seqsave.save(TWO, tmp_path / "in", start=5)
    command("save", tmp_path / "in", tmp_path / "out" / "shot.####.png")
    assert names(tmp_path / "out") == ["shot.0005.png", "shot.0006.png"]
    command("save", tmp_path / "in", tmp_path / "dots", "--separator", ".", "--prefix", "a", "--start", "-1")
    assert names(tmp_path / "dots") == ["a.-00001.png", "a.00000.png"]
    command("save", tmp_path / "in", tmp_path / "bare", "--separator", "", "--prefix", "", "--digits", "4")
    assert names(tmp_path / "bare") == ["0005.png", "0006.png"]
    error = command("save", tmp_path / "in", tmp_path / "x.####.png", "--prefix", "y", status=2).err
    assert "contradicts --prefix 'y'" in error
    assert "name of a movie" in command("save", tmp_path / "in", tmp_path / "movie.mp4", status=2).err
