"""Names of channels, and their order in an array.

A file stores its channels by name, sorted as bytes; an array has them in the usual order (R, G, B, A).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seqsave import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["alpha_of", "base_of", "names_for", "ordered"]

_LONGEST = 255  # bytes; the specification's limit for files with long names
_USUAL = {1: ("Y",), 2: ("Y", "A"), 3: ("R", "G", "B")}
# Within a layer: colours, coordinates, alpha.
_PLACES = {name: place for place, name in enumerate("RGBXYZUVA")}
_COLOURS = ("R", "G", "B", "Y")
_SPELLED = {"RED": "R", "GREEN": "G", "BLUE": "B", "ALPHA": "A"}


def names_for(count: int, given: str, own: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of ``count`` channels: those in ``given``, separated by commas, or ``own``, or the usual ones.

    The usual names are Y, YA, RGB, RGBA, and ``channel04`` and so on for further channels. Raises OptionError for
    another number of names, and for a name that is empty, occurs twice, has more than 255 bytes in UTF-8, or contains
    control characters.
    """
    if not given and own and not any(_problem(name, own) for name in own):
        return own
    if not given:
        more = tuple(f"channel{number:02d}" for number in range(4, count))
        return _USUAL.get(count) or ("R", "G", "B", "A", *more)
    names = tuple(name.strip() for name in given.split(","))
    if len(names) != count:
        raise OptionError(
            f"option 'channel_names' is {given!r}: it must hold one name for each channel of the picture ({count}), "
            f"not {len(names)}"
        )
    for name in names:
        problem = _problem(name, names)
        if problem:
            raise OptionError(f"option 'channel_names' is {given!r}: {problem}")
    return names


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in reading order: colours, then layers by name; each layer R,G,B,A, Y,A, X,Y,Z or U,V.

    Names of colours count in any case, also spelled out: red, green, blue, alpha.
    """
    return tuple(sorted(names, key=_key))


def base_of(name: str) -> str:
    """Return the meaning of a channel in its layer, such as R or A, however it is spelled: ``diffuse.red`` is R."""
    base = name.rpartition(".")[2].upper()
    return _SPELLED.get(base, base)


def alpha_of(name: str, names: Iterable[str]) -> str | None:
    """Return the alpha channel of the colour ``name``: the A of its layer, or None."""
    if base_of(name) not in _COLOURS:
        return None
    layer = name.rpartition(".")[0]
    return next((other for other in names if other.rpartition(".")[0] == layer and base_of(other) == "A"), None)


def _problem(name: str, names: tuple[str, ...]) -> str | None:
    if not name:
        return "a name is empty"
    if names.count(name) > 1:
        return f"{name!r} occurs twice"
    if not name.isprintable():
        return f"{name!r} has characters that cannot be printed"
    if len(name.encode()) > _LONGEST:
        return f"{name[:20]!r}... is longer than {_LONGEST} bytes"
    return None


def _key(name: str) -> tuple[object, ...]:
    layer, _, base = name.rpartition(".")
    place = _PLACES.get(base_of(name), len(_PLACES))
    return _natural(layer), place, _natural(base), name


def _natural(text: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"([0-9]{1,9})|([^0-9]+|[0-9]+)", text)
    return [(0, int(number), "") if number else (1, 0, word) for number, word in parts]
