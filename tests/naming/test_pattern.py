"""A pattern reads the names that it writes, in every spelling of the placeholder."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave import naming
from seqsave.errors import FrameNameError
from seqsave.naming import NamePattern

TEXT = st.text(
    st.one_of(
        st.sampled_from("ab01._- ()é日#"), st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\")
    ),
    max_size=12,
)


@pytest.mark.parametrize(
    ("url", "folder", "pattern"),
    [
        ("s3://b/shot/frame_#####.png", "s3://b/shot/", NamePattern("frame_", 5, "", "png")),
        ("shot.####.exr", "", NamePattern("shot.", 4, "", "exr")),
        ("shot.@@@@.exr", "", NamePattern("shot.", 4, "", "exr")),
        ("shot.$F4.exr", "", NamePattern("shot.", 4, "", "exr")),
        ("shot.${F4}.exr", "", NamePattern("shot.", 4, "", "exr")),
        ("shot.$F.exr", "", NamePattern("shot.", 1, "", "exr")),
        ("shot.<F4>.exr", "", NamePattern("shot.", 4, "", "exr")),
        ("shot.%04i.exr", "", NamePattern("shot.", 4, "", "exr")),
        ("a/frame_%05d.png", "a/", NamePattern("frame_", 5, "", "png")),
        ("a/frame_%d.png", "a/", NamePattern("frame_", 1, "", "png")),
        ("a/take#2_###.png", "a/", NamePattern("take#2_", 3, "", "png")),
        ("a/100%_%04d.png", "a/", NamePattern("100%_", 4, "", "png")),
        ("render_####_beauty.png", "", NamePattern("render_", 4, "_beauty", "png")),
        ("####.png", "", NamePattern("", 4, "", "png")),
    ],
)
def test_every_spelling(url: str, folder: str, pattern: NamePattern) -> None:
    assert naming.is_pattern(url)
    assert naming.parse_pattern(url) == (folder, pattern)


@pytest.mark.parametrize(
    "url", ["s3://b/shot", "frames", "a/frame_00001.png", "shot#1", "50%", "a#b/plain.png", "logo@2x.png", "shot.####",
            "$FILE.png", "a.%04x.png"],
)  # fmt: skip
def test_what_is_no_pattern(url: str) -> None:
    assert naming.parse_pattern(url) is None
    assert not naming.is_pattern(url)


def test_patterns_without_an_extension() -> None:
    for url in ("shot.####", "a/shot_%04d", "$F4", "s3://b/x.<F4>", "shot_@@@@", "a.v2/####"):
        assert naming.is_unended(url), url
    for url in ("shot.####.exr", "take #1", "shot_%d", "50%", "a####/b", "copy of ####_", "me@home", "shot.####/"):
        assert not naming.is_unended(url), url


@pytest.mark.parametrize("url", ["shot_####_####.exr", "a.%04d.####.exr", "@@_##.png"])
def test_two_numbers_are_an_error(url: str) -> None:
    with pytest.raises(FrameNameError, match="two numbers"):
        naming.parse_pattern(url)


def test_too_many_digits_are_an_error() -> None:
    for name in ("a_" + "#" * 33 + ".png", "a_%099d.png", "a.$F9999999999.exr"):
        with pytest.raises(FrameNameError, match="at most 32"):
            naming.parse_pattern(name)


def test_a_pattern_leaves_other_widths_alone() -> None:
    pattern = NamePattern("frame_", 4, "", "png")
    names = {"frame_0007.png": 7, "frame_12345.png": 12345, "frame_7.png": None, "frame_00007.png": None,
             "frame_0007.jpg": None, "frame_.png": None, "frame_0007.PNG": 7, "frame_-0007.png": -7,
             "frame_-007.png": -7, "frame_-07.png": None, "frame_٣٣٣٣.png": None,
             "frame_" + "9" * 40 + ".png": None}  # fmt: skip
    assert {name: pattern.parse(name) for name in names} == names


def test_both_unicode_forms_are_one_name() -> None:
    pattern = NamePattern("é_", 2, "é", "png")
    for form in ("NFC", "NFD"):
        assert pattern.parse(unicodedata.normalize(form, "é_07é.png")) == 7


@given(TEXT, st.integers(0, 8), TEXT, st.integers(-(10**6), 10**6))
def test_a_pattern_reads_its_own_names(head: str, digits: int, tail: str, index: int) -> None:
    pattern = NamePattern(head, digits, tail, "png")
    try:
        name = pattern.format(index)
    except FrameNameError:
        assert index < 0
        return
    assert pattern.parse(name) == index


@given(TEXT, st.integers(1, 8), TEXT)
def test_a_pattern_comes_back_from_its_text(head: str, digits: int, tail: str) -> None:
    pattern = NamePattern(head, digits, tail, "png")
    if not set("#@%$<") & set(head + tail):
        assert naming.parse_pattern(f"a/{pattern}") == ("a/", pattern)


@pytest.mark.parametrize(
    ("name", "pattern", "number"),
    [
        ("render_-0004.png", "render_####.png", -4),
        ("foo -020.png", "foo ###.png", -20),
        ("shot.-0003.png", "shot.####.png", -3),
        ("-0003.png", "####.png", -3),
        ("shot-0001.png", "shot-####.png", 1),
        ("日本-0001.png", "日本-####.png", 1),
        ("take (2)-0001.png", "take (2)-####.png", 1),
        ("shot--0001.png", "shot-####.png", -1),
        ("img (12).png", "img (##).png", 12),
        ("ComfyUI_00001_.png", "ComfyUI_#####_.png", 1),
        ("v2.0007.exr", "v2.####.exr", 7),
    ],
)
def test_one_name(name: str, pattern: str, number: int) -> None:
    found = naming.split_name(name)
    assert found is not None
    assert (str(found[0]), found[1]) == (pattern, number)


@pytest.mark.parametrize(
    "name", ["frame.png", "frame_x.png", "frame_0001", "frame_٣.png", "frame_" + "9" * 40 + ".png", "._frame_1.png",
             ".0001.png", "a\x1b_1.png", "a\n_1.png", "a_1.p\x7fng"],
)  # fmt: skip
def test_what_is_no_frame(name: str) -> None:
    assert naming.split_name(name) is None
