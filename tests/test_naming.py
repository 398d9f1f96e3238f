"""Names follow the rule, come back from it, and never leave the target."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave import naming
from seqsave.errors import FrameNameError

INDICES = st.integers(0, naming.MAX_INDEX)
PART = st.text(
    st.one_of(
        st.sampled_from(string.ascii_letters + string.digits + " ._-[]%#+&=~'\"@!(){},;$äß日本🎬"),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\"),
    ),
    min_size=1,
    max_size=30,
).filter(lambda part: part not in (".", ".."))
PREFIXES = st.lists(PART, min_size=1, max_size=3).map("/".join).filter(lambda p: len(p.encode()) < 200)


@pytest.mark.parametrize(
    ("index", "batch", "digits", "expected"),
    [
        (17, None, 5, "frame_00017.png"),
        (17, 3, 5, "batch_0003/frame_00017.png"),
        (123456, None, 5, "frame_123456.png"),
        (0, 12345, 3, "batch_12345/frame_000.png"),
        (7, None, 0, "frame_7.png"),
    ],
)
def test_the_rule(index: int, batch: int | None, digits: int, expected: str) -> None:
    assert naming.NameRule("frame", digits, "png").format(index, batch) == expected


def test_a_slash_makes_a_subfolder_that_holds_the_batches_too() -> None:
    rule = naming.NameRule("shots/a b/frame", 4, "jpg")
    assert rule.format(3) == "shots/a b/frame_0003.jpg"
    assert rule.format(3, 1) == "shots/a b/batch_0001/frame_0003.jpg"


@given(PREFIXES, st.integers(0, 12), INDICES, st.sampled_from(["png", "jpg", "webp"]))
def test_a_name_comes_back(prefix: str, digits: int, index: int, extension: str) -> None:
    rule = naming.NameRule(prefix, digits, extension)
    parsed = naming.parse_frame(rule.file_name(index))
    assert parsed is not None
    assert (parsed.prefix, parsed.number, parsed.extension) == (rule.stem, index, extension)
    assert parsed.width == max(digits, len(str(index)), 1)


@given(PREFIXES, st.integers(1, 12), INDICES)
def test_a_pattern_reads_its_own_names(prefix: str, digits: int, index: int) -> None:
    rule = naming.NameRule(prefix, digits, "png")
    pattern = naming.parse_pattern(rule.pattern)
    assert pattern is not None
    parsed = pattern.parse(rule.file_name(index))
    assert parsed is not None
    assert parsed.number == index


@given(PREFIXES)
def test_names_stay_below_the_target(prefix: str) -> None:
    parts = naming.NameRule(prefix).format(1, 2).split("/")
    assert all(part not in ("", ".", "..") for part in parts)


@pytest.mark.parametrize(
    "prefix",
    ["", "/", "/abs", "a/", "a//b", "..", "../x", "a/../b", "./a", "a/.", "a\0b", "a\nb", "a\x7f", "a\\b", "C:\\x",
     "\ud800", ".seqsave/x", "x" * 300, 7, None],
)  # fmt: skip
def test_prefixes_that_are_refused(prefix: object) -> None:
    with pytest.raises(FrameNameError, match=r"prefix"):
        naming.NameRule(prefix)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-1, 2**63, 1.5, "3", True, None])
def test_numbers_that_are_refused(value: object) -> None:
    with pytest.raises(FrameNameError, match=r"^index is"):
        naming.NameRule("frame").format(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("digits", [-1, 33, 10**9, "5", None])
def test_digits_that_are_refused(digits: object) -> None:
    with pytest.raises(FrameNameError, match=r"^digits is"):
        naming.NameRule("frame", digits)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["frame.png", "frame_.png", "frame_x.png", "frame_0001", "_1.png", "frame_٣.png", "frame_1²3.png",
             "frame_" + "9" * 40 + ".png", "frame_-1.png", "frame_1.png.tmp/x"],
)  # fmt: skip
def test_what_is_no_frame(name: str) -> None:
    assert naming.parse_frame(name) is None


def test_only_the_batch_folders_that_the_rule_makes() -> None:
    names = ["batch_0000", "batch_0012", "batch_12345", "batch_3", "batch_00003", "batch_x", "batch_0001x"]
    assert [naming.parse_batch_folder(name) for name in names] == [0, 12, 12345, None, None, None, None]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://b/shot/frame_#####.png", ("s3://b/shot/", "frame_", 5, ".png")),
        ("shot.####.exr", ("", "shot.", 4, ".exr")),
        ("a/frame_%05d.png", ("a/", "frame_", 5, ".png")),
        ("a/frame_%d.png", ("a/", "frame_", 1, ".png")),
        ("a/take#2_###.png", ("a/", "take#2_", 3, ".png")),
        ("a/100%_%04d.png", ("a/", "100%_", 4, ".png")),
    ],
)
def test_patterns(url: str, expected: tuple[str, str, int, str]) -> None:
    pattern = naming.parse_pattern(url)
    assert pattern is not None
    assert (pattern.folder, pattern.head, pattern.digits, pattern.tail) == expected


@pytest.mark.parametrize("url", ["s3://b/shot", "frames", "a/frame_00001.png", "shot#1", "50%", "a#b/plain.png"])
def test_what_is_no_pattern(url: str) -> None:
    assert naming.parse_pattern(url) is None


def test_a_pattern_leaves_other_widths_alone() -> None:
    pattern = naming.parse_pattern("frame_####.png")
    assert pattern is not None
    names = ["frame_0007.png", "frame_12345.png", "frame_7.png", "frame_00007.png", "frame_0007.jpg", "frame_.png"]
    assert [(p.number if (p := pattern.parse(name)) else None) for name in names] == [7, 12345, None, None, None, None]


@given(st.sets(st.integers(0, 60)))
def test_ranges_and_gaps_say_what_is_there_and_what_is_not(numbers: set[int]) -> None:
    runs = naming.to_ranges(sorted(numbers))
    assert [i for run in runs for i in run] == sorted(numbers)
    assert [i for run in naming.gaps(runs, 5, 50) for i in run] == sorted(set(range(5, 51)) - numbers)


def test_ranges_as_renderers_take_them() -> None:
    runs = naming.to_ranges([17, *range(40, 53), 60])
    assert naming.format_ranges(runs) == "17,40-52,60"
    assert naming.format_ranges(runs, 3) == "17,40-52,60"
    assert naming.format_ranges(runs, 1) == "17,... (2 more)"


@pytest.mark.parametrize("name", ["a\x1b_1.png", "a\n_1.png", "a_1.p\x7fng"])
def test_a_name_that_the_rule_never_makes_is_no_frame(name: str) -> None:
    assert naming.parse_frame(name) is None


@given(st.text(min_size=1, max_size=20).filter(lambda t: not any(0xD800 <= ord(c) < 0xE000 for c in t)))
def test_a_sidecar_names_its_key(key: str) -> None:
    folder, _, name = naming.sidecar_name("frame_00001.jpg", 0xAB, key).partition("/")
    assert folder == ".seqsave"
    assert "/" not in name
    assert naming.sidecar_key(name, "frame_00001.jpg", 0xAB) == key
    assert naming.sidecar_key(name, "frame_00002.jpg", 0xAB) is None
    assert naming.sidecar_key(name, "frame_00001.jpg", 0xAC) is None
