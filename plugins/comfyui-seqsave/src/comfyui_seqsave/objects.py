"""The objects on the sockets FRAME_COUNTER, ANIMATION_SEQUENCE and LOG_ENTRY.

These sockets are those of the Dream Project Animation nodes. Objects are recognized by their attributes, never by their
class, so the nodes of each pack accept the objects of the other one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from seqsave import FrameNameError

__all__ = ["AnimationSequence", "FrameCounter", "LogEntry", "check_counter"]


class FrameCounter:
    """The number of the frame being rendered, the number of frames, and their rate. Immutable.

    current_frame:     from 0.
    total_frames:      1 or more.
    frames_per_second: 1.0 or more.
    """

    def __init__(self, current_frame: int = 0, total_frames: int = 1, frames_per_second: float = 25.0) -> None:
        self.current_frame = max(0, int(current_frame))
        self.total_frames = max(1, int(total_frames))
        self.frames_per_second = max(1.0, float(frames_per_second))

    def incremented(self, amount: int) -> FrameCounter:
        """Return the counter ``amount`` frames later."""
        return FrameCounter(self.current_frame + amount, self.total_frames, self.frames_per_second)

    @property
    def is_first_frame(self) -> bool:
        """Return True for frame 0."""
        return self.current_frame == 0

    @property
    def is_final_frame(self) -> bool:
        """Return True for the last frame; False for frames after it."""
        return self.current_frame + 1 == self.total_frames

    @property
    def is_after_last_frame(self) -> bool:
        """Return True if the animation ends before this frame."""
        return self.current_frame >= self.total_frames

    @property
    def current_time_in_seconds(self) -> float:
        """Return the time at which this frame begins, in seconds."""
        return self.current_frame / self.frames_per_second

    @property
    def total_time_in_seconds(self) -> float:
        """Return the length of the animation, in seconds."""
        return self.total_frames / self.frames_per_second

    @property
    def remaining_time_in_seconds(self) -> float:
        """Return the time from the beginning of this frame to the end, in seconds."""
        return self.total_time_in_seconds - self.current_time_in_seconds

    @property
    def progress(self) -> float:
        """Return the progress: 0.0 at the first frame, 1.0 at the last one."""
        return self.current_frame / (max(2, self.total_frames) - 1)

    def __repr__(self) -> str:
        return f"FrameCounter({self.current_frame}, {self.total_frames}, {self.frames_per_second})"


def check_counter(value: Any) -> None:
    """Raise FrameNameError for what is no FRAME_COUNTER, or has no numbers."""
    try:
        int(value.current_frame), int(value.total_frames), float(value.frames_per_second)
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise FrameNameError(
            f"frame_counter is {type(value).__name__} and no frame counter with a number, a total and a rate: connect "
            "one of the Frame Counter nodes. An Int node belongs to the frame_index of Frame Counter (Simple)"
        ) from None


class AnimationSequence:
    """The files of an animation: local paths, or URLs of frames on a remote target.

    frames: index to the files of that frame, one for each batch; None while the animation is not finished.
    """

    def __init__(self, frame_counter: Any, frames: Mapping[int, Sequence[str]] | None = None) -> None:
        self.frame_counter = frame_counter
        self.frames = None if frames is None else {index: list(files) for index, files in frames.items()}

    @property
    def is_defined(self) -> bool:
        """Return True if the sequence has files."""
        return bool(self.frames)

    @property
    def fps(self) -> float:
        """Return the frames per second."""
        return float(self.frame_counter.frames_per_second)

    @property
    def keys_in_order(self) -> list[int]:
        """Return all indices, ascending."""
        return sorted(self.frames or {})

    @property
    def num_batches(self) -> int:
        """Return the smallest number of files of a frame."""
        return min(map(len, self.frames.values())) if self.frames else 0

    @property
    def batches(self) -> range:
        """Return the numbers that ``get_image_files_of_batch`` accepts."""
        return range(self.num_batches)

    def get_image_files_of_batch(self, batch_num: int) -> Iterator[str]:
        """Yield the files of one batch, ordered by index."""
        for index in self.keys_in_order:
            yield self.frames[index][batch_num]  # type: ignore[index]  # there are keys

    def __repr__(self) -> str:
        files = [file for index in self.keys_in_order for file in (self.frames or {})[index]]
        span = f": {files[0]} ... {files[-1]}" if files else ""
        return f"<AnimationSequence of {len(self.frames or {})} frames{span}>"


class LogEntry:
    """Lines of a log, each with its time. Immutable: ``add`` and ``merge`` return new entries."""

    def __init__(self, data: Iterable[tuple[float, str]] = ()) -> None:
        self._data = list(data)

    def add(self, text: str) -> LogEntry:
        """Return an entry with one more line, at the current time."""
        return LogEntry([*self._data, (time.time(), text)])

    def merge(self, other: Any) -> LogEntry:
        """Return an entry that also has the lines of another one."""
        return LogEntry([*self._data, *other._data])  # noqa: SLF001 - the name that both packs share

    def get_filtered_entries(self, t: float) -> Iterator[tuple[float, str]]:
        """Yield the lines that are newer than the Unix time ``t``, in order of time."""
        yield from (entry for entry in sorted(self._data) if entry[0] > t)
