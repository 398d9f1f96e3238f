"""Movies in a browser: a chart of 24 patches, as Chromium shows it, against what OpenColorIO computes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.sequences import make_preview
from tests.support import chart
from tests.support.browser import pictures_in_chromium
from tests.support.needs import needs_package

pytestmark = [pytest.mark.formats, pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")]

SIDE = 2 * chart.SIDE


@pytest.mark.parametrize(("movie", "look"), [("a.mp4", {"codec": "av1"}), ("a.webm", {}), ("b.webm", {"quality": 90})])
@pytest.mark.parametrize(("filetype", "settings"), [("exr", {}), ("png", {"dtype": "uint16"}), ("avif", {})])
def test_a_preview_looks_like_its_frames(filetype: str, settings: Any, movie: str, look: Any, tmp_path: Path) -> None:
    """Within two levels on average."""
    needs_package("av")
    pictures = [np.kron(chart.picture("acescg"), np.ones((2, 2, 1), np.float32))] * 3
    seqsave.save(pictures, tmp_path, filetype=filetype, color="acescg", rate=10, **settings)
    sequence = seqsave.open_sequence(tmp_path)
    assert sequence.target is not None
    make_preview(sequence, sequence.target, movie, **look)
    kind = f"video/{movie.partition('.')[2]}"
    seen = pictures_in_chromium((tmp_path / movie).read_bytes(), kind, [0.05, 0.25])
    for picture in seen:
        apart = np.abs(chart.middles(picture, SIDE) - chart.levels())
        assert apart.mean() <= 2
        assert apart.max() <= 10  # in the darkest channel of yellow, which ffmpeg shows within 3
