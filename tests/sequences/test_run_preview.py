"""The movie of frames that are being saved: in order, and never in the way."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.errors import TargetError
from seqsave.naming.key import FrameKey
from seqsave.pictures.color import color_space
from seqsave.pictures.pixels import SharedImage
from seqsave.sequences.run_preview import RunPreview
from seqsave.sequences.shown import Screen
from tests.support.needs import needs_package


@pytest.fixture(autouse=True)
def _library() -> None:
    needs_package("av")


class Sink:
    def __init__(self) -> None:
        self.movies: list[bytes] = []
        self.warnings: list[str] = []

    def preview(self, **settings: Any) -> RunPreview:
        given: dict[str, Any] = {"rate": None, "texts": {"prompt": "{}"}, "screen": Screen(), **settings}
        return RunPreview("webm", publish=self.movies.append, warn=self.warn, **given)

    def warn(self, kind: str, message: str) -> None:
        assert kind.startswith("preview")
        self.warnings.append(message)

    def levels(self) -> list[int]:
        """The middle of each picture of the one movie."""
        with needs_package("av").open(io.BytesIO(self.movies[0])) as file:
            return [int(frame.to_ndarray(format="rgb24")[16, 16, 0]) for frame in file.decode(video=0)]


def _add(preview: RunPreview, index: int, picture: Any) -> None:
    preview.add(index, preview.take(FrameKey(index, None), SharedImage(picture)))


def grey(value: float, dtype: Any = np.float32) -> Any:
    return np.full((32, 32, 3), value, dtype)


def test_pictures_are_in_the_movie_in_order_and_may_be_changed_at_once() -> None:
    sink = Sink()
    preview = sink.preview()
    buffer = grey(0)
    for number in range(6):
        buffer[:] = number / 5
        _add(preview, number * 10, buffer)
    buffer[:] = 0
    preview.finish()
    assert sink.levels() == pytest.approx([0, 51, 102, 153, 204, 255], abs=6)
    assert sink.warnings == []


def test_a_frame_out_of_order_ends_it_with_one_warning() -> None:
    sink = Sink()
    preview = sink.preview()
    for index in (5, 6, 3, 4, 7):
        _add(preview, index, grey(0.5))
    preview.finish()
    assert sink.movies == []
    assert sink.warnings == [
        "no preview: frame 3 came after frame 6; make one of the saved frames with seqsave preview"
    ]


def test_a_picture_that_the_movie_cannot_take_is_a_warning() -> None:
    sink = Sink()
    preview = sink.preview()
    _add(preview, 0, np.zeros((2, 100_000, 3), np.uint8))
    _add(preview, 1, grey(0.5))
    preview.finish()
    assert sink.movies == []
    assert len(sink.warnings) == 1


def test_a_storage_that_fails_is_a_warning() -> None:
    def refuse(data: bytes) -> None:
        raise TargetError("cannot save it")

    sink = Sink()
    preview = RunPreview("webm", rate=None, texts={}, screen=Screen(), publish=refuse, warn=sink.warn)
    _add(preview, 0, grey(0.5))
    preview.finish()
    assert "cannot save it" in sink.warnings[0]


def test_nothing_written_is_no_movie() -> None:
    sink = Sink()
    sink.preview().finish()
    assert (sink.movies, sink.warnings) == ([], [])


def test_linear_light_is_shown_as_a_display_wants_it() -> None:
    sink = Sink()
    preview = sink.preview(screen=Screen(color=color_space("linear-srgb")))
    _add(preview, 0, grey(0.21404))
    preview.finish()
    assert sink.levels() == pytest.approx([128], abs=4)


def test_values_up_to_255_are_named() -> None:
    sink = Sink()
    preview = sink.preview()
    for index in range(2):
        _add(preview, index, grey(117.5))
    preview.finish()
    assert sink.warnings == ["preview: the values look like 0..255 and not like 0..1: divide by 255"]


def test_a_movie_that_is_larger_than_its_frames_is_a_warning() -> None:
    sink = Sink()
    preview = sink.preview()
    _add(preview, 0, np.full((1, 8, 3), 200, np.uint8))
    preview.finish()
    assert ["preview: pictures of 8x1" in text for text in sink.warnings] == [True]


# --- beside the frames of a writer -----------------------------------------------------------------------------------

GREY = np.full((8, 8, 3), 0.5, np.float32)


def save(folder: Path, count: int = 3, **settings: Any) -> seqsave.SaveResult:
    return seqsave.save([GREY] * count, folder, metadata={"shot": 7}, **settings)


@pytest.mark.parametrize("extension", ["mp4", "webm"])
def test_a_preview_beside_the_frames(tmp_path: Path, extension: str) -> None:
    av = needs_package("av")
    pictures = [np.full((64, 64, 3), 0.5, np.float32)] * 12
    seqsave.save(pictures, tmp_path, metadata={"shot": 7}, preview=extension, rate=12)
    with av.open(str(tmp_path / f"frame.{extension}")) as movie:
        assert movie.streams.video[0].average_rate == 12
        assert {name.lower(): text for name, text in movie.metadata.items()}["shot"] == "7"
        assert sum(1 for _ in movie.decode(video=0)) == 12
    assert len(seqsave.open_sequence(tmp_path)) == 12


def test_a_preview_that_is_larger_than_the_frames_is_a_warning(tmp_path: Path) -> None:
    with pytest.warns(seqsave.SeqSaveWarning, match="pictures of 1x8 pixels become a movie of 2x16"):
        seqsave.save([np.zeros((8, 1, 3), np.uint8)], tmp_path, preview="webm")


def test_a_resumed_run_has_no_preview_and_says_so(tmp_path: Path) -> None:
    save(tmp_path, 2)
    with pytest.warns(seqsave.SeqSaveWarning, match="no preview: frame 0 already existed"):
        save(tmp_path, 3, preview="webm", if_exists="skip")
    assert not (tmp_path / "frame.webm").exists()


def test_a_run_that_fails_has_no_preview(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        with seqsave.open_writer(tmp_path, preview="webm") as writer:
            writer.write(GREY)
            raise RuntimeError
    assert [path.name for path in tmp_path.glob("frame*")] == ["frame_00000.png"]


def test_files_that_are_copied_get_no_preview_and_are_saved(tmp_path: Path) -> None:
    save(tmp_path / "a", 2)
    with pytest.warns(seqsave.SeqSaveWarning, match="no preview: the files are copied, and not decoded"):
        result = seqsave.save(seqsave.open_sequence(tmp_path / "a"), tmp_path / "b", preview="webm")
    assert result.counts["saved"] == 2


def test_a_movie_of_others_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "frame.webm").write_bytes(b"the clip that the frames come from")
    with pytest.warns(seqsave.SeqSaveWarning, match="no preview: .*frame.webm exists, and seqsave did not make it"):
        save(tmp_path, 2, preview="webm")
    assert (tmp_path / "frame.webm").read_bytes() == b"the clip that the frames come from"
    (tmp_path / "frame.webm").unlink()
    for _ in range(2):
        save(tmp_path, 2, preview="webm")
    assert (tmp_path / "frame.webm").exists()


def test_frames_that_are_not_part_of_the_movie() -> None:
    sink = Sink()
    preview = sink.preview()
    image = SharedImage(grey(0.5))
    for key in (FrameKey(3, None, after_end="it is after the end"), FrameKey(3, 1)):
        assert preview.take(key, image) is None
        preview.add(key.index, None)
    for key in (FrameKey(3, None), FrameKey(4, 0)):
        preview.add(key.index, preview.take(key, image))
    preview.finish()
    assert len(sink.levels()) == 2
    assert sink.warnings == []


@pytest.mark.parametrize(
    ("existed", "why"), [(True, "frame 1 already existed"), (False, "some frames were encoded elsewhere")]
)
def test_a_frame_without_an_image_ends_the_movie(existed: bool, why: str) -> None:
    sink = Sink()
    preview = sink.preview()
    _add(preview, 0, grey(0.5))
    preview.add(1, preview.take(FrameKey(1, None), None, existed=existed))
    preview.finish()
    assert sink.movies == []
    assert sink.warnings == [f"no preview: {why}; make one of the saved frames with seqsave preview"]
