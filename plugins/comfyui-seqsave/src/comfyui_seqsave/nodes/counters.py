"""Frame counters: one with a given frame, and one that continues after the existing frames."""

from __future__ import annotations

from typing import Any

from .. import listing, parallel
from ..objects import FrameCounter
from . import inputs

__all__ = ["FrameCounterDirectory", "FrameCounterSimple"]


class FrameCounterSimple:
    """A frame counter from numbers."""

    TITLE = "Frame Counter (Simple)"
    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Says which frame of the animation is made now. To count by itself, connect an Int node that is set to "
        "'increment' to frame_index."
    )
    SEARCH_ALIASES = ["frame counter", "frame number", "seqsave"]
    RETURN_TYPES = ("FRAME_COUNTER",)
    RETURN_NAMES = ("frame_counter",)
    FUNCTION = "result"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """What ComfyUI asks for."""
        return {
            "required": {
                "frame_index": inputs.number(0, 0, "This frame's number, from 0."),
                "total_frames": inputs.number(100, 1, "How many frames the animation has."),
                "frames_per_second": inputs.rate("INT", 25),
            }
        }

    def result(self, frame_index: int, total_frames: int, frames_per_second: float) -> tuple[FrameCounter]:
        """The counter."""
        return (FrameCounter(frame_index, total_frames, frames_per_second),)


class FrameCounterDirectory(inputs.Looking):
    """A frame counter that looks which frames are there: the next one is the highest number plus one."""

    TITLE = "Frame Counter (Directory)"
    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Goes on after the frames that are there: the frame is the highest number found plus one, 0 when there is "
        "none. An interrupted animation continues where it stopped."
    )
    SEARCH_ALIASES = ["frame counter", "resume", "continue animation", "seqsave"]
    RETURN_TYPES = ("FRAME_COUNTER",)
    RETURN_NAMES = ("frame_counter",)
    FUNCTION = "result"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """What ComfyUI asks for."""
        return {
            "required": {
                "directory_path": inputs.directory_path("Where the frames are"),
                "pattern": inputs.pattern(),
                "indexing": inputs.indexing(),
                "total_frames": inputs.number(100, 1, "How many frames the animation has."),
                "frames_per_second": inputs.rate("INT", 30),
            }
        }

    def result(
        self, directory_path: str, pattern: str, indexing: str, total_frames: int, frames_per_second: float
    ) -> tuple[FrameCounter]:
        """The counter."""
        found = parallel.away(lambda: listing.frames(directory_path, pattern, indexing))
        return (FrameCounter(max(found, default=-1) + 1, total_frames, frames_per_second),)
