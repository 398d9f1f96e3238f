"""Values in names: %date:yyyy-MM-dd%, %width%, %Node.widget% and others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from comfyui_seqsave import counting, names, wanted
from hypothesis import given
from hypothesis import strategies as st

import seqsave

PROMPT = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 42, "steps": ["7", 0], "cfg": ["9", 0]},
        "_meta": {"title": "My Sampler"},
    },
    "7": {"class_type": "PrimitiveInt", "inputs": {"value": 20}},
    "9": {"class_type": "Compute", "inputs": {"a": 1, "b": 2}},
    "11": {"class_type": "Loader", "inputs": {"name": "models/sd:1.5\\x%y%.ckpt"}},
    "12": {"class_type": "Text", "inputs": {"text": "one"}},
    "13": {"class_type": "Text", "inputs": {"text": "two"}},
    "14": {"class_type": "Dots", "inputs": {"text": ".."}},
    "15": {"class_type": "Places", "inputs": {"a": "take ##", "b": "shot#.png", "c": "@@", "d": "$F4", "e": "<F4>;"}},
}
WORKFLOW = {"nodes": [{"id": 12, "title": "First", "properties": {"Node name for S&R": "Positive"}}]}


def expand(text: str, **more: Any) -> str:
    values: dict[str, Any] = {"width": 640, "height": 360, "batch_num": 2, "counter": lambda _: 7}
    now = datetime(2026, 3, 4, 15, 6, 9)
    return names.expand(text, names.Values(now, PROMPT, WORKFLOW, **{**values, **more}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("frame", "frame"),
        ("100%", "100%"),
        ("%date:yyyy-MM-dd%/shot", "2026-03-04/shot"),
        ("%date:yy.M.d_hh-mm-ss%", "26.3.4_15-06-09"),
        ("%date:hh:mm/ss%", "15_06_09"),
        ("%year%%month%%day%-%hour%%minute%%second%", "20260304-150609"),
        ("%width%x%height%_%batch_num%", "640x360_2"),
        ("v%counter%", "v00007"),
        ("%KSampler.seed%", "42"),
        ("%My Sampler.seed%", "42"),
        ("%3.seed%", "42"),
        ("%KSampler.steps%", "20"),
        ("%Positive.text%-%First.text%", "one-one"),
        ("%Loader.name%", "models_sd_1.5_x_y_.ckpt"),
        ("a/%Dots.text%/b", "a/_/b"),
        ("%Places.a%_%Places.b%_%Places.c%_%Places.d%_%Places.e%", "take ___shot_.png_____F4__F4__"),
        ("shot.%04d.png", "shot.%04d.png"),
        ("%width%.%04d.png", "640.%04d.png"),
    ],
)
def test_values(text: str, expected: str) -> None:
    assert expand(text) == expected
    names.check(text)


@pytest.mark.parametrize("text", ["%nothing%", "%Date:yyyy%", "a%b%c", "%width %"])
def test_unknown_ones_are_an_error_that_lists_the_known_ones(text: str) -> None:
    for call in (expand, names.check):
        with pytest.raises(seqsave.FrameNameError) as caught:
            call(text)
        for known in ("%date:yyyy-MM-dd%", "%width%", "%height%", "%batch_num%", "%counter%", "%Node.widget%"):
            assert known in str(caught.value)


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("%Nobody.seed%", "no node with the title or kind 'Nobody'"),
        ("%KSampler.sed%", "only cfg, seed, steps"),
        ("%KSampler.cfg%", "another node computes this value"),
        ("%Text.text%", "2 nodes have this name, with different values"),
    ],
)
def test_values_that_the_graph_does_not_have(text: str, stated: str) -> None:
    with pytest.raises(seqsave.FrameNameError, match=stated):
        expand(text)


@pytest.mark.parametrize("pattern", ["*.seed", "ksampler", "KSampler.*", "*.seed, Note.*"])
def test_withheld_values_are_not_in_names_either(pattern: str) -> None:
    with pytest.raises(seqsave.FrameNameError, match="withheld") as caught:
        expand("%My Sampler.seed%", withheld=wanted.withheld(pattern))
    assert "42" not in str(caught.value)
    assert expand("%Positive.text%", withheld=["*.seed"]) == "one"


def test_withheld_values_are_not_in_names_over_a_link() -> None:
    with pytest.raises(seqsave.FrameNameError, match="withheld"):
        expand("%KSampler.steps%", withheld=["PrimitiveInt.value"])


@given(text=st.text("%./:wdate{}0#x\x00 é", max_size=20))
def test_any_text_is_expanded_or_an_error(text: str) -> None:
    try:
        found = expand(text)
    except seqsave.FrameNameError as error:
        found = str(error)
        short = len(found) < 1000
    else:
        short = "%" in text or found == text
    assert short


def test_a_graph_of_another_shape() -> None:
    for prompt in (None, [], {"1": None}, {"1": {"class_type": "A"}}, {"A": {"class_type": "A", "inputs": None}}):
        values = names.Values(datetime.now(), prompt, {"nodes": [None, {}]}, 1, 1, 0, lambda _: 1)
        with pytest.raises(seqsave.FrameNameError):
            names.expand("%A.x%", values)


@pytest.mark.parametrize(("text", "above"), [("/%counter%", "/"), ("%counter%", ""), ("a/v%counter%/b", "a")])
def test_the_next_counter_is_looked_for_where_the_folder_is(
    monkeypatch: pytest.MonkeyPatch, text: str, above: str
) -> None:
    asked = []

    def admit(folder: str) -> None:
        asked.append(folder)
        raise counting.access.RefusedError("not here")

    monkeypatch.setattr(counting.access, "admit", admit)
    with pytest.raises(counting.access.RefusedError):
        counting._numbers("", text, is_file=False)
    assert asked == [above]


def test_all_that_is_unknown_is_listed_once() -> None:
    with pytest.raises(seqsave.FrameNameError) as caught:
        names.check("%one%/%width%_%two%_%one%_%date:yyyy%")
    assert "holds '%one%', '%two%', which stand for nothing. There are %date:yyyy-MM-dd%" in str(caught.value)
    with pytest.raises(seqsave.FrameNameError, match="holds '%one%', which stands for nothing"):
        names.check("%one%")
