"""The pictures that a viewer shows of formats that plugins read."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import seqsave
from seqsave.look.proxies import Look, Proxies
from seqsave.look.stored import StoredProxies
from seqsave.sequences.preview import make_preview
from seqsave.targets import resolve
from tests.look.proxied import grey
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


def middle(path: Path) -> int:
    """Return the grey in the middle of a movie's first picture."""
    with needs_package("av").open(str(path)) as movie:
        picture = next(movie.decode(video=0)).to_ndarray(format="rgb24")
    return int(picture[picture.shape[0] // 2, picture.shape[1] // 2, 1])


def warned(seen: list[warnings.WarningMessage]) -> list[str]:
    return [str(one.message) for one in seen if "linear" in str(one.message)]


@pytest.mark.parametrize(
    ("settings", "value", "note"),
    [
        pytest.param({"filetype": "exr"}, 118, "as programs read exr files", id="EXR"),
        pytest.param({"filetype": "tif", "dtype": "float32"}, 118, "as programs read tif files", id="TIFF"),
        pytest.param({"filetype": ["exr", "jpg"]}, 118, "as programs read exr files", id="EXR and JPEG"),
        pytest.param({"filetype": "exr", "color": "srgb"}, 46, "", id="a stated space"),
        pytest.param({"filetype": "exr", "color": "linear-srgb"}, 118, "", id="a stated linear space"),
        pytest.param({"filetype": "tif", "dtype": "uint16"}, 46, "", id="TIFF of whole numbers"),
        pytest.param({}, 46, "", id="PNG"),
    ],
)
def test_floats_that_state_nothing_look_the_same_while_saving_and_later_and_on_a_sheet(
    tmp_path: Path, settings: dict[str, Any], value: int, note: str
) -> None:
    """0.18 is 118 of 255 as linear light, and 46 as a value of the display. One rule decides for all of them."""
    needs_package("av")
    needs_package("seqsave_tiff", "pip install plugins/seqsave-tiff")
    picture = np.full((64, 64, 3), 0.18, np.float32)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        seqsave.save([picture], tmp_path / "saved", preview="webm", proxies=True, **settings)
    own = [one for one in warned(seen) if ": preview: " in one]
    assert [note in one for one in own] == ([True] if note else [])
    kind = settings.get("filetype", "png")
    sequence = seqsave.open_sequence(tmp_path / "saved", filetype=kind[0] if isinstance(kind, list) else kind)
    made = make_preview(sequence, resolve(str(tmp_path)), "later.webm")
    assert [note in one for one in made.notes] == ([True] if note else [])
    sheet = sequence.sheet(cells=1, columns=1, width=200)
    shown = [
        middle(next((tmp_path / "saved").glob("*.webm"))),
        middle(tmp_path / "later.webm"),
        int(sheet[sheet.shape[0] // 3, sheet.shape[1] // 2, 1]),
        grey(StoredProxies(sequence).jpeg(sequence[0], "half")),
    ]
    assert shown == pytest.approx([value] * 4, abs=2)


def test_frames_that_become_whole_numbers_are_previewed_as_they_are_saved(tmp_path: Path) -> None:
    """As PNG, floats of an EXR file keep their values, which a warning says; the movie shows the PNG."""
    needs_package("av")
    seqsave.save([np.full((64, 64, 3), 0.18, np.float32)], tmp_path / "exr", filetype="exr")
    png, movie = "the png has the same values", "they are shown as they are"
    with pytest.warns(seqsave.SeqSaveWarning, match=png), pytest.warns(seqsave.SeqSaveWarning, match=movie):
        seqsave.save(seqsave.open_sequence(tmp_path / "exr"), tmp_path / "png", filetype="png", preview="webm")
    assert middle(tmp_path / "png" / "frame.webm") == pytest.approx(46, abs=2)
