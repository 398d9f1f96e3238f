from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave.errors import MetadataError
from seqsave.metadata.text import RawText, changes, dump, load

FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_any_json_comes_back(values: dict[str, Any]) -> None:
    assert load(dump(values)) == values


@given(JSON)
def test_text_is_exactly_what_json_dumps_gives(value: Any) -> None:
    text = dump({"prompt": value})["prompt"]
    assert text == json.dumps(value)
    assert text.isascii()


@given(
    st.recursive(st.floats(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
)
def test_whatever_floats_there_are_the_text_is_strict_json(value: Any) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(dump({"x": value})["x"], parse_constant=refuse)


def test_nan_and_infinities_become_null_and_the_value_stays_as_it_was() -> None:
    value = {"is_changed": [math.nan], "deep": ({"a": math.inf, "b": -math.inf, "c": 1.5},)}
    assert dump({"prompt": value}) == {"prompt": '{"is_changed": [null], "deep": [{"a": null, "b": null, "c": 1.5}]}'}
    assert math.isnan(value["is_changed"][0])


def test_emoji_and_lone_surrogates_are_escaped() -> None:
    assert dump({"p": "🎬 é \ud800"}) == {"p": '"\\ud83c\\udfac \\u00e9 \\ud800"'}


def test_raw_text_goes_both_ways_unchanged() -> None:
    text = RawText("Steps: 20, Sampler: Euler a, ümlaut")
    assert dump({"parameters": text}) == {"parameters": str(text)}
    assert type(dump({"parameters": text})["parameters"]) is str
    back = load({"parameters": str(text)})["parameters"]
    assert isinstance(back, RawText)
    assert back == text


def test_raw_text_stays_raw_even_where_it_is_json() -> None:
    assert dump({"a": RawText('{"x":1}')}) == {"a": '{"x":1}'}
    assert load({"a": RawText('{"x":1}')}) == {"a": '{"x":1}'}


def test_what_is_not_json_loads_as_raw_text() -> None:
    deep = "[" * 100_000
    for text in ("", "not json", "{", deep, "1" * 5000 + "x"):
        assert isinstance(load({"a": text})["a"], RawText)


def test_order_of_names_is_kept() -> None:
    assert list(dump({"workflow": 1, "prompt": 2, "a": 3})) == ["workflow", "prompt", "a"]


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ({"inputs": {"image": np.zeros(2)}}, ["prompt['inputs']['image']", "numpy.ndarray"]),
        ([1, np.float32(1)], ["prompt[1]", "numpy.float32"]),
        (b"bytes", ["prompt", "bytes"]),
        ({1, 2}, ["prompt", "set"]),
        ({(1, 2): 3}, ["prompt", "tuple"]),
        ([math.nan, object()], ["prompt[1]", "object"]),
    ],
)
def test_what_is_not_json_is_refused_with_its_place_and_type(value: Any, parts: list[str]) -> None:
    with pytest.raises(MetadataError) as caught:
        dump({"prompt": value})
    for part in parts:
        assert part in str(caught.value)


def test_what_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(MetadataError, match="'workflow' is nested too deeply"):
        dump({"workflow": loop})


def test_names_must_be_str() -> None:
    with pytest.raises(MetadataError, match="type int: 1"):
        dump({1: "x"})  # type: ignore[dict-item]


def test_metadata_must_be_a_mapping() -> None:
    with pytest.raises(MetadataError, match="dict of names and values, not a value of type str"):
        dump("workflow")  # type: ignore[arg-type]


def test_keys_that_json_turns_into_text_are_taken() -> None:
    value = {1: "a", 2.5: "b", None: "c", False: math.nan}
    assert dump({"p": value}) == {"p": '{"1": "a", "2.5": "b", "null": "c", "false": null}'}


def test_what_is_changed_is_yielded_with_its_place() -> None:
    values = {"a": {None: 1, "b": [1.0, -math.inf]}, "c": 2, "prompt": {"1": {"is_changed": [math.nan]}}}
    assert dict(changes(values)) == {
        "key": "a has the key None, and keys are text in JSON: it is saved as 'null'",
        "nan": "a['b'][1] is -inf, and JSON has finite numbers only: it is saved as null",
    }


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_nothing_is_changed_in_json(values: dict[str, Any]) -> None:
    assert list(changes(values)) == []
