"""Describe one frame for a person: its file, what it states of its picture, its metadata, the values of a pixel."""

from __future__ import annotations

import json
import math
import zlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from seqsave.errors import SeqSaveError
from seqsave.runtime.threads import run_in_thread
from seqsave.wording import crc32_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqsave.sequences.frame import Frame
    from seqsave.types import Decoded, ImageInfo

__all__ = ["describe", "pixel"]

_LETTERS = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}


async def describe(frame: Frame, data: bytes, decoded: Decoded | None, problem: str | None) -> dict[str, Any]:
    """Return JSON values about a frame. problem: why it cannot be decoded."""
    return await run_in_thread(lambda: _described(frame, data, decoded, problem))


def _described(frame: Frame, data: bytes, decoded: Decoded | None, problem: str | None) -> dict[str, Any]:
    width = height = dtype = None
    if decoded is not None:
        _, _, width, height = _window(decoded)
        dtype = str(decoded.array.dtype)
    return {
        "index": frame.index,
        "batch": frame.batch,
        "name": frame.name,
        "url": frame.url,
        "bytes": len(data),
        "modified": _modified(frame),
        "checksum": crc32_text(zlib.crc32(data)),
        "width": width,
        "height": height,
        "dtype": dtype,
        "channels": [] if decoded is None else list(_names(decoded)),
        "info": {} if decoded is None else dict(_facts(decoded.info)),
        "metadata": _metadata(frame, data, decoded),
        "problem": problem,
    }


def pixel(decoded: Decoded, x: int, y: int) -> dict[str, Any]:
    """Return the values of the pixel at x, y of the whole picture; none outside of the pixels that the file holds.

    Values that are no numbers in JSON are text: ``nan``, ``inf``, ``-inf``.
    """
    left, top, _, _ = _window(decoded)
    row, column = y - top, x - left
    height, width = decoded.array.shape[:2]
    values = {}
    if 0 <= row < height and 0 <= column < width:
        found = decoded.array[row, column].tolist()
        values = {name: _number(value) for name, value in zip(_names(decoded), found, strict=True)}
    return {"x": x, "y": y, "values": values, "dtype": str(decoded.array.dtype)}


def _number(value: Any) -> Any:
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def _window(decoded: Decoded) -> tuple[int, int, int, int]:
    """Return x and y of the array's first pixel in the whole picture, and the width and height of that."""
    height, width = decoded.array.shape[:2]
    if decoded.info.display is not None:
        left, top, wide, high = decoded.info.display
        x, y = decoded.info.origin or (0, 0)
        return x - left, y - top, wide, high
    return (0, 0, *(decoded.canvas or (width, height)))


def _names(decoded: Decoded) -> tuple[str, ...]:
    count = decoded.array.shape[2]
    stated = decoded.info.channels
    return stated if len(stated) == count else tuple(_LETTERS.get(count, ())) or tuple(map(str, range(count)))


def _modified(frame: Frame) -> str | None:
    target, path = frame.source
    try:
        entry = target.look(path)
    except SeqSaveError:
        return None
    if entry is None or entry.changed is None:
        return None
    return datetime.fromtimestamp(entry.changed, timezone.utc).isoformat(timespec="seconds")


def _metadata(frame: Frame, data: bytes, decoded: Decoded | None) -> dict[str, str]:
    from seqsave.metadata.stated import generation_in

    try:
        beside = frame.texts_beside(data)
    except (SeqSaveError, UnicodeError):
        beside = {}
    if decoded is None:
        return beside
    return {name: _text(value) for name, value in {**generation_in(decoded.info), **beside, **decoded.metadata}.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _facts(info: ImageInfo) -> Iterator[tuple[str, str]]:
    from seqsave.sequences.stated import color_of

    color = color_of(info)
    if color is not None:
        yield "colour", color
    if info.alpha is not None:
        yield "alpha", info.alpha
    if info.display is not None:
        left, top, width, height = info.display
        yield "window", f"{width}x{height}{left:+}{top:+}"
    if info.pixel_aspect is not None:
        yield "pixel aspect", f"{info.pixel_aspect:g}"
    if info.dpi is not None:
        yield "pixels per inch", f"{info.dpi:g}"
    if info.rate is not None:
        yield "rate", f"{info.rate} frames/s"
    if info.layer is not None:
        yield "layer", info.layer
    for values in (info.light, info.tags, info.texts):
        for name, value in values.items():
            yield name, str(value)
