"""Contact sheets: where each pixel lies, and what is hatched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqsave.errors import OptionError
from seqsave.pictures.contact import BACKGROUND, HATCHED, Cell, Layout, draw_sheet, fitted_in
from seqsave.pictures.display import reduced


def noise(rows: int, columns: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), np.uint8)


def picture_at(sheet: Any, layout: Layout, place: int) -> Any:
    left, top = layout.corner(place)
    return sheet[top : top + layout.cell[1], left : left + layout.cell[0]]


def share_of(part: Any, colors: Any) -> float:
    """How many of the pixels have one of the colours."""
    return float(np.mean([(part == np.array(color)).all(axis=2) for color in colors], axis=(1, 2)).sum())


def test_each_cell_is_the_picture_made_smaller() -> None:
    pictures = [noise(180, 320, seed) for seed in range(9)]
    layout = Layout.of(9, width=800, columns=4, aspect=16 / 9)
    sheet = draw_sheet([Cell(label=str(one), picture=each) for one, each in enumerate(pictures)], layout)
    assert sheet.shape == (layout.height(9), 800, 3)
    for place, picture in enumerate(pictures):
        assert (picture_at(sheet, layout, place) == reduced(picture, *layout.cell)).all()


def test_the_number_is_below_its_cell_and_nothing_is_elsewhere() -> None:
    layout = Layout.of(3, width=600, columns=4, aspect=1, has_head=False)
    cells = [Cell(label=label, picture=np.full((50, 50, 3), 90, np.uint8)) for label in ("00001", "", "00003")]
    sheet = draw_sheet(cells, layout)
    wide, high = layout.cell
    for place, is_written in ((0, True), (1, False), (2, True)):
        left, top = layout.corner(place)
        below = sheet[top + high : top + high + layout.label, left : left + wide]
        assert (share_of(below, [BACKGROUND]) < 1) == is_written
    left, top = layout.corner(3)
    assert share_of(sheet[top - layout.margin :, left - layout.gap :], [BACKGROUND]) == 1


def test_a_cell_without_a_picture_is_hatched_and_worded() -> None:
    layout = Layout.of(2, width=600, columns=2, aspect=16 / 9)
    sheet = draw_sheet([Cell(label="3-9", problem="7 frames\nmissing"), Cell(label="10")], layout)
    worded, empty = picture_at(sheet, layout, 0), picture_at(sheet, layout, 1)
    assert share_of(empty, HATCHED) == 1
    assert all(0.3 < share_of(empty, [color]) < 0.7 for color in HATCHED)
    assert 0.5 < share_of(worded, HATCHED) < 0.98
    corner = worded[:8, :8]
    assert share_of(corner, HATCHED) == 1, "the words are in the middle"


def test_title_note_and_warning_stand_above_the_cells() -> None:
    layout = Layout.of(1, width=600, columns=2, aspect=1)
    cell = [Cell(label="", picture=noise(9, 9))]
    plain, titled = draw_sheet(cell, layout), draw_sheet(cell, layout, title="a", note="b", warning="c")
    top = layout.corner(0)[1]
    assert share_of(plain[:top], [BACKGROUND]) == 1
    assert share_of(titled[:top], [BACKGROUND]) < 1
    assert (titled[top:] == plain[top:]).all()


@pytest.mark.parametrize("text", ["x" * 500, "フレーム\u202e\0", "a\nb\nc\nd\ne\nf\ng\nh", "long " * 80])
def test_any_text_stays_within_its_place(text: str) -> None:
    layout = Layout.of(4, width=400, columns=2, aspect=16 / 9)
    cells = [Cell(label=text, problem=text), Cell(label="", picture=noise(9, 16))] * 2
    sheet, bare = (draw_sheet(one, layout, title=title) for one, title in ((cells, text), (cells[1:2] * 4, "")))
    assert (picture_at(sheet, layout, 1) == picture_at(bare, layout, 1)).all()
    assert share_of(sheet[:, -layout.margin + 1 :], [BACKGROUND]) == 1


def test_a_picture_of_other_proportions_is_in_the_middle() -> None:
    tall = fitted_in(np.full((100, 50, 3), 200, np.uint8), 80, 40)
    assert tall.shape == (40, 80, 3)
    assert (tall[:, 30:50] == 200).all()
    assert share_of(tall[:, :30], [BACKGROUND]) == share_of(tall[:, 50:], [BACKGROUND]) == 1


def test_a_small_picture_is_enlarged_up_to_four_times() -> None:
    assert (fitted_in(np.full((10, 10, 3), 200, np.uint8), 40, 40) == 200).all()
    tiny = fitted_in(np.full((2, 2, 3), 200, np.uint8), 40, 40)
    assert (tiny[16:24, 16:24] == 200).all()
    assert share_of(tiny, [BACKGROUND]) == pytest.approx(1 - 64 / 1600)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"width": 63}, "width is 63"),
        ({"width": 20_000}, "width is 20000"),
        ({"columns": 0}, "columns is 0"),
        ({"columns": 500}, "columns is 500: a sheet of 1600 pixels has room for 1 to 65"),
        ({"count": 10_000, "columns": 1}, "choose more columns, or fewer cells"),
    ],
)
def test_a_sheet_that_cannot_be_is_named(given: Any, message: str) -> None:
    settings = {"count": 48, "width": 1600, "columns": None, "aspect": 16 / 9, **given}
    with pytest.raises(OptionError, match=f"(?i){message}"):
        Layout.of(settings.pop("count"), **settings)


@pytest.mark.parametrize("width", [64, 100, 1600, 16_384])
@pytest.mark.parametrize("count", [1, 3, 12, 48])
@pytest.mark.parametrize("aspect", [0.01, 1, 500])
def test_cells_lie_side_by_side_within_the_sheet(width: int, count: int, aspect: float) -> None:
    layout = Layout.of(count, width=width, columns=None, aspect=aspect)
    taken = np.zeros((layout.height(count), width), np.uint8)
    for place in range(count):
        left, top = layout.corner(place)
        assert left + layout.cell[0] <= width
        taken[top : top + layout.cell[1] + layout.label, left : left + layout.cell[0]] += 1
    assert taken.max() == 1
    assert taken.sum() == count * layout.cell[0] * (layout.cell[1] + layout.label)
