"""What an encoder gets of a picture: dtype, channels, colours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seqsave.encoders import BUILTIN_SPECS
from seqsave.errors import ImageError, OptionError
from seqsave.pictures.pixels import Pixels
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


def test_sixteen_bits_never_become_eight() -> None:
    with pytest.raises(ImageError, match="would lose bits"):
        taken(PNG, np.zeros((2, 2, 3), np.uint16), dtype="uint8")


def test_floats_become_narrower_only_when_asked() -> None:
    picture = np.array([[[0.1, 1e6, np.nan]]], np.float32)
    assert taken(HALF, picture).dtype == np.float32
    narrow = taken(HALF, picture, dtype="float16")
    assert narrow.dtype == np.float16
    assert narrow[0, 0, 0] == np.float16(0.1)
    assert np.isposinf(narrow[0, 0, 1])
    assert np.isnan(narrow[0, 0, 2])


@pytest.mark.parametrize(("value", "infinite"), [(1e6, True), (-1e6, True), (65504, False), (np.inf, False)])
def test_what_becomes_infinite_is_told(value: float, infinite: bool) -> None:
    picture = np.full((1, 2, 3), value, np.float32)
    assert Pixels(HALF, dtype="float16").take(picture).prepare().infinite == infinite
    assert not Pixels(HALF).take(picture).prepare().infinite


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
def test_what_makes_no_sense_is_told(settings: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Pixels(PNG, **settings)
