"""Sequences with stored proxies, whose pictures show the number of the frame."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from seqsave import open_sequence
from seqsave.look.stored import StoredProxies

if TYPE_CHECKING:
    from seqsave.sequences.reader import FrameSequence
    from tests.support.places import Place


def picture(value: int, size: tuple[int, int] = (24, 40)) -> Any:
    """Return a picture whose grey is the value, with a coloured corner."""
    made = np.full((*size, 3), value, np.uint8)
    made[:4, :4] = (255, 0, 0)
    return made


def grey(data: bytes | None) -> int | None:
    """Return the value of the picture in a JPEG file; None for none."""
    return None if data is None else int(np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[-3, -3, 1])


def opened(place: Place, **which: Any) -> FrameSequence:
    return open_sequence(place.url, storage_options=place.storage_options, **which)


def shown(place: Place, **which: Any) -> dict[tuple[int, int | None], tuple[int | None, int | None]]:
    """Return the values of the stored pictures of each frame: thumbnail and half."""
    sequence = opened(place, **which)
    stored = StoredProxies(sequence)
    return {
        (frame.index, frame.batch): (grey(stored.jpeg(frame, "thumb")), grey(stored.jpeg(frame, "half")))
        for frame in sequence
    }


def packs(place: Place) -> list[str]:
    return [name for name in place.names() if name.endswith(".pack")]
