"""The texts between ``%`` in names: ``%date:yyyy-MM-dd%``, ``%width%``, ``%Node.widget%`` and others.

ComfyUI's front end expands them for its own nodes only, so they are expanded here, when the node runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seqsave import FrameNameError
from seqsave.metadata import is_withheld

__all__ = ["Values", "check", "expand", "holds", "is_of_each_image", "workflow_of"]

_TOKEN = re.compile(r"%(?!0[0-9]+[di])([^%\n]+)%")  # but not the place for a frame's number: %04d
_NODE = re.compile(r"(?P<node>[^%]+)\.(?P<widget>[^%.]+)")
_DATE = re.compile(r"yyyy|yy|MM|M|dd|d|HH|H|hh|h|mm|m|ss|s")
# As in a name that the front end makes, so that no value makes a folder. The last ones would be the place of a frame's
# number, or mean something in a URL.
_NOT_IN_A_NAME = re.compile(r'[/?<>\\:*|"%\x00-\x1f\x7f#@$;]')
_LONGEST = 200  # of one value

_PARTS: Mapping[str, str] = {
    "year": "yyyy",
    "month": "MM",
    "day": "dd",
    "hour": "HH",
    "minute": "mm",
    "second": "ss",
}
_KNOWN = ("width", "height", "batch_num", "counter", "date", *_PARTS)
_LIST = (
    "%date:yyyy-MM-dd%, %width%, %height%, %batch_num%, %counter%, %year%, %month%, %day%, %hour%, %minute%, %second% "
    "and %Node.widget%, such as %KSampler.seed%"
)


@dataclass(frozen=True)
class Values:
    """What the texts stand for.

    now:       the run's beginning.
    prompt:    the graph, by node. workflow: the same as the front end saves it, or None.
    batch_num: the image's position in its batch.
    counter:   returns the number for a text with ``%counter%`` in it, whose other parts are expanded.
    withheld:  patterns of inputs that may not be in files, nor in their names.
    """

    now: datetime
    prompt: Any
    workflow: Any
    width: int
    height: int
    batch_num: int
    counter: Callable[[str], int]
    withheld: Sequence[str] = ()


def holds(text: str, name: str) -> bool:
    """Return True if the text has ``%name%`` in it."""
    return any(found[1] == name for found in _TOKEN.finditer(text))


def is_of_each_image(text: str) -> bool:
    """Return True if a name is another one for each image of a batch. Raises as ``check``."""
    check(text)
    return holds(text, "batch_num")


def workflow_of(extra_pnginfo: Any) -> Any:
    """Return the graph as the front end saves it; None for a call over the API without one."""
    return extra_pnginfo.get("workflow") if isinstance(extra_pnginfo, Mapping) else None


def check(text: Any) -> str:
    """Return the text with something in place of each ``%...%``, to be checked as a name.

    Raises FrameNameError for those that are not known, with a list of them, and for what is not text. Whether the graph
    has a node is not looked at.
    """
    if not isinstance(text, str):
        raise FrameNameError(f"a name or folder is text, not {type(text).__name__}")
    unknown = list(dict.fromkeys(found[0][:60] for found in _TOKEN.finditer(text) if not _is_known(found[1])))
    if unknown:
        stands = "which stands" if len(unknown) == 1 else "which stand"
        shown = ", ".join(map(repr, unknown[:10])) + (", ..." if len(unknown) > 10 else "")
        raise FrameNameError(f"{text[:200]!r} holds {shown}, {stands} for nothing. There are {_LIST}")
    return _TOKEN.sub(_example, text)


def expand(text: str, values: Values) -> str:
    """Return the text with the values in it. Raises FrameNameError for what is unknown."""
    check(text)
    first = _TOKEN.sub(lambda found: found[0] if found[1] == "counter" else _value(found[1], values), text)
    if not holds(first, "counter"):
        return first
    return first.replace("%counter%", f"{values.counter(first):05d}")


def _is_known(token: str) -> bool:
    return token in _KNOWN or token.startswith("date:") or _NODE.fullmatch(token) is not None


def _example(found: re.Match[str]) -> str:
    token = found[1]
    if token in _KNOWN or not token.startswith("date:"):
        return "x"
    return _NOT_IN_A_NAME.sub("_", _formatted(datetime(2000, 1, 1), token[5:]))


def _value(token: str, values: Values) -> str:
    if token in _PARTS:
        return _formatted(values.now, _PARTS[token])
    if token.partition(":")[0] == "date":
        return _safe(_formatted(values.now, token[5:] or "yyyyMMddHHmmss"))
    if token in ("width", "height", "batch_num"):
        return str(getattr(values, token))
    node, _, widget = token.rpartition(".")
    return _safe(_widget(values, node, widget))


def _safe(text: str) -> str:
    return _NOT_IN_A_NAME.sub("_", text)[:_LONGEST].strip(". ") or "_"


def _formatted(now: datetime, form: str) -> str:
    """Return a time as the front end writes it; hours count to 24 with ``h`` as well."""
    fields = {
        "y": now.year,
        "M": now.month,
        "d": now.day,
        "H": now.hour,
        "h": now.hour,
        "m": now.minute,
        "s": now.second,
    }

    def field(found: re.Match[str]) -> str:
        text = found[0]
        number = fields[text[0]]
        return f"{number % 100:02d}" if text == "yy" else f"{number:0{len(text)}d}"

    return _DATE.sub(field, form)


def _widget(values: Values, name: str, widget: str) -> str:
    """Return the value of a node's widget. A node is known by its title, its kind, or its number in the graph."""
    shown = f"%{name}.{widget}%"[:80]
    nodes = values.prompt if isinstance(values.prompt, Mapping) else {}
    titled = _called(values.workflow, name)
    found = [
        node
        for key, node in nodes.items()
        if isinstance(node, Mapping) and (str(key) in titled or _is_called(node, str(key), name))
    ]
    if not found:
        raise FrameNameError(f"{shown}: the graph has no node with the title or kind {name[:60]!r}")
    having = [node for node in found if widget in (node.get("inputs") or {})]
    if not having:
        known = ", ".join(sorted({str(one) for node in found for one in node.get("inputs") or {}})[:20])
        raise FrameNameError(f"{shown}: this node has no widget {widget[:60]!r}, only {known or 'none'}")
    texts = {str(_followed(values, node, widget, shown)) for node in having}
    if len(texts) > 1:
        raise FrameNameError(f"{shown}: {len(having)} nodes have this name, with different values: give one a title")
    return texts.pop()


