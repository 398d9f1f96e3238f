"""The pixel format of a frame: from an array, and as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqsave.errors import ManifestError
from seqsave.manifest import Picture

HALF = Picture(width=4, height=3, channels=2, dtype="float16")


def test_it_is_that_of_an_array() -> None:
    array = np.zeros((3, 4, 2), np.float16)
    assert Picture.of(array.shape, array.dtype) == Picture.of((3, 4, 2), "float16") == HALF


def test_it_is_read_as_it_was_written() -> None:
    assert Picture.from_document(HALF.as_document(), "frame 1") == HALF
    assert Picture.from_document(None, "frame 1") is None


@pytest.mark.parametrize("wrong", [{"width": 0}, {"channels": "2"}, {"dtype": 16}])
def test_damaged_values_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match=f"the picture of frame 1.*{next(iter(wrong))}"):
        Picture.from_document({**HALF.as_document(), **wrong}, "frame 1")
