"""Measure each statement of a file in each other format: kept, converted, or named in a warning."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import seqsave
from seqsave.metadata import ifd
from seqsave.pictures.light import light_of
from seqsave.sequences.upright import orientation_of
from seqsave.testing import outside
from tests.formats.readers import exiftool
from tests.formats.sources import SOURCES, WORKFLOW

__all__ = ["TARGETS", "PairRow", "measure_pairs"]

TARGETS = ("png", "jpg", "exr", "tiff", "jxl", "webp", "avif")
KEPT, CONVERTED, WARNED, MANIFEST, LOST = "kept", "converted", "warned", "manifest", "LOST"
_OF_COLOR = ("color", "icc", "cicp", "gamma", "primaries")
_COLOR_WORDS = ("colour space", "ICC profile", "gamma", "primaries")


@dataclass(frozen=True)
class PairRow:
    """One statement of one source, and its outcome in each format, in the order of ``TARGETS``."""

    source: str
    statement: str
    outcomes: tuple[str, ...]


@dataclass(frozen=True)
class _Seen:
    """A sequence after saving: the file, what it states, the manifest's rate, and all warnings."""

    data: bytes
    decoded: seqsave.Decoded
    rate: Any
    sidecars: str
    warnings: str


def measure_pairs(name: str, folder: Path) -> list[PairRow]:
    """Save the source as each format, and look."""
    extension, make = SOURCES[name]
    known = {one.filetype for one in seqsave.describe_filetypes()}
    lacking = [target for target in TARGETS if target not in known]
    if lacking:
        outside.missing(f"the filetype {lacking[0]}", "pip install ./plugins/...")
    data = make()
    (folder / "source").mkdir(parents=True)
    (folder / "source" / f"frame_00000.{extension}").write_bytes(data)
    sequence = seqsave.open_sequence(folder / "source")
    source = sequence[0].decode()
    saved = {target: _saved(sequence, target, folder / target) for target in TARGETS}
    return [
        PairRow(name, statement, tuple(_outcome(statement, data, source, saved[target], target) for target in TARGETS))
        for statement in _statements(data, source)
    ]


