"""Draw contact sheets: small pictures in rows, each with a line of text below; missing and broken ones are hatched."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seqsave.errors import OptionError
from seqsave.pictures.display import reduced
from seqsave.wording import counted

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.ImageFont import FreeTypeFont, ImageFont

    Bytes = npt.NDArray[np.uint8]
    Font = FreeTypeFont | ImageFont

__all__ = ["BACKGROUND", "HATCHED", "Cell", "Layout", "draw_sheet", "fitted_in"]

BACKGROUND: Final = (22, 24, 29)
HATCHED: Final = ((74, 24, 28), (112, 32, 38))
"""The two colours of a cell without a picture."""

_TEXT, _FAINT, _WARNING = (226, 229, 235), (150, 156, 168), (255, 138, 138)
# Shares of the sheet's width.
_MARGIN, _GAP = 0.0125, 0.005
_LEAST_CELL = 16
_WIDTHS = (64, 16_384)
# No sheet is higher: JPEG holds 65,535 rows, and WebP 16,383.
_MOST_ROWS = 65_000
_ASPECTS = (0.4, 3.0)
# Pictures are enlarged up to so many times their size.
_MOST_ENLARGED = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a sheet.

    label:   the line below it, such as the frame's number.
    picture: H,W,3, uint8, of any size; None for a hatched cell.
    problem: the words in a hatched cell; a line break begins a new line.
    """

    label: str
    picture: Bytes | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of the cells of a sheet, in pixels.

    width, columns: of the sheet. cell: width and height of a picture. label: height of the text below it.
    head: height of the lines above the cells.
    """

    width: int
    columns: int
    cell: tuple[int, int]
    label: int
    head: int
    margin: int
    gap: int

    @classmethod
    def of(cls, count: int, *, width: int, columns: int | None, aspect: float, has_head: bool = True) -> Layout:
        """Return the layout of ``count`` cells.

        columns: None for a number that suits the count. aspect: of the pictures, width divided by height.

        Raises OptionError for a width that no sheet has, and for more columns than it has room for.
        """
        if not _WIDTHS[0] <= width <= _WIDTHS[1]:
            raise OptionError(f"width is {width}: a sheet is {_WIDTHS[0]} to {_WIDTHS[1]} pixels wide")
        across = _usual_columns(count) if columns is None else columns
        margin, gap = max(2, round(width * _MARGIN)), max(2, round(width * _GAP))
        most = max(1, (width - 2 * margin + gap) // (_LEAST_CELL + gap))
        if columns is None:
            across = min(across, most)
        if not 1 <= across <= most:
            room = f"a sheet of {width} pixels has room for 1 to {most}"
            raise OptionError(f"columns is {across}: {room}")
        wide = (width - 2 * margin - (across - 1) * gap) // across
        high = max(1, round(wide / min(max(aspect, _ASPECTS[0]), _ASPECTS[1])))
        label = round(_text_size(wide) * 1.9)
        head = round(width * 0.034) if has_head else 0
        layout = cls(width, across, (wide, high), label, head, margin, gap)
        if layout.height(count) > _MOST_ROWS:
            raise OptionError(
                f"a sheet of {counted(count, 'cell')} in {counted(across, 'column')} is {layout.height(count)} pixels "
                f"high: at most {_MOST_ROWS} are drawn. Choose more columns, or fewer cells"
            )
        return layout

    def height(self, count: int) -> int:
        """Return the height of a sheet of ``count`` cells."""
        rows = -(-count // self.columns)
        return self.head + 2 * self.margin + rows * (self.cell[1] + self.label) + max(0, rows - 1) * self.gap

    def corner(self, place: int) -> tuple[int, int]:
        """Return left and top of the cell at this place, counted from 0."""
        row, column = divmod(place, self.columns)
        left = self.margin + column * (self.cell[0] + self.gap)
        return left, self.head + self.margin + row * (self.cell[1] + self.label + self.gap)


def draw_sheet(cells: Sequence[Cell], layout: Layout, *, title: str = "", note: str = "", warning: str = "") -> Bytes:
    """Return a sheet H,W,3, uint8. title, note, warning: the line above the cells, each in its own colour."""
    from PIL import Image, ImageDraw

    sheet = np.empty((layout.height(len(cells)), layout.width, 3), np.uint8)
    sheet[...] = BACKGROUND
    wide, high = layout.cell
    for place, cell in enumerate(cells):
        left, top = layout.corner(place)
        box = sheet[top : top + high, left : left + wide]
        box[...] = _hatching(high, wide) if cell.picture is None else fitted_in(cell.picture, wide, high)
    image = Image.fromarray(sheet)
    draw = ImageDraw.Draw(image)
    size = _text_size(wide)
    for place, cell in enumerate(cells):
        left, top = layout.corner(place)
        color = _WARNING if cell.picture is None else _TEXT
        at = (left + wide / 2, top + high + layout.label * 0.45)
        draw.text(at, _cut(cell.label, size, wide), fill=color, font=_font(size), anchor=_anchor("mm"))
        if cell.picture is None and cell.problem:
            _write_problem(draw, cell.problem, (left, top, wide, high), size)
    if layout.head:
        _write_head(draw, layout, title, note, warning)
    return np.asarray(image)


def fitted_in(picture: Bytes, wide: int, high: int) -> Bytes:
    """Return a picture H,W,3 in the middle of a box of this size, in the same proportions, over the background."""
    from PIL import Image

    rows, columns = picture.shape[:2]
    scale = min(wide / columns, high / rows, _MOST_ENLARGED)
    # A picture of about the box's proportions fills it.
    inner = tuple(
        side if abs(side - length * scale) < 1 else max(1, round(length * scale))
        for side, length in ((wide, columns), (high, rows))
    )
    if inner[0] <= columns and inner[1] <= rows:
        small = reduced(picture, *inner)
    else:
        image = Image.fromarray(np.ascontiguousarray(picture))
        small = np.asarray(image.resize((inner[0], inner[1]), Image.Resampling.BICUBIC))
    if inner == (wide, high):
        return small
    whole: Any = np.empty((high, wide, 3), np.uint8)
    whole[...] = BACKGROUND
    left, top = (wide - inner[0]) // 2, (high - inner[1]) // 2
    whole[top : top + inner[1], left : left + inner[0]] = small
    placed: Bytes = whole
    return placed


def _usual_columns(count: int) -> int:
    return 8 if count > 24 else 6 if count > 8 else 4


def _hatching(high: int, wide: int) -> Bytes:
    """Return diagonal stripes."""
    step = max(4, wide // 16)
    down, along = np.ogrid[:high, :wide]
    made: Bytes = np.array(HATCHED, np.uint8)[(down + along) // step % 2]
    return made


def _text_size(wide: int) -> int:
    """Return the size of the text below a cell."""
    return max(9, min(26, round(wide * 0.075)))


@functools.lru_cache(maxsize=32)
def _font(size: int) -> Font:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _anchor(wanted: str) -> str | None:
    """Return an anchor for the text; None where Pillow lacks FreeType, whose fonts alone have some."""
    from PIL import features

    return wanted if features.check("freetype2") else None


def _length(text: str, size: int) -> float:
    return _font(size).getlength(_drawable(text))


def _drawable(text: str) -> str:
    """Return a text without the characters that no font of one alphabet has."""
    return "".join(one if (one.isprintable() and ord(one) < 0x250) or one in "–·…×" else "?" for one in text)


def _cut(text: str, size: int, wide: float) -> str:
    """Return as much of a text as has room."""
    text = _drawable(text)
    if _length(text, size) <= wide:
        return text
    while text and _length(f"{text}…", size) > wide:
        text = text[:-1]
    return f"{text}…" if text else ""


def _write_problem(draw: Any, problem: str, box: tuple[int, int, int, int], size: int) -> None:
    """Write words into the middle of a cell, with the background behind them so that they can be read."""
    left, top, wide, high = box
    room = wide - size
    first, *others = problem.split("\n")
    lines = [line for text in (first, *others) for line in _wrapped(text, size, room)]
    step = size * 1.3
    lines = lines[: max(1, int((high - size * 0.6) // step))]
    if not lines or high < step or room < size:
        return
    middle = left + wide / 2
    begin = top + high / 2 - step * (len(lines) - 1) / 2
    across = max(_length(line, size) for line in lines) / 2 + size * 0.5
    plate = (middle - across, begin - step * 0.7, middle + across, begin + step * (len(lines) - 0.3))
    draw.rounded_rectangle(plate, radius=size * 0.3, fill=(38, 14, 17))
    for number, line in enumerate(lines):
        fill = _TEXT if number == 0 else _WARNING
        draw.text((middle, begin + number * step), line, fill=fill, font=_font(size), anchor=_anchor("mm"))


def _wrapped(text: str, size: int, room: float) -> list[str]:
    lines: list[str] = []
    for word in _drawable(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _length(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(_cut(word, size, room))
    return lines


def _write_head(draw: Any, layout: Layout, title: str, note: str, warning: str) -> None:
    size = max(9, round(layout.head * 0.42))
    left, middle = float(layout.margin), layout.margin * 0.5 + layout.head * 0.62
    room = layout.width - 2 * layout.margin
    for text, color in ((title, _TEXT), (note, _FAINT), (warning, _WARNING)):
        shown = _cut(text, size, room - (left - layout.margin))
        if shown:
            draw.text((left, middle), shown, fill=color, font=_font(size), anchor=_anchor("lm"))
            left += _length(shown, size) + size
