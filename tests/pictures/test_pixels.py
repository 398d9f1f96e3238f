"""What an encoder gets of a picture: dtype, channels, colours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seqsave.encoders import BUILTIN_SPECS
from seqsave.errors import ImageError, OptionError
from seqsave.pictures.color import color_space
from seqsave.pictures.fitting import Wanted
from seqsave.pictures.pixels import Pixels
from seqsave.pictures.view import View
from seqsave.types import ImageInfo
from tests.support.needs import needs_package

PNG = BUILTIN_SPECS[0]
HALF = replace(PNG, filetype="half", dtypes=("float16", "float32"))


def taken(spec: Any, picture: Any, **settings: Any) -> Any:
    found = Pixels(spec, **settings).take(picture)
    array = found.prepare().array
    assert (found.shape, found.dtype) == (array.shape, array.dtype.name)
    assert found.held >= array.nbytes or settings.get("convert_to")
    return array


def test_floats_become_sixteen_bits_when_asked() -> None:
    picture = np.array([[[0.0, 0.25, 1.0]]], np.float32)
    assert taken(PNG, picture).tolist() == [[[0, 63, 255]]]
    assert taken(PNG, picture, dtype="uint16").tolist() == [[[0, 16384, 65535]]]


def test_bytes_become_sixteen_bits_without_loss() -> None:
    assert taken(PNG, np.array([[[1, 255]]], np.uint8), dtype="uint16").tolist() == [[[257, 65535]]]


def test_sixteen_bits_become_eight_only_when_asked() -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    rounded = np.rint(every.astype(np.float64) / 257).astype(np.uint8)
    assert np.array_equal(taken(PNG, every, dtype="uint8"), rounded)
    assert taken(PNG, every).dtype == np.uint16
    with pytest.raises(ImageError, match="would lose bits"):
        taken(replace(PNG, dtypes=("uint8",)), every)


def test_floats_become_narrower_only_when_asked() -> None:
    picture = np.array([[[0.1, 1e6, np.nan]]], np.float32)
    assert taken(HALF, picture).dtype == np.float32
    narrow = taken(HALF, picture, dtype="float16")
    assert narrow.dtype == np.float16
    assert narrow[0, 0, 0] == np.float16(0.1)
    assert np.isposinf(narrow[0, 0, 1])
    assert np.isnan(narrow[0, 0, 2])


@pytest.mark.parametrize(("value", "infinite"), [(1e6, True), (-1e6, True), (65504, False), (np.inf, False)])
def test_what_becomes_infinite_is_reported(value: float, infinite: bool) -> None:
    picture = np.full((1, 2, 3), value, np.float32)
    assert Pixels(HALF, dtype="float16").take(picture).prepare().infinite == infinite
    assert not Pixels(HALF).take(picture).prepare().infinite


@pytest.mark.parametrize(("value", "infinite"), [(1e300, True), (-1e300, True), (3e38, False), (np.inf, False)])
@pytest.mark.parametrize("channels", [1, 3])
def test_doubles_beyond_the_range_of_the_format_are_reported(value: float, infinite: bool, channels: int) -> None:
    picture = np.full((2, 2, channels), value)
    assert Pixels(HALF).take(picture).prepare().infinite == infinite


@pytest.mark.parametrize(("value", "infinite"), [(1e6, True), (65504, False)])
def test_what_becomes_infinite_is_reported_of_channels_with_usual_names_and_other_types(
    value: float, infinite: bool
) -> None:
    picture = np.full((2, 2, 4), value, np.float32)
    picture[..., 3] = 1
    info = ImageInfo(attributes={".types": {"R": "float32", "G": "float32", "B": "float32", "A": "float16"}})
    assert Pixels(HALF, dtype="float16").take(picture, info).prepare().infinite == infinite


def test_colours_are_converted_after_the_caller_may_change_its_picture() -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    picture = np.full((2, 3, 4), 0.5, np.float32)
    pixels = Pixels(PNG, dtype="uint16", color="srgb", convert_to="linear-srgb")
    found = pixels.take(picture)
    picture[:] = 0
    array = found.prepare().array
    assert array[0, 0].tolist() == pytest.approx([14027] * 3 + [32768], abs=2)  # 0.21404, and alpha as it was
    assert pixels.color is not None
    assert pixels.color.name == "linear-srgb"


def test_bytes_are_converted_too() -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    assert (
        taken(PNG, np.full((2, 2), 188, np.uint8), color="srgb", convert_to="linear-srgb").tolist() == [[[128]] * 2] * 2
    )


def test_the_same_colour_space_is_no_conversion() -> None:
    assert taken(PNG, np.full((1, 1, 3), 7, np.uint8), color="srgb", convert_to="srgb").tolist() == [[[7, 7, 7]]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dtype": "float32"}, "'png' takes uint8, uint16"),
        ({"convert_to": "srgb"}, "give color as well"),
        ({"color": "sRGB"}, "did you mean 'srgb'"),
    ],
)
def test_nonsense_is_reported(settings: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Pixels(PNG, **settings)


# --- what a display shows --------------------------------------------------------------------------------------------

FLOATS = replace(PNG, filetype="floats", extensions=("exr",), dtypes=("float32",))
GREY = np.full((2, 2, 3), 0.18, np.float32)
LINEAR = ImageInfo(color=color_space("linear-srgb"))


def level_and_space(
    spec: Any, picture: Any, info: ImageInfo | None = None, **settings: Any
) -> tuple[float, str | None]:
    beside = settings.pop("beside", "")
    pixels = Pixels(spec, **settings)
    pixels.beside = beside
    found = pixels.take(picture, info)
    space = found.color if found.color is not None else found.info.color
    return float(found.prepare().array[0, 0, 0]), None if space is None else space.name


def test_linear_floats_are_shown_as_srgb_in_eight_bits_and_nowhere_else() -> None:
    shown = (117, "srgb")
    assert level_and_space(PNG, GREY, color="linear-srgb") == shown
    assert level_and_space(PNG, GREY, LINEAR) == shown
    assert level_and_space(PNG, GREY, ImageInfo(gamma=1.0)) == shown
    assert level_and_space(PNG, GREY.astype(np.float16), color="linear-srgb") == shown
    assert level_and_space(PNG, GREY, color="linear-srgb", dtype="uint16") == (11796, "linear-srgb")
    assert level_and_space(FLOATS, GREY, color="linear-srgb") == (np.float32(0.18), "linear-srgb")
    assert level_and_space(PNG, GREY, color="srgb") == (45, "srgb")
    assert level_and_space(PNG, GREY) == (45, None)
    assert level_and_space(PNG, np.full((2, 2, 3), 45, np.uint8), color="linear-srgb") == (45, "linear-srgb")


def test_a_conversion_to_linear_light_is_done_also_in_eight_bits_unless_a_file_of_floats_lies_beside() -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    same = {"color": "linear-srgb", "convert_to": "linear-srgb"}
    assert level_and_space(PNG, GREY, **same) == (45, "linear-srgb")
    assert level_and_space(PNG, GREY, **same, beside="exr") == (117, "srgb")
    from_srgb = {"color": "srgb", "convert_to": "linear-srgb"}
    assert level_and_space(PNG, np.full((2, 2, 3), 0.5, np.float32), **from_srgb) == (54, "linear-srgb")
    assert level_and_space(PNG, np.full((2, 2, 3), 0.5, np.float32), **from_srgb, beside="exr") == (127, "srgb")


def test_alpha_and_grey_are_kept_when_colours_are_shown() -> None:
    for count in (1, 2, 4):
        picture = np.full((2, 2, count), 0.18, np.float32)
        array = Pixels(PNG, color="linear-srgb").take(picture).prepare().array
        alpha = [45] if count in (2, 4) else []
        assert array[0, 0].tolist() == [117] * (count - len(alpha)) + alpha


def test_depth_is_no_colour() -> None:
    info = replace(LINEAR, channels=("R", "G", "B", "Z"))
    pixels = Pixels(PNG, wanted=Wanted(channels=("Z",)))
    taken = pixels.take(np.full((2, 2, 4), 0.18, np.float32), info)
    assert taken.prepare().array[0, 0].tolist() == [45]
    assert not taken.of_colours
    assert level_and_space(PNG, np.full((2, 2, 4), 0.18, np.float32), info) == (117, "srgb")


def test_floats_of_unknown_light_are_a_note_where_they_may_be_linear() -> None:
    def notes(info: ImageInfo | None, beside: str, **settings: Any) -> list[str]:
        pixels = Pixels(PNG, **settings)
        pixels.beside = beside
        return [kind for kind, _ in pixels.take(GREY, info).notes]

    assert notes(None, "") == notes(None, "raw") == []
    assert notes(None, "exr") == notes(None, "tif") == notes(ImageInfo(), "") == ["unknown light"]
    assert notes(ImageInfo(), "", dtype="uint16") == ["unknown light"]
    assert notes(None, "exr", color="srgb") == notes(LINEAR, "exr") == []


def test_floats_of_a_file_are_linear_where_the_format_always_states_a_space() -> None:
    always = replace(FLOATS, extensions=("jxl",), default_color="srgb")

    def found(spec: Any, info: ImageInfo | None, **settings: Any) -> tuple[str | None, list[str]]:
        taken = Pixels(spec, **settings).take(GREY, info)
        assert float(taken.prepare().array[0, 0, 0]) == np.float32(0.18)
        space = taken.color or taken.info.color
        return None if space is None else space.name, [text for _, text in taken.notes]

    space, (note,) = found(always, ImageInfo())
    assert (space, "`color='srgb'`" in note) == ("linear-srgb", True)
    assert found(FLOATS, ImageInfo()) == found(always, None) == (None, [])
    assert found(always, ImageInfo(), color="srgb") == ("srgb", [])
    assert found(always, LINEAR) == ("linear-srgb", [])
    assert found(always, ImageInfo(gamma=1.0), drop=("color",))[0] == "linear-srgb"


def test_a_view_shows_whole_numbers_and_leaves_floats() -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    view = View("ocio://cg-config-v2.1.0_aces-v1.3_ocio-v2.3", "sRGB", "ACES 1.0 - SDR Video")
    assert level_and_space(PNG, GREY, color="acescg", view=view) == (90, "srgb")
    assert level_and_space(PNG, GREY, LINEAR, view=view) == (90, "srgb")
    assert level_and_space(PNG, GREY, color="acescg", view=view, dtype="uint16")[0] == pytest.approx(23327, abs=20)
    assert level_and_space(FLOATS, GREY, color="acescg", view=view) == (np.float32(0.18), "acescg")
    assert level_and_space(PNG, np.full((2, 2, 3), 117, np.uint8), color="srgb", view=view)[0] == pytest.approx(
        90, abs=2
    )
    raw = View("ocio://cg-config-v2.1.0_aces-v1.3_ocio-v2.3", "sRGB", "Raw")
    assert level_and_space(PNG, GREY, color="acescg", view=raw) == (45, "acescg")
    with pytest.raises(ImageError, match=r"the view 'ACES 1.0 - SDR Video' needs to know .*: give `color`"):
        level_and_space(PNG, GREY, view=view)


@pytest.mark.parametrize("settings", [{}, {"dtype": "uint16"}, {"color": "linear-srgb"}])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_values_up_to_255_are_named(settings: Any, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    clip = (rng.random((40, 30, 3)) * 255).astype(dtype)
    assert Pixels(PNG, **settings).take(clip).prepare().scaled
    assert Pixels(PNG, **settings).take(np.rint(clip * 0.02)).prepare().scaled is False
    assert Pixels(PNG, **settings).take(np.rint(clip * 0.1)).prepare().scaled
    bright = (rng.random((40, 30, 3)) * 1.2).astype(dtype)
    bright[3, 3] = 200  # a lamp
    prepared = Pixels(PNG, **settings).take(bright).prepare()
    assert (prepared.clipped, prepared.scaled) == (True, False)


def test_many_channels_of_few_rows_need_names() -> None:
    many = replace(PNG, dtypes=("float32",), channels=tuple(range(1, 65)))
    picture = np.zeros((3, 40, 60), np.float32)
    with pytest.raises(ImageError, match="looks like channels first"):
        Pixels(many).take(picture)
    assert taken(many, picture, named=True).shape == (3, 40, 60)
    named = ImageInfo(channels=tuple(map(str, range(60))))
    assert Pixels(replace(many, holds=("channels",))).take(picture, named).shape == (3, 40, 60)
