"""The end of a run: its records become one change of the manifest, after the storage was listed."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from seqsave import naming, targets
from seqsave.errors import RunError, TargetError
from seqsave.manifest import UNKNOWN_VERSION, FrameEntry, Listing, Manifest, Outcome, Session, list_frames
from seqsave.manifest.intervals import subtract, unite
from seqsave.manifest.merging import disputed
from seqsave.runs.records import FrameRecord
from seqsave.runtime import retry
from seqsave.wording import crc32_text

__all__ = ["Ending", "remove_temporaries"]

Key = tuple[int, int | None]
Ranges = tuple[range, ...]
# Files for one request of a listing; more or less, as storages differ.
_LISTED_AT_ONCE = 1000


@dataclass(frozen=True)
class Ending:
    """The end of one run: its records, checked as far as that needs no storage. ``of`` makes it.

    run:     its id.
    records: those of each frame; several if its attempts differ.
    wanted:  all indices that it was to save.
    policy:  how often requests are tried.
    """

    target: targets.Target
    rule: naming.NameRule
    run: str
    records: Mapping[Key, list[FrameRecord]]
    wanted: Ranges
    policy: retry.RetryPolicy

    @classmethod
    def of(
        cls,
        target: targets.Target,
        rule: naming.NameRule,
        run: str,
        records: Iterable[FrameRecord],
        *,
        expected: Ranges | None,
        step: int,
        policy: retry.RetryPolicy,
    ) -> Ending:
        """Check the records. expected: all indices of the run, None if neither is given. Raises RunError."""
        found = _by_frame(records, run, rule)
        wanted = _between(found, step) if expected is None else expected
        _check_gaps(found, wanted, is_guess=expected is None)
        return cls(target, rule, run, found, wanted, policy)

    def commit(self, session: Session) -> Manifest:
        """Put the frames into the manifest. Raises RunError, TargetError, ManifestError."""
        made = session.commit(self.outcome, self._check)
        remove_temporaries(self.target, self.rule, self.run, {key[1] for key in self.records})
        return made

    def rehearse(self, session: Session) -> None:
        """Raise what ``commit`` raises now, and change nothing."""
        session.rehearse(self.outcome, self._check)

    @cached_property
    def outcome(self) -> Outcome:
        """Return one record for each frame; where attempts differ, the storage is asked once which one it holds.

        Raises RunError if it holds none of them; TargetError.
        """
        keys = sorted(self.records, key=_order)
        listing = self._listing()
        settled = [_settled(self.target, self.rule, self.records[key], listing, self.policy) for key in keys]
        judged = [disputed(entry) if entry.disputed else entry for entry in settled]
        return Outcome(frames=_in_doubt(judged), wanted=_indices(self.wanted))

    def _listing(self) -> Listing:
        """Return the versions of the frames of which attempts differ, if a listing takes less requests than reading."""
        differing = [own[0].name for own in self.records.values() if len(own) > 1]
        if len(differing) <= 1 + len(self.records) // _LISTED_AT_ONCE:
            return {}
        look = partial(list_frames, self.target, self.rule.prefix, differing)
        return retry.call(self.policy, look, contact=self.target.known) or {}

    def _check(self, manifest: Manifest) -> None:
        _check_confirmed(self.target, manifest, self.records, {one.key for one in self.outcome.frames if one.disputed})


def remove_temporaries(target: targets.Target, rule: naming.NameRule, run: str, batches: Iterable[int | None]) -> None:
    """Remove the temporary files that killed parts of the run have left. A part that is still active then fails."""
    for batch in {None, *batches}:
        parts = (rule.folder, "" if batch is None else naming.batch_folder(batch))
        folder = "/".join(filter(None, parts))
        for one in (folder, f"{folder}/{naming.PRIVATE_FOLDER}".lstrip("/")):
            with contextlib.suppress(TargetError):  # they do no harm
                target.remove_stale_temporaries(one, run=run)


# --- which records there are -----------------------------------------------------------------------------------------


def _by_frame(records: Iterable[FrameRecord], run: str, rule: naming.NameRule) -> dict[Key, list[FrameRecord]]:
    """Return the records by frame; a record that is passed twice counts once."""
    found: dict[Key, list[FrameRecord]] = {}
    for record in records:
        if not isinstance(record, FrameRecord):
            raise RunError(
                f"{type(record).__name__} is not a seqsave.FrameRecord: pass the records of parts to commit",
                reason="foreign",
            )
        if not record.is_sound:
            raise RunError(
                f"the record of {record.name!r:.80} is damaged: no task returns such values. Write the frame again",
                reason="foreign",
            )
        if record.run != run or naming.normalized(record.name) != naming.normalized(_name_of(rule, record.key)):
            raise RunError(
                f"the record of {record.name:.80} belongs to run {record.run!r:.80}, not to {run!r} of {rule.pattern}: "
                "commit each run with its own records",
                reason="foreign",
                frames=(range(record.index, record.index + 1),),
            )
        same = found.setdefault(record.key, [])
        if record not in same:
            same.append(record)
    return found


def _name_of(rule: naming.NameRule, key: Key) -> str:
    """Return the frame's path below the sequence's folder."""
    return rule.format(*key)[len(rule.folder) :].lstrip("/")


def _between(found: Mapping[Key, object], step: int) -> Ranges:
    """Return all indices from the first recorded one to the last, where neither `total` nor frames is given."""
    if not found:
        return ()
    indices = [index for index, _ in found]
    first, last = min(indices), max(indices)
    if (last - first) // step >= naming.MOST_FRAMES:
        raise RunError(f"frames {first} to {last} are too many for one run", reason="missing")
    run = range(first, last + 1, step)
    return (run,) if step == 1 else naming.to_ranges(run)


def _check_gaps(found: Mapping[Key, object], wanted: Ranges, *, is_guess: bool) -> None:
    numbered: set[int | None] = {batch for _, batch in found if batch is not None}
    lacking = [
        subtract(wanted, naming.to_ranges(sorted(index for index, own in found if own == batch)))
        for batch in numbered or {None}
    ]
    gaps = unite(*lacking)
    if not gaps and not found:
        raise RunError("no task of the run has saved a frame: save some before the commit", reason="missing")
    if not gaps:
        return
    advice = "save them in the run, and commit again"
    if is_guess:
        advice += ", or pass open_run the frames that the run is to save"
    raise RunError(
        f"no task of the run has saved these frames: {naming.format_ranges(gaps, 20)}; {advice}",
        reason="missing",
        frames=gaps,
    )


def _indices(runs: Ranges) -> set[int]:
    return {index for run in runs for index in run}


def _order(key: Key) -> tuple[int, int]:
    return key[0], -1 if key[1] is None else key[1]


# --- what the storage holds ------------------------------------------------------------------------------------------


def _settled(
    target: targets.Target,
    rule: naming.NameRule,
    records: Sequence[FrameRecord],
    listing: Listing,
    policy: retry.RetryPolicy,
) -> FrameEntry:
    """Return the record of a frame. If attempts differ, its version is the listed one; else the file is read."""
    if len(records) == 1:
        return records[0].entry
    first = records[0]
    seen = listing.get(first.name)
    if seen is not None and seen.version is not None:
        for record in records:
            if (record.version, record.size) == (seen.version, seen.size):
                return record.entry
    path = rule.format(first.index, first.batch)
    try:
        data, there = retry.call(policy, lambda: target.read_published(path), contact=target.known)
    except targets.FileMissingError:
        raise _gone("missing", target, [first.key]) from None
    facts = (len(data), crc32_text(zlib.crc32(data)))
    for record in records:
        if (record.size, record.checksum) == facts:
            return replace(record.entry, version=there.version, etag=there.etag)
    raise _gone("replaced", target, [first.key])


def _in_doubt(entries: list[FrameEntry]) -> list[FrameEntry]:
    """Return the records, those without a version in doubt if the storage states versions: then their file is read."""
    if all(entry.version is None for entry in entries):
        return entries
    return [entry if entry.version is not None else replace(entry, version=UNKNOWN_VERSION) for entry in entries]


def _check_confirmed(
    target: targets.Target, manifest: Manifest, keys: Iterable[Key], doubtful: Collection[Key]
) -> None:
    """Raise RunError for frames of the run that the listing did not confirm. doubtful: those recorded as disputed."""
    if not manifest.confirmed:  # no right to list: the manifest states that
        return
    known = {frame.key: frame for frame in manifest.frames}
    missing = [key for key in keys if key not in known]
    if missing:
        raise _gone("missing", target, missing)
    replaced = [key for key in keys if known[key].disputed and key not in doubtful]
    if replaced:
        raise _gone("replaced", target, replaced)


def _gone(reason: str, target: targets.Target, keys: Iterable[Key]) -> RunError:
    frames = naming.to_ranges(sorted({index for index, _ in keys}))
    shown = naming.format_ranges(frames, 20)
    advice = "write them once more and commit with the new records"
    if reason == "missing":
        return RunError(f"frames are gone from {target.url}: {shown}: {advice}", reason="missing", frames=frames)
    return RunError(
        f"frames in {target.url} have other bytes than their records: {shown}: {advice}",
        reason="replaced",
        frames=frames,
    )
