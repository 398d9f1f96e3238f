"""Names follow the rule, come back from it, and never leave the target."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave import naming
from seqsave.errors import FrameNameError

INDICES = st.integers(naming.MIN_INDEX, naming.MAX_INDEX)
PART = st.text(
    st.one_of(
        st.sampled_from(string.ascii_letters + string.digits + " ._-[]%#+&=~'\"@!(){},;$äß日本🎬"),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\"),
    ),
    min_size=1,
    max_size=30,
).filter(lambda part: part not in (".", ".."))
PREFIXES = (
    st.lists(PART, min_size=1, max_size=3)
    .map("/".join)
    .filter(lambda p: len(p.encode()) < 180 and not p.rpartition("/")[2].startswith("."))
)


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
    parsed = naming.split_name(rule.file_name(index))
    assert parsed is not None
    name, number = parsed
    assert (name.prefix, name.separator, number, name.extension) == (rule.stem, "_", index, extension)
    assert name.digits == max(digits, len(str(abs(index))), 1)


@given(PREFIXES)
def test_names_stay_below_the_target(prefix: str) -> None:
    parts = naming.NameRule(prefix).format(1, 2).split("/")
    assert all(part not in ("", ".", "..") for part in parts)


@pytest.mark.parametrize(
    "prefix",
    ["/", "/abs", "a/", "a//b", "..", "../x", "a/../b", "./a", "a/.", "a\0b", "a\nb", "a\x7f", "a\\b", "C:\\x",
     "\ud800", ".seqsave/x", "x" * 300, 7, None, ".hidden", "shots/._a"],
)  # fmt: skip
def test_prefixes_that_are_refused(prefix: object) -> None:
    with pytest.raises(FrameNameError, match=r"prefix"):
        naming.NameRule(prefix)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-(2**63), 2**63, 1.5, "3", True, None])
def test_numbers_that_are_refused(value: object) -> None:
    with pytest.raises(FrameNameError, match=r"^index is"):
        naming.NameRule("frame").format(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"prefix": "shot", "separator": "."}, "shot.00017.png"),
        ({"prefix": "shot", "separator": ""}, "shot00017.png"),
        ({"prefix": "", "separator": ""}, "00017.png"),
        ({"prefix": ""}, "_00017.png"),
        ({"prefix": "img ", "separator": "(", "tail": ")", "digits": 0}, "img (17).png"),
        ({"prefix": "ComfyUI", "tail": "_"}, "ComfyUI_00017_.png"),
    ],
)
def test_other_separators_and_tails(settings: dict[str, Any], name: str) -> None:
    assert naming.NameRule(**settings).file_name(17) == name


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"prefix": "v2", "separator": ""}, "ends with a digit"),
        ({"prefix": "a", "tail": "2"}, "begins with a digit"),
        ({"prefix": "shot_", "separator": "-"}, "minus sign"),
        ({"prefix": "", "separator": "."}, "hidden"),
        ({"prefix": "a", "separator": "/"}, "holds '/'"),
        ({"prefix": "a", "separator": "_" * 17}, "17 characters"),
        ({"prefix": "a", "separator": None}, "must be text"),
    ],
)
def test_names_that_would_not_come_back_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(FrameNameError, match=says):
        naming.NameRule(**settings)


def test_a_negative_number_needs_something_before_its_sign() -> None:
    assert naming.NameRule("shot").file_name(-3) == "shot_-00003.png"
    with pytest.raises(FrameNameError, match="would read as frame 3"):
        naming.NameRule("shot", separator="").file_name(-3)


@pytest.mark.parametrize("digits", [-1, 33, 10**9, "5", None])
def test_digits_that_are_refused(digits: object) -> None:
    with pytest.raises(FrameNameError, match=r"^digits is"):
        naming.NameRule("frame", digits)  # type: ignore[arg-type]


def test_only_the_batch_folders_that_the_rule_makes() -> None:
    names = ["batch_0000", "batch_0012", "batch_12345", "batch_3", "batch_00003", "batch_x", "batch_0001x"]
    assert [naming.parse_batch_folder(name) for name in names] == [0, 12, 12345, None, None, None, None]
    beyond = f"batch_{2**63}"  # no number of a batch
    assert (naming.parse_batch_folder(beyond), naming.is_misnamed_batch(beyond)) == (None, False)


@given(st.text(min_size=1, max_size=20).filter(lambda t: not any(0xD800 <= ord(c) < 0xE000 for c in t)))
def test_a_sidecar_names_its_key(key: str) -> None:
    folder, _, name = naming.sidecar_name("frame_00001.jpg", 0xAB, key).partition("/")
    assert folder == ".seqsave"
    assert "/" not in name
    assert naming.sidecar_key(name, "frame_00001.jpg", 0xAB) == key
    assert naming.sidecar_key(name, "frame_00002.jpg", 0xAB) is None
    assert naming.sidecar_key(name, "frame_00001.jpg", 0xAC) is None


@pytest.mark.parametrize("index", [2**63, -(2**63), 10**40, 10**5000], ids=["2", "-2", "10", "no text"])
def test_absurd_numbers_are_refused_in_a_short_message(index: int) -> None:
    with pytest.raises(
        FrameNameError, match=r"^index is .*: it must be a whole number, between -2\*\*63 and 2\*\*63"
    ) as caught:
        naming.check_frame(index)
    assert len(str(caught.value)) < 150
