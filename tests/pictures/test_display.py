"""Pictures as a display shows them: against formulas written out in numpy, with all kinds of pixels and statements."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqsave.errors import OptionError
from seqsave.metadata import icc
from seqsave.pictures.color import color_space
from seqsave.pictures.display import Adjustment, aspect_of, reduced, show, show_small
from seqsave.pictures.light import light_of_space
from seqsave.types import ImageInfo

LINEAR = ImageInfo(color=color_space("linear-srgb"))
SRGB = ImageInfo(color=color_space("srgb"))


def srgb(light: Any) -> Any:
    """The display's values, 0..255 and not rounded, of linear light: IEC 61966-2-1."""
    light = np.clip(np.nan_to_num(np.asarray(light, np.float64), nan=0, posinf=9, neginf=0), 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def light(values: Any) -> Any:
    values = np.asarray(values, np.float64)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def noise(channels: int = 3, dtype: Any = np.float32, seed: int = 1) -> Any:
    values = np.random.default_rng(seed).random((9, 11, channels))
    if np.dtype(dtype).kind == "f":
        return (values * 1.5 - 0.1).astype(dtype)
    return (values * np.iinfo(dtype).max).astype(dtype)


def assert_near(seen: Any, wanted: Any, steps: float = 0.51) -> None:
    """Rounded to the nearest step of 8 bits."""
    assert seen.dtype == np.uint8
    assert np.abs(seen.astype(float) - wanted).max() <= steps


# --- depth of the source ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("info", [None, SRGB, ImageInfo()])
def test_values_of_a_display_stay_as_they_are(info: ImageInfo | None) -> None:
    picture = noise(dtype=np.uint8)
    assert (show(picture, info) == picture).all()
    assert_near(show(noise(dtype=np.uint16), info), noise(dtype=np.uint16) / 257)
    assert_near(show(noise(), info), np.clip(noise(), 0, 1) * 255, 0.6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f2", ">f4"])
def test_linear_floats_are_encoded(dtype: Any) -> None:
    picture = noise(dtype=dtype)
    assert_near(show(picture, LINEAR), srgb(picture), 0.6)


def test_every_half_float_is_shown_as_by_the_formula() -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(256, 256)
    assert_near(show(halves, LINEAR)[..., 0], srgb(halves), 0.5001)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_numbers_of_linear_light(dtype: Any) -> None:
    picture = noise(dtype=dtype)
    assert_near(show(picture, LINEAR), srgb(picture / np.iinfo(dtype).max))


@pytest.mark.parametrize("name", ["display-p3", "acescg", "rec2100-pq", "rec2100-hlg", "rec709", "aces2065-1"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32])
def test_a_stated_space_is_converted(name: str, dtype: Any) -> None:
    picture, space = noise(dtype=dtype), color_space(name)
    wanted = np.nan_to_num(np.clip(light_of_space(space).shown(picture), 0, 1)) * 255
    assert_near(show(picture, ImageInfo(color=space)), wanted, 0.7)
    grey = np.repeat(picture[..., :1], 3, axis=2)
    assert_near(show(picture[..., :1], ImageInfo(color=space)), show(grey, ImageInfo(color=space)), 1)


def test_numbers_profiles_and_gamma_are_statements_too() -> None:
    picture = noise(dtype=np.uint8)
    p3 = show(picture, ImageInfo(color=color_space("display-p3")))
    assert_near(show(picture, ImageInfo(cicp=(12, 13))), p3)
    assert_near(show(picture, ImageInfo(icc=icc.profile(color_space("display-p3")))), p3, 1)
    assert_near(show(picture, ImageInfo(gamma=0.5)), srgb((picture / 255) ** 2))
    assert (show(picture, ImageInfo(gamma=-3.0)) == picture).all(), "what cannot be true is left out"


def test_a_profile_with_tables_is_used() -> None:
    from PIL import ImageCms

    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert (show(noise(dtype=np.uint8), ImageInfo(icc=lab)) == noise(dtype=np.uint8)).all()


# --- what states nothing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["exr", "EXR", "tif"])
def test_floats_in_files_that_programs_read_as_linear(extension: str) -> None:
    assert_near(show(noise(), ImageInfo(), extension=extension), srgb(noise()), 0.6)
    assert (show(noise(), SRGB, extension=extension) == show(noise())).all(), "a statement goes first"
    whole = noise(dtype=np.uint8)
    assert (show(whole, ImageInfo(), extension=extension) == whole).all()


def test_damaged_statements_of_colour_are_no_linear_light() -> None:
    known = ImageInfo(attributes={"colorInteropID": "something"}, attributes_of="exr")
    assert (show(noise(), known, extension="exr") == show(noise())).all()


# --- alpha ------------------------------------------------------------------------------------------------------------


def test_alpha_of_a_display_is_composited_over_black() -> None:
    picture = noise(4, np.uint8)
    assert_near(show(picture), picture[..., :3] * (picture[..., 3:] / 255.0))
    associated = ImageInfo(alpha="associated")
    assert (show(picture, associated) == picture[..., :3]).all()


def test_alpha_of_linear_light_is_composited_in_light() -> None:
    picture = np.clip(noise(4), 0, 1)
    straight = ImageInfo(color=color_space("linear-srgb"), alpha="straight")
    assert_near(show(picture, straight), srgb(picture[..., :3] * picture[..., 3:]), 0.6)
    associated = ImageInfo(color=color_space("linear-srgb"), alpha="associated")
    assert_near(show(picture, associated), srgb(picture[..., :3]), 0.6)


def test_associated_colours_of_another_curve_are_divided_first() -> None:
    straight = noise(4, np.uint8) // 2 + 100
    associated = straight.astype(np.float32) / 255
    associated[..., :3] *= associated[..., 3:]
    p3 = color_space("display-p3")
    wanted = show(straight, ImageInfo(color=p3, alpha="straight"))
    assert_near(show(associated, ImageInfo(color=p3, alpha="associated")), wanted, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("info", [LINEAR, SRGB, ImageInfo(color=color_space("acescg"))])
def test_invisible_pixels_may_hold_anything(value: float, info: ImageInfo) -> None:
    picture = np.full((2, 2, 4), value, np.float32)
    picture[..., 3] = 0
    assert show(picture, info).max() == 0


def test_nan_is_black_and_infinity_white() -> None:
    picture = np.array([[[np.nan] * 3, [np.inf] * 3, [-np.inf] * 3]], np.float32)
    for info in (LINEAR, SRGB):
        assert show(picture, info)[0, :, 0].tolist() == [0, 255, 0]


# --- adjustments ------------------------------------------------------------------------------------------------------


def test_exposure_multiplies_light_at_the_files_depth() -> None:
    picture = noise(dtype=np.float32) / 16
    assert_near(show(picture, LINEAR, adjustment=Adjustment(ev=4)), srgb(picture * 16), 0.6)
    bright = noise(dtype=np.float16) * np.float16(16)
    assert_near(show(bright, LINEAR, adjustment=Adjustment(ev=-4)), srgb(bright.astype(float) / 16), 0.6)
    whole = noise(dtype=np.uint8)
    assert_near(show(whole, adjustment=Adjustment(ev=-1.5)), srgb(light(whole / 255) * 2**-1.5))
    assert_near(
        show(noise(dtype=np.uint16), adjustment=Adjustment(ev=1)), srgb(light(noise(dtype=np.uint16) / 65535) * 2)
    )


def test_gamma_is_of_the_displays_values() -> None:
    picture = noise(dtype=np.uint8)
    assert_near(show(picture, adjustment=Adjustment(gamma=2)), 255 * (picture / 255) ** 0.5)
    assert_near(show(noise(), LINEAR, adjustment=Adjustment(gamma=0.5)), 255 * (srgb(noise()) / 255) ** 2, 0.6)


def test_one_channel_is_grey() -> None:
    picture = noise(dtype=np.uint8)
    for place, name in enumerate("rgb"):
        seen = show(picture, adjustment=Adjustment(channels=name))  # type: ignore[arg-type]
        assert all((seen[..., channel] == picture[..., place]).all() for channel in range(3))
    luma = picture @ np.array((0.2126, 0.7152, 0.0722))
    assert_near(show(picture, adjustment=Adjustment(channels="luma")), luma[..., None])


def test_alpha_is_shown_as_its_values() -> None:
    picture, only = noise(4, np.uint8), Adjustment(channels="a")
    assert (show(picture, LINEAR, adjustment=only) == picture[..., 3:]).all()
    assert show(picture[..., :3], adjustment=only).min() == 255, "opaque"
    halves = show(noise(4, np.float16), LINEAR, adjustment=only)
    assert_near(halves, np.clip(noise(4, np.float16)[..., 3:].astype(float), 0, 1) * 255)


@pytest.mark.parametrize(
    ("name", "value"),
    [("ev", 99), ("ev", float("nan")), ("ev", "1"), ("gamma", 0), ("gamma", True), ("channels", "x")],
)
def test_an_adjustment_that_is_none_is_named(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=f"^{name} is .*must be"):
        Adjustment(**{name: value})


# --- channels ---------------------------------------------------------------------------------------------------------


def test_depth_beside_colours_is_left_out_and_depth_alone_is_shown_as_it_is() -> None:
    picture = noise(4)
    named = ImageInfo(color=LINEAR.color, channels=("B", "G", "R", "Z"))
    assert (show(picture, named) == show(picture[..., 2::-1], LINEAR)).all()
    depth = show(picture[..., :1], ImageInfo(color=LINEAR.color, channels=("Z",)))
    assert_near(depth, np.clip(picture[..., :1], 0, 1) * 255, 0.6)


def test_the_first_of_several_layers_is_shown() -> None:
    names = tuple(f"{layer}.{channel}" for layer in ("diffuse", "specular") for channel in "BGR")
    picture = noise(6)
    assert (show(picture, ImageInfo(color=LINEAR.color, channels=names)) == show(picture[..., 2::-1], LINEAR)).all()


def test_a_data_window_is_shown_in_its_place() -> None:
    info = ImageInfo(origin=(1, 1), display=(0, 0, 4, 4))
    seen = show(np.full((2, 2, 3), 200, np.uint8), info)
    assert (seen.shape, seen[0, 0, 0], seen[1, 1, 0], seen[3, 3, 0]) == ((4, 4, 3), 0, 200, 0)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32])
def test_numbers_without_a_white_are_shown_from_the_lowest_to_the_highest(dtype: Any) -> None:
    picture = np.array([[5, 15, 25]], dtype)
    assert show(picture)[0, :, 0].tolist() == [0, 128, 255]
    assert show(np.full((2, 2), 7, dtype)).max() == 0


def test_masks_and_pictures_without_an_axis_of_channels() -> None:
    assert show(np.array([[True, False]]))[0, :, 0].tolist() == [255, 0]
    assert show(noise(1, np.uint8)[..., 0]).shape == (9, 11, 3)


# --- size -------------------------------------------------------------------------------------------------------------


def test_a_small_picture_is_the_mean_of_the_large_one() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (40, 60, 3), np.uint8)
    for width, factor in ((30, 2), (15, 4), (12, 5)):
        wanted = picture.reshape(40 // factor, factor, width, factor, 3).mean((1, 3))
        assert_near(show(picture, width=width), wanted, 0.55)
    assert show(picture, width=20).shape == (13, 20, 3)


@pytest.mark.parametrize("shape", [(64, 96, 3), (64, 96, 1), (64, 96, 4), (62, 94, 3), (30, 4, 3), (2, 8, 1)])
@pytest.mark.parametrize("down", [1, 2, 3])
def test_half_of_a_picture_is_the_mean_of_its_pixels(shape: tuple[int, int, int], down: int) -> None:
    picture = np.random.default_rng(sum(shape)).integers(0, 256, shape, np.uint8)
    if shape[2] == 4:
        picture[..., 3] = 255
    high, wide = shape[0] // 2, shape[1] // down
    part = picture[: high * 2, : wide * down]
    colours = part if shape[2] == 1 else part[..., :3]
    mean = colours.reshape(high, 2, wide, down, -1).mean(axis=(1, 3))
    found = reduced(np.ascontiguousarray(colours), wide, high).astype(float)
    assert np.abs(found - mean).max() < 1.5
    assert abs((found - mean).mean()) < (0.05 if down == 2 and shape[2] > 1 else 0.3) or found.size < 1000
    small = show_small(picture, None, extension="png", width_of=lambda width: width // 2)
    assert np.array_equal(np.asarray(small), show(picture, width=shape[1] // 2))


def test_a_picture_is_never_enlarged_and_never_empty() -> None:
    assert show(noise(dtype=np.uint8), width=500).shape == (9, 11, 3)
    assert show(np.zeros((1, 500, 3), np.uint8), width=10).shape == (1, 10, 3)
    assert reduced(np.zeros((500, 1, 1), np.uint8), 1, 10).shape == (10, 1, 1)


def test_the_result_is_memory_of_its_own_for_an_encoder() -> None:
    seen = show(noise(1, np.uint8)[::-1])
    assert seen.flags.c_contiguous
    assert seen.shape == (9, 11, 3)


@pytest.mark.parametrize(("stated", "used"), [(None, 1.0), (2.0, 2.0), (0.5, 0.5), (500.0, 1.0), (0.0, 1.0)])
def test_only_pixels_of_a_possible_shape_are_made_square(stated: float | None, used: float) -> None:
    assert aspect_of(ImageInfo(pixel_aspect=stated)) == used
