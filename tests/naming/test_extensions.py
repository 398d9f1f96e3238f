"""What an extension says of a file."""

from __future__ import annotations

import pytest

from seqsave.encoders import BUILTIN_SPECS
from seqsave.naming.extensions import ARCHIVES, MOVIES, PICTURES, kind_of_extension


@pytest.mark.parametrize(
    ("extension", "kind"),
    [
        ("png", "picture"),
        ("EXR", "picture"),
        ("mp4", "movie"),
        ("WebM", "movie"),
        ("gz", "archive"),
        ("txt", ""),
        ("", ""),
    ],
)
def test_the_kind_of_an_extension_in_any_case(extension: str, kind: str) -> None:
    assert kind_of_extension(extension) == kind


def test_no_extension_is_of_two_kinds_and_all_are_spelled_as_they_are_compared() -> None:
    assert len(PICTURES | MOVIES | ARCHIVES) == len(PICTURES) + len(MOVIES) + len(ARCHIVES)
    assert all(one == one.casefold() for one in PICTURES | MOVIES | ARCHIVES)


def test_the_formats_of_seqsave_are_pictures() -> None:
    assert {one for spec in BUILTIN_SPECS for one in spec.extensions} <= PICTURES
