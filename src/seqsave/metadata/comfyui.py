"""Remove private values from ComfyUI's prompt and workflow before they are written.

A pattern is ``NodeType.input`` with ``*`` and ``?`` as wildcards, without regard to case: ``Note.*`` (or ``Note``),
``CLIPTextEncode.text``, ``*.api_key``. Values are removed; connections between nodes stay.

- In a prompt (``{id: {"class_type", "inputs"}}``) matching inputs are left out.
- In a workflow (``nodes``, and nodes inside subgraphs and groups) widget values have positions but no names. If the
  node declares the names of its widgets, only the matching values are emptied. Otherwise all values of the node are
  emptied if a pattern matches its type, or if the prompt has a matching input on a node of that type. Every removed
  text is then also emptied in all other widgets that repeat it, such as the widgets of a subgraph.

Source: the workflow's JSON as ComfyUI's front end writes it, https://docs.comfy.org/specs/workflow_json
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from seqsave.errors import MetadataError

__all__ = ["StandingPattern", "Withholding", "check_patterns", "is_withheld"]

# Shorter texts ("", "fixed", "8") are repeated by coincidence, not because they are the same secret.
_SHORTEST_REPEATED = 6
# The front end adds a "control_after_generate" widget after these, which no node declares.
_SEEDS = ("seed", "noise_seed")


class StandingPattern(str):
    """A pattern for every graph, such as one of a configuration: many graphs have no input that it matches."""

    __slots__ = ()


def check_patterns(patterns: Sequence[str] | None) -> tuple[str, ...]:
    """Return the patterns as a tuple, empty for None. Raises MetadataError unless they are a list of texts."""
    given = patterns or ()
    is_list = isinstance(given, list | tuple | set | frozenset)
    if not is_list or not all(isinstance(pattern, str) and pattern.strip(". ") for pattern in given):
        raise MetadataError(
            f"withhold is {patterns!r}: it must be a list of patterns, such as ['Note.*', 'CLIPTextEncode.text']"
        )
    return tuple(given)


@dataclass(frozen=True, slots=True)
class Withholding:
    """The patterns of the values to remove. Safe to use from several threads: each call keeps its state to itself."""

    patterns: tuple[str, ...]

    def apply(self, values: Mapping[str, Any], matched: set[str] | None = None) -> dict[str, Any]:
        """Return a copy of ``values`` in which every prompt and workflow lacks the values that the patterns name.

        Names and their order stay. ``values`` itself is not changed. A prompt or workflow may also be given as JSON
        text, as it is read from a file; it stays text.

        matched: gets the patterns that have matched an input.

        Raises MetadataError for values that are nested more deeply than JSON can be written.
        """
        if not self.patterns:
            return dict(values)
        try:
            parsed = {name: _parsed(value) for name, value in values.items()}
            removed = _Removal(self.patterns, set() if matched is None else matched).run(parsed)
            return {name: _as_given(values[name], parsed[name], kept) for name, kept in removed.items()}
        except RecursionError:
            raise MetadataError(
                "metadata is nested too deeply, or contains itself, so no inputs can be withheld from it"
            ) from None


@dataclass(slots=True)
class _Removal:
    """One call of ``Withholding.apply``: the patterns, and the texts and node types found in this call."""

    patterns: tuple[str, ...]
    matched: set[str]
    _texts: set[str] = field(default_factory=set)
    _kinds: set[str] = field(default_factory=set)

    def run(self, values: Mapping[str, Any]) -> dict[str, Any]:
        prompts_first = sorted(values, key=lambda name: not _is_prompt(values[name]))
        taken = {name: self._taken_out(values[name]) for name in prompts_first}
        return {name: self._without_repeats(taken[name]) for name in values}

    def _taken_out(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if _is_prompt(value):
                return {number: self._prompt_node(node) for number, node in value.items()}
            copied = {key: self._taken_out(inner) for key, inner in value.items()}
            return self._workflow_node(copied) if _is_node(copied) else copied
        return [self._taken_out(inner) for inner in value] if isinstance(value, list | tuple) else value

    def _prompt_node(self, node: Mapping[str, Any]) -> dict[str, Any]:
        kept = {}
        for name, value in node["inputs"].items():
            if _is_link(value) or not self._names(node["class_type"], name):
                kept[name] = value
            else:
                self._remember(value)
                self._kinds.add(node["class_type"])
        return {**node, "inputs": kept}

    def _workflow_node(self, node: dict[str, Any]) -> dict[str, Any]:
        values, kind = node["widgets_values"], node["type"]
        if isinstance(values, Mapping):
            chosen = {name for name in values if self._names(kind, name)}
            return {**node, "widgets_values": {n: self._emptied(v) if n in chosen else v for n, v in values.items()}}
        names = _widget_names(node, len(values))
        if names is None:
            chosen_all = self._concerns(kind, _declared(node))
            return {**node, "widgets_values": [self._emptied(value) if chosen_all else value for value in values]}
        emptied = [
            self._emptied(value) if self._names(kind, name) else value
            for name, value in zip(names, values, strict=True)
        ]
        return {**node, "widgets_values": emptied}

    def _without_repeats(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            copied = {key: self._without_repeats(inner) for key, inner in value.items()}
            if _is_node(copied) and isinstance(copied["widgets_values"], list):
                copied["widgets_values"] = [self._once(inner) for inner in copied["widgets_values"]]
            return copied
        return [self._without_repeats(inner) for inner in value] if isinstance(value, list) else value

    def _once(self, value: Any) -> Any:
        return "" if isinstance(value, str) and value in self._texts else value

    def _emptied(self, value: Any) -> Any:
        """Return an empty value of the same type, so that the front end can still show the node."""
        self._remember(value)
        return type(value)() if isinstance(value, str | bool | int | float) else None

    def _remember(self, value: Any) -> None:
        if isinstance(value, str) and len(value) >= _SHORTEST_REPEATED:
            self._texts.add(value)

    def _names(self, kind: str, name: str) -> bool:
        found = [pattern for pattern in self.patterns if _matches(pattern, kind, name)]
        self.matched.update(found)
        return bool(found)

    def _concerns(self, kind: str, declared: Sequence[str]) -> bool:
        """Return True if a node holds a value to remove whose position among its widgets is unknown."""
        if kind in self._kinds or any(self._names(kind, name) for name in declared):
            return True
        nodes = [(pattern, _split(pattern)[0]) for pattern in self.patterns if not declared]
        found = [pattern for pattern, node in nodes if node.strip("*?") and fnmatchcase(kind.lower(), node)]
        self.matched.update(found)
        return bool(found)


def _parsed(value: Any) -> Any:
    """Return the graph in a JSON text; every other value as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _as_given(given: Any, parsed: Any, kept: Any) -> Any:
    """Return ``kept`` in the form of ``given``, of which ``parsed`` was made: a text again, or the value itself."""
    if not isinstance(given, str) or parsed is given:
        return kept
    return given if kept == parsed else type(given)(json.dumps(kept))


