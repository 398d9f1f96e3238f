"""Pictures as the screen of a movie shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from seqsave.errors import OptionError
from seqsave.pictures.color import color_space
from seqsave.pictures.fitting import Wanted
from seqsave.pictures.view import View
from seqsave.sequences.shown import Screen, color_of_name
from seqsave.types import ImageInfo
from tests.support.needs import needs_package

SRGB_GREY = 0.4613561  # of linear 0.18


def shown(picture: Any, info: ImageInfo | None = None, **settings: Any) -> Any:
    screen = Screen(**settings)
    seen = screen.show(screen.take(np.asarray(picture), info))
    return (seen / 255 if seen.dtype == np.uint8 else seen / 65535 if seen.dtype == np.uint16 else seen)[0, 0].tolist()


def flat(*values: float, dtype: Any = np.float32) -> Any:
    return np.full((2, 2, len(values)), values, dtype)


LINEAR = ImageInfo(color=color_space("linear-srgb"), alpha="associated")


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_linear_light_is_encoded_and_light_beyond_white_is_kept_for_the_movie_to_cut(dtype: Any) -> None:
    assert shown(flat(0.18, 0.18, 0.18, dtype=dtype), LINEAR) == pytest.approx([SRGB_GREY] * 3, abs=1e-3)
    assert min(shown(flat(9, 9, 9), LINEAR)) > 1


def test_values_of_a_screen_stay_in_few_bits() -> None:
    screen = Screen()
    waiting = screen.take(flat(0.5, 0.5, 0.5), ImageInfo(color=color_space("srgb")))
    assert waiting.array.dtype == np.uint8
    assert screen.show(waiting) is not None
    assert Screen(is_deep=True).take(flat(0.5, 0.5, 0.5), None).array.dtype == np.uint16


def test_what_the_caller_states_goes_before_the_frame() -> None:
    info = ImageInfo(color=color_space("srgb"))
    assert shown(flat(0.18, 0.18, 0.18), info, color=color_space("linear-srgb")) == pytest.approx([SRGB_GREY] * 3)


def test_light_that_is_multiplied_by_alpha_is_added_to_the_background() -> None:
    """Also where alpha is 0: flames have light and hide nothing."""
    assert shown(flat(0.18, 0.18, 0.18, 0.0), LINEAR) == pytest.approx([SRGB_GREY] * 3, abs=1e-5)
    over_white = shown(flat(0.0, 0.0, 0.0, 0.82), LINEAR, background="white")
    assert over_white == pytest.approx([SRGB_GREY] * 3, abs=1e-5)


def test_straight_alpha_of_linear_light_is_composited_in_linear_light() -> None:
    info = ImageInfo(color=color_space("linear-srgb"), alpha="straight")
    assert shown(flat(0.36, 0.36, 0.36, 0.5), info) == pytest.approx([SRGB_GREY] * 3, abs=1e-5)


def test_alpha_of_a_screen_is_composited_as_a_browser_does() -> None:
    picture = flat(200, 100, 50, 51, dtype=np.uint8)
    canvas = Image.new("RGBA", (2, 2), (0, 0, 255, 255))
    wanted = np.asarray(Image.alpha_composite(canvas, Image.fromarray(picture)))[0, 0, :3] / 255
    assert shown(picture, background="blue") == pytest.approx(wanted.tolist(), abs=1 / 255)


def test_invisible_pixels_may_hold_anything() -> None:
    for value in (np.nan, np.inf, -5.0):
        info = ImageInfo(color=color_space("linear-srgb"), alpha="straight")
        assert shown(flat(value, value, value, 0.0), info) == [0, 0, 0]
        assert shown(flat(value, value, value, 0.0)) == [0, 0, 0]


def test_associated_colours_of_another_curve_are_divided_before_they_are_converted() -> None:
    straight = ImageInfo(color=color_space("display-p3"), alpha="straight")
    associated = ImageInfo(color=color_space("display-p3"), alpha="associated")
    wanted = shown(flat(0.8, 0.4, 0.2, 0.5), straight, background="white")
    assert shown(flat(0.4, 0.2, 0.1, 0.5), associated, background="white") == pytest.approx(wanted, abs=1e-4)


def test_the_caller_says_what_alpha_is_where_nothing_states_it() -> None:
    assert shown(flat(0.5, 0.5, 0.5, 0.5), alpha="associated") == pytest.approx([0.5] * 3, abs=0.01)
    assert shown(flat(0.5, 0.5, 0.5, 0.5)) == pytest.approx([0.25] * 3, abs=0.01)


def test_frames_of_a_video_stay_as_they_are_and_the_movie_states_their_curve() -> None:
    screen = Screen()
    video = ImageInfo(color=color_space("rec709"))
    seen = screen.show(screen.take(flat(0.2, 0.5, 0.9), video))
    assert (screen.transfer, seen[0, 0].tolist()) == ("bt709", pytest.approx([0.2, 0.5, 0.9], abs=1e-4))
    other = screen.show(screen.take(flat(0.5, 0.5, 0.5), ImageInfo(color=color_space("srgb"))))
    assert other[0, 0].tolist() == pytest.approx([0.4502] * 3, abs=4e-3)
    late = Screen()
    late.show(late.take(flat(0.5, 0.5, 0.5), None))
    late.show(late.take(flat(0.5, 0.5, 0.5), video))
    assert late.transfer == "srgb"


def test_depth_beside_colours_is_left_out_and_a_window_is_part_of_the_whole() -> None:
    picture = np.ones((2, 2, 4), np.float32) * (1.0, 7.0, 1.0, 1.0)
    info = ImageInfo(
        color=color_space("linear-srgb"), channels=("B", "Z", "G", "R"), origin=(1, 1), display=(0, 0, 4, 4)
    )
    screen = Screen()
    seen = screen.show(screen.take(picture, info))
    assert seen.shape == (4, 4, 3)
    assert (seen[0, 0].tolist(), seen[2, 2].tolist()) == ([0, 0, 0], pytest.approx([1, 1, 1]))


def test_floats_of_a_file_that_states_nothing_are_a_note() -> None:
    screen = Screen()
    screen.take(flat(0.18, 0.18, 0.18), None)
    assert screen.notes == {}
    screen.take(flat(18, 18, 18, dtype=np.uint8), ImageInfo())
    assert screen.notes == {}
    screen.take(flat(0.18, 0.18, 0.18), ImageInfo(dpi=72))
    assert "`color='linear-srgb'` says so" in screen.notes["color"]


def test_a_profile_with_tables_is_used_and_one_that_is_damaged_is_a_note() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for data in (lab, b"damaged"):
        screen = Screen()
        screen.take(flat(18, 18, 18, dtype=np.uint8), ImageInfo(icc=data))
        assert "not understood" in screen.notes["color"]


@pytest.mark.parametrize("color", ["linear-srgb", None])
def test_values_up_to_255_are_named(color: str | None) -> None:
    screen = Screen(color=None if color is None else color_space(color))
    screen.take(np.random.default_rng(0).random((8, 8, 3)) * 255, None)
    assert screen.notes == {"scaled": "the values look like 0..255 and not like 0..1: divide by 255"}


def test_a_colour_has_a_name_or_numbers() -> None:
    assert color_of_name("white") == (1, 1, 1)
    assert color_of_name("#ff0000") == (1, 0, 0)
    with pytest.raises(OptionError, match="background is 'nothing'"):
        color_of_name("nothing")


@pytest.mark.parametrize("name", ["#20406080", "#ff0000ff", "#f008", "rgba(255, 0, 0, 128)"])
def test_a_colour_with_alpha_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match=r"a colour with alpha: it must be the name of a colour, or #rrggbb"):
        color_of_name(name)


@pytest.mark.parametrize(("stated", "used"), [(2.0, 2.0), (0.5, 0.5), (None, 1.0), (1e9, 1.0), (1e-9, 1.0)])
def test_only_pixels_of_a_possible_shape_are_made_square(stated: float | None, used: float) -> None:
    assert Screen().take(flat(0, 0, 0), ImageInfo(pixel_aspect=stated)).aspect == used


def test_chosen_channels_are_shown_and_depth_is_no_colour() -> None:
    picture = flat(0.0, 0.5, 0.25, 0.18)
    info = ImageInfo(color=color_space("linear-srgb"), channels=("R", "fog.Y", "depth.Z", "Z"))
    assert shown(picture, info, wanted=Wanted(channels=("Z",))) == pytest.approx([0.18], abs=0.004)
    assert shown(picture, info, wanted=Wanted(layer="fog"))[0] == pytest.approx(0.7354, abs=1e-3)


def test_what_frames_state_of_colours_can_be_left_out() -> None:
    assert shown(flat(0.18, 0.18, 0.18), LINEAR, drops_color=True) == pytest.approx([0.18] * 3, abs=0.004)


def test_depth_up_to_255_is_not_named() -> None:
    screen = Screen(wanted=Wanted(channels=("Z",)))
    screen.take(flat(0.0, 100.0), ImageInfo(channels=("R", "Z")))
    assert screen.notes == {}


def test_floats_of_unknown_light_are_noted_as_the_screen_takes_them() -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    floats = np.full((8, 8, 3), 0.5, np.float32)
    for view, how in ((None, "shown as they are"), (View(view="ACES"), "takes them for sRGB"), (View(view="Raw"), "")):
        screen = Screen(view=view)
        screen.take(floats, ImageInfo())
        notes = list(screen.notes.values())
        assert (how in notes[0]) if how else notes == []


def test_floats_of_files_that_programs_read_as_linear_are_shown_as_linear() -> None:
    """As ``pictures.display`` shows them, so that a movie and a contact sheet look the same."""
    screen = Screen()
    seen = screen.show(screen.take(flat(0.18, 0.18, 0.18), ImageInfo(), "EXR"))
    assert seen[0, 0].tolist() == pytest.approx([SRGB_GREY] * 3, abs=1e-4)
    assert "as programs read exr files: if the movie is too bright, `color='srgb'` says" in screen.notes["color"]
    assert shown(flat(0.18, 0.18, 0.18), ImageInfo(color=color_space("srgb"))) == pytest.approx([0.18] * 3, abs=5e-3)
