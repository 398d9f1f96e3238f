"""Update manifests with frames that are published from the spool after their run.

Each such frame has the run's facts about the sequence. A run that cannot update its manifest at its end leaves the
update as a note in the spool; the note is applied before the run's frames are published.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from seqsave import manifest, targets
from seqsave.errors import ManifestError
from seqsave.manifest import UNKNOWN_VERSION, Facts, FrameEntry
from seqsave.manifest.merging import disputed
from seqsave.runtime import retry
from seqsave.spool.entries import Entry, fingerprint, key_of
from seqsave.spool.placing import Placing
from seqsave.spool.publisher import Publisher, publisher_of
from seqsave.spool.rounds import Outcome, Records
from seqsave.spool.store import Spool
from seqsave.wording import crc32_text

__all__ = [
    "DeferredUpdates",
    "closing_facts",
    "frame_facts",
    "kept_entry",
    "opening_facts",
    "published_entry",
    "publisher_behind",
]

Key = tuple[int, int | None]


def frame_facts(facts: Facts, entry: FrameEntry, *, keeps: bool = False) -> dict[str, Any]:
    """Return the facts that a frame in the spool keeps for its manifest. keeps: an existing file stays in its place."""
    return {"manifest": facts.as_document(), "frame": entry.as_document(), **({"keeps": True} if keeps else {})}


def opening_facts(facts: Facts, run: str, batches: Iterable[int]) -> dict[str, Any]:
    """Return the note of a run whose frames all go into the spool first.

    run: its id in the manifest. batches: the variations that it is known to save.
    """
    return {"manifest": facts.as_document(), "opening": {"run": run, "batches": [*batches]}}


def closing_facts(
    facts: Facts, run: str, outcome: manifest.Outcome, kept: Mapping[Key, Entry], batches: Iterable[int]
) -> dict[str, Any]:
    """Return the note of a run that could not reach its manifest at its end.

    kept: the spool's entries of those of ``outcome.lost`` that were put there. batches: as ``opening_facts``.
    """
    return {
        "manifest": facts.as_document(),
        "closing": {
            "run": run,
            "frames": [frame.as_document() for frame in outcome.frames],
            "lost": [[*key, *_of_kept(kept.get(key))] for key in outcome.lost],
            "wanted": sorted(outcome.wanted),
            "sound": outcome.sound,
            "defines": outcome.defines,
            "batches": [*batches],
        },
    }


def _of_kept(entry: Entry | None) -> tuple[Any, ...]:
    return (None,) if entry is None else (entry.path, entry.facts.get("frame"))


class DeferredUpdates(Records):
    """The manifest updates that keep manifests correct while a spool is published.

    run: entries of this run are left out, because it is still active and updates its manifest itself.
    """

    def __init__(self, spool: Spool, *, run: str = "") -> None:
        self._spool = spool
        self._run = run
        self._sessions: dict[str, manifest.Session] = {}

    def begin(self, target: targets.Target, entries: Sequence[Entry], policy: retry.RetryPolicy) -> None:
        """Note in each manifest that frames are coming. Raises TargetError, ManifestError."""
        known = [entry for entry in entries if "manifest" in entry.facts and not self._is_own(entry)]
        for entry in known:
            if "opening" in entry.facts:
                _open(target, entry, policy)
            if "closing" in entry.facts:
                _close(target, entry, self._waiting(entry.place), policy)
        for facts in _facts_of(entry for entry in known if entry.is_frame):
            session = manifest.Session(target, facts, creates=False, policy=policy)
            session.open()
            self._sessions[facts.path] = session

    def end(self, target: targets.Target, outcomes: Sequence[Outcome], policy: retry.RetryPolicy) -> None:
        """Record the published frames. Raises TargetError, ManifestError."""
        frames: dict[str, list[FrameEntry]] = {}
        for outcome in outcomes:
            entry = outcome.entry
            if entry is None or not {"manifest", "frame"} <= entry.facts.keys():
                continue
            own = frames.setdefault(Facts.from_document(entry.facts["manifest"]).path, [])
            if outcome.status == "published":
                own.append(_as_judged(published_entry(entry.facts["frame"], outcome.published)))
            elif outcome.is_kept:
                own.append(_as_judged(kept_entry(entry.facts["frame"])))
        sessions, self._sessions = self._sessions, {}
        for path, session in sessions.items():
            session.close(manifest.Outcome(frames=frames.get(path, []), defines=False))

    def _waiting(self, place: Mapping[str, str]) -> dict[str, Entry]:
        """Return the frames of a place that wait in the spool, by their keys."""
        return {entry.key: entry for entry in self._spool.contents(fingerprint(place)).entries if entry.is_frame}

    def _is_own(self, entry: Entry) -> bool:
        return bool(self._run) and entry.run == self._run


def publisher_behind(kept_in: Spool) -> Publisher:
    """Return the publisher that publishes a spool's frames in the background."""
    return publisher_of(kept_in, partial(DeferredUpdates, kept_in))


