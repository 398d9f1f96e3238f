"""The composed and the decomposed form of a name."""

from __future__ import annotations

import pytest

from seqsave.naming import distinct, in_words, other_forms

COMPOSED, DECOMPOSED, MIXED = "\xe9\xe9_1.png", "e\u0301e\u0301_1.png", "\xe9e\u0301_1.png"


@pytest.mark.parametrize("name", ["frame_1.png", "\u5c71_1.png", "\xdf_1.png", ""])
def test_most_names_have_one_form(name: str) -> None:
    assert other_forms(name) == ()


@pytest.mark.parametrize(
    ("name", "others"),
    [(COMPOSED, (DECOMPOSED,)), (DECOMPOSED, (COMPOSED,)), (MIXED, (COMPOSED, DECOMPOSED))],
)
def test_the_other_forms_of_a_name(name: str, others: tuple[str, ...]) -> None:
    assert other_forms(name) == others


def test_a_form_in_words() -> None:
    assert [in_words(name) for name in (COMPOSED, DECOMPOSED, MIXED)] == ["composed", "decomposed", "partly composed"]


def test_names_that_look_the_same_are_distinct() -> None:
    assert distinct(COMPOSED, DECOMPOSED) == (
        f"{COMPOSED} (in Unicode's composed form)",
        f"{DECOMPOSED} (decomposed)",
    )
    assert distinct("frame_1.png", "frame_01.png") == ("frame_1.png", "frame_01.png")
    assert distinct(COMPOSED, COMPOSED) == (COMPOSED, COMPOSED)
