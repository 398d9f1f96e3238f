"""Publish the frames that wait in a spool, and return the outcome of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from seqsave import targets
from seqsave.errors import OptionError
from seqsave.plugins.options import check_storage_options
from seqsave.runtime.retry import RetryPolicy
from seqsave.spool.deferred import DeferredUpdates
from seqsave.spool.entries import Entry
from seqsave.spool.opening import open_spool
from seqsave.spool.results import FlushedFrame, FlushResult
from seqsave.spool.rounds import Outcome, flush_spool, overlaps

__all__ = ["flush"]


def flush(
    spool: str | os.PathLike[str] | None = None,
    *,
    target: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    replace: bool = False,
    retry: RetryPolicy | None = None,
    on_frame: Callable[[FlushedFrame], None] | None = None,
) -> FlushResult:
    """Publish the frames that wait in a spool, and return a ``FlushResult``.

    Each frame is published where it was to be saved, compared, entered into the manifest, and only then removed from
    the spool. A frame whose name another file has by now is a conflict: it stays in the spool, and the file stays as it
    is.

    spool:           the folder; by default that of ``SEQSAVE_SPOOL``, of the configuration, or the usual one.
    target:          publish only frames for this URL or configured name, or below it.
    storage_options: for all targets, as ``open_writer`` takes them; the spool holds none.
    replace:         publish conflicts as well, in the place of the files that have their names.
    retry:           how often to try each request, once the storage has answered; the first request is tried once.
    on_frame:        called with the record of each frame, as soon as that is known.

    No single frame raises. Raises OptionError for a wrong argument, SpoolError for a folder that cannot be read, or
    that other users own or can write into, and TargetError for a ``target`` that is not understood.
    """
    check_storage_options(storage_options)
    if retry is not None and not isinstance(retry, RetryPolicy):
        raise OptionError(f"retry is {retry!r}: it must be a RetryPolicy")
    folder = open_spool(True if spool is None else spool)
    if folder is None:
        raise OptionError(f"spool is {spool!r}: it must be a folder's path, or None for the usual one")
    outcomes: list[FlushedFrame] = []

    def note(outcome: Outcome) -> None:
        # A manifest update is not a frame; it is a record only if it could not be published.
        if outcome.entry is None or outcome.entry.is_frame or outcome.is_left:
            outcomes.append(_record(outcome))
            if on_frame is not None:
                on_frame(outcomes[-1])

    flush_spool(
        folder,
        lambda url: targets.resolve(url, storage_options),
        records=DeferredUpdates(folder),
        policy=retry,
        wanted=_wanted(target, storage_options),
        replaces=replace,
        on_outcome=note,
    )
    return FlushResult(spool=str(folder.folder), outcomes=tuple(outcomes))


def _wanted(target: str | os.PathLike[str] | None, options: Mapping[str, Any] | None) -> Callable[[Entry], bool]:
    if target is None:
        return lambda _: True
    place = targets.resolve(target, options).identity()
    return lambda entry: overlaps(place, entry.place) and len(entry.place.get("root", "")) >= len(place.get("root", ""))


def _record(outcome: Outcome) -> FlushedFrame:
    entry = outcome.entry
    if entry is None:
        return FlushedFrame(
            index=None, batch=None, url="", status=outcome.status, message=outcome.message, file=outcome.file
        )
    return FlushedFrame(
        index=entry.index if entry.is_frame else None,
        batch=entry.batch,
        url=f"{entry.target.rstrip('/')}/{entry.path}",
        status=outcome.status,
        reason=outcome.reason,
        message=outcome.message,
        verified=outcome.verified,
        size=entry.size,
        files=tuple(file.path for file in entry.files),
        path=entry.path,
        target=entry.target,
        place=dict(entry.place),
        time=entry.time,
        why=entry.why,
        file=outcome.file or entry.name,
        exception=outcome.error,
    )
