"""Attributes that a program passes: written as they are, or refused by name."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import numpy as np
import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqsave_exr import EXR
from seqsave_exr.codec import ExrEncoder
from seqsave_exr.raw import Raw, with_raw

import seqsave

PICTURE = np.zeros((2, 3, 3), np.float32)


def written(**attributes: Any) -> dict[str, Any]:
    """The header, as OpenEXR's own library reads it."""
    options = {name: option.default for name, option in EXR.options.items()}
    stated = seqsave.ImageInfo(attributes=attributes, attributes_of="exr")
    info = seqsave.FrameInfo(index=0, image=stated)
    data = bytes(ExrEncoder().encode(PICTURE, metadata={}, options=options, info=info).data)
    return dict(OpenEXR.File(io.BytesIO(data), header_only=True).header())


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("text\0猫", "text\0猫"),
        (True, 1),
        (np.int64(-3), -3),
        (2**31 - 1, 2**31 - 1),
        (np.float64(0.5), 0.5),
        (float("inf"), float("inf")),
        (Fraction(-1, 3), Fraction(-1, 3)),
        (["a", "b"], ["a", "b"]),
        ([1, 2.5], [1.0, 2.5]),
        ((1, 2), np.array((1, 2), np.int32)),
        ((1, 2.5, 3), np.array((1, 2.5, 3), np.float32)),
        (np.array((1, 2), np.uint8), np.array((1, 2), np.int32)),
        (np.zeros(5, np.float32), [0.0] * 5),
        (((0, 1), [2, 3]), (np.array((0, 1), np.int32), np.array((2, 3), np.int32))),
        ((np.zeros(2), np.ones(2)), (np.zeros(2, np.float32), np.ones(2, np.float32))),
        (OpenEXR.KeyCode(1, 2, 3, 4, 5, 4, 64), OpenEXR.KeyCode(1, 2, 3, 4, 5, 4, 64)),
    ],
)
def test_what_the_format_holds_is_written(value: Any, found: Any) -> None:
    assert repr(written(mine=value)["mine"]) == repr(found)


@pytest.mark.parametrize(
    "value",
    [
        *(object(), None, b"bytes", 1j, {"a": 1}, {1}, [], (), (1,), (1, 2, 3, 4), ("a", "b"), ["a", 1], [object()]),
        *(2**31, -(2**31) - 1, Fraction(2**31), Fraction(1, 2**32), 1e300, 10**400, "\ud800", ["\ud800"], [1e300]),
        *(np.zeros(5), np.zeros((2, 2)), np.zeros((3, 3), np.int32), np.array((2**40, 0)), np.zeros(2, complex)),
        *(np.zeros(0, np.float32), (np.zeros(3), np.zeros(3)), ((1, 2), (3, 2**31)), Raw("blob", "text")),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_the_format_does_not_hold_is_refused_by_name(value: Any) -> None:
    with pytest.raises(
        seqsave.OptionError, match=r"(?s)info: attributes\['mine'\] is .*: EXR files hold text, a number"
    ):
        written(mine=value)


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 256, "\ud800"])
def test_a_name_that_the_format_does_not_hold(name: str) -> None:
    with pytest.raises(
        seqsave.OptionError, match=r"attributes has the name .*: EXR files hold names of 1 to 255 bytes"
    ):
        written(**{name: 1})


@pytest.mark.parametrize("name", ["channels", "compression", "dataWindow", "chromaticities", "owner", "version"])
def test_a_name_of_the_header_itself(name: str) -> None:
    with pytest.raises(seqsave.OptionError, match=f"attributes has the name '{name}', which the header"):
        written(**{name: "x"})


def test_attributes_that_every_file_has_keep_their_type() -> None:
    header = written(screenWindowWidth=2, screenWindowCenter=(1, 2))
    assert header["screenWindowWidth"] == 2.0
    assert header["screenWindowCenter"].tolist() == [1, 2]
    for name, value in (("screenWindowWidth", "wide"), ("screenWindowCenter", 1)):
        with pytest.raises(seqsave.OptionError, match=f"'{name}'"):
            written(**{name: value})


numbers = st.booleans() | st.integers() | st.floats() | st.fractions()
anything = st.recursive(
    st.none() | numbers | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=9) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=9,
)


@given(st.text(max_size=5), anything)
def test_any_attribute_is_in_the_file_or_in_the_error(name: str, value: Any) -> None:
    try:
        header = written(**{name: value})
    except seqsave.OptionError as error:
        header = {name: str(error)}
        is_named = "info: attributes" in str(error)
    else:
        is_named = True
    assert is_named
    assert name in header


def test_empty_lists_of_a_file_are_kept() -> None:
    file = io.BytesIO()
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": PICTURE}, 0).write(file)
    lists = {"names": Raw("stringvector", b""), "levels": Raw("floatvector", b"")}
    decoded = ExrEncoder().decode(with_raw(file.getvalue(), lists), max_pixels=100)
    header = written(**decoded.info.attributes)
    assert (header["names"], header["levels"]) == ([], [])
