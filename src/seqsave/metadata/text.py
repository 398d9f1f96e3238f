"""Convert prompt, workflow and other values to text, and back.

The text is ASCII JSON exactly as from ``json.dumps``, which ComfyUI's own savers write and its front end reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seqsave.errors import MetadataError

__all__ = ["MOST_DEPTH", "RawText", "changes", "dump", "is_shallow", "load"]

# Workflows have less than 20. What JSON can hold, and not be written again by every Python, is nested about 900 deep.
MOST_DEPTH = 200


_PLAIN = frozenset((str, int, bool, type(None)))


class RawText(str):
    """A text that is written to the file unchanged, not as JSON."""

    __slots__ = ()


def dump(values: Mapping[str, Any]) -> dict[str, str]:
    """Convert each value to ASCII JSON. The order of the names is kept, and ``RawText`` is not changed.

    NaN and the infinities become null, because JSON cannot hold them (ComfyUI puts NaN into prompts to mark a node that
    always runs). Raises MetadataError for a name that is not a str and for a value that is not JSON; the message has
    the name and the path of the value.
    """
    if not isinstance(values, Mapping):
        raise MetadataError(f"metadata must be a dict of names and values, not {_kind(values)}")
    return {_name(name): _dumped(name, value) for name, value in values.items()}


def changes(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what ``dump`` changes in values that it accepts: NaN, and keys that are no text; as (kind, clause).

    The NaN with which ComfyUI marks nodes that always run (``is_changed``) states nothing, and is left out.
    """
    for name, value in values.items():
        inside = [] if _is_unchanged(value) else [(value, name)]
        for one, place in inside:  # which grows
            if isinstance(one, float):
                if not math.isfinite(one):
                    yield "nan", f"{place} is {one}, and JSON has finite numbers only: it is saved as null"
                continue
            if isinstance(one, (list, tuple)):
                items: Iterable[tuple[object, Any]] = enumerate(one)
            elif isinstance(one, dict):
                items = one.items()
                other = next((key for key in one if not isinstance(key, str)), None)
                if other is not None or None in one:
                    text = next(iter(json.loads(json.dumps({other: 0}))))
                    yield "key", f"{place} has the key {other!r}, and keys are text in JSON: it is saved as {text!r}"
            else:
                continue
            for key, item in items:
                if isinstance(item, (float, list, tuple, dict)) and not (name == "prompt" and key == "is_changed"):
                    inside.append((item, f"{place}[{key!r:.80}]"))


def _is_unchanged(value: Any) -> bool:
    """Return False for a value with a number that is not finite, or a key that is not a text."""
    level, finite = [value], math.isfinite
    for one in level:  # which grows
        if isinstance(one, dict):
            for key, item in one.items():
                if not isinstance(key, str):
                    return False
                if type(item) not in _PLAIN:
                    level.append(item)
        elif isinstance(one, (list, tuple)):
            level += [item for item in one if type(item) not in _PLAIN]
        elif isinstance(one, float) and not finite(one):
            return False
    return True


def load(texts: Mapping[str, str]) -> dict[str, Any]:
    """Convert texts from a file to values: parsed if they are JSON, otherwise ``RawText``."""
    return {name: _loaded(text) for name, text in texts.items()}


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise MetadataError(f"names of metadata must be str, not {_kind(name)}: {name!r:.80}")
    return name


def _dumped(name: str, value: Any) -> str:
    if isinstance(value, RawText):
        return str(value)
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        pass  # search for the value, for the message; or for NaN, which is replaced
    try:
        return json.dumps(_json_only(value, name))
    except RecursionError:
        message = f"metadata {name!r} is nested too deeply, or contains itself, so it cannot be written as JSON"
        raise MetadataError(message) from None


def _json_only(value: Any, place: str) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, (list, tuple)):
        return [_json_only(item, f"{place}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, dict):
        return {_key(key, place): _json_only(item, f"{place}[{key!r:.80}]") for key, item in value.items()}
    raise MetadataError(
        f"metadata {place} is {_kind(value)}, which JSON cannot hold; "
        "give str, int, float, bool, None, or lists and dicts of them",
        topic="not-json",
    )


def _key(key: object, place: str) -> object:
    if key is None or isinstance(key, (str, int, float)):
        return key
    text = f"a key in metadata {place} is {_kind(key)}, which JSON cannot hold: {key!r:.80}; give a str"
    raise MetadataError(text, topic="not-json")


def is_shallow(value: Any) -> bool:
    """Return True if JSON values are nested no deeper than ``MOST_DEPTH``."""
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return True
    return False


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _loaded(text: str) -> Any:
    if isinstance(text, RawText):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return RawText(text)


def _kind(value: object) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"a value of type {name}"
