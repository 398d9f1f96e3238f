"""What tests of sequences are given."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from tests.support.places import Place


@pytest.fixture
def options(place: Place) -> dict[str, Any]:
    return {"storage_options": place.storage_options}


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Nine frames: 0 to 2 are large, so that the damaged small ones, 5 and 7, are decoded long before them."""
    small = np.zeros((4, 4, 3), np.uint16)
    large = np.random.default_rng(0).integers(0, 65535, (700, 700, 3), dtype=np.uint16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes differ
        seqsave.save([large if i < 3 else small + i for i in range(9)], tmp_path, filetype="png", dtype="uint16")
    for index in (5, 7):
        path = tmp_path / f"frame_{index:05d}.png"
        path.write_bytes(path.read_bytes()[:-30])
    return tmp_path
