"""What is known of one frame."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

import seqsave
from seqsave.look.about import describe, pixel
from seqsave.types import Decoded, ImageInfo


def test_values_of_a_window_lie_where_the_whole_picture_has_them() -> None:
    array = np.arange(12, dtype=np.float16).reshape(2, 3, 2)
    info = ImageInfo(channels=("Y", "Z"), origin=(10, 5), display=(0, 0, 100, 50))
    decoded = Decoded(array=array, info=info)
    assert pixel(decoded, 12, 6) == {"x": 12, "y": 6, "values": {"Y": 10.0, "Z": 11.0}, "dtype": "float16"}
    assert pixel(decoded, 9, 5)["values"] == {}
    assert pixel(decoded, -1, -1)["values"] == {}


def test_values_that_json_lacks_are_text() -> None:
    array = np.array([[[np.nan, np.inf, -np.inf]]], np.float32)
    assert pixel(Decoded(array=array), 0, 0)["values"] == {"R": "nan", "G": "inf", "B": "-inf"}


def test_metadata_beside_the_file_and_facts_in_words(tmp_path: Path) -> None:
    picture = np.zeros((4, 6, 3), np.float32)
    seqsave.save([picture], tmp_path, filetype="png", color="display-p3", dpi=300, tags={"artist": "A"})
    frame = seqsave.open_sequence(tmp_path)[0]
    data = frame.read_bytes()
    found = asyncio.run(describe(frame, data, frame.decode(data), None))
    assert found["info"]["colour"] == "display-p3"
    assert found["info"]["pixels per inch"] == "300"
    assert found["info"]["artist"] == "A"
    assert found["modified"].endswith("+00:00")
