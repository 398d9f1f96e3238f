"""Encoder options: checked, completed, and refused with the nearest name."""

from __future__ import annotations

import pytest

from seqsave import check_settings
from seqsave.errors import OptionError
from seqsave.plugins.options import check_choice, check_options
from seqsave.specs import EncoderSpec, Option

SPEC = EncoderSpec(
    filetype="toy",
    extensions=("toy",),
    encoder="toy:Toy",
    dtypes=("uint8",),
    options={
        "quality": Option(type=int, default=95, min=1, max=100),
        "gamma": Option(type=float, default=None, min=0),
        "lossless": Option(type=bool, default=False),
        "mode": Option(type=str, default="a", choices=("a", "b")),
        "note": Option(type=str, default=""),
    },
)


def test_defaults_are_filled_in() -> None:
    assert check_options(SPEC, None) == {"quality": 95, "gamma": None, "lossless": False, "mode": "a", "note": ""}


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [("quality", 1, 1), ("quality", "92", 92), ("quality", 92.0, 92), ("gamma", "2.2", 2.2), ("gamma", 2, 2.0),
     ("lossless", "yes", True), ("lossless", False, False), ("mode", "b", "b"), ("note", "x", "x"),
     ("quality", None, 95)],
)  # fmt: skip
def test_values_in_their_type(name: str, given: object, expected: object) -> None:
    value = check_options(SPEC, {name: given})[name]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("quality", 0, "whole number from 1 to 100"),
        ("quality", 101, "whole number from 1 to 100"),
        ("quality", 9.5, "whole number"),
        ("quality", True, "whole number"),
        ("quality", "many", "whole number"),
        ("gamma", -0.1, "a number, 0 or more"),
        ("gamma", float("nan"), "a number"),
        ("lossless", "perhaps", "true or false"),
        ("lossless", 3, "true or false"),
        ("mode", "c", "one of 'a', 'b'"),
        ("note", 3, "text"),
    ],
)
def test_unsuitable_values(name: str, given: object, says: str) -> None:
    with pytest.raises(OptionError, match=f"option '{name}' of 'toy' is .*{says}"):
        check_options(SPEC, {name: given})


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"no option 'qualty' \(did you mean 'quality'\?\): it takes gamma, lossless"):
        check_options(SPEC, {"qualty": 3})


def test_an_encoder_without_options() -> None:
    bare = EncoderSpec(filetype="bare", extensions=("b",), encoder="b:B", dtypes=("uint8",))
    with pytest.raises(OptionError, match="it takes none"):
        check_options(bare, {"quality": 3})


def test_an_option_of_another_file_type_is_named_with_that() -> None:
    with pytest.raises(
        OptionError, match=r"'png' has no option 'quality': it takes compression\. It is an option of jpg"
    ):
        check_settings(filetype="png", options={"quality": 92})
    with pytest.raises(OptionError, match=r"it takes [a-z, ]+(\n|$)"):
        check_settings(filetype="png", options={"nothing": 92})


def test_choices() -> None:
    check_choice("at_end", "keep going", ("keep going", "raise error"))
    with pytest.raises(OptionError, match="did you mean 'keep going'"):
        check_choice("at_end", "keep on going", ("keep going", "raise error"))
