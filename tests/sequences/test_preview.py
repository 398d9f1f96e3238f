"""The movie of existing frames."""

from __future__ import annotations

import io
import itertools
from contextlib import nullcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave.sequences.preview import make_preview
from tests.support.movies import decoded
from tests.support.needs import needs_package

if TYPE_CHECKING:
    from tests.support.places import Place


@pytest.fixture(autouse=True)
def _library() -> None:
    needs_package("av")


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
    with pytest.raises(seqsave.OptionError, match=r"a preview is .mp4, .webm or .mov, not 'look.gif'"):
        make_preview(sequence, sequence.target, "a/look.gif", on_frame=lambda _: pytest.fail("it was read"))


def made(settings: dict[str, Any], name: str = "look.mov", **look: Any) -> tuple[list[Any], tuple[str, ...]]:
    """The pictures of a movie of frames that were saved with these settings, and its notes."""
    place = f"memory://made-{next(COUNTER)}"
    seqsave.save(settings.pop("frames"), place, **settings)
    sequence = seqsave.open_sequence(place)
    assert sequence.target is not None
    notes = make_preview(sequence, sequence.target, name, **look).notes
    return [picture.astype(int) for picture in decoded(sequence.target.read(name))], notes


COUNTER = itertools.count()
FLAT = np.full((1, 32, 48, 3), 0.18, np.float32)


def test_frames_are_shown_by_what_they_state_and_by_what_the_caller_states() -> None:
    stated = {"dtype": "uint16", "filetype": "png"}
    for settings, look, level in (
        ({"color": "linear-srgb"}, {}, 118),
        ({"color": "acescg"}, {}, 118),
        ({"color": "srgb"}, {}, 46),
        ({}, {}, 46),
        ({}, {"color": "linear-srgb"}, 118),
        ({"color": "srgb"}, {"color": "linear-srgb"}, 118),
    ):
        (seen,), notes = made({"frames": FLAT, **stated, **settings}, **look)
        assert (round(seen.mean()), notes) == (pytest.approx(level, abs=1.6), ())


def test_a_view_shows_the_frames() -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    settings = {"frames": FLAT, "filetype": "png", "dtype": "uint16", "color": "acescg"}
    (seen,), _ = made(settings, display="sRGB", view="ACES 1.0 - SDR Video")
    assert seen.mean() == pytest.approx(0.356 * 255, abs=2)


def test_a_raw_view_shows_the_values_of_the_frames() -> None:
    """OpenColorIO's own answer for a view of data is the picture as it is."""
    needs_package("PyOpenColorIO", "pip install opencolorio")
    picture = np.broadcast_to(np.array((0.6, 0.3, 0.1), np.float32), (1, 32, 48, 3))
    settings = {"frames": picture, "filetype": "png", "dtype": "uint16", "color": "acescg"}
    (seen,), notes = made(settings, display="sRGB", view="Raw")
    assert seen.mean(axis=(0, 1)) == pytest.approx((153, 76.5, 25.5), abs=2)
    assert notes == ()


def test_a_transparent_frame_is_shown_over_the_background() -> None:
    picture = np.zeros((1, 32, 48, 4), np.float32)
    picture[..., :] = (1, 0, 0, 0.5)
    for background, colour in (("black", (127, 0, 0)), ("white", (255, 127, 127)), ("#0000ff", (127, 0, 127))):
        (seen,), _ = made({"frames": picture, "filetype": "png"}, background=background)
        assert seen.mean(axis=(0, 1)) == pytest.approx(colour, abs=3)


def test_one_frame_odd_sizes_and_other_sizes_make_a_movie_with_a_note() -> None:
    pictures = [np.full((33, 47, 3), 200, np.uint8), np.full((20, 47, 3), 100, np.uint8)]
    (seen,), notes = made({"frames": pictures[:1], "filetype": "png"}, "look.webm")
    assert (seen.shape, notes) == ((34, 48, 3), ())
    with pytest.warns(seqsave.SeqSaveWarning, match="is 47x20"):
        seen_both, notes = made({"frames": pictures, "filetype": "png"}, "look.webm")
    assert [one.shape for one in seen_both] == [(34, 48, 3)] * 2
    assert seen_both[1][2].mean() < 20  # a bar
    assert notes == ("frames of another size than the first one are fitted into it, with bars: frame 1 is the first",)


def test_a_movie_that_is_larger_than_its_frames_has_a_note() -> None:
    pictures = [np.full((1, 8, 3), 200, np.uint8)]
    (seen,), notes = made({"frames": pictures, "filetype": "png"}, "look.webm")
    assert seen.shape == (2, 16, 3)
    assert ["a movie of 16x2" in note for note in notes] == [True]


