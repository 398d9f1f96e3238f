"""What became of the accepted frames, in words: for errors at the end of a writer."""

from __future__ import annotations

from seqsave import naming
from seqsave.errors import WriterAbortedError
from seqsave.types import FailedFrame, SaveResult
from seqsave.wording import counted
from seqsave.writer.fallback import Outage

__all__ = ["aftermath", "cause", "summary"]


def _root(result: SaveResult) -> FailedFrame:
    """The failure that the others are a consequence of."""
    return next((f for f in result.failures if not isinstance(f.exception, WriterAbortedError)), result.failures[0])


def cause(result: SaveResult, error: BaseException | None) -> BaseException | None:
    """What raised the error: of the first frame that failed, else of the run."""
    return _root(result).exception if result.failures else error


def summary(result: SaveResult, outage: Outage | None) -> str:
    """How many accepted frames are saved, in the spool and lost, which, why, and what to do."""
    kept = [frame.index for frame in result.frames if frame.status == "spooled"]
    lost = [failure.index for failure in result.failures]
    numbers = naming.format_ranges(naming.to_ranges(sorted({*kept, *lost})), 10)
    counts = f"{result.counts['saved']} saved"
    advice = ""
    if kept and outage is not None:
        counts += f", {len(kept)} in the spool {outage.folder}, {len(lost)} lost"
        advice = f". To publish what is in the spool: seqsave flush {outage.folder}"
    return (
        f"{len(kept) + len(lost)} of {len(lost) + len(result.frames)} accepted frames not saved to {result.url} "
        f"({numbers}; {counts}): {_reason(result, outage)}{advice}"
    )


def _reason(result: SaveResult, outage: Outage | None) -> str:
    if not result.failures:
        return outage.why if outage is not None else ""
    first = _root(result)
    return first.error if first.error.startswith("frame ") else f"frame {first.index}: {first.error}"


def aftermath(result: SaveResult, outage: Outage | None) -> str:
    """What became of the accepted frames when the caller's code failed; nothing where there were none."""
    saved, kept, failed = result.counts["saved"], result.counts["spooled"], len(result.failures)
    parts = [f"{counted(saved, 'frame')} saved before this stay saved"] if saved else []
    if kept and outage is not None:
        parts.append(f"{kept} in the spool {outage.folder}: publish them with seqsave flush {outage.folder}")
    if failed:
        parts.append(f"{failed} accepted before this not saved: {_root(result).error}")
    return "; ".join(parts)
