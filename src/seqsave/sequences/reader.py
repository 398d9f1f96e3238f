"""The frames of a sequence, as users and all other rooms know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqsave.sequences.frames import Frames, Unreadable

if TYPE_CHECKING:
    from seqsave.types import ImageArray

__all__ = ["FrameSequence", "Unreadable"]


class FrameSequence(Frames):
    """The frames of one sequence, by index and then batch. A list of ``Frame``: len, iteration, positions, slices.

    Sequences and frames can be pickled, for workers in other processes; the pickle holds the storage options, secrets
    included.

    name:   head, digits, tail and extension of its files. folder: where they lie below ``target``.
    target: what it lies in, where ``manifest`` is looked for; None for pictures that are no sequence of their own.
    """

    def _repr_html_(self) -> str:
        """Return the sequence's names, frames and gaps for a notebook, with pictures of some frames."""
        from seqsave.sequences.notebook import html_of  # here, as numpy comes with it

        return html_of(self)

    def sheet(self, *, cells: int = 48, columns: int | None = None, width: int = 1600) -> ImageArray:
        """Return a contact sheet, H,W,3, uint8, sRGB: pictures of some frames with their numbers, and of all gaps.

        cells:   how many there are at most, at equal distances. Only these frames are read.
        columns: how many are side by side; None for a number that suits them. width: of the sheet, in pixels.

        Raises OptionError, SequenceNotFoundError without frames, TargetError if none can be read.
        """
        from seqsave.sequences.cells import sheet_of  # here, as numpy comes with it

        return sheet_of(self, cells=cells, columns=columns, width=width)
