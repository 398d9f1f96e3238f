"""Statements of files that cannot be true are left out, so that the picture can be saved."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.metadata.xmp import packet, tags_in
from seqsave.pictures.possible import possible
from seqsave.types import ImageInfo
from tests.cli.runner import seqsave as command

NAN, INF = math.nan, math.inf
BT709 = seqsave.COLOR_SPACES["srgb"].primaries
AP0 = seqsave.COLOR_SPACES["aces2065-1"].primaries


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dpi", -72.0),
        ("dpi", 0.0),
        ("dpi", NAN),
        ("dpi", 1e30),
        ("pixel_aspect", -1.0),
        ("pixel_aspect", NAN),
        ("pixel_aspect", 4e9),
        ("pixel_aspect", 1e-9),
        ("cicp", (300, 13)),
        ("gamma", 0.0),
        ("gamma", INF),
        ("primaries", ((NAN, NAN),) * 4),
        ("primaries", ((0.0, 0.0),) * 4),
        ("primaries", ((0.3, 0.3), (0.4, 0.4), (0.5, 0.5), (0.3127, 0.329))),
        ("primaries", (*BT709[:3], (0.3, 0.0))),
        ("primaries", BT709[:3]),
    ],
)
def test_what_cannot_be_true_is_left_out_with_a_message(name: str, value: Any) -> None:
    info, notes = possible(ImageInfo(tags={"artist": "Ann"}, **{name: value}))

    assert info == ImageInfo(tags={"artist": "Ann"})
    assert [kind for kind, _ in notes] == [f"lost {name}"]
    assert "cannot be true" in notes[0][1]


@pytest.mark.parametrize(
    "info",
    [
        ImageInfo(),
        ImageInfo(dpi=0.0254, pixel_aspect=2.0, cicp=(9, 16), gamma=0.45455, primaries=BT709, tags={"artist": "Ann"}),
        ImageInfo(dpi=100_000.0, pixel_aspect=1 / 64, cicp=(255, 255), gamma=1.0, primaries=AP0),
    ],
)
def test_all_else_stays(info: ImageInfo) -> None:
    assert possible(info) == (info, ())


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Photographer\0Editor\0", "Photographer; Editor"),
        ("A\x01B", "AB"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\x93quoted\x94", "“quoted”"),
        ("\x81tab\tstays\ud800\uffff", "tab\tstays"),
    ],
)
def test_tags_lose_their_control_characters_and_make_a_valid_packet(text: str, kept: str) -> None:
    info, notes = possible(ImageInfo(tags={"copyright": text, "artist": "Ann"}))

    assert info.tags == {"copyright": kept, "artist": "Ann"}
    assert notes == ()
    assert tags_in(packet(info.tags)) == info.tags


def test_a_tag_of_control_characters_alone_states_nothing() -> None:
    assert possible(ImageInfo(tags={"artist": "\0\x07"})) == (ImageInfo(), ())


def test_a_picture_of_impossible_statements_is_saved(tmp_path: Any) -> None:
    """Its Exif states a density of 2**32 - 1 pixels per inch, and two holders of its copyright."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x011A] = exif[0x011B] = float(2**32 - 1)
    exif[0x0128], exif[0x8298] = 2, "Photographer\0Editor"
    (tmp_path / "in").mkdir()
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(tmp_path / "in" / "a_0001.jpg", exif=exif)

    ended = command("save", tmp_path / "in", tmp_path / "dense", "--filetype", "png", "--dpi", "72")
    assert "cannot be true" not in ended.err
    ended = command("save", tmp_path / "in", tmp_path / "out", "--filetype", "png")

    assert ended.err.count("left out, as it cannot be true: pixels per inch") == 1
    made = seqsave.open_sequence(tmp_path / "out")[0].decode()
    assert made.info.tags["copyright"] == "Photographer; Editor"
    assert made.info.dpi is None


def without_a_segment(data: bytes) -> bytes:
    """Return a JPEG file whose profile lacks its second segment."""
    at = data.index(b"ICC_PROFILE\0\x02") - 4
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("png", "RGB"), ("png", "L"), *((kind, mode) for kind in ("jpg", "in parts") for mode in ("RGB", "L", "CMYK"))],
)
def test_a_damaged_profile_is_named_once(kind: str, mode: str, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "in").mkdir()
    name, other = ("png", "jpg") if kind == "png" else ("jpg", "png")
    for number in range(3):
        file = io.BytesIO()
        profile = b"x" * (90_000 if kind == "in parts" else 200)
        form = {"jpg": "jpeg"}.get(name, name)
        Image.new(mode, (8, 8), 90 if mode == "L" else (90,) * len(mode)).save(file, form, icc_profile=profile)
        data = without_a_segment(file.getvalue()) if kind == "in parts" else file.getvalue()
        (tmp_path / "in" / f"a_{number}.{name}").write_bytes(data)

    ended = command("save", tmp_path / "in", tmp_path / "out", "--filetype", other)
    assert ended.err.count("left out, as it is damaged: ICC profile") == 1
    made = seqsave.open_sequence(tmp_path / "out")
    assert (len(made), made[0].decode().info.stated) == (3, ())
    ended = command("save", tmp_path / "in", tmp_path / "dropped", "--filetype", other, "--drop", "color")
    assert "is damaged" not in ended.err
    assert "damaged ICC profile" in command("info", tmp_path / "in").out
