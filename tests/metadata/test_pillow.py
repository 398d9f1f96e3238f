"""The facts that a picture of Pillow has from its file go into the saved frame."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import seqsave
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
    [(72, 0), 72, "72", "", (72,), (72, 72, 72), (float("nan"), 72), (72, -72), (True, True), ("72", "72"), {}, 0],
)
def test_a_density_that_is_none_is_named_once(dpi: Any) -> None:
    with pytest.warns(seqsave.SeqSaveWarning):
        result = seqsave.save([read_from_file(dpi=dpi)] * 2, "memory://odd-density")
    assert [frame.decode().info.dpi for frame in seqsave.open_sequence("memory://odd-density")] == [None, None]
    (text,) = result.warnings
    assert f"a picture of Pillow states the density {dpi!r}, which is left out: info['dpi'] must be two numbers" in text


@pytest.mark.parametrize("dpi", [[300, 300], (np.float32(300), np.int64(300)), (300.0, Fraction(300))])
def test_densities_of_every_kind_of_number(dpi: Any) -> None:
    assert saved(read_from_file(dpi=dpi)) == (seqsave.ImageInfo(dpi=300.0), ())


@pytest.mark.parametrize("mode", ["HSV", "LAB", "CMYK"])
def test_a_profile_of_pixels_that_become_rgb_is_called_by_their_mode(mode: str) -> None:
    with pytest.warns(seqsave.SeqSaveWarning, match=f"ICC profile of {mode}$"):
        saved(read_from_file(mode, icc_profile=PROFILE))


def test_variations_state_their_own() -> None:
    with seqsave.open_writer("memory://variations") as writer:
        writer.write_batch([read_from_file(icc_profile=PROFILE), np.zeros((4, 6, 3), np.uint8)])
    assert [frame.decode().info.icc for frame in seqsave.open_sequence("memory://variations")] == [PROFILE, None]
