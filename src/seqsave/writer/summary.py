"""Summarise the outcome of a writer's frames: for SaveError, and for an error of the caller's code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seqsave import naming
from seqsave.errors import (
    FrameExistsError,
    ManifestError,
    SaveError,
    SeqSaveError,
    SourceError,
    SpoolError,
    TargetError,
    WriterAbortedError,
)
from seqsave.targets.redact import keeps_traces
from seqsave.types import FailedFrame, SaveResult

if TYPE_CHECKING:
    from seqsave.writer.fallback import Fallback

__all__ = ["Summary"]

_OF_STORAGES = (TargetError, ManifestError, SpoolError, FrameExistsError, SourceError)


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a writer's accepted frames.

    fallback: keeps those that are in the spool; None without one.
    error:    the error that ended the run; None if none did.
    """

    result: SaveResult
    fallback: Fallback | None = None
    error: BaseException | None = None

    def failure(self) -> SaveError:
        """Return the error that ``close`` raises. It leads to the page about its cause, if that has one."""
        why = self._cause()
        topic = why.topic if isinstance(why, SeqSaveError) else ""
        made = SaveError(self.text(), self.result, topic=topic)
        made.__cause__ = why
        return made

    def _cause(self) -> BaseException | None:
        """Return the cause of ``failure``: the error of the frame that ended the run, otherwise the run's.

        The error of a storage comes without the lines of the writer's threads that it passed: they help no caller.
        """
        found = self._root().exception if self.result.failures else self.error
        if isinstance(found, _OF_STORAGES) and not keeps_traces():
            found.__traceback__ = None
        return found

    def text(self) -> str:
        """Return the text of SaveError: how many frames are saved, spooled and lost, which, why, and what to do."""
        result = self.result
        kept = [frame.index for frame in result.frames if frame.status == "spooled"]
        lost = [failure.index for failure in result.failures]
        counts, advice = f"{result.counts['saved']} saved", ""
        if kept and self.fallback is not None:
            counts += f", {len(kept)} in the spool {self.fallback.folder}, {len(lost)} lost"
            advice = f". To publish the spooled frames: {self.fallback.flush_command}"
        return (
            f"{len(kept) + len(lost)} of {len(lost) + len(result.frames)} accepted frames not saved to {result.url} "
            f"({_numbers({*kept, *lost})}; {counts}): {self._reason()}{advice}"
        )

    def note(self, error: BaseException) -> bool:
        """Add the outcome of the frames to an error of the caller's code.

        Return whether Python shows it: not on Python 3.10, nor with SystemExit and similar exceptions.
        """
        interrupted = isinstance(error, KeyboardInterrupt)
        text = self.aftermath("interrupt" if interrupted else "error")
        if isinstance(error, SeqSaveError):
            error.saved, error.aftermath = self.result.counts["saved"], text
            return True
        if text and hasattr(error, "add_note"):  # Python 3.11
            error.add_note(f"seqsave: {text}, in {self.result.url}")
        return (interrupted or isinstance(error, Exception)) and hasattr(error, "add_note")

    def aftermath(self, end: Literal["error", "interrupt"] = "error") -> str:
        """Return the outcome of the frames for an error of the caller's code; "" if there were none.

        end: what ended the block: ``"interrupt"`` for Ctrl-C, which gives up frames by itself.
        """
        counts, failures = self.result.counts, self.result.failures
        saved, kept = counts["saved"], counts["spooled"]
        parts = []
        if saved == 1:
            parts.append(f"the frame saved before the {end} is kept")
        elif saved:
            parts.append(f"the {saved} frames saved before the {end} are kept")
        if kept and self.fallback is not None:
            parts.append(f"{kept} in the spool {self.fallback.folder}: publish them with {self.fallback.flush_command}")
        if failures:
            numbers = _numbers({failure.index for failure in failures})
            root = self._root()
            given_up = end == "interrupt" and isinstance(root.exception, (WriterAbortedError, KeyboardInterrupt))
            reason = "given up" if given_up else root.error
            parts.append(f"{len(failures)} accepted before the {end} not saved ({numbers}): {reason}")
        return "; ".join(parts)

    def _root(self) -> FailedFrame:
        """Return the failure that caused the others: after it, frames that are being retried are given up."""
        failures = self.result.failures
        ended = next((failure for failure in failures if failure.exception is self.error), None)
        return ended or next(
            (one for one in failures if not isinstance(one.exception, WriterAbortedError)), failures[0]
        )

    def _reason(self) -> str:
        if not self.result.failures:
            return self.fallback.why if self.fallback is not None else ""
        first = self._root()
        return first.error if first.error.startswith("frame ") else f"frame {first.index}: {first.error}"


def _numbers(indices: Collection[int]) -> str:
    return naming.format_ranges(naming.to_ranges(sorted(indices)), 10)