@pytest.mark.parametrize(
    ("numbers", "manifest", "note"),
    [
        ((1, 2, 3, 6, 7, 9), False, "frames are missing, and the movie goes on without them: 4-5,8"),
        ((1001, 1003, 1007), False, "frames are missing, and the movie goes on without them: 1005, of each 2"),
        ((1001, 1003, 1005), False, None),
        ((5,), False, None),
        ((0, 1), True, "frames are missing, and the movie goes on without them: 2-3"),
        ((0, 1, 2, 3), True, None),
    ],
)
def test_missing_frames_are_noted_unless_the_caller_chose_the_others(
    numbers: tuple[int, ...], manifest: bool, note: str | None
) -> None:
    place = f"memory://gaps-{next(COUNTER)}"
    warns = pytest.warns(seqsave.SeqSaveWarning, match="that `total` states")
    with (
        warns if manifest and len(numbers) < 4 and 0 in numbers else nullcontext(),
        seqsave.open_writer(place, total=4 if manifest else None, manifest=manifest) as writer,
    ):
        for number in numbers:
            writer.write(FRAMES[0], index=number)
    sequence = seqsave.open_sequence(place)
    assert sequence.target is not None
    assert make_preview(sequence, sequence.target, "a.webm").notes == (() if note is None else (note,))
    assert make_preview(sequence, sequence.target, "a.webm", chosen=True).notes == ()


def test_burn_in_draws_the_number_of_the_name() -> None:
    settings = {"frames": np.full((2, 90, 160, 3), 90, np.uint8), "filetype": "png", "start": 1001}
    plain, _ = made(dict(settings))
    drawn, _ = made(dict(settings), burn_in=True)
    assert np.abs(drawn[0] - drawn[1])[60:, :60].max() > 40  # 1001 and 1002
    assert np.abs(drawn[0] - plain[0])[:60].max() < 8


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({"codec": "vp9"}, "a .mov file does not hold vp9: name it .webm"),
        ({"codec": "h265"}, "codec is 'h265'"),
        ({"quality": 0}, "quality is 0"),
        ({"color": "Linear"}, "color is 'Linear'"),
        ({"background": "invisible"}, "background is 'invisible'"),
        ({"height": 0}, "height is 0"),
        ({"layer": ""}, "layer is ''"),
        ({"channels": "R", "layer": "fog"}, "channels and layer are both given"),
    ],
)
def test_a_look_that_cannot_be_is_an_error_before_anything_is_read(look: dict[str, Any], message: str) -> None:
    seqsave.save(FRAMES, "memory://look-errors")
    sequence = seqsave.open_sequence("memory://look-errors")
    assert sequence.target is not None
    with pytest.raises(seqsave.OptionError, match=message):
        make_preview(sequence, sequence.target, "a.mov", on_frame=lambda _: pytest.fail("it was read"), **look)


def test_a_frame_without_the_wanted_channel_is_named() -> None:
    seqsave.save(FRAMES, "memory://look-channels", filetype="png")
    sequence = seqsave.open_sequence("memory://look-channels")
    assert sequence.target is not None
    with pytest.raises(seqsave.ImageError, match=r"frame_00000.png: the picture has no channel 'Z'"):
        make_preview(sequence, sequence.target, "a.mov", channels="Z")


@pytest.mark.parametrize("chosen", [False, True])
def test_a_movie_of_an_unfinished_sequence_says_so_once(chosen: bool) -> None:
    """Its second run was interrupted: frames 2 and 3 are still those of the first."""
    place = f"memory://unfinished-{next(COUNTER)}"
    seqsave.save([FRAMES[0]] * 4, place)
    with pytest.raises(ZeroDivisionError), seqsave.open_writer(place, total=4) as writer:
        for number in range(2):
            writer.write(FRAMES[1], index=number)
        raise ZeroDivisionError
    sequence = seqsave.open_sequence(place)
    assert sequence.target is not None
    note = "the sequence is unfinished, 2 of 4; to be rendered again: 2-3"
    assert make_preview(sequence, sequence.target, "a.webm", chosen=chosen).notes == (() if chosen else (note,))


def test_a_movie_with_frames_of_an_older_run_at_its_end_says_so() -> None:
    place = f"memory://shortened-{next(COUNTER)}"
    seqsave.save([FRAMES[0]] * 4, place)
    with pytest.warns(seqsave.SeqSaveWarning, match="of an older run lie beside"):
        seqsave.save([FRAMES[0]] * 2, place, total=2)
    sequence = seqsave.open_sequence(place)
    assert sequence.target is not None
    note = "the sequence is finished, but frames of an older run lie beside it: 2-3"
    assert make_preview(sequence, sequence.target, "a.webm").notes == (note,)


def test_a_movie_of_a_sequence_with_a_contradictory_manifest_says_so() -> None:
    place = f"memory://damaged-{next(COUNTER)}"
    seqsave.save([FRAMES[0]] * 2, place)
    target = seqsave.open_sequence(place).target
    assert target is not None
    document = target.read(".seqsave/frame.png.json").replace(b"frame_00001.png", b"frame_00009.png")
    target.publish(".seqsave/frame.png.json", document, content_type="application/json")
    assert make_preview(seqsave.open_sequence(place), target, "a.webm").notes == ("the manifest is damaged",)
