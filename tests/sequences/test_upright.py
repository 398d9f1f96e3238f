"""A picture that states its orientation is read upright, by everything that reads a sequence."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

import seqsave
from seqsave.sequences.upright import orientation_of

ORIENTATION = 0x0112
LOSSLESS: dict[str, dict[str, Any]] = {
    "jpg": {"quality": 100, "subsampling": 0},
    "png": {},
}


def encoded(kind: str, orientation: int | None) -> bytes:
    array = np.zeros((16, 24, 3), np.uint8)
    array[:8, :8] = 255
    array[8:, 16:] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0131] = "Exif EXIF eXIf"  # the name of a program, not an orientation
    if orientation is not None:
        exif[ORIENTATION] = orientation
    file = io.BytesIO()
    Image.fromarray(array).save(file, "jpeg" if kind == "jpg" else kind, exif=exif.tobytes(), **LOSSLESS[kind])
    return file.getvalue()


@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("orientation", [None, *range(1, 9), 0, 9])
def test_upright(tmp_path: Path, kind: str, orientation: int | None) -> None:
    data = encoded(kind, orientation)
    (tmp_path / f"frame_00000.{kind}").write_bytes(data)
    (frame,) = seqsave.open_sequence(tmp_path)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    found = frame.read()
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 8
    assert found.flags["C_CONTIGUOUS"], "a tensor can share its memory"


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8 Exif\0\0", b"\x89PNG\r\n\x1a\n eXIf", b"RIFF1234WEBPEXIF", b"II*\0", b"Exif\0\0"]
)
def test_what_states_nothing_is_upright(data: bytes) -> None:
    assert orientation_of(data) == 1
