"""Pictures, and the manifest that saving them leaves."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqsave import manifest
from seqsave.manifest import Manifest
from tests.support.places import Place

PATH = ".seqsave/frame.png.json"


def picture(value: int = 0, height: int = 4) -> np.ndarray[Any, Any]:
    return np.full((height, 6, 3), value, np.uint8)


def found(place: Place, path: str = PATH) -> Manifest:
    return manifest.load(place.read(path))


def indices(one: Manifest) -> list[int]:
    return [frame.index for frame in one.frames]


def is_there(place: Place, path: str = PATH) -> bool:
    return path in place.names()
