"""Files and pictures where sequences are looked for."""

from __future__ import annotations

import numpy as np

from tests.support.places import Place


def fill(place: Place, *paths: str) -> None:
    for path in paths:
        place.write(path, b"x")


PICTURE = np.zeros((2, 2, 3), np.uint8)
