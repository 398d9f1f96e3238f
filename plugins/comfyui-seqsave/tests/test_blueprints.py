"""The blueprints of the pack: graphs of nodes that exist, with inputs and outputs that these have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from comfyui_seqsave import NODE_CLASS_MAPPINGS
from server import PACK

FILES = sorted((PACK / "subgraphs").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
@pytest.mark.usefixtures("folders")
def test_a_blueprint_fits_the_nodes(path: Path) -> None:
    text = path.read_text()
    whole = json.loads(text)
    (outer,) = whole["nodes"]
    (graph,) = whole["definitions"]["subgraphs"]
    assert outer["type"] == graph["id"]
    assert outer["title"] == graph["name"] == path.stem
    assert graph["description"]
    assert [slot["name"] for slot in outer["inputs"]] == [slot["name"] for slot in graph["inputs"]]
    assert [slot["name"] for slot in outer["outputs"]] == [slot["name"] for slot in graph["outputs"]]
    nodes = {node["id"]: node for node in graph["nodes"]}
    for node in nodes.values():
        kind = NODE_CLASS_MAPPINGS[node["type"]]
        declared = kind.INPUT_TYPES()
        known = {**declared["required"], **declared.get("optional", {})}
        assert [slot["name"] for slot in node["inputs"]] == list(known)[: len(node["inputs"])]
        assert [slot["name"] for slot in node["outputs"]] == list(kind.RETURN_NAMES)
    for link in graph["links"]:
        origin, target = _end(graph, nodes, link, "origin"), _end(graph, nodes, link, "target")
        assert {origin["type"], target["type"]} == {link["type"]}
        assert link["id"] in (*(origin.get("links") or ()), *origin.get("linkIds", ()))
        assert link["id"] in (target.get("link"), *target.get("linkIds", ()))
    assert not any(word in text for word in ("/tmp", "/home", "/root", "http://"))


def _end(graph: dict[str, Any], nodes: dict[int, dict[str, Any]], link: dict[str, Any], end: str) -> dict[str, Any]:
    """The slot at one end of a link."""
    number, slot = link[f"{end}_id"], link[f"{end}_slot"]
    own = {-10: graph["inputs"], -20: graph["outputs"]}
    return dict(own[number][slot] if number in own else nodes[number]["outputs" if end == "origin" else "inputs"][slot])
