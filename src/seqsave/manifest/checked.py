"""Read values from JSON that may be damaged or hostile: types, sizes and depth are checked before they are used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from seqsave import naming
from seqsave.errors import ManifestError
from seqsave.metadata.text import MOST_DEPTH, is_shallow

__all__ = ["LEAST_INDEX", "MOST_BYTES", "Reader", "parse", "text_of"]

# The limit of one file: ten million frames of 200 bytes.
MOST_BYTES = 2 * 2**30
LEAST_INDEX = -naming.MAX_INDEX

_REQUIRED: Any = object()
_SPACE = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


class Reader:
    """A reader of typed values from a JSON object. Its methods raise ManifestError."""

    def __init__(self, document: Any, what: str) -> None:
        if not isinstance(document, dict):
            raise ManifestError(f"{what} is damaged: it is not a JSON object")
        self.document: dict[str, Any] = document
        self.what = what

    def value(self, name: str, kind: Any, default: Any = _REQUIRED) -> Any:
        """Return a value of this type."""
        found = self.document.get(name, default)
        if found is _REQUIRED:
            raise ManifestError(f"{self.what} is damaged: it has no {name!r}")
        if not isinstance(found, kind):
            raise self.damaged(name, found)
        return found

    def damaged(self, name: str, found: Any) -> ManifestError:
        """Return the error for an invalid value."""
        return ManifestError(f"{self.what} is damaged: {name} is {repr(found)[:60]}")

    def optional(self, name: str, kind: type[Any]) -> Any:
        """Return a value that may be null, or absent."""
        return self.value(name, (kind, type(None)), None)

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        """Return a text."""
        return str(self.value(name, str, default))

    def flag(self, name: str, default: Any = _REQUIRED) -> bool:
        """Return true or false."""
        return bool(self.value(name, bool, default))

    def number(self, name: str, least: int = 0, default: Any = _REQUIRED, *, most: int = naming.MAX_INDEX) -> int:
        """Return a whole number from ``least`` to ``most``."""
        found = self.value(name, int, default)
        if isinstance(found, bool) or not least <= found <= most:
            raise self.damaged(name, found)
        return int(found)

    def optional_number(self, name: str, least: int = 0) -> int | None:
        """Return a whole number, or None if it is null or absent."""
        return None if self.document.get(name) is None else self.number(name, least)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; () if it is absent."""
        found = self.value(name, list, [])
        if not all(isinstance(one, str) for one in found):
            raise self.damaged(name, found)
        return tuple(found)

    def objects(self, name: str, what: str, default: Any = _REQUIRED) -> list[Reader]:
        """Return a list of objects."""
        found = self.value(name, list, default)
        return [Reader(one, f"{what} {number} of {self.what}") for number, one in enumerate(found)]

    def shallow(self, name: str) -> dict[str, Any]:
        """Return an object whose values may have any type; {} if it is absent."""
        found = self.value(name, dict, {})
        if not is_shallow(found):
            raise ManifestError(f"{self.what} is damaged: {name} is nested more than {MOST_DEPTH} levels deep")
        return dict(found)


def text_of(data: bytes) -> str:
    """Return the text in a file's bytes. Raises ValueError for other bytes, and for more than a manifest can have."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"{len(data)} bytes, more than {MOST_BYTES}")
    return data.decode("utf-8-sig")


def parse(text: str, name: str, convert: Callable[[dict[str, Any], Iterator[Any]], list[Any]]) -> Any:
    """Parse a JSON object; the items of its list ``name`` are parsed one by one, so that they are never all in memory.

    convert: called with the members before the list, and with its items; the result replaces the list.

    Raises ValueError for text that is not JSON, and RecursionError.
    """
    place = _Place(text)
    if not place.takes("{"):
        return json.loads(text)
    members: dict[str, Any] = {}
    if place.takes("}"):
        return _ended(members, place)
    while True:
        key = place.decoded()
        if not isinstance(key, str) or not place.takes(":"):
            raise ValueError(f"no name and colon before character {place.position}")
        is_list = key == name and place.takes("[")
        members[key] = convert(members, place.items()) if is_list else place.decoded()
        if not place.takes(","):
            break
    if not place.takes("}"):
        raise ValueError(f"an object that does not end at character {place.position}")
    return _ended(members, place)


def _ended(members: dict[str, Any], place: _Place) -> dict[str, Any]:
    place.skip()
    if place.position != len(place.text):
        raise ValueError(f"more after the end, at character {place.position}")
    return members


class _Place:
    """A position in a JSON text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def skip(self) -> None:
        """Go past white space."""
        self.position = _SPACE.match(self.text, self.position).end()  # type: ignore[union-attr]

    def takes(self, character: str) -> bool:
        """Return whether the next character is this one, and go past it."""
        self.skip()
        if not self.text.startswith(character, self.position):
            return False
        self.position += 1
        return True

    def decoded(self) -> Any:
        """Return the next value."""
        self.skip()
        value, self.position = _decode(self.text, self.position)
        return value

    def items(self) -> Iterator[Any]:
        """Yield the items of a list that has begun, to its end."""
        if self.takes("]"):
            return
        text, space, position = self.text, _SPACE.match, self.position
        while True:
            value, position = _decode(text, space(text, position).end())  # type: ignore[union-attr]
            yield value
            position = space(text, position).end()  # type: ignore[union-attr]
            if not text.startswith(",", position):
                break
            position += 1
        self.position = position
        if not self.takes("]"):
            raise ValueError(f"a list that does not end at character {self.position}")
