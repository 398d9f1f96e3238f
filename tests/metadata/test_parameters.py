"""The text of generation parameters: what it states, and what it leaves out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave.metadata.parameters import parameters_of

Graph = dict[str, dict[str, Any]]
SHA = "ABCDEF0123" + "4" * 54


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def simple() -> Graph:
    """As ComfyUI's first example, with the saver 9."""
    sampling = {"seed": 42, "steps": 20, "cfg": 7.0, "sampler_name": "dpmpp_2m", "scheduler": "karras", "denoise": 1.0}
    links = {"model": ["10", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}
    return {
        "3": node("KSampler", **sampling, **links),
        "4": node("CheckpointLoaderSimple", ckpt_name="sd15/Some Model.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": node("CLIPTextEncode", text="a cat,\n(sleeping:1.2)", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="blurry", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("Save Frames [seqsave]", images=["8", 0], prefix="frame"),
        "10": node("LoraLoader", lora_name="style.safetensors", model=["4", 0], clip=["4", 1], strength_model=0.8),
    }


def last_line(text: str | None) -> dict[str, str]:
    """Read by the rule of the web UI: names, and values up to a comma that is in no quotes."""
    assert text is not None
    found = re.findall(r'\s*([\w ]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)', text.split("\n")[-1].split(", Hashes:")[0])
    return dict(found)


def test_all_that_a_simple_graph_has() -> None:
    expected = (
        "a cat,\n(sleeping:1.2)\n"
        "Negative prompt: blurry\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 42, Size: 512x768, Model: Some Model"
    )
    assert parameters_of(simple(), "9", size=(1, 1)) == expected


def test_hashes_are_those_that_the_workflow_states() -> None:
    models = [
        {"name": "Some Model.safetensors", "hash": SHA, "hash_type": "SHA256", "directory": "checkpoints"},
        {"name": "style.safetensors", "hash": "9" * 64, "hash_type": "sha256"},
        {"name": "other.safetensors", "hash": "8" * 64, "hash_type": "sha256"},
    ]
    inner = {"nodes": [{"type": "LoraLoader", "properties": {"models": models[1:]}}]}
    workflow = {
        "nodes": [{"type": "CheckpointLoaderSimple", "properties": {"models": models[:1]}}, {"type": "Note"}],
        "definitions": {"subgraphs": [inner]},
    }
    text = parameters_of(simple(), "9", workflow=workflow)
    assert last_line(text)["Model hash"] == "abcdef0123"
    # By the expression with which Civitai looks for them.
    found = re.search(r", Hashes:\s*({[^}]+})", text or "")
    assert found is not None
    assert json.loads(found[1]) == {"model": "abcdef0123", "lora:style": "9999999999"}


@pytest.mark.parametrize("wrong", [{"hash_type": "crc32"}, {"hash": "123"}, {"hash": None}, {"name": "another"}])
def test_other_hashes_are_left_out(wrong: dict[str, Any]) -> None:
    model = {"name": "Some Model.safetensors", "hash": SHA, "hash_type": "SHA256", **wrong}
    text = parameters_of(simple(), "9", workflow={"nodes": [{"properties": {"models": [model]}}]})
    assert "ash" not in (text or "")
    both = [{**model, "name": "Some Model.safetensors", "hash_type": "SHA256", "hash": SHA[:-1] + end} for end in "12"]
    text = parameters_of(simple(), "9", workflow={"nodes": [{"properties": {"models": both}}]})
    assert "ash" not in (text or ""), "two different ones"


def test_another_sampler_of_the_graph_says_nothing_of_this_picture() -> None:
    graph = simple()
    graph["20"] = {**graph["3"], "inputs": {**graph["3"]["inputs"], "seed": 7, "steps": 4}}
    graph["21"] = node("VAEDecode", samples=["20", 0], vae=["4", 2])
    graph["22"] = node("Image Sequence Saver [seqsave]", image=["21", 0])
    assert last_line(parameters_of(graph, "9"))["Seed"] == "42"
    found = last_line(parameters_of(graph, "22", "image"))
    assert (found["Seed"], found["Steps"]) == ("7", "4")


def test_the_last_of_two_passes_is_stated_with_its_strength() -> None:
    graph = simple()
    graph["20"] = node("LatentUpscale", samples=["3", 0], width=1024, height=1536)
    again = {"seed": 1, "steps": 10, "denoise": 0.5, "latent_image": ["20", 0]}
    graph["21"] = node("KSampler", **{**graph["3"]["inputs"], **again})
    graph["8"]["inputs"]["samples"] = ["21", 0]
    found = last_line(parameters_of(graph, "9"))
    assert (found["Steps"], found["Seed"], found["Denoising strength"]) == ("10", "1", "0.5")
    assert found["Size"] == "1024x1536"


def test_what_two_samplers_of_one_picture_do_not_agree_on_is_left_out() -> None:
    graph = simple()
    graph["20"] = node("KSampler", **{**graph["3"]["inputs"], "seed": 7, "positive": ["7", 0]})
    graph["21"] = node("VAEDecode", samples=["20", 0], vae=["4", 2])
    graph["22"] = node("ImageCompositeMasked", destination=["8", 0], source=["21", 0], x=0, y=0)
    graph["9"]["inputs"]["images"] = ["22", 0]
    text = parameters_of(graph, "9")
    found = last_line(text)
    assert "Seed" not in found
    assert (found["Steps"], found["Model"]) == ("20", "Some Model")
    assert text is not None
    assert text.startswith("Negative prompt: blurry\n"), "both have this one"
    graph["20"]["inputs"]["steps"] = 21
    assert parameters_of(graph, "9") is None


def test_the_parts_of_a_custom_sampler() -> None:
    graph = simple()
    del graph["3"]
    graph |= {
        "3": node(
            "SamplerCustomAdvanced",
            noise=["30", 0],
            guider=["31", 0],
            sampler=["32", 0],
            sigmas=["33", 0],
            latent_image=["5", 0],
        ),
        "30": node("RandomNoise", noise_seed=5),
        "31": node("CFGGuider", model=["34", 0], positive=["35", 0], negative=["7", 0], cfg=3.5),
        "32": node("KSamplerSelect", sampler_name="euler_ancestral"),
        "33": node("SplitSigmas", sigmas=["36", 0], step=3),
        "34": node("UNETLoader", unet_name="flux\\dev.safetensors", weight_dtype="default"),
        "35": node("FluxGuidance", conditioning=["6", 0], guidance=3.5),
        "36": node("BasicScheduler", model=["34", 0], scheduler="simple", steps=8, denoise=1.0),
    }
    assert parameters_of(graph, "9") == (
        "a cat,\n(sleeping:1.2)\nNegative prompt: blurry\n"
        "Steps: 8, Sampler: Euler a, Schedule type: Simple, CFG scale: 3.5, Seed: 5, Size: 512x768, Model: dev"
    )
    graph["31"] = node("BasicGuider", model=["34", 0], conditioning=["35", 0])
    text = parameters_of(graph, "9")
    assert text is not None
    assert text.startswith("a cat,\n(sleeping:1.2)\nSteps: 8, Sampler: Euler a, Schedule type: Simple, Seed: 5,")


def test_values_over_links_are_those_of_nodes_that_hold_just_one() -> None:
    graph = simple()
    graph["3"]["inputs"] |= {"seed": ["30", 0], "steps": ["31", 0], "cfg": ["32", 0]}
    graph |= {
        "30": node("Reroute", value=["33", 0]),
        "33": node("PrimitiveInt", value=99),
        "31": node("PrimitiveInt", value=30),
        "32": node("Math", a=1.0, b=["33", 0]),
    }
    found = last_line(parameters_of(graph, "9"))
    assert (found["Seed"], found["Steps"]) == ("99", "30")
    assert "CFG scale" not in found, "it is computed"


def test_conditioning_is_followed_through_nodes_that_change_both() -> None:
    graph = simple()
    graph["20"] = node("ControlNetApplyAdvanced", positive=["6", 0], negative=["7", 0], image=["40", 0], strength=1.0)
    graph["21"] = node("ConditioningZeroOut", conditioning=["6", 0])
    graph["40"] = node("LoadImage", image="pose.png")
    graph["3"]["inputs"] |= {"positive": ["20", 0], "negative": ["20", 1]}
    text = parameters_of(graph, "9")
    assert text is not None
    assert text.startswith("a cat,\n(sleeping:1.2)\nNegative prompt: blurry\n")
    graph["20"]["inputs"]["negative"] = ["21", 0]
    text = parameters_of(graph, "9")
    assert text is not None
    assert "Negative" not in text
    graph["3"]["inputs"]["positive"] = ["22", 0]
    graph["22"] = node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["7", 0])
    text = parameters_of(graph, "9")
    assert text is not None
    assert text.startswith("Steps: "), "neither of two texts"


def test_a_picture_without_a_sampler_has_none() -> None:
    graph = simple()
    graph["9"]["inputs"]["images"] = ["30", 0]
    graph["30"] = node("LoadImage", image="a.png")
    assert parameters_of(graph, "9") is None
    assert parameters_of(simple(), "9", "image") is None
    assert parameters_of(simple(), "99") is None


def test_unknown_names_stay_and_strange_values_are_quoted() -> None:
    graph = simple()
    graph["3"]["inputs"] |= {"sampler_name": "res_multistep", "scheduler": "a, b: c", "noise_seed": 1}
    graph["5"]["inputs"]["width"] = ["5", 0]
    text = parameters_of(graph, "9", size=(64, 32))
    assert text is not None
    assert 'Sampler: res_multistep, Schedule type: "a, b: c", ' in text
    assert "Size: 64x32" in text, "the picture's own"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["3", "8", "nodes", "KSampler"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["3", "8", "inputs", "model"]), inner),
    max_leaves=8,
)


@given(st.data())
def test_no_graph_raises(data: st.DataObject) -> None:
    graph: dict[str, Any] = simple()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.sampled_from(sorted(graph)))
        if data.draw(st.booleans()):
            graph[at] = data.draw(JSON)
        elif isinstance(graph[at], dict) and isinstance(graph[at].get("inputs"), dict) and graph[at]["inputs"]:
            name = data.draw(st.sampled_from(sorted(graph[at]["inputs"])))
            graph[at]["inputs"][name] = data.draw(
                JSON | st.tuples(st.sampled_from(sorted(graph)), st.just(0)).map(list)
            )
    text = parameters_of(graph, "9", workflow=data.draw(JSON))
    assert text is None or "Steps: " in text
