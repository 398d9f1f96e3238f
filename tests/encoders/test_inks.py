"""Pictures of four inks, by a profile whose right values are computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from seqsave.encoders.inks import as_srgb
from tests.support.inks import CYAN_AS_SRGB, cmyk_profile


@pytest.mark.parametrize(("ink", "level"), [((0, 0, 0, 0), 255), ((255, 0, 0, 0), CYAN_AS_SRGB), ((0, 0, 0, 255), 0)])
def test_the_profile_decides(ink: tuple[int, int, int, int], level: int) -> None:
    shown = as_srgb(Image.new("CMYK", (3, 2), ink), cmyk_profile())
    assert shown is not None
    assert shown.mode == "RGB"
    assert np.abs(np.asarray(shown).astype(int) - level).max() <= 1


def test_a_profile_of_something_else_does_not_apply() -> None:
    other = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (b"", b"x" * 200, other, cmyk_profile()[:300]):
        assert as_srgb(Image.new("CMYK", (3, 2)), profile) is None
