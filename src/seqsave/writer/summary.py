"""Summarise the outcome of a writer's frames: for SaveError, and for an error of the caller's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

__all__ = ["aftermath", "failure", "note", "summary"]

_OF_STORAGES = (TargetError, ManifestError, SpoolError, FrameExistsError, SourceError)


def failure(result: SaveResult, fallback: Fallback | None, error: BaseException | None) -> SaveError:
    """Return the error that ``close`` raises. It leads to the page about its cause, if that has one."""
    why = _cause(result, error)
    topic = why.topic if isinstance(why, SeqSaveError) else ""
    made = SaveError(summary(result, fallback, error), result, topic=topic)
    made.__cause__ = why
    return made


def _cause(result: SaveResult, error: BaseException | None) -> BaseException | None:
    """Return the cause of the error that ``close`` raises: that of the frame that ended the run, otherwise the run's.

    The error of a storage comes without the lines of the writer's threads that it passed: they help no caller.

    error: the error that ended the run, here and below; None if none did.
    """
    found = _root(result, error).exception if result.failures else error
    if isinstance(found, _OF_STORAGES) and not keeps_traces():
        found.__traceback__ = None
    return found


def summary(result: SaveResult, fallback: Fallback | None, error: BaseException | None = None) -> str:
    """Return the text of SaveError: how many frames are saved, spooled and lost, which, why, and what to do."""
    kept = [frame.index for frame in result.frames if frame.status == "spooled"]
    lost = [failure.index for failure in result.failures]
    numbers = naming.format_ranges(naming.to_ranges(sorted({*kept, *lost})), 10)
    counts = f"{result.counts['saved']} saved"
    advice = ""
    if kept and fallback is not None:
        counts += f", {len(kept)} in the spool {fallback.folder}, {len(lost)} lost"
        advice = f". To publish the spooled frames: {fallback.flush_command}"
    return (
        f"{len(kept) + len(lost)} of {len(lost) + len(result.frames)} accepted frames not saved to {result.url} "
        f"({numbers}; {counts}): {_reason(result, fallback, error)}{advice}"
    )


def note(
    error: BaseException, result: SaveResult, fallback: Fallback | None, ended: BaseException | None = None
) -> bool:
    """Add the outcome of the accepted frames to an error of the caller's code. ended: the error that ended the run.

    Return whether Python shows it: not on Python 3.10, nor with SystemExit and similar exceptions.
    """
    interrupted = isinstance(error, KeyboardInterrupt)
    text = aftermath(result, fallback, ended, "interrupt" if interrupted else "error")
    if isinstance(error, SeqSaveError):
        error.saved, error.aftermath = result.counts["saved"], text
        return True
    if text and hasattr(error, "add_note"):  # Python 3.11
        error.add_note(f"seqsave: {text}, in {result.url}")
    return (interrupted or isinstance(error, Exception)) and hasattr(error, "add_note")


def aftermath(
    result: SaveResult, fallback: Fallback | None, error: BaseException | None = None, end: str = "error"
) -> str:
    """Return a summary of the accepted frames for an error of the caller's code; "" if there were none.

    end: what ended the block: ``"interrupt"`` for Ctrl-C, which gives up frames by itself.
    """
    saved, kept, failed = result.counts["saved"], result.counts["spooled"], len(result.failures)
    parts = []
    if saved == 1:
        parts.append(f"the frame saved before the {end} is kept")
    elif saved:
        parts.append(f"the {saved} frames saved before the {end} are kept")
    if kept and fallback is not None:
        parts.append(f"{kept} in the spool {fallback.folder}: publish them with {fallback.flush_command}")
    if failed:
        numbers = naming.format_ranges(naming.to_ranges(sorted({failure.index for failure in result.failures})), 10)
        root = _root(result, error)
        given_up = end == "interrupt" and isinstance(root.exception, WriterAbortedError)
        reason = "given up" if given_up else root.error
        parts.append(f"{failed} accepted before the {end} not saved ({numbers}): {reason}")
    return "; ".join(parts)


def _root(result: SaveResult, error: BaseException | None) -> FailedFrame:
    """Return the failure that caused the others: after it, frames that are being retried are given up."""
    ended = next((failure for failure in result.failures if failure.exception is error), None)
    return ended or next(
        (f for f in result.failures if not isinstance(f.exception, WriterAbortedError)), result.failures[0]
    )


def _reason(result: SaveResult, fallback: Fallback | None, error: BaseException | None) -> str:
    if not result.failures:
        return fallback.why if fallback is not None else ""
    first = _root(result, error)
    return first.error if first.error.startswith("frame ") else f"frame {first.index}: {first.error}"
