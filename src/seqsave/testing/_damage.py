"""Make invalid files: truncated, damaged in every likely way, or of another format."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["END", "NOT_THIS_FORMAT", "cuts", "damaged"]

NOT_THIS_FORMAT = (
    b"",
    b"\0" * 1000,
    b"not a picture at all",
    bytes(range(256)) * 4,
    b"\x89PNG\r\n\x1a\n" + b"\xff" * 99,
    random.Random(1).randbytes(3000),  # noqa: S311  (the same bytes each time)
)

END = 16
"""The number of bytes at the end that may be a mark or padding, without which the picture is complete."""

# What a length or a side may be overwritten with.
_NUMBERS = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0")


def cuts(size: int) -> list[int]:
    """Return lengths to cut a file of ``size`` bytes to: early, at every sixteenth, before each of the last."""
    places = {0, 1, 2, 4, 8, 12, 16, 32, 64, *(size * part // 16 for part in range(16)), *range(size - END, size)}
    return sorted(place for place in places if 0 <= place < size)


def damaged(sound: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a description of the damage, and the damaged file; the same ones each time.

    Inverted bytes, overwritten numbers, changed bits and runs, missing and duplicate parts, an intact start with noise
    after it.
    """
    chance, size = random.Random(2), len(sound)  # noqa: S311  (the same damage each time)
    for place in [*range(min(64, size)), *range(64, size, max(1, size // 64))]:
        yield f"byte {place} inverted", _replaced(sound, place, bytes([sound[place] ^ 0xFF]))
    for place in range(min(64, size - 4)):
        for number in _NUMBERS:
            yield f"bytes {place} to {place + 3} set to {number.hex()}", _replaced(sound, place, number)
    for _ in range(64):
        place, length = chance.randrange(size), chance.randint(1, 40)
        bit = bytes([sound[place] ^ 1 << chance.randrange(8)])
        yield f"a bit of byte {place} changed", _replaced(sound, place, bit)
        yield f"{length} bytes from {place} on replaced", _replaced(sound, place, chance.randbytes(length))[:size]
        yield f"{length} bytes from {place} on missing", sound[:place] + sound[place + length :]
        yield f"{length} bytes from {place} on duplicated", sound[: place + length] + sound[place:]
        yield f"noise from byte {place} on", sound[:place] + chance.randbytes(size - place)


def _replaced(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]
