"""Frame counters: one with a given frame, and one that continues after the existing frames."""

from __future__ import annotations

from typing import Any

from .. import listing, parallel
from ..objects import FrameCounter
from . import inputs

__all__ = ["FrameCounterDirectory", "FrameCounterSimple"]


class FrameCounterSimple:
    """Make a frame counter from numbers."""

    TITLE = "Frame Counter (Simple)"
    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Sets which frame of the animation is rendered now. To count automatically, connect an Int node that is set to "
        "'increment' to frame_index."
    )
    SEARCH_ALIASES = ["frame counter", "frame number", "seqsave"]
    RETURN_TYPES = ("FRAME_COUNTER",)
    RETURN_NAMES = ("frame_counter",)
    FUNCTION = "result"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """Return the declarations of the inputs."""
        return {
            "required": {
                "frame_index": inputs.number(0, 0, "This frame's number, from 0."),
                "total_frames": inputs.number(100, 1, "How many frames the animation has."),
                "frames_per_second": inputs.rate("INT", 25),
            }
        }

    def result(self, frame_index: int, total_frames: int, frames_per_second: float) -> tuple[FrameCounter]:
        """Return the frame counter."""
        return (FrameCounter(frame_index, total_frames, frames_per_second),)


class FrameCounterDirectory(inputs.Looking):
    """Make a frame counter from the existing frames: the next frame is the highest number plus one."""

    TITLE = "Frame Counter (Directory)"
    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Continues after the existing frames: the frame is the highest number found plus one, or 0 if there are no "
        "frames. An interrupted animation continues where it stopped."
    )
    SEARCH_ALIASES = ["frame counter", "resume", "continue animation", "seqsave"]
    RETURN_TYPES = ("FRAME_COUNTER",)
    RETURN_NAMES = ("frame_counter",)
    FUNCTION = "result"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """Return the declarations of the inputs."""
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
        """Return the frame counter."""
        found = parallel.away(lambda: listing.frames(directory_path, pattern, indexing))
        return (FrameCounter(max(found, default=-1) + 1, total_frames, frames_per_second),)
