"""Values out of damaged or hostile JSON: each is checked before it is used, and a long list is read item by item."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave.errors import ManifestError
from seqsave.manifest.checked import Reader, parse, text_of

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def whole(_: dict[str, Any], items: Iterator[Any]) -> list[Any]:
    return list(items)


@given(st.dictionaries(st.sampled_from(["frames", "a", "b"]), documents), st.sampled_from([None, 1]))
def test_what_is_parsed_one_by_one_is_what_json_parses(document: dict[str, Any], indent: int | None) -> None:
    data = json.dumps(document, indent=indent).encode()
    assert parse(text_of(data), "frames", whole) == document
    assert parse(text_of(b"\xef\xbb\xbf " + data), "frames", whole) == document


@given(st.binary(max_size=30) | st.text('{}[]:,"1a ', max_size=20).map(str.encode))
def test_what_is_no_json_is_a_value_error(data: bytes) -> None:
    try:
        expected = json.loads(data.decode("utf-8-sig"))
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - any
            parse(text_of(data), "frames", whole)
    else:
        assert parse(text_of(data), "frames", whole) == expected


def test_the_list_is_given_item_by_item_after_what_stands_before_it() -> None:
    seen: list[Any] = []

    def convert(members: dict[str, Any], items: Iterator[Any]) -> list[Any]:
        seen.extend([dict(members), next(items)])
        return ["rest", *items]

    assert parse('{"a": 1, "frames": [2, 3], "b": 4}', "frames", convert) == {"a": 1, "frames": ["rest", 3], "b": 4}
    assert seen == [{"a": 1}, 2]


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda r: r.number("x"), True),
        (lambda r: r.number("x"), -1),
        (lambda r: r.number("x"), 2**63),
        (lambda r: r.number("x"), 1.0),
        (lambda r: r.text("x"), 3),
        (lambda r: r.flag("x"), 1),
        (lambda r: r.texts("x"), ["a", 1]),
        (lambda r: r.objects("x", "frame"), [3]),
        (lambda r: r.optional("x", str), 3),
    ],
)
def test_a_value_of_another_type_or_size_is_named(call: Any, value: Any) -> None:
    with pytest.raises(ManifestError, match="the manifest is damaged"):
        call(Reader({"x": value}, "the manifest"))


def test_what_is_absent_is_an_error_or_its_default() -> None:
    reader = Reader({"n": None}, "the manifest")
    with pytest.raises(ManifestError, match="it has no 'x'"):
        reader.number("x")
    assert (reader.number("x", default=3), reader.texts("x"), reader.shallow("x")) == (3, (), {})
    assert (reader.optional("n", str), reader.optional_number("n"), reader.optional_number("x")) == (None, None, None)
    with pytest.raises(ManifestError, match="not a JSON object"):
        Reader([], "the manifest")


def test_depth_is_bounded() -> None:
    deep: Any = {}
    for _ in range(2000):
        deep = {"a": deep}
    with pytest.raises(ManifestError, match="levels deep"):
        Reader({"x": deep}, "the manifest").shallow("x")
