"""What travels on the sockets FRAME_COUNTER, ANIMATION_SEQUENCE and LOG_ENTRY.

These sockets are those of the Dream Project Animation nodes. Objects are recognised by their attributes and never by
their class, so that the nodes of both packs accept those of the other.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["AnimationSequence", "FrameCounter", "LogEntry"]


class FrameCounter:
    """Which frame is being made, of how many, at which rate. Immutable.

    current_frame:     from 0.
    total_frames:      1 or more.
    frames_per_second: 1.0 or more.
    """

    def __init__(self, current_frame: int = 0, total_frames: int = 1, frames_per_second: float = 25.0) -> None:
        self.current_frame = max(0, int(current_frame))
        self.total_frames = max(1, int(total_frames))
        self.frames_per_second = max(1.0, float(frames_per_second))

    def incremented(self, amount: int) -> FrameCounter:
        """The counter ``amount`` frames later."""
        return FrameCounter(self.current_frame + amount, self.total_frames, self.frames_per_second)

    @property
    def is_first_frame(self) -> bool:
        """Whether this is frame 0."""
        return self.current_frame == 0

    @property
    def is_final_frame(self) -> bool:
        """Whether this is the last frame; not so after the end."""
        return self.current_frame + 1 == self.total_frames

    @property
    def is_after_last_frame(self) -> bool:
        """Whether the animation has ended before this frame."""
        return self.current_frame >= self.total_frames

    @property
    def current_time_in_seconds(self) -> float:
        """When this frame begins."""
        return self.current_frame / self.frames_per_second

    @property
    def total_time_in_seconds(self) -> float:
        """How long the animation is."""
        return self.total_frames / self.frames_per_second

    @property
    def remaining_time_in_seconds(self) -> float:
        """How much is left from the beginning of this frame."""
        return self.total_time_in_seconds - self.current_time_in_seconds

    @property
    def progress(self) -> float:
        """0.0 at the first frame, 1.0 at the last one."""
        return self.current_frame / (max(2, self.total_frames) - 1)

    def __repr__(self) -> str:
        return f"FrameCounter({self.current_frame}, {self.total_frames}, {self.frames_per_second})"


class AnimationSequence:
    """The files of an animation: local paths, or URLs of frames on a remote target.

    frames: index to the files of that frame, one for each batch; None while the animation is not finished.
    """

    def __init__(self, frame_counter: Any, frames: Mapping[int, Sequence[str]] | None = None) -> None:
        self.frame_counter = frame_counter
        self.frames = None if frames is None else {index: list(files) for index, files in frames.items()}

    @property
    def is_defined(self) -> bool:
        """Whether there are files to work with."""
        return bool(self.frames)

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self.frame_counter.frames_per_second)

    @property
    def keys_in_order(self) -> list[int]:
        """Every index, ascending."""
        return sorted(self.frames or {})

    @property
    def num_batches(self) -> int:
        """How many files each frame has at least."""
        return min(map(len, self.frames.values())) if self.frames else 0

    @property
    def batches(self) -> range:
        """The numbers that ``get_image_files_of_batch`` takes."""
        return range(self.num_batches)

    def get_image_files_of_batch(self, batch_num: int) -> Iterator[str]:
        """The files of one batch, by index."""
        for index in self.keys_in_order:
            yield self.frames[index][batch_num]  # type: ignore[index]  # there are keys

    def __repr__(self) -> str:
        files = [file for index in self.keys_in_order for file in (self.frames or {})[index]]
        span = f": {files[0]} ... {files[-1]}" if files else ""
        return f"<AnimationSequence of {len(self.frames or {})} frames{span}>"


class LogEntry:
    """Lines of a log, each with its time. Immutable: ``add`` and ``merge`` give new ones."""

    def __init__(self, data: Iterable[tuple[float, str]] = ()) -> None:
        self._data = list(data)

    def add(self, text: str) -> LogEntry:
        """With one more line, of now."""
        return LogEntry([*self._data, (time.time(), text)])

    def merge(self, other: Any) -> LogEntry:
        """With the lines of another one."""
        return LogEntry([*self._data, *other._data])  # noqa: SLF001 - the name that both packs share

    def get_filtered_entries(self, t: float) -> Iterator[tuple[float, str]]:
        """The lines that are newer than the Unix time ``t``, in order."""
        yield from (entry for entry in sorted(self._data) if entry[0] > t)
