"""The facts that a picture of Pillow has from its file go into the saved frame."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import seqsave
from seqsave.encoders.png.encoder import PngEncoder
from tests.support.inks import cmyk_profile

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes().removeprefix(b"Exif\0\0")


def read_from_file(mode: str = "RGB", **info: Any) -> Image.Image:
    """Return a picture of Pillow as it is after its file was opened."""
    picture = Image.new(mode, (6, 4))
    picture.info.update(info)
    return picture


def saved(picture: Any, **settings: Any) -> tuple[seqsave.ImageInfo, tuple[str, ...]]:
    result = seqsave.save([picture], "memory://stated", **settings)
    return seqsave.open_frame(result.urls[0]).decode().info, result.warnings


@pytest.mark.parametrize("filetype", ["png", "jpg"])
def test_profile_and_density_of_a_picture_of_pillow_are_kept(filetype: str) -> None:
    info, warnings = saved(read_from_file(icc_profile=PROFILE, dpi=(300, 300)), filetype=filetype)
    assert (info.icc, info.dpi, warnings) == (PROFILE, 300.0, ())


def test_settings_and_a_given_record_go_before_what_a_picture_of_pillow_states() -> None:
    picture = read_from_file(icc_profile=PROFILE, dpi=(300, 300))
    info, _ = saved(picture, color="display-p3", dpi=72)
    assert (info.icc, info.color and info.color.name, info.dpi) == (None, "display-p3", 72.0)
    assert saved(picture, drop=["color", "dpi"])[0] == seqsave.ImageInfo()
    with seqsave.open_writer("memory://given") as writer:
        url = writer.write(picture, info=seqsave.ImageInfo()).result().url
    assert seqsave.open_frame(url).decode().info == seqsave.ImageInfo()


@pytest.mark.parametrize(
    "info", [{}, {"icc_profile": None, "dpi": None}, {"dpi": (0, 0)}, {"dpi": (1, 1)}, {"exif": b"x"}]
)
def test_a_picture_of_pillow_that_states_nothing_usable(info: dict[str, Any]) -> None:
    assert saved(read_from_file(**info)) == (seqsave.ImageInfo(), ())


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        (read_from_file(icc_profile=b"junk"), "frame 0: left out, as it is damaged: ICC profile"),
        (read_from_file("L", icc_profile=PROFILE), "an ICC profile of RGB pixels, which does not apply"),
        (read_from_file("CMYK", icc_profile=cmyk_profile()), "ICC profile"),
        (
            read_from_file(exif=b"Exif\0\0" + _turned(6)),
            "orientation 6, which is left out: PIL.ImageOps.exif_transpose",
        ),
    ],
)
def test_what_is_not_kept_of_a_picture_of_pillow_is_named(picture: Image.Image, text: str) -> None:
    with pytest.warns(seqsave.SeqSaveWarning):
        info, warnings = saved(picture)
    assert info == seqsave.ImageInfo()
    assert len(warnings) == 1
    assert text in warnings[0]


@pytest.mark.parametrize(
    "dpi",
    [
        (72, 0),
        72,
        "72",
        "",
        (72,),
        (72, 72, 72),
        (float("nan"), 72),
        (72, -72),
        (True, True),
        ("72", "72"),
        {},
        0,
        b"HH",
    ],
)
def test_a_density_that_is_none_is_named_once(dpi: Any) -> None:
    with pytest.warns(seqsave.SeqSaveWarning):
        result = seqsave.save([read_from_file(dpi=dpi)] * 2, "memory://odd-density")
    assert [frame.decode().info.dpi for frame in seqsave.open_sequence("memory://odd-density")] == [None, None]
    (text,) = result.warnings
    assert f"a picture of Pillow states the density {dpi!r}, which is left out: info['dpi'] must be two numbers" in text


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG file of one grey pixel with these chunks."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", zlib.compress(b"\0\x80\x80\x80")), (b"IEND", b"")]
    framed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


GAMMA = b"gAMA", struct.pack(">I", 100_000)
PRIMARIES = b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
SRGB = b"sRGB", b"\0"
CHUNKS = [(GAMMA,), (PRIMARIES,), (GAMMA, PRIMARIES), (SRGB,), (GAMMA, PRIMARIES, SRGB)]


@pytest.mark.parametrize("chunks", CHUNKS)
def test_colours_of_a_png_that_pillow_opened_are_kept(chunks: tuple[tuple[bytes, bytes], ...]) -> None:
    """As a copy of the file states them, which is saved without Pillow."""
    data = _png(*chunks)
    info, warnings = saved(Image.open(io.BytesIO(data)))
    stated = PngEncoder().decode(data, max_pixels=100).info
    assert (info, warnings) == (stated, ())
    assert info != seqsave.ImageInfo()
    assert (info.color and info.color.name) == ("srgb" if SRGB in chunks else None)


def test_colours_that_a_format_cannot_state_are_named() -> None:
    with pytest.warns(seqsave.SeqSaveWarning, match="gamma"):
        info, _ = saved(Image.open(io.BytesIO(_png(GAMMA))), filetype="jpg")
    assert info == seqsave.ImageInfo()


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ({"gamma": "x"}, "the gamma 'x', which is left out: info['gamma'] must be 1 finite number"),
        ({"gamma": float("nan")}, "the gamma nan, which is left out"),
        (
            {"chromaticity": (0.3, 0.3)},
            "the chromaticity (0.3, 0.3), which is left out: info['chromaticity'] must be 8",
        ),
        ({"chromaticity": b"12345678"}, "the chromaticity b'12345678', which is left out"),
        ({"srgb": 7}, "the srgb 7, which is left out: info['srgb'] must be the number of a rendering intent, 0 to 3"),
        ({"srgb": np.array([1, 2])}, "the srgb array([1, 2]), which is left out"),
        ({"gamma": -1e9}, "gamma"),
        ({"chromaticity": (0.3,) * 8}, "primaries"),
    ],
)
def test_colours_that_are_none_are_named(info: dict[str, Any], text: str) -> None:
    with pytest.warns(seqsave.SeqSaveWarning):
        stated, (warning,) = saved(read_from_file(**info))
    assert stated == seqsave.ImageInfo()
    assert text in warning


@pytest.mark.parametrize("info", [{"srgb": 0}, {"gamma": 0.5}, {"chromaticity": (0.3,) * 8}])
def test_a_profile_outranks_the_colours_of_the_png(info: dict[str, Any]) -> None:
    assert saved(read_from_file(icc_profile=PROFILE, **info)) == (seqsave.ImageInfo(icc=PROFILE), ())


@pytest.mark.parametrize("dpi", [[300, 300], (np.float32(300), np.int64(300)), (300.0, Fraction(300))])
def test_densities_of_every_kind_of_number(dpi: Any) -> None:
    assert saved(read_from_file(dpi=dpi)) == (seqsave.ImageInfo(dpi=300.0), ())


@pytest.mark.parametrize("mode", ["HSV", "LAB", "CMYK"])
def test_a_profile_of_pixels_that_become_rgb_is_called_by_their_mode(mode: str) -> None:
    with pytest.warns(seqsave.SeqSaveWarning, match=f"ICC profile of {mode}$"):
        saved(read_from_file(mode, icc_profile=PROFILE))


@pytest.mark.parametrize("info", [{"srgb": 0}, {"gamma": 0.5}, {"chromaticity": (0.3,) * 8}])
def test_colours_of_a_png_whose_pixels_are_no_rgb_are_named(info: dict[str, Any]) -> None:
    with pytest.warns(seqsave.SeqSaveWarning):
        stated, (warning,) = saved(read_from_file("HSV", **info))
    assert stated == seqsave.ImageInfo()
    assert "a picture of Pillow in HSV states the colours of a PNG, which are left out" in warning


def test_variations_state_their_own() -> None:
    with seqsave.open_writer("memory://variations") as writer:
        writer.write_batch([read_from_file(icc_profile=PROFILE), np.zeros((4, 6, 3), np.uint8)])
    assert [frame.decode().info.icc for frame in seqsave.open_sequence("memory://variations")] == [PROFILE, None]
