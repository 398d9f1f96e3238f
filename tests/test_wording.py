"""The small texts that messages are made of."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from seqsave.errors import TargetError
from seqsave.wording import (
    abridged,
    command,
    counted,
    crc32_text,
    described,
    did_you_mean,
    first_of,
    reason_of,
    shortened,
    spans,
)
from tests.kit import WordlessError


def test_the_nearest_name_is_offered() -> None:
    assert did_you_mean("jpge", ["png", "jpg", "exr"]) == " (did you mean 'jpg'?)"
    assert did_you_mean("something else", ["png", "jpg"]) == ""
    assert did_you_mean("png", []) == ""


def test_a_command_is_quoted_and_names_its_options() -> None:
    assert command("seqsave", "flush", "") == "seqsave flush"
    options = {"secret": "hidden", "key": "hidden"}
    shown = command("seqsave", "ls", "my shots/a.####.png", options=options)
    assert shown == "seqsave ls 'my shots/a.####.png' --storage-option key=... --storage-option secret=..."


def test_a_value_that_is_no_text_gets_a_hint_as_well() -> None:
    assert did_you_mean(160, ["16", "32"]) == " (did you mean '16'?)"


def test_case_is_ignored_on_request() -> None:
    assert did_you_mean("SRGB", ["srgb"]) == ""
    assert did_you_mean("SRGB", ["srgb"], ignore_case=True) == " (did you mean 'srgb'?)"


@pytest.mark.parametrize(
    ("number", "plural", "text"),
    [
        (0, None, "0 frames"),
        (1, None, "1 frame"),
        (2, None, "2 frames"),
        (1, "shots", "1 frame"),
        (2, "shots", "2 shots"),
    ],
)
def test_a_noun_follows_its_number(number: int, plural: str | None, text: str) -> None:
    assert counted(number, "frame", plural) == text


def test_long_lists_are_cut() -> None:
    assert first_of(["a", "b", "c"], 3) == "a, b, c"
    assert first_of(["a", "b", "c", "d"], 3) == "a, b, c, ..."
    assert first_of((), 3) == ""


def test_a_checksum_names_its_algorithm_and_has_eight_digits() -> None:
    assert crc32_text(zlib.crc32(b"a frame")) == f"crc32:{zlib.crc32(b'a frame'):08x}"
    assert crc32_text(17) == "crc32:00000011"
    assert crc32_text(-1) == "crc32:ffffffff"  # as signed 32-bit libraries give it


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ((1, 3, 4), ["1", "3", "4"]),
        ((1, 2, 3, 4), ["1", "2", "3", "4"]),
        ((1, 2, 3, 4, 5), ["1-5"]),
        ((9, 1, 2, 3, 4, 5, 6, 8), ["9", "1-6", "8"]),
        ((), []),
    ],
)
def test_long_runs_are_one_span(numbers: tuple[int, ...], shown: list[str]) -> None:
    assert spans(numbers) == shown


@pytest.mark.parametrize(
    ("error", "text"),
    [(KeyError("x"), "KeyError: 'x'"), (RuntimeError(), "RuntimeError"), (WordlessError(), "WordlessError")],
)
def test_an_error_is_described_by_its_class_and_its_text(error: BaseException, text: str) -> None:
    assert described(error) == text


def test_a_reason_has_the_class_of_an_error_that_is_not_ours() -> None:
    assert reason_of(TargetError("no room")) == "no room"
    assert reason_of(OSError("no room")) == "OSError: no room"


def test_a_shortened_value_is_one_line_of_at_most_sixty_characters() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError

    assert shortened("png") == "'png'"
    assert shortened("x" * 100_000) == f"'{'x' * 55} ..."
    assert shortened(["a"] * 1000, 20) == "['a', 'a', 'a',  ..."
    assert "\n" not in shortened(np.zeros((4, 2)))
    assert shortened(Broken()) == "Broken"
    assert shortened(10**10_000) == "int"


def test_an_abridged_text_keeps_both_ends() -> None:
    assert abridged("short") == "short"
    text = abridged("a" * 150 + "b" * 100_000 + "c" * 100)
    assert text == f"{'a' * 150} ... {'c' * 100}"
