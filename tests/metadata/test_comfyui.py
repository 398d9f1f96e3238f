"""Withheld values are removed everywhere, whatever other calls run at the same time; all other values stay."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave.errors import MetadataError
from seqsave.metadata.comfyui import Withholding, check_patterns
from seqsave.metadata.text import RawText

SECRET = "sk-live-0123456789"
PROMPT = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 7, "steps": 20, "model": ["4", 0]}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox in the snow", "clip": ["4", 1]}},
    "9": {"class_type": "CloudUpscale", "inputs": {"api_key": SECRET, "scale": 2, "image": ["8", 0]}},
}


def widget(name: str) -> dict[str, Any]:
    return {"name": name, "type": "STRING", "widget": {"name": name}, "link": None}


WORKFLOW = {
    "nodes": [
        {"id": 1, "type": "Note", "widgets_values": ["call Ada about the contract"]},
        {
            "id": 3,
            "type": "KSampler",
            "inputs": [{"name": "model", "link": 1}, widget("seed"), widget("steps")],
            "widgets_values": [7, "randomize", 20],
        },
        {"id": 6, "type": "CLIPTextEncode", "inputs": [{"name": "clip"}], "widgets_values": ["a fox in the snow"]},
        {"id": 9, "type": "CloudUpscale", "widgets_values": {"api_key": SECRET, "scale": 2}},
        {"id": 12, "type": "0a1b-subgraph", "inputs": [], "widgets_values": [SECRET, 4]},
    ],
    "definitions": {
        "subgraphs": [
            {"nodes": [{"id": 2, "type": "CloudUpscale", "inputs": [widget("api_key")], "widgets_values": [SECRET]}]}
        ]
    },
    "extra": {"ds": {"scale": 1.0}},
}


def without(*patterns: str) -> tuple[dict[str, Any], str]:
    given = {"workflow": WORKFLOW, "prompt": PROMPT, "shot": "010"}
    before = copy.deepcopy(given)
    result = Withholding(check_patterns(patterns)).apply(given)
    assert given == before  # what it was given is as it was
    assert list(result) == list(given)
    return result, json.dumps(result)


def test_nothing_named_is_nothing_changed() -> None:
    assert without()[0] == {"workflow": WORKFLOW, "prompt": PROMPT, "shot": "010"}


def test_a_key_is_gone_from_every_place() -> None:
    result, text = without("*.api_key")
    assert SECRET not in text
    assert result["prompt"]["9"]["inputs"] == {"scale": 2, "image": ["8", 0]}
    assert result["workflow"]["nodes"][3]["widgets_values"] == {"api_key": "", "scale": 2}
    assert result["workflow"]["nodes"][4]["widgets_values"] == ["", 4]  # the subgraph's own copy of it
    assert result["workflow"]["nodes"][:3] == WORKFLOW["nodes"][:3]  # type: ignore[index]


@pytest.mark.parametrize("pattern", ["Note", "Note.*", "note.*", "No?e.text"])
def test_notes(pattern: str) -> None:
    result, text = without(pattern)
    assert "Ada" not in text
    assert result["workflow"]["nodes"][1:] == WORKFLOW["nodes"][1:]  # type: ignore[index]
    assert result["prompt"] == PROMPT


def test_a_widget_without_a_name_is_found_through_the_prompt() -> None:
    result, text = without("*.text")
    assert "fox" not in text
    assert result["prompt"]["6"]["inputs"] == {"clip": ["4", 1]}
    assert result["workflow"]["nodes"][0] == WORKFLOW["nodes"][0]  # type: ignore[index]


def test_short_texts_are_found_through_the_prompt_as_well() -> None:
    graph = {
        "prompt": {"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "fox"}}},
        "workflow": {"nodes": [{"id": 6, "type": "CLIPTextEncode", "widgets_values": ["fox"]}]},
    }
    assert "fox" not in json.dumps(Withholding(("*.text",)).apply(graph))


def test_one_widget_among_several_and_the_one_that_the_front_end_adds() -> None:
    result, _ = without("KSampler.steps")
    assert result["workflow"]["nodes"][1]["widgets_values"] == [7, "randomize", 0]
    assert result["prompt"]["3"]["inputs"] == {"seed": 7, "model": ["4", 0]}


def test_connections_stay() -> None:
    result, _ = without("*.*")
    assert result["prompt"]["3"]["inputs"] == {"model": ["4", 0]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=3), st.lists(st.sampled_from(["Note", "*.*", "a.b"])))
def test_what_is_no_graph_stays_as_it_is(values: dict[str, Any], patterns: list[str]) -> None:
    assert Withholding(check_patterns(patterns)).apply(values) == values


@pytest.mark.parametrize("patterns", ["Note", [3], [""], [" . "]])
def test_what_is_no_list_of_patterns_is_refused(patterns: Any) -> None:
    with pytest.raises(MetadataError, match=r"CLIPTextEncode\.text"):
        check_patterns(patterns)


class Interrupting(Mapping[str, Any]):
    """A mapping that calls a function, once, when it is first iterated: in the middle of the call that reads it."""

    def __init__(self, values: Mapping[str, Any], interrupt: Callable[[], object]) -> None:
        self._values = values
        self._interrupts = [interrupt]

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        while self._interrupts:
            self._interrupts.pop()()
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def in_a_thread(function: Callable[[], object]) -> None:
    thread = Thread(target=function)
    thread.start()
    thread.join()


@pytest.mark.parametrize("call", [lambda function: function(), in_a_thread], ids=["nested", "another thread"])
def test_calls_that_interleave_do_not_share_what_they_remove(call: Callable[[Callable[[], object]], None]) -> None:
    withholding = Withholding(check_patterns(["*.api_key"]))
    other = {"prompt": {"9": {"class_type": "Other", "inputs": {"api_key": "another secret"}}}}
    # The other call runs after this call has found the key, and before it empties the widgets that repeat the key.
    results = []
    extra = Interrupting({"ds": 1}, lambda: call(lambda: results.append(withholding.apply(other))))
    mine = withholding.apply({"prompt": PROMPT, "workflow": {**WORKFLOW, "extra": extra}})
    assert results == [{"prompt": {"9": {"class_type": "Other", "inputs": {}}}}]
    assert SECRET not in json.dumps(mine)
    assert mine["workflow"]["nodes"][4]["widgets_values"] == ["", 4]


@pytest.mark.parametrize("depth", [3000, 100_000])
@pytest.mark.parametrize("kind", ["list", "dict"])
def test_values_that_are_nested_too_deeply(depth: int, kind: str) -> None:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    with pytest.raises(MetadataError, match="nested too deeply"):
        Withholding(("Note.*",)).apply({"workflow": value})


@pytest.mark.parametrize("kind", [str, RawText])
def test_a_graph_that_comes_as_text_loses_the_values_and_stays_text(kind: type[str]) -> None:
    graph = {"nodes": [{"id": 1, "type": "Note", "widgets_values": ["call Ada now"]}]}
    values = {"workflow": kind(json.dumps(graph)), "title": kind("{not JSON"), "other": kind('{"a": [1]}')}
    found = Withholding(("Note.*",)).apply(values)
    assert json.loads(found["workflow"])["nodes"][0]["widgets_values"] == [""]
    assert all(type(text) is kind for text in found.values())
    assert {name: found[name] for name in ("title", "other")} == {name: values[name] for name in ("title", "other")}