def _facts_of(entries: Iterable[Entry]) -> list[Facts]:
    """Return the facts of each sequence, once."""
    found = [Facts.from_document(entry.facts["manifest"]) for entry in entries]
    return list({facts.path: facts for facts in found}.values())


def _open(target: targets.Target, entry: Entry, policy: retry.RetryPolicy) -> None:
    facts = Facts.from_document(entry.facts["manifest"])
    opening = entry.facts["opening"]
    session = manifest.Session(target, facts, policy=policy, run=str(opening["run"]))
    session.batches.update(_batches_in(opening))
    session.open()


def _close(target: targets.Target, entry: Entry, waiting: Mapping[str, Entry], policy: retry.RetryPolicy) -> None:
    facts, closing = Facts.from_document(entry.facts["manifest"]), entry.facts["closing"]
    placing = Placing(target, partial(retry.call, policy, contact=target.known))
    session = manifest.Session(target, facts, creates=False, policy=policy)
    others = _recorded_since(session, waiting.values(), placing)
    try:
        # Of what was in the spool then, some may have been published since, perhaps without a manifest to enter it
        # into: a look at the storage says which.
        gone = [one for one in closing["lost"] if one[2] is not None and key_of(one[2]) not in waiting]
        stated = [_as_judged(FrameEntry.from_document(one[3])) for one in gone if len(one) > 3 and one[3] is not None]
        frames = [FrameEntry.from_document(one) for one in closing["frames"]]
        outcome = manifest.Outcome(
            frames=[*frames, *(replace(frame, version=UNKNOWN_VERSION) for frame in stated)],
            lost={(one[0], one[1]) for one in closing["lost"] if one not in gone and (one[0], one[1]) not in others},
            wanted={*closing["wanted"], *(one[0] for one in gone), *(index for index, _ in others)},
            sound=bool(closing["sound"]),
            defines=bool(closing["defines"]),
        )
        run, batches = str(closing["run"]), _batches_in(closing)
    except (LookupError, TypeError, ValueError) as error:
        raise ManifestError(f"a note in the spool cannot be read: {error!r}") from None
    session = manifest.Session(target, facts, creates=outcome.defines, policy=policy, run=run)
    session.batches.update(batches)
    session.close(outcome)


def _batches_in(note: Mapping[str, Any]) -> list[int]:
    """Return the variations that a note states: none by an older version."""
    return [int(batch) for batch in note.get("batches", ())]


def _recorded_since(session: manifest.Session, waiting: Collection[Entry], placing: Placing) -> set[Key]:
    """Return those of the frames which another run has written and recorded since they were put into the spool.

    They are conflicts, or are left out by a run that keeps existing frames, and the record of the other run stays. A
    run that replaces no frame leaves every record as it is.
    """
    found = session.peek() if waiting else None
    recorded = {} if found is None else {frame.key: frame for frame in found.frames if frame.checksum is not None}
    return {
        (entry.index, entry.batch)
        for entry in waiting
        if (frame := recorded.get((entry.index, entry.batch))) is not None
        and FrameEntry.from_document(entry.facts.get("frame", {})).name == frame.name
        and _is_since(frame, entry, placing)
    }


def _is_since(frame: FrameEntry, entry: Entry, placing: Placing) -> bool:
    """Return whether a recorded frame was written since an entry for its name was made, or must not be replaced."""
    if frame.version == UNKNOWN_VERSION:
        return False
    if entry.frame.create:
        return True
    if entry.before.state == "unknown":  # the storage could not be asked then
        is_own = any((frame.size, frame.checksum) == (size, crc32_text(crc)) for size, crc in entry.before.own)
        return not is_own and placing.may_be_newer(entry)
    return frame.version not in (None, entry.before.version)


def _as_judged(entry: FrameEntry) -> FrameEntry:
    """Return the entry for the manifest: without the checksum of a frame that its run noted as doubtful."""
    return disputed(entry) if entry.disputed else entry


def kept_entry(document: Any, size: int | None = None) -> FrameEntry:
    """Return the manifest's entry of a frame in place of which an existing file was kept. size: that of the file."""
    entry = FrameEntry.from_document(document)
    return FrameEntry(index=entry.index, batch=entry.batch, name=entry.name, size=size, disputed=entry.disputed)


def published_entry(document: Any, answer: targets.Published | None) -> FrameEntry:
    """Return the manifest's entry of a frame that was published from the spool.

    answer: the storage's; None if the same bytes were found there: no answer names their version, so the frame is
    looked at again.
    """
    entry = FrameEntry.from_document(document)
    if answer is None:
        return replace(entry, version=UNKNOWN_VERSION)
    return replace(entry, etag=answer.etag, acknowledged=answer.acknowledged, version=answer.version)
