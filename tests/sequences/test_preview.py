"""The movie beside the frames: in order, and never in the way."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave.errors import TargetError
from seqsave.pictures.color import color_space
from seqsave.sequences.preview import Preview, make_preview
from tests.support.needs import needs_package

if TYPE_CHECKING:
    from tests.support.places import Place


@pytest.fixture(autouse=True)
def _library() -> None:
    needs_package("av")


class Sink:
    def __init__(self) -> None:
        self.movies: list[bytes] = []
        self.warnings: list[str] = []

    def preview(self, **settings: Any) -> Preview:
        given: dict[str, Any] = {"rate": None, "texts": {"prompt": "{}"}, "color": None, **settings}
        return Preview("webm", publish=self.movies.append, warn=self.warnings.append, **given)

    def levels(self) -> list[int]:
        """The middle of each picture of the one movie."""
        with needs_package("av").open(io.BytesIO(self.movies[0])) as file:
            return [int(frame.to_ndarray(format="rgb24")[16, 16, 0]) for frame in file.decode(video=0)]


def grey(value: float, dtype: Any = np.float32) -> Any:
    return np.full((32, 32, 3), value, dtype)


def test_pictures_are_in_the_movie_in_order_and_may_be_changed_at_once() -> None:
    sink = Sink()
    preview = sink.preview()
    buffer = grey(0)
    for number in range(6):
        buffer[:] = number / 5
        preview.add(number * 10, preview.take(buffer))
    buffer[:] = 0
    preview.finish()
    assert sink.levels() == pytest.approx([0, 51, 102, 153, 204, 255], abs=6)
    assert sink.warnings == []


def test_a_frame_out_of_order_ends_it_with_one_warning() -> None:
    sink = Sink()
    preview = sink.preview()
    for index in (5, 6, 3, 4, 7):
        preview.add(index, preview.take(grey(0.5)))
    preview.finish()
    assert sink.movies == []
    assert sink.warnings == [
        "no preview: frame 3 came after frame 6; make one of the saved frames with seqsave preview"
    ]


def test_a_picture_that_the_movie_cannot_take_is_a_warning() -> None:
    sink = Sink()
    preview = sink.preview()
    preview.add(0, preview.take(np.zeros((2, 100_000, 3), np.uint8)))
    preview.add(1, preview.take(grey(0.5)))
    preview.finish()
    assert sink.movies == []
    assert len(sink.warnings) == 1


def test_a_storage_that_fails_is_a_warning() -> None:
    def refuse(data: bytes) -> None:
        raise TargetError("cannot save it")

    sink = Sink()
    preview = Preview("webm", rate=None, texts={}, color=None, publish=refuse, warn=sink.warnings.append)
    preview.add(0, preview.take(grey(0.5)))
    preview.finish()
    assert "cannot save it" in sink.warnings[0]


def test_nothing_written_is_no_movie() -> None:
    sink = Sink()
    sink.preview().finish()
    assert (sink.movies, sink.warnings) == ([], [])


def test_linear_light_is_shown_as_a_display_wants_it() -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    sink = Sink()
    preview = sink.preview(color=color_space("linear-srgb"))
    preview.add(0, preview.take(grey(0.21404)))
    preview.finish()
    assert sink.levels() == pytest.approx([128], abs=4)


# --- of existing frames ----------------------------------------------------------------------------------------------

FRAMES = np.zeros((5, 32, 48, 3), np.uint8)


def test_it_has_the_frames_the_rate_of_the_manifest_and_the_workflow(place: Place, options: dict[str, Any]) -> None:
    av = needs_package("av")
    seqsave.save(FRAMES, place.url, rate=Fraction(25, 2), metadata={"workflow": {"nodes": [1]}}, **options)
    sequence = seqsave.open_sequence(place.url, **options)
    seen: list[int] = []
    assert sequence.target is not None
    made = make_preview(sequence, sequence.target, "look.webm", on_frame=lambda frame: seen.append(frame.index))
    data = place.read("look.webm")
    assert (made.frames, made.size, seen) == (5, len(data), [0, 1, 2, 3, 4])
    with av.open(io.BytesIO(data)) as movie:
        assert len(list(movie.decode(video=0))) == 5
        assert movie.streams.video[0].average_rate == Fraction(25, 2)
        assert '{"nodes": [1]}' in {*movie.metadata.values()}


def test_another_ending_is_refused_before_anything_is_read() -> None:
    seqsave.save(FRAMES, "memory://look")
    sequence = seqsave.open_sequence("memory://look")
    assert sequence.target is not None
    with pytest.raises(seqsave.OptionError, match=r"a preview is .mp4 or .webm, not 'look.gif'"):
        make_preview(sequence, sequence.target, "a/look.gif", on_frame=lambda _: pytest.fail("it was read"))
