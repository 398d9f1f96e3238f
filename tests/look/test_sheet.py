"""Contact sheets as files."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

import seqsave
from seqsave import targets
from seqsave.errors import EncodeError, OptionError
from seqsave.look.sheet import encode_sheet, save_sheet
from seqsave.metadata import icc
from seqsave.pictures.color import color_space
from tests.support.places import Place

FRAMES = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[:, None], (3, 36, 64, 3))


@pytest.fixture
def sequence(place: Place) -> Any:
    seqsave.save(FRAMES, place.url, filetype="png", storage_options=place.storage_options)
    return seqsave.open_sequence(place.url, storage_options=place.storage_options)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "PNG"), ("b.JPG", "JPEG"), ("c.jpeg", "JPEG"), ("d.webp", "WEBP")]
)
def test_a_sheet_is_a_file_that_states_srgb(place: Place, sequence: Any, name: str, kind: str) -> None:
    made = save_sheet(sequence, sequence.target, name, width=400)
    data = place.read(name)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == (kind, (made.width, made.height))
        assert image.info["icc_profile"] == icc.profile(color_space("srgb"))
        seen = np.asarray(image.convert("RGB")).astype(float)
    assert (made.width, made.size) == (400, len(data))
    assert np.abs(seen - sequence.sheet(width=400)).mean() < (0.001 if kind == "PNG" else 3)


def test_a_sheet_beside_the_frames_is_no_frame(place: Place, sequence: Any) -> None:
    save_sheet(sequence, sequence.target, "frame_sheet.png")
    found = list(seqsave.find_sequences(place.url, storage_options=place.storage_options))
    assert [len(one) for one in found] == [3]


@pytest.mark.parametrize("name", ["frame_00003.png", "frame_00001.png", "sheet2.jpg"])
def test_a_name_that_would_make_it_a_frame_is_refused(place: Place, sequence: Any, name: str) -> None:
    before = place.names()
    with pytest.raises(OptionError, match=r"would be taken for frame .*such as frame_sheet"):
        save_sheet(sequence, sequence.target, name)
    assert place.names() == before
    elsewhere = targets.resolve(f"{place.url}/sheets", place.storage_options)
    save_sheet(sequence, elsewhere, "shot_v002.png")


@pytest.mark.parametrize("name", ["a.gif", "png", ".webm", "a"])
def test_another_ending_is_refused(sequence: Any, name: str) -> None:
    with pytest.raises(OptionError, match=r"a sheet is \.png, \.jpg or \.webp, not"):
        save_sheet(sequence, sequence.target, name)


def test_a_sheet_that_the_format_cannot_hold_is_named() -> None:
    with pytest.raises(EncodeError, match="a picture of 8x20000 pixels cannot be saved as WEBP"):
        encode_sheet(np.zeros((20_000, 8, 3), np.uint8), "webp")
