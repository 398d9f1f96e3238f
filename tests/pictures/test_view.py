"""Displays and views of OpenColorIO configs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from seqsave.errors import EncoderUnavailableError, OptionError
from seqsave.pictures.view import View
from tests.support.needs import needs_package

CONFIG = "ocio://cg-config-v2.1.0_aces-v1.3_ocio-v2.3"
GREY = np.full((1, 1, 3), 0.18, np.float32)


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    monkeypatch.delenv("OCIO", raising=False)


def old_config(path: Path) -> str:
    """A config of version 1 with one display, which halves, and no role that others know."""
    path.write_text(
        "ocio_profile_version: 1\nroles:\n  default: lin_srgb\n"
        "displays:\n  Wall:\n    - !<View> {name: Half, colorspace: half}\n"
        "colorspaces:\n  - !<ColorSpace>\n    name: lin_srgb\n  - !<ColorSpace>\n    name: half\n"
        "    from_reference: !<MatrixTransform> {matrix: [0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1]}\n"
    )
    return str(path)


def test_the_view_of_a_display_is_that_of_opencolorio() -> None:
    ocio = needs_package("PyOpenColorIO")
    config = ocio.Config.CreateFromBuiltinConfig(CONFIG)
    colors = np.random.default_rng(0).random((8, 8, 3), dtype=np.float32) * 4
    for display in ("sRGB - Display", "Display P3 - Display", "Rec.1886 Rec.709 - Display"):
        transform = ocio.DisplayViewTransform("Linear Rec.709 (sRGB)", display, "ACES 1.0 - SDR Video")
        wanted = colors.copy()
        config.getProcessor(transform).getDefaultCPUProcessor().applyRGB(wanted)
        assert View(CONFIG, display, "ACES 1.0 - SDR Video").apply(colors) == pytest.approx(wanted, abs=2e-3)


def test_names_may_be_begun_in_any_case_and_left_out() -> None:
    whole = View(CONFIG, "sRGB - Display", "ACES 1.0 - SDR Video")
    assert View(CONFIG, "srgb", "aces").key == View().key == whole.key
    assert View(CONFIG, "srgb", "un-tone").apply(GREY) == pytest.approx(0.4614, abs=1e-3)


def test_the_space_of_the_result_is_named_where_it_has_a_name() -> None:
    names = {one: View(CONFIG, one).space for one in ("sRGB", "Display P3", "Rec.1886", "Rec.2100-PQ", "ST2084")}
    assert {one: space and space.name for one, space in names.items()} == {
        "sRGB": "srgb",
        "Display P3": "display-p3",
        "Rec.1886": "rec709",
        "Rec.2100-PQ": "rec2100-pq",
        "ST2084": None,
    }
    assert View(CONFIG, "sRGB", "Raw").space is None


def test_the_environment_counts_unless_a_config_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", old_config(tmp_path / "config.ocio"))
    assert View().apply(GREY) == pytest.approx(0.09)
    assert View(display="Wall", view="Half").view == "Half"
    assert View(CONFIG).display == "sRGB - Display"


@pytest.mark.parametrize(
    ("display", "view", "message"),
    [
        ("Cinema", None, "display is 'Cinema', which is unknown: the displays in .* are sRGB - Display, Display P3"),
        (
            "sRGB",
            "Film",
            "view is 'Film', which is unknown: the views of the display 'sRGB - Display' in .* are ACES 1.0",
        ),
        ("Rec", None, "display is 'Rec', which may be Rec.1886 Rec.709 - Display, Rec.2100-PQ - Display"),
        ("", None, "display is '': it must be text"),
    ],
)
def test_a_name_that_the_config_lacks_lists_those_that_it_has(display: str, view: str | None, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        View(CONFIG, display, view)


def test_a_config_that_cannot_be_used_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "damaged.ocio").write_text("ocio_profile_version: 2\nnonsense: [")
    for where in (tmp_path / "none.ocio", tmp_path / "damaged.ocio", "ocio://none"):
        with pytest.raises(OptionError, match=r"the OpenColorIO config .* cannot be used: "):
            View(str(where))
    lost = Path(old_config(tmp_path / "lost.ocio"))
    lost.write_text(lost.read_text().replace("lin_srgb", "scene"))
    with pytest.raises(OptionError, match="has neither the role aces_interchange nor"):
        View(str(lost))


def test_without_opencolorio_the_error_ends_with_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PyOpenColorIO", None)
    with pytest.raises(EncoderUnavailableError, match=r"pip install 'seqsave\[ocio\]'$"):
        View()