def _called(workflow: Any, name: str) -> set[str]:
    """Return the numbers of the nodes that have this name in the front end."""
    nodes = workflow.get("nodes") if isinstance(workflow, Mapping) else None
    found = set()
    for node in nodes if isinstance(nodes, list) else ():
        if isinstance(node, Mapping):
            properties = node.get("properties")
            known_as = properties.get("Node name for S&R") if isinstance(properties, Mapping) else None
            if name in (node.get("title"), known_as):
                found.add(str(node.get("id")))
    return found


def _is_called(node: Mapping[str, Any], key: str, name: str) -> bool:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return name in (title, node.get("class_type"), key)


def _followed(values: Values, node: Mapping[str, Any], widget: str, shown: str) -> Any:
    """Return the value that comes over a link, where it comes from a node that holds just that one."""
    for _ in range(len(values.prompt) + 1):
        if is_withheld(values.withheld, str(node.get("class_type")), widget):
            raise FrameNameError(f"{shown}: this value is withheld from files, so their names may not show it")
        value = node["inputs"][widget]
        if not isinstance(value, list):
            return value
        source = values.prompt.get(str(value[0])) if value else None
        inputs = list(source.get("inputs") or {}) if isinstance(source, Mapping) else []
        if not isinstance(source, Mapping) or len(inputs) != 1:
            break
        node, widget = source, inputs[0]
    raise FrameNameError(f"{shown}: another node computes this value, and it is not in the graph")
