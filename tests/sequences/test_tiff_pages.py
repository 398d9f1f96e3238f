"""TIFF files of several pictures: each is taken out alone, or the file is refused with advice."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

import seqsave
from seqsave.sequences.tiff_pages import first_of, pages_in


def several(*values: int, big: bool = False) -> bytes:
    file = io.BytesIO()
    pictures = [Image.new("L", (6, 4), value) for value in values]
    pictures[0].save(file, "TIFF", save_all=True, append_images=pictures[1:], **({"big_tiff": True} if big else {}))
    return file.getvalue()


def written(order: str, kinds: list[int]) -> bytes:
    """A file of 1x1 pictures, each with the NewSubfileType of ``kinds``, written by hand."""
    head = {"<": b"II*\0", ">": b"MM\0*"}[order]
    data, at = bytearray(head + struct.pack(f"{order}I", 8)), 8
    for number, kind in enumerate(kinds):
        entries = [(254, 4, kind), (256, 4, 1), (257, 4, 1), (258, 3, 8), (259, 3, 1), (262, 3, 1)]
        size = 2 + 12 * (len(entries) + 4) + 4
        entries += [(273, 4, at + size), (277, 3, 1), (278, 4, 1), (279, 4, 1)]
        data += struct.pack(f"{order}H", len(entries))
        for tag, form, value in entries:
            field = struct.pack(f"{order}HH", value, 0) if form == 3 else struct.pack(f"{order}I", value)
            data += struct.pack(f"{order}HHI", tag, form, 1) + field
        at += size + 2
        data += struct.pack(f"{order}I", at if number + 1 < len(kinds) else 0) + bytes((10 * number, 0))
    return bytes(data)


def first_pixels(data: bytes) -> list[int]:
    return [int(np.asarray(Image.open(io.BytesIO(page)))[0, 0]) for page in pages_in(data)]


@pytest.mark.parametrize("big", [False, True])
def test_each_picture_is_taken_out_alone(big: bool) -> None:
    data = several(10, 20, 30, big=big)
    assert first_pixels(data) == [10, 20, 30]
    assert all(list(pages_in(page)) == [page] for page in pages_in(data))
    assert first_pixels(first_of(data)) == [10]


@pytest.mark.parametrize("order", ["<", ">"])
def test_masks_and_smaller_copies_are_no_pictures(order: str) -> None:
    assert first_pixels(written(order, [0, 1, 0, 4, 2])) == [0, 20, 40]
    alone = written(order, [0, 1])
    assert list(pages_in(alone)) == [alone]


@pytest.mark.parametrize("data", [b"", b"II*\0", several(1, 2)[:100], b"\x89PNG", several(7)])
def test_other_files_stay_as_they_are(data: bytes) -> None:
    assert list(pages_in(data)) == [first_of(data)] == [data]


def test_a_circle_of_pictures_ends() -> None:
    data = bytearray(written("<", [0, 0]))
    data[-6:-2] = struct.pack("<I", 8)
    assert first_pixels(bytes(data)) == [0, 10]


def test_another_choice_is_an_error() -> None:
    with pytest.raises(seqsave.OptionError, match="pages"):
        seqsave.check_settings(pages="last")