def is_withheld(patterns: Iterable[str], kind: str, name: str) -> bool:
    """Return True if one of the patterns names this input of this kind of node."""
    return any(_matches(pattern, kind, name) for pattern in patterns)


def _matches(pattern: str, kind: str, name: str) -> bool:
    node, widget = _split(pattern)
    return fnmatchcase(kind.lower(), node) and fnmatchcase(name.lower(), widget)


def _split(pattern: str) -> tuple[str, str]:
    node, _, widget = pattern.strip().lower().rpartition(".")
    return (node, widget) if node else (widget, "*")


def _is_prompt(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(_is_prompt_node, value.values()))


def _is_prompt_node(node: Any) -> bool:
    return (
        isinstance(node, Mapping)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs"), Mapping)
    )


def _is_node(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("type"), str) and isinstance(value.get("widgets_values"), list | Mapping)


def _is_link(value: Any) -> bool:
    return (
        isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)
    )


def _declared(node: Mapping[str, Any]) -> list[str]:
    """Return the names of the widgets that the node declares, in order."""
    inputs = node.get("inputs")
    widgets = (
        [entry.get("widget") for entry in inputs if isinstance(entry, Mapping)] if isinstance(inputs, list) else []
    )
    return [str(widget["name"]) for widget in widgets if isinstance(widget, Mapping) and "name" in widget]


def _widget_names(node: Mapping[str, Any], count: int) -> Sequence[str] | None:
    """Return the names of ``count`` widget values; None if the node declares another number of widgets."""
    names = _declared(node)
    if len(names) != count:
        names = [each for name in names for each in _with_control(name)]
    return names if len(names) == count else None


def _with_control(name: str) -> Iterable[str]:
    return (name, "control_after_generate") if name in _SEEDS else (name,)
