"""The pictures that a viewer shows of formats that plugins read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import seqsave
from seqsave.look.proxies import Look, Proxies
from tests.look.test_proxies import is_near, smooth, srgb
from tests.support.needs import needs_package
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.formats


@pytest.fixture(autouse=True)
def _exr() -> None:
    needs_package("seqsave_exr", "pip install plugins/seqsave-exr")


def one(folder: Path, picture: Any, **settings: Any) -> Any:
    seqsave.save([picture], folder, **settings)
    return seqsave.open_sequence(folder)[0]


def shown(frame: Any, size: Any = "full", **look: Any) -> Any:
    proxies = Proxies()
    try:
        made = proxies.picture(frame, Look(size=size, **look)).result(PATIENCE)
    finally:
        proxies.close()
    return np.asarray(Image.open(io.BytesIO(made.data)))


def test_linear_half_floats_with_exposure(tmp_path: Path) -> None:
    picture = smooth()
    frame = one(tmp_path, picture, filetype="exr", color="linear-srgb")
    is_near(shown(frame), srgb(picture))
    is_near(shown(frame, ev=-2.0), srgb(picture / 4))
    is_near(shown(frame, ev=1.0), srgb(picture * 2))


def test_exposure_uses_the_depth_of_the_file(tmp_path: Path) -> None:
    dark = smooth() / 1000
    found = shown(one(tmp_path, dark, filetype="exr", color="linear-srgb"), ev=float(np.log2(1000)))
    is_near(found, srgb(smooth()))
    assert len(np.unique(found[..., 0])) > 60


def test_half_size_averages_light_as_it_is_shown(tmp_path: Path) -> None:
    frame = one(tmp_path, smooth(800, 1600), filetype="exr", color="linear-srgb")
    is_near(shown(frame, "half"), srgb(smooth(400, 800)))
