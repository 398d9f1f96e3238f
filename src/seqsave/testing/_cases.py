"""The kit's inputs for an encoder: sizes, texts, frames with many or few known facts, values of options."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from seqsave.metadata.xmp import check_tags
from seqsave.pictures.color import COLOR_SPACES
from seqsave.types import FrameInfo

if TYPE_CHECKING:
    from seqsave.specs import Option

__all__ = ["SIZES", "SMALL_TEXTS", "TEXTS", "full", "infos", "not_allowed", "worth_trying"]

# Width and height: one pixel, one row, one column, primes, sides just past the blocks of 8, 16, 64 and 256 pixels
# that codecs work in.
SIZES = ((1, 1), (7, 1), (1, 7), (17, 13), (65, 33), (257, 3), (3, 257))

SMALL_TEXTS = {"prompt": '{"3": {"class_type": "KSampler"}}', "workflow": '{"nodes": [], "version": 0.4}'}

_NODES = [{"id": n, "type": "KSampler", "pos": [n * 10.5, -n]} for n in range(1800)]
_ANY_JSON: dict[str, object] = {
    "null": None,
    "truth": True,
    "number": -1.5e300,
    "empty": "",
    "list": [],
    "nested": [{"a": [{}]}],
    "escapes": 'quote " backslash \\ newline \n tab \t nul \0 e\u0301',
}
# What containers give a meaning of their own, or split and trim names at.
_AWKWARD_NAMES = (
    *("", " ", " padded ", "with space", "with: colon", "a=b", "two\nlines", "tab\t", "nul\0name", "<&>", "a/b.c"),
    *("\u00fcmlaut", "\u65e5\u672c", "\U0001f3ac", "long" * 40, "longer" * 200, "Prompt", "PROMPT", "workflow ", "0"),
    *(
        "channels",
        "compression",
        "dataWindow",
        "type",
        "width",
        "ImageWidth",
        "ImageDescription",
        "Software",
        "Comment",
    ),
    *("comments", "owner", "exif", "Exif", "xmp", "XML:com.adobe.xmp", "icc_profile", "shape", "__class__"),
)
_AWKWARD_TEXTS = {
    "empty": "",
    "blank": "  ",
    "nul": "a\0b",
    "ends with nul": "a\0",
    "controls": "".join(map(chr, range(1, 32))),
    "returns": "a\r\nb\rc\n",
    "half a pair": "\ud83c",
    "mark": "\ufeffx",
    "not composed": "e\u0301 and \u00e9",
    "no characters": "\uffff \ufffe",
    "last of all": "\U0010ffff",
    "markup": "<a>&amp;]]></a> %41 \\u0041 ${x}",
    "nearly JSON": "{",
    "latin": "\x80\xa0\xff",
}
TEXTS: dict[str, dict[str, str]] = {
    "prompt and workflow": SMALL_TEXTS,
    "any JSON": {name: json.dumps(value) for name, value in _ANY_JSON.items()},
    "emoji": {
        "prompt": json.dumps({"text": "\U0001f3ac \u00e9 \u65e5\u672c"}, ensure_ascii=False),
        "workflow": '"\\ud83c\\udfac"',
    },
    "100 KB workflow": {"workflow": json.dumps({"nodes": _NODES}), "prompt": "{}"},
    "3 MB workflow": {"workflow": json.dumps({"nodes": _NODES * 30}), "prompt": "{}"},
    "many names": {f"key_{n:02d}": f'"{n}"' for n in range(40)},
    "awkward names": {name: f'"{number}"' for number, name in enumerate(_AWKWARD_NAMES)},
    "awkward texts": _AWKWARD_TEXTS,
    "verbatim": {"note": "no JSON: two\nlines, \ttab, trailing space "},
}

_TAGS = {
    "artist": "J\u00fcrgen \u00d8 \u65e5\u672c",
    "copyright": "\u00a9 2026 <Studio & Sons>",
    "description": 'Line one\n"two" \U0001f3ac ' + "long " * 350,
    "software": "seqsave",
    "digital_source_type": "trainedAlgorithmicMedia",
}


def infos(frame: FrameInfo) -> dict[str, FrameInfo]:
    """Return frames with the fewest and the most known facts, and ``frame`` with each single fact."""
    cases = {"least": FrameInfo(index=0), "most": full(frame)}
    cases |= {f"color {name}": replace(frame, color=space) for name, space in COLOR_SPACES.items()}
    cases |= {f"{dpi:g} dpi": replace(frame, dpi=dpi) for dpi in (1.0, 72.0, 299.99, 2400.0)}
    return cases | {name: replace(frame, tags=check_tags({name: text})) for name, text in _TAGS.items()}


def full(frame: FrameInfo) -> FrameInfo:
    """Return ``frame`` with all facts known."""
    return replace(
        frame,
        index=2**40,
        batch=3,
        total=240,
        rate=Fraction(24000, 1001),
        prefix="shots/\u00fc 1",
        color=COLOR_SPACES["srgb"],
        dpi=300.0,
        tags=check_tags(_TAGS),
    )


def worth_trying(option: Option) -> list[Any]:
    """Return every choice; without choices both ends of the range, both booleans, or some texts."""
    if option.choices is not None:
        return list(option.choices)
    if option.type is bool:
        return [False, True]
    if option.type is str:
        return ["", "some text", "\u00e9 \U0001f3ac"]
    low = min(-1.0, option.max or 0) if option.min is None else option.min
    high = max(1000.0, option.min or 0) if option.max is None else option.max
    return sorted({option.type(low), option.type(high)})


def not_allowed(option: Option) -> list[Any]:
    """Return values of another type, and values just beyond the ends."""
    if option.type is bool:
        return ["perhaps", 2, []]
    wrong: list[Any] = [[], "neither a number nor a choice"] if option.choices or option.type is not str else [[]]
    if option.type is not str:
        wrong.append(float("nan"))
        wrong.extend(end for end in (_beyond(option.min, -1), _beyond(option.max, 1)) if end is not None)
    return wrong


def _beyond(end: float | None, step: int) -> float | None:
    return None if end is None else end + step
