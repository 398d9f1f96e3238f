"""Find the frames that a run has saved and that another program has removed before the run has ended."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.types import FailedFrame, SavedFrame

__all__ = ["MOST_ASKED", "SAMPLE", "removed_since"]

# Frames that a listing lacks are looked for one by one, up to this number; of more, so many are looked for first.
MOST_ASKED, SAMPLE = 100, 20


def removed_since(target: targets.Target, unseen: Mapping[str, SavedFrame]) -> list[FailedFrame]:
    """Return the records of those of these saved frames, path to record, that do not exist any more.

    unseen: the frames that the run's last listing does not show. That alone proves nothing, since some storages list a
    new file late but know it by its name: each is looked for. Of more than ``MOST_ASKED``, a sample is looked for
    first; if none of it exists, the listing is right, and the others are gone too.
    """
    paths = list(unseen)
    sample = paths if len(paths) <= MOST_ASKED else _spread(paths, SAMPLE)
    gone = _absent(target, sample)
    if len(gone) == len(sample):
        gone = paths
    elif len(sample) < len(paths):
        gone = _absent(target, paths)
    return [_failed(unseen[path]) for path in gone]


def _absent(target: targets.Target, asked: Sequence[str]) -> list[str]:
    """Return the files that do not exist. Those that cannot be looked for may exist, and end the search."""
    absent: list[str] = []
    with contextlib.suppress(TargetError):
        absent.extend(path for path in asked if not target.exists(path))
    return absent


def _spread(paths: Sequence[str], count: int) -> list[str]:
    """Return so many of the paths, evenly spread, with the first and the last one: a part may be gone, or new."""
    return [paths[number * (len(paths) - 1) // (count - 1)] for number in range(count)]


def _failed(frame: SavedFrame) -> FailedFrame:
    error = TargetError("it was saved, but another program has removed it", fault="missing")
    return FailedFrame(
        index=frame.index,
        batch=frame.batch,
        filetype=frame.filetype,
        url=frame.url,
        error=str(error),
        exception=error,
    )
