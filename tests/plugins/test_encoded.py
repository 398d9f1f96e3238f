"""Encoded files, as encoders return and callers pass them."""

from __future__ import annotations

from typing import Any

import pytest

from seqsave import Encoded, ImageError, MetadataError
from seqsave.plugins.encoded import checked_file, checked_result


@pytest.mark.parametrize("data", [b"a", bytearray(b"a"), memoryview(b"a")])
def test_sound_files_are_kept(data: Any) -> None:
    made = Encoded(data=data, leftover={"prompt": "{}"})
    assert checked_result(made) is made
    assert checked_file(data, {"prompt": "{}"}) == made
    assert checked_file(data, None) == Encoded(data=data)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (b"a", "it returned bytes and not seqsave.Encoded"),
        (Encoded(data="a"), "its data is str and not bytes"),  # type: ignore[arg-type]
        (Encoded(data=b""), "its data is empty"),
        (Encoded(data=b"a", leftover={"seed": 7}), "its leftover metadata is not text"),  # type: ignore[dict-item]
    ],
)
def test_what_an_encoder_returns_wrongly_is_named(wrong: Any, problem: str) -> None:
    with pytest.raises(TypeError) as raised:
        checked_result(wrong)
    assert str(raised.value) == problem


def test_what_a_caller_passes_wrongly_is_named() -> None:
    with pytest.raises(ImageError, match="this is not an encoded file: its data is NoneType and not bytes"):
        checked_file(None, None)
    with pytest.raises(MetadataError, match="its leftover metadata is not text"):
        checked_file(b"a", {"seed": 7})