def _saved(sequence: seqsave.FrameSequence, target: str, folder: Path) -> _Seen:
    options = {"quality": 100} if target in ("jpg", "webp", "avif") else {}
    settings: dict[str, Any] = {"options": options} if options else {"dpi": None}
    if target == sequence.extension:  # encoded again, where it would be copied
        settings = {"options": {**options, **_USUAL[target]}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = seqsave.save(sequence, folder, filetype=f"{target} with embedded workflow", **settings)
    found = seqsave.open_sequence(folder)
    data = found[0].read_bytes()
    beside = "".join(path.read_text() for path in (folder / ".seqsave").glob("*.json") if "workflow" in path.name)
    rate = None if found.manifest is None else found.manifest.rate
    return _Seen(data, found[0].decode(), rate, beside, "\n".join(result.warnings))


# An option that is not the default, so that pictures are encoded.
_USUAL: dict[str, dict[str, Any]] = {
    "png": {"compression": "balanced"},
    "jpg": {"quality": 99},
    "exr": {"compression": "zips"},
    "tiff": {"compression": "lzw"},
    "jxl": {"effort": 3},
    "webp": {"method": 3},
    "avif": {"speed": 9},
}


_STATEMENTS = {
    "HDR brightness": "light",
    "channels, layers": "channels",
    "windows": "display",
    "pixel aspect": "pixel_aspect",
    "density": "dpi",
    "rate": "rate",
    "camera, place, time": "exif",
    "other XMP": "xmp",
    "comments": "texts",
    "time code, attributes": "attributes",
}


def _statements(data: bytes, source: seqsave.Decoded) -> Iterator[str]:
    info = source.info
    if _color(info):
        yield "colour space"
    if info.alpha:
        yield f"alpha ({info.alpha})"
    yield from (name for name, field in _STATEMENTS.items() if field in info.stated)
    if _states_turn(data):
        yield "orientation"
    if set(info.tags) - {"digital_source_type"}:
        yield "artist, rights"
    if "digital_source_type" in info.tags:
        yield "AI label"
    if source.metadata.get("workflow"):
        yield "workflow"


def _states_turn(data: bytes) -> bool:
    """Return whether a file states that its picture is turned. The decoder of AVIF turns it by itself: MIAF, 7.3.9."""
    return orientation_of(data) != 1 or (data[4:12] == b"ftypavif" and b"irot" in data)


def _outcome(statement: str, data: bytes, source: seqsave.Decoded, seen: _Seen, target: str) -> str:
    """Return the outcome. A kept statement is also looked up with exiftool, if exiftool knows it."""
    found = _judged(statement, source, seen)
    if found == KEPT and statement in _BY_EXIFTOOL and target != "exr":
        text = str(exiftool(seen.data, f".{target}"))
        lacking = [word for word in _BY_EXIFTOOL[statement] if word not in text and word in str(exiftool(data, ".x"))]
        assert not lacking, f"exiftool finds no {lacking} in {target}: {text}"
    return found


_BY_EXIFTOOL = {
    "artist, rights": ("Ada", "(c) Studio é猫"),
    "camera, place, time": ("M1", "2020:01:02 03:04:05", "47"),
    "other XMP": ("Tee", "ask first"),
    "comments": ("a note",),
}


def _judged(statement: str, source: seqsave.Decoded, seen: _Seen) -> str:
    old, new = source.info, seen.decoded.info
    if statement == "colour space":
        if _color(old) == _color(new):
            return KEPT
        return _changed_color(source, seen)
    if statement.startswith("alpha"):
        if old.alpha == new.alpha:
            return KEPT
        return CONVERTED if new.alpha else _warned("alpha", seen)
    if statement == "channels, layers":
        return KEPT if old.channels == new.channels else _warned("channels", seen)
    if statement == "windows":
        if (old.origin, old.display) == (new.origin, new.display):
            return KEPT
        height, width = seen.decoded.array.shape[:2]
        return CONVERTED if old.display and (width, height) == old.display[2:] else LOST
    if statement == "orientation":
        is_turned = source.array.shape[:2] == seen.decoded.array.shape[:2] and not _states_turn(seen.data)
        return CONVERTED if is_turned else LOST
    if statement == "workflow":
        is_kept = seen.decoded.metadata.get("workflow") == source.metadata["workflow"] == WORKFLOW
        return KEPT if is_kept else LOST
    return _of_field(statement, old, new, seen)


def _changed_color(source: seqsave.Decoded, seen: _Seen) -> str:
    old, new = source.info, seen.decoded.info
    # Linear light becomes what a display shows, in files of 8 bits.
    if old.color is not None and new.color is not None and old.color.transfer == "linear":
        return CONVERTED
    if old.icc is not None and _shows_the_same(source, seen.decoded):
        return CONVERTED
    return WARNED if any(word in seen.warnings for word in _COLOR_WORDS) else LOST


def _shows_the_same(one: seqsave.Decoded, other: seqsave.Decoded) -> bool:
    """Whether two pictures with their colour spaces are the same light, as of a lossy file."""
    found = []
    for decoded in (one, other):
        array, light = decoded.array, light_of(decoded.info, floats=decoded.array.dtype.kind == "f")
        if light is None or array.shape[2] < 3:
            return False
        if decoded.info.alpha == "associated":
            array = _divided(array)
        found.append(light.shown(array[..., :3]))
    return found[0].shape == found[1].shape and float(np.abs(found[0] - found[1]).mean()) < 0.01


def _divided(array: Any) -> Any:
    """Associated colours without their alpha."""
    if array.dtype.kind == "f":
        return array / np.where(array[..., 3:] > 0, array[..., 3:], 1)
    return np.rint(array / (np.maximum(array[..., 3:], 1) / 255)).astype(array.dtype)


def _of_field(statement: str, old: seqsave.ImageInfo, new: seqsave.ImageInfo, seen: _Seen) -> str:
    field, words = {
        "HDR brightness": ("light", "brightness"),
        "pixel aspect": ("pixel_aspect", "pixel aspect"),
        "density": ("dpi", "pixels per inch"),
        "rate": ("rate", "rate"),
        "artist, rights": ("tags", "tags"),
        "AI label": ("tags", "tags"),
        "camera, place, time": ("exif", "Exif"),
        "other XMP": ("xmp", "XMP"),
        "comments": ("texts", "texts"),
        "time code, attributes": ("attributes", "attributes"),
    }[statement]
    before, after = getattr(old, field), getattr(new, field)
    if field in ("dpi", "pixel_aspect") and after is not None:
        return KEPT if abs(before - after) < 0.001 * before else LOST
    if statement == "AI label":
        before, after = before["digital_source_type"], after.get("digital_source_type")
    if field == "attributes" and {*before} <= {*after}:
        return KEPT
    if field == "exif" and after is not None and _values(before) == _values(after):
        return KEPT
    # A packet with other tags is another one; exiftool looks for the properties.
    if before == after or (field == "xmp" and after is not None):
        return KEPT
    if field == "texts" and "\n".join(before.values()) == "\n".join(after.values()):
        return CONVERTED
    if field == "rate" and seen.rate == before:
        return MANIFEST
    return _warned(words, seen)


def _values(block: bytes) -> ifd.Directory:
    """The tags of a block, whatever its byte order."""
    return ifd.reordered(ifd.read(block), ifd.order_of(block), "<")


def _warned(words: str, seen: _Seen) -> str:
    return WARNED if words in seen.warnings else LOST


def _color(info: seqsave.ImageInfo) -> dict[str, Any]:
    return {name: getattr(info, name) for name in _OF_COLOR if getattr(info, name) is not None}
