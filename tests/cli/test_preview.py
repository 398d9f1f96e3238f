"""``seqsave preview``."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsave import SeqSaveWarning, open_writer, save
from seqsave.pictures.movie import Movie
from tests.cli.foreign import replaces_only_its_own
from tests.cli.runner import options, seqsave
from tests.support.needs import needs_package
from tests.support.places import Place


@pytest.fixture(autouse=True)
def _library() -> None:
    needs_package("av")


def frames(count: int) -> Any:
    return np.repeat(np.linspace(0, 1, count, dtype=np.float32), 32 * 32 * 3).reshape(count, 32, 32, 3)


def about(data: bytes) -> tuple[int, Fraction, dict[str, str]]:
    with needs_package("av").open(io.BytesIO(data)) as movie:
        count = sum(1 for _ in movie.decode(video=0))
        tags = {name.lower(): text for name, text in movie.metadata.items()}
        return count, movie.streams.video[0].average_rate, tags


def test_beside_the_frames_with_rate_and_workflow(place: Place) -> None:
    save(frames(9), place.url, storage_options=place.storage_options, rate=12, metadata={"workflow": {"nodes": []}})
    reported = seqsave("preview", place.url, *options(place), "--json").document
    assert reported["frames"] == 9
    count, rate, tags = about(place.read("frame.mp4"))
    assert (count, rate, tags["workflow"]) == (9, 12, '{"nodes": []}')


def test_of_variations_the_first_is_shown(tmp_path: Path) -> None:
    with open_writer(tmp_path, filetype="png") as writer:
        for index in range(3):
            writer.write_batch(np.stack([np.full((32, 32, 3), shade, np.float32) for shade in (0.9, 0.1)]), index=index)
    assert seqsave("preview", tmp_path, "--json").document["frames"] == 3
    with needs_package("av").open(str(tmp_path / "frame.mp4")) as movie:
        assert all(picture.to_ndarray(format="rgb24").mean() > 200 for picture in movie.decode(video=0))


def test_elsewhere_in_another_size(tmp_path: Path) -> None:
    save(frames(3), tmp_path / "a")
    out = seqsave("preview", tmp_path / "a", "--to", tmp_path / "b.webm", "--rate", "24000/1001", "--height", 16).out
    assert out.startswith(f"{tmp_path / 'b.webm'}: 3 pictures, ")
    assert about((tmp_path / "b.webm").read_bytes())[:2] == (3, Fraction(24000, 1001))


def test_frames_of_another_rule(tmp_path: Path) -> None:
    save(frames(2), tmp_path)
    for path in tmp_path.glob("frame_*"):
        path.rename(tmp_path / f"shot.{path.stem[-4:]}.png")
    pattern = tmp_path / "shot.####.png"
    seqsave("preview", pattern)
    assert about((tmp_path / "shot.mp4").read_bytes())[0] == 2
    seqsave("preview", pattern, "--to", tmp_path / "c.webm")
    assert about((tmp_path / "c.webm").read_bytes())[0] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "a.gif"], "neither .mp4 nor .webm"),
        (["--rate", "fast"], "is not a rate"),
        (["--rate", "0"], "is not a rate"),
    ],
)
def test_what_makes_no_sense_is_a_wrong_call(tmp_path: Path, arguments: list[str], message: str) -> None:
    save(frames(2), tmp_path)
    assert message in seqsave("preview", tmp_path, *arguments, status=2).err


def test_a_folder_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    assert f"{tmp_path / 'none'} does not exist" in seqsave("preview", tmp_path / "none", status=1).err


def test_of_some_frames(tmp_path: Path) -> None:
    save(frames(9), tmp_path, start=-2)
    seqsave("preview", tmp_path, "--frames", "-2--1,3", "-q")
    with needs_package("av").open(str(tmp_path / "frame.mp4")) as movie:
        assert sum(1 for _ in movie.decode(video=0)) == 3
    error = seqsave("preview", tmp_path, "--frames", "5-8", "-q", status=1).err
    assert error == f"seqsave: error: frame_#####.png in {tmp_path} has no frames 7-8: there are -2-6\n"


def test_one_picture_is_not_several(tmp_path: Path) -> None:
    save(frames(1), tmp_path)
    assert ": 1 picture, " in seqsave("preview", tmp_path, "-q").out


def test_a_movie_for_a_client(tmp_path: Path) -> None:
    save(frames(3), tmp_path, start=1001, color="linear-srgb", dtype="uint16")
    arguments = ["--codec", "prores", "--quality", 60, "--burn-in", "--background", "white", "-q"]
    seqsave("preview", tmp_path, *arguments)
    with needs_package("av").open(str(tmp_path / "frame.mov")) as movie:
        assert movie.streams.video[0].codec_context.name == "prores"
        last = list(movie.decode(video=0))[2].to_ndarray(format="rgb24")
    assert last[:12].mean() > 250
    assert last[16:].min() < 120


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--codec", "vp9", "--to", "a.mp4"], "a .mp4 file does not hold vp9: name it .webm"),
        (["--codec", "h264", "--to", "a.webm"], "a .webm file does not hold h264: name it .mp4 or .mov"),
        (["--codec", "gif"], "'gif' is not one of 'h264'"),
        (["--quality", "0"], "is not in the range"),
        (["--color", "sRBG"], "color is 'sRBG'"),
        (["--background", "nothing"], "background is 'nothing'"),
        (["--background", "#20406080"], "background is '#20406080', a colour with alpha: it must be the name of"),
        (["--ocio", "none.ocio"], "none.ocio cannot be used"),
        (["--view", "Film"], "view is 'Film', which is unknown"),
    ],
)
def test_a_movie_that_cannot_be_is_a_wrong_call(tmp_path: Path, arguments: list[str], message: str) -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    save(frames(2), tmp_path)
    assert message in seqsave("preview", tmp_path, *arguments, status=2).err


def test_what_viewers_should_know_is_a_warning(tmp_path: Path) -> None:
    with pytest.warns(SeqSaveWarning, match="is 32x20"):
        save([frames(1)[0], frames(1)[0][:20]], tmp_path, filetype="png")
    assert "fitted into it, with bars: frame 1" in seqsave("preview", tmp_path, "-q").err


@pytest.mark.parametrize("step", ["add", "finish"])
def test_an_interrupt_leaves_the_older_movie_and_no_half_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    save(frames(3), tmp_path, filetype="png", manifest=False)
    older = b"older, made by seqsave preview"
    (tmp_path / "frame.webm").write_bytes(older)
    there = sorted(path.name for path in tmp_path.iterdir())
    real = getattr(Movie, step)

    def interrupted(movie: Movie, *given: Any, **named: Any) -> None:
        real(movie, *given, **named)
        if movie.count in (2, 3):  # amid the frames, and with the movie at hand
            raise KeyboardInterrupt

    monkeypatch.setattr(Movie, step, interrupted)
    for place in (("--codec", "vp9"), ("--to", tmp_path / "other.mp4")):
        assert seqsave("preview", tmp_path, *place, status=130).err.strip().endswith("seqsave: error: interrupted")
    assert sorted(path.name for path in tmp_path.iterdir()) == there
    assert (tmp_path / "frame.webm").read_bytes() == older


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.mov"])
def test_a_movie_gives_its_workflow_back(place: Place, name: str) -> None:
    given = {"workflow": {"nodes": [1]}, "seed": 7, "note": "é"}
    save(frames(2), place.url, storage_options=place.storage_options, metadata=given)
    seqsave("preview", place.url, "--to", f"{place.url}/{name}", *options(place))
    printed = seqsave("workflow", f"{place.url}/{name}", *options(place)).document
    assert {name: printed[name] for name in given} == given
    assert printed.keys() - given <= {"software", "duration"}
    only = seqsave("workflow", f"{place.url}/{name}", "--key", "workflow", *options(place))
    assert only.document == given["workflow"]


def test_a_damaged_movie_has_status_1(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no movie")
    for words in (["workflow", tmp_path / "clip.mp4"], ["save", tmp_path / "clip.mp4", tmp_path / "out"]):
        assert "clip.mp4 cannot be read as a video: " in seqsave(*words, status=1).err


def test_a_file_that_seqsave_did_not_make_is_replaced_only_if_it_is_named(place: Place) -> None:
    replaces_only_its_own(place, "preview", "frame.mp4", "--to")
