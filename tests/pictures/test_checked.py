"""Statements of wrong types are refused before a frame is numbered, with the field, its value and what is allowed."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.errors import OptionError
from seqsave.pictures.checked import checked_info
from seqsave.types import ColorSpace, FrameInfo, ImageInfo

PIXELS = np.zeros((8, 8, 3), np.float32)
POINTS = ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), (0.3127, 0.329))
DISPLAY = {f"{colour}_{axis}": 1 for colour in ("red", "green", "blue", "white") for axis in "xy"}

WRONG: list[tuple[str, Any]] = [
    ("color", "srgb"),
    ("color", ColorSpace(name="odd", primaries=None, transfer="linear", cicp=None)),  # type: ignore[arg-type]
    ("color", ColorSpace(name="odd", primaries=POINTS, transfer="cubic", cicp=None)),  # type: ignore[arg-type]
    ("icc", "x"),
    ("icc", bytearray(b"junk")),
    ("cicp", "ab"),
    ("cicp", (1,)),
    ("cicp", (1.5, 2)),
    ("cicp", 5),
    ("gamma", "2"),
    ("gamma", True),
    ("primaries", "abcd"),
    ("primaries", (1, 2, 3, 4)),
    ("primaries", ((1, "2"),) * 4),
    ("primaries", np.zeros((4, 2))),
    ("alpha", "premultiplied"),
    ("alpha", True),
    ("channels", "RGB"),
    ("channels", (1, 2, 3)),
    ("channels", None),
    ("layer", 5),
    ("origin", 5),
    ("origin", (1.5, 2)),
    ("origin", (2**40, 0)),
    ("display", 5),
    ("display", (0, 0, -5, 5)),
    ("display", (0, 0, 0, 0)),
    ("display", ("0", 0, 1, 1)),
    ("display", (0, 0, 2**40, 5)),
    ("display", (0, 0, 5)),
    ("pixel_aspect", "1"),
    ("dpi", "300"),
    ("dpi", (72, 72)),
    ("dpi", 10**400),
    ("dpi", 10**10000),
    ("rate", 29.97),
    ("rate", "24"),
    ("rate", Fraction(-24)),
    ("rate", True),
    ("exif", 5),
    ("xmp", "x"),
    ("iptc", "x"),
    ("attributes_of", None),
    ("light", "x"),
    ("light", {"max_content": -1}),
    ("light", {"max_content": 1.5}),
    ("light", {"max_content": 2**40}),
    ("light", {**DISPLAY, "red_x": 70_000, "max_display": 1, "min_display": 1}),
    ("light", {1: 1}),
    ("tags", {"artist": 5}),
    ("tags", {"artist": None}),
    ("tags", "x"),
    ("texts", {"a": None}),
    ("texts", {5: "a"}),
    ("texts", {"comment": "\ud800"}),
    ("texts", [("a", "b")]),
    ("attributes", {5: 5}),
    ("attributes", None),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{name}-{number}" for number, (name, _) in enumerate(WRONG)])
def test_a_value_of_a_wrong_type_is_one_clear_error(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=rf"^info: {name}\b.* must be ") as caught:
        checked_info(ImageInfo(**{name: value}))
    assert len(str(caught.value)) < 300


def test_the_error_names_the_value_and_what_is_allowed() -> None:
    for info, words in (
        (ImageInfo(dpi="300"), "info: dpi is '300': it must be a number of pixels per inch, such as 300, or None"),  # type: ignore[arg-type]
        (ImageInfo(texts={"a": None}), "info: texts['a'] is None: it must be text"),  # type: ignore[dict-item]
        (ImageInfo(light={"max_content": -1}), "light['max_content'] is -1: it must be a whole number from 0 to 429"),
        (ImageInfo(rate=29.97), "rate is 29.97: it must be a fraction of more than 0, such as Fraction(30000, 1001)"),  # type: ignore[arg-type]
    ):
        with pytest.raises(OptionError, match=re.escape(words)):
            checked_info(info)


@pytest.mark.parametrize("info", ["x", {"dpi": 300}, FrameInfo(index=0), 0])
def test_another_record_is_refused(info: Any) -> None:
    with pytest.raises(OptionError, match=r"^info is .*: it must be a seqsave\.ImageInfo"):
        checked_info(info)


@pytest.mark.parametrize(("name", "value"), [("dpi", "300"), ("texts", {"a": None}), ("display", (0, 0, -5, 5))])
def test_a_refused_frame_uses_no_number(name: str, value: Any) -> None:
    with seqsave.open_writer("memory://checked", filetype="png") as writer:
        with pytest.raises(OptionError, match=f"^info: {name}"):
            writer.write(PIXELS, info=ImageInfo(**{name: value}))
        assert writer.write(PIXELS).result().index == 0
    assert writer.result.counts["saved"] == 1


def test_sound_statements_are_the_same_record() -> None:
    info = ImageInfo(
        color=seqsave.COLOR_SPACES["srgb"],
        icc=b"profile",
        cicp=(9, 16),
        gamma=0.45455,
        primaries=POINTS,
        alpha="associated",
        channels=("R", "G", "B"),
        layer="beauty",
        origin=(-5, 3),
        display=(-10, 0, 40, 40),
        pixel_aspect=2,
        dpi=-72.0,  # left out with a message later
        rate=Fraction(30000, 1001),
        light={**DISPLAY, "max_content": 2**32 - 1},
        tags={"artist": "Ann"},
        texts={"Comment": "here"},
        attributes={"zTXt": b"any"},
    )
    assert checked_info(info) is info
    assert checked_info(ImageInfo()) is not None
    assert checked_info(None) is None


def test_lists_and_numbers_of_numpy_are_taken() -> None:
    info = checked_info(
        ImageInfo(
            dpi=np.float32(72),  # type: ignore[arg-type]
            pixel_aspect=Fraction(2),  # type: ignore[arg-type]
            cicp=[np.int64(9), 16],  # type: ignore[arg-type]
            channels=["R", "G", "B"],  # type: ignore[arg-type]
            primaries=[list(point) for point in POINTS],  # type: ignore[arg-type]
            rate=24,  # type: ignore[arg-type]
        )
    )
    assert info == ImageInfo(
        dpi=72.0, pixel_aspect=2.0, cicp=(9, 16), channels=("R", "G", "B"), primaries=POINTS, rate=Fraction(24)
    )
    assert type(info.dpi) is float
    assert [type(number) for number in info.cicp or ()] == [int, int]
