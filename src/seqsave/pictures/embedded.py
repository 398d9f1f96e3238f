"""Small pictures inside HTML, and those that a writer keeps of its frames for a notebook."""

from __future__ import annotations

import base64
import html
import io
import threading
from typing import TYPE_CHECKING, Any

from seqsave.pictures.contact import Cell, Layout, draw_sheet
from seqsave.pictures.display import show

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seqsave.types import ImageArray, ImageInfo

    Bytes = npt.NDArray[np.uint8]

__all__ = ["KEPT", "Thumbnails", "picture_element"]

KEPT = 12
"""How many small pictures a writer keeps at most."""

_WIDTH, _SHEET_WIDTH = 160, 960
_QUALITY = 80


def picture_element(picture: Bytes, text: str) -> str:
    """Return an HTML element that holds a picture H,W,3 itself. text: what it shows, for those who do not see it."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=_QUALITY)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img src="data:image/jpeg;base64,{data}" alt="{html.escape(text, quote=True)}" style="max-width:100%">'


class Thumbnails:
    """Small pictures of some of the frames of one writer, at equal distances however many there are. Thread-safe.

    Pictures are made of a few frames only: of each one at first, and of ever fewer, as every second one that was kept
    makes room for later ones.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = 0
        self._step = 1
        self._kept: dict[int, tuple[str, Bytes | None]] = {}

    def __getstate__(self) -> tuple[int, int, dict[int, tuple[str, Bytes | None]]]:
        with self._lock:
            return self._seen, self._step, dict(self._kept)

    def __setstate__(self, state: tuple[int, int, dict[int, tuple[str, Bytes | None]]]) -> None:
        self._lock = threading.Lock()
        self._seen, self._step, self._kept = state

    def keep(self, label: str, array: ImageArray, info: ImageInfo, extension: str) -> None:
        """Keep a small picture of a frame if it is the turn of one. Never raises.

        label: its number. array, info: the picture as it is saved, and what its file states. extension: of the file.
        """
        with self._lock:
            place = self._seen
            self._seen += 1
            if place % self._step:
                return
            if len(self._kept) == KEPT:
                self._step *= 2
                self._kept = {one: kept for one, kept in self._kept.items() if one % self._step == 0}
                if place % self._step:
                    return
            self._kept[place] = (label, None)
        try:
            picture = show(array, info, extension=extension, width=_WIDTH)
        except Exception:  # noqa: BLE001 - a frame that cannot be shown is saved all the same
            return
        with self._lock:
            if place in self._kept:
                self._kept[place] = (label, picture)

    def _repr_html_(self) -> str:
        """Return the pictures as one contact sheet; "" without pictures."""
        with self._lock:
            kept = [one for _, one in sorted(self._kept.items())]
        cells = [Cell(label=label, picture=picture) for label, picture in kept if picture is not None]
        if not cells:
            return ""
        first: Any = cells[0].picture
        aspect = first.shape[1] / first.shape[0]
        layout = Layout.of(len(cells), width=_SHEET_WIDTH, columns=None, aspect=aspect, has_head=False)
        return picture_element(draw_sheet(cells, layout), "Some of the frames that were saved")
