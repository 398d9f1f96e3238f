"""Offer the nodes as replacements of the original ones, where ComfyUI has an interface for it.

If the Dream Project Animation pack is not installed, the front end then replaces its nodes in a workflow by ours, and
the server does so in a prompt. Older versions of ComfyUI lack this; ``original_ids`` (``settings``) works with all.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from . import host

__all__ = ["offer", "replaced"]

_log = logging.getLogger(__name__)

# Types of inputs that are widgets.
_WIDGETS = ("BOOLEAN", "FLOAT", "INT", "STRING")


def offer(nodes: Mapping[str, tuple[str, Any]]) -> None:
    """Register replacements: new id and class, by the old id. Nothing happens on a server without the interface."""
    if not host.can_replace():
        return
    ids = {old: new for old, (new, _) in nodes.items()}
    try:
        for old, (new, node) in nodes.items():
            host.register_replacement(old, new, **_declared(node))
        host.watch_prompts(lambda prompt: replaced(prompt, ids))
    except Exception:  # noqa: BLE001 - the nodes themselves work
        _log.debug("The nodes could not be offered as replacements", exc_info=True)


def replaced(prompt: Any, ids: Mapping[str, str]) -> None:
    """Give the nodes of a prompt, whose ids no pack has, the new ones.

    ComfyUI's own replacement comes later. It fails for nodes without an optional input, and for prompts of programs,
    which have no titles.
    """
    nodes = prompt.values() if isinstance(prompt, dict) else ()
    for node in nodes:
        kind = node.get("class_type") if isinstance(node, dict) else None
        if isinstance(kind, str) and kind in ids and not host.has_node(kind):
            node["class_type"] = ids[kind]


def _declared(node: Any) -> dict[str, list[Any]]:
    """Return the names of the inputs, those of the widgets, and the number of each output."""
    declared = node.INPUT_TYPES()
    inputs = {**declared["required"], **declared.get("optional", {})}
    original = [name for name, (_, *more) in inputs.items() if not (more and more[0].get("advanced"))]
    widgets = [name for name in original if isinstance(inputs[name][0], list) or inputs[name][0] in _WIDGETS]
    return {"inputs": original, "widgets": widgets, "outputs": [*range(len(node.RETURN_TYPES))]}
