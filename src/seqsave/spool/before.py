"""The file that the storage had under a frame's name when its entry was made, so that no newer frame is replaced.

An entry replaces the file that existed when it was made, or an older content that the same spool published under that
name. Any other file was written since, and is a conflict. If the storage could not be asked, the start of the run
decides: a file that the storage received before that is older than the frame.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from seqsave.runtime.processes import machine_id
from seqsave.targets import Entry as StoredFile

__all__ = ["Before", "nothing", "unknown"]

Content = tuple[int, int]
"""Size and CRC-32 of one file's bytes."""

# How many earlier contents an entry remembers: those that may be in the storage by now.
MOST_OWN = 16
# Seconds by which the clocks of two machines may differ: stores refuse signatures of clocks that differ by more.
LARGEST_SKEW = 900.0
# The same, once the storage's clock was read: its times may be whole seconds.
READ_SKEW = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The file that the storage had under a frame's name when the entry was made.

    state:   ``"file"``, ``"nothing"``, or ``"unknown"``: the storage could not be asked.
    version: the version of the file; None for a storage without versions. size: its bytes.
    began:   when the run began, in seconds since 1970 by this machine's clock; 0 if unknown.
    uptime:  the same in seconds since the machine was started, which setting the clock does not change; 0 if unknown.
    boot:    the machine and its start, from which ``uptime`` counts.
    own:     contents that the same spool was to publish under this name before, the newest last.
    """

    state: Literal["file", "nothing", "unknown"] = "unknown"
    version: str | None = None
    size: int | None = None
    began: float = 0.0
    uptime: float = 0.0
    boot: str = ""
    own: tuple[Content, ...] = ()

    def with_own(self, contents: Iterable[Content]) -> Before:
        """Return a copy with further contents."""
        return replace(self, own=tuple(dict.fromkeys((*contents, *self.own)))[-MOST_OWN:])

    def of(self, version: str | None, size: int | None) -> Before:
        """Return a copy for a storage that has this file."""
        return replace(self, state="file", version=version, size=size)

    def is_file(self, seen: StoredFile) -> bool:
        """Return True if a file is the one that existed when the entry was made. Empty files are not frames."""
        if seen.size == 0:
            return True
        if self.state != "file":
            return False
        has_version = self.version is not None and seen.version is not None
        return self.size == seen.size and (self.version == seen.version or not has_version)

    def is_older(self, seen: StoredFile, storage_now: float | None) -> bool:
        """Return True if it is certain that the storage received a file before the run began.

        storage_now: the time by the storage's clock; None if it does not report it.
        """
        began, now = self._began_at(), time.time()
        if seen.changed is None or not began or began > now:  # a clock that was set back
            return False
        if storage_now is None:
            return seen.changed < began - LARGEST_SKEW
        return seen.changed < began + (storage_now - now) - READ_SKEW

    def _began_at(self) -> float:
        """Return when the run began by the clock as it is now."""
        now = _uptime()
        if self.uptime and now and self.boot == machine_id():
            return time.time() - (now - self.uptime)
        return self.began - LARGEST_SKEW if self.began else 0.0

    def as_document(self) -> dict[str, Any]:
        """Return JSON values for an entry's header."""
        return {**asdict(self), "own": [list(one) for one in self.own]}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Before:
        """Return the record of a document of ``as_document``. Raises ValueError, TypeError."""
        before = cls(**{**document, "own": tuple((one[0], one[1]) for one in document["own"])})
        numbers = [*(number for one in before.own for number in one), *([] if before.size is None else [before.size])]
        texts = (before.boot, *([] if before.version is None else [before.version]))
        times = (before.began, before.uptime)
        is_sound = (
            before.state in ("file", "nothing", "unknown")
            and all(type(number) is int and number >= 0 for number in numbers)
            and all(isinstance(text, str) for text in texts)
            and all(type(one) in (int, float) and 0 <= one < 2**53 for one in times)
        )
        if not is_sound:
            raise ValueError("a value of another type or size")
        return before


def unknown(*, began: float | None = None) -> Before:
    """Return the record before any storage was asked, which has only the start of the run. began: by default, now."""
    if began is not None:
        return Before(began=began)
    uptime = _uptime()
    return Before(began=time.time(), uptime=uptime, boot=machine_id() if uptime else "")


def nothing(before: Before) -> Before:
    """Return a copy for a storage that has no file of this name."""
    return replace(before, state="nothing", version=None, size=None)


def _uptime() -> float:
    """Return the seconds since this machine was started, including those in which it slept; 0 if unknown."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if clock is None else time.clock_gettime(clock)
