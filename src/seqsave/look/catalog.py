"""The sequences that a viewer shows: found by the one finder, looked at again as they grow, described for the page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from seqsave import naming
from seqsave.errors import DecodeError, ManifestError, SeqSaveError, SequenceNotFoundError, TargetError
from seqsave.look.stored import StoredProxies
from seqsave.manifest import Manifest, Picture
from seqsave.manifest.intervals import Intervals
from seqsave.sequences import finder, lookup
from seqsave.sequences.frame import Frame, key_of
from seqsave.sequences.progress import Progress, progress_of
from seqsave.sequences.reader import FrameSequence
from seqsave.types import Decoded

__all__ = ["Catalog", "Catalogs", "Facts", "Key", "Place", "Seen", "Shown", "facts_of", "find", "reason_of", "runs_of"]

Key = tuple[str, str, str]
Place = tuple[int, int | None]  # (index, batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The format of a sequence's pictures, as its first frame or its manifest states it.

    channels: their names. space: the colour space in words. rate: frames per second.
    proxies:  small pictures are stored beside the frames.
    """

    picture: Picture | None = None
    channels: tuple[str, ...] = ()
    space: str | None = None
    rate: Fraction | None = None
    proxies: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A sequence, and how far it has come, as one look at the storage showed both."""

    sequence: FrameSequence
    progress: Progress
    record: str | None = None

    @property
    def key(self) -> Key:
        """Return a value that stays the same while the sequence grows."""
        name = self.sequence.name
        return self.sequence.url, naming.normalized(name.head), name.ending.casefold()

    @property
    def is_complete(self) -> bool:
        """Return whether the manifest says that nothing is to come."""
        return self.progress.state == "complete"


@dataclass
class Catalog:
    """The places that a viewer shows sequences of.

    urls:      folders, patterns, globs; the file of a frame stands for its sequence.
    recursive: search the folders below them too.
    """

    urls: Sequence[str | os.PathLike[str]]
    recursive: bool = False
    prefix: str | None = None
    storage_options: Mapping[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    _known: list[FrameSequence] = field(default_factory=list, init=False, repr=False)

    def look(self) -> list[Seen]:
        """Return the sequences at all places. Raises SequenceNotFoundError for a place without one, and TargetError."""
        found, urls = [], []
        for url in self.urls:
            try:
                here = list(self._at(url))
            except TargetError as error:
                if not isinstance(error.__cause__, NotADirectoryError):
                    raise
                here = []
            if not here and (pattern := _pattern_of_file(url, self.storage_options)):
                url, here = pattern, list(self._at(pattern))
            if not here:
                raise SequenceNotFoundError(self._nothing(url))
            urls.append(url)
            found += here
        self.urls = urls
        self._known = [one.sequence for one in found]
        return found

    def look_again(self, before: Sequence[Seen]) -> list[Seen]:
        """Return the sequences that exist now; () of a place that has none any more. Raises TargetError.

        Of sequences that were complete, only their manifests are looked at.
        """
        if _is_settled(before):
            return list(before)
        found = [one for url in self.urls for one in self._at(url)]
        self._known = [one.sequence for one in found]
        return found

    def _at(self, url: str | os.PathLike[str]) -> Iterator[Seen]:
        survey = finder.survey(url, self.recursive, self.storage_options, self._refused, known=self._known)
        found = [sequence for one in survey if one.is_wanted for sequence in one.sequences]
        # The listings are no longer in memory when the manifests come: both may be long.
        for sequence in found:
            if finder.has_prefix(sequence, self.prefix):
                yield _seen(sequence)

    def _refused(self, message: str) -> None:
        if message not in self.notes:
            self.notes.append(message)

    def _nothing(self, url: str | os.PathLike[str]) -> str:
        means = lookup.look(url, self.storage_options)
        if means is None:
            return lookup.describe_missing(url, self.storage_options)
        found = finder.find(url, storage_options=self.storage_options, with_lost=True)
        named = f"{self.prefix}_#### " if self.prefix else ""
        more = "" if self.recursive or not found.folders else "; --recursive searches them"
        return f"no sequence {named}in {found.where}{found.instead()}{more}"


def _pattern_of_file(url: str | os.PathLike[str], options: Mapping[str, Any] | None) -> str:
    """Return the pattern of the sequence that a file belongs to; "" for everything but a file with a number."""
    text = str(url)
    means = None if lookup.is_pattern(url) else lookup.look_at(url, options)
    split = naming.split_name(means.name) if isinstance(means, lookup.File) else None
    return "" if split is None else f"{text[: len(text) - len(text.replace(os.sep, '/').rpartition('/')[2])]}{split[0]}"


class Catalogs:
    """Several catalogs with storage options of their own, as one."""

    def __init__(self, catalogs: Sequence[Catalog]) -> None:
        self._catalogs = tuple(catalogs)

    def look_again(self, before: Sequence[Seen]) -> list[Seen]:
        """Return the sequences of all; see ``Catalog``."""
        if _is_settled(before):
            return list(before)
        return [one for catalog in self._catalogs for one in catalog.look_again(())]


def _is_settled(before: Sequence[Seen]) -> bool:
    return bool(before) and all(one.is_complete and one.record == _record_of(one.sequence) for one in before)


def find(
    urls: Sequence[str | os.PathLike[str]], storage_options: Mapping[str, Any] | None = None, **how: Any
) -> tuple[Catalog, list[Seen]]:
    """Return the catalog of some places, and their sequences. Raises as ``Catalog.look``."""
    catalog = Catalog(urls, storage_options=storage_options, **how)
    return catalog, catalog.look()


def _seen(sequence: FrameSequence) -> Seen:
    record = _record_of(sequence)  # first: a manifest that is replaced after it is looked at again
    try:
        progress = progress_of(sequence)
    except (ManifestError, TargetError) as error:
        return Seen(sequence, Progress(obstacles=(str(error),)), record)
    if progress.known is not None and sequence.manifest is not None:
        if all(entry.proxy is None for entry in sequence.manifest.frames):  # no stored picture is found by them
            sequence.manifest = _without_entries(sequence.manifest)
        progress = replace(progress, known=_without_entries(progress.known))
    return Seen(sequence, progress, record)


def _without_entries(manifest: Manifest) -> Manifest:
    """Return a manifest without its frames, which may be many, but one that states the format of their pictures."""
    first = next((entry for entry in manifest.frames if entry.picture is not None), None)
    return replace(manifest, frames=() if first is None else (first,))


def _record_of(sequence: FrameSequence) -> str | None:
    """Return the version of a sequence's manifest; None without one, and where the storage has no versions."""
    if sequence.target is None:
        return None
    try:
        entry = sequence.target.look(sequence.manifest_path)
    except TargetError:
        return None
    return None if entry is None else f"{entry.version} {entry.size}"


def runs_of(runs: Iterable[range]) -> list[list[int]]:
    """Return ranges as JSON values: first, last, step."""
    return [[run[0], run[-1], run.step] for run in runs if run]


@dataclass
class Shown:
    """A sequence on the page, under a number that it keeps.

    batches: its variations, in the order of the page; None for frames outside of batch folders.
    broken:  why frames cannot be shown, as far as it is known.
    stamp:   changes when frames were replaced.
    stored:  the small pictures beside the frames; None where a sequence cannot have any.
    """

    id: int
    seen: Seen
    facts: Facts | None = None
    grows: bool = False
    stamp: int = 0
    broken: dict[Place, str] = field(default_factory=dict)
    stored: StoredProxies | None = None
    _there: dict[int | None, Intervals] = field(default_factory=dict)
    _bytes: int | None = None

    def __post_init__(self) -> None:
        if self.sequence.target is not None:
            self.stored = StoredProxies(self.sequence)
        self._index()

    def _index(self) -> None:
        """Keep what the list is made of, as it may be long and is asked for often."""
        by_batch: dict[int | None, list[int]] = {}
        self._bytes = 0
        for frame in self.sequence:
            by_batch.setdefault(frame.batch, []).append(frame.index)
            if self._bytes is not None:
                self._bytes = None if frame.size is None else self._bytes + frame.size
            if frame.size == 0:
                self.broken[frame.index, frame.batch] = f"{frame.name} has no bytes"
        self._there = {batch: naming.to_ranges(own) for batch, own in by_batch.items()}

    @property
    def sequence(self) -> FrameSequence:
        """Return the sequence as it was seen last."""
        return self.seen.sequence

    @property
    def batches(self) -> tuple[int | None, ...]:
        """Return the variations, those that are expected and have no frame yet included."""
        there = set(self._there)
        known = self.seen.progress.known
        wanted = set(known.batches) if known is not None else set()
        if there | wanted != {None}:
            wanted.discard(None)  # expected outside of batch folders only if there are none
        return tuple(sorted(there | wanted, key=lambda batch: -1 if batch is None else batch)) or (None,)

    @property
    def growing(self) -> bool:
        """Return whether frames came since the last look, or a run says that they will."""
        known = self.seen.progress.known
        return self.grows or bool(known is not None and known.writers)

    def frame(self, index: int, batch: int | None) -> Frame | None:
        """Return a frame; None if it is missing."""
        if not any(index in run for run in self._there.get(batch, ())):
            return None
        return self.sequence.frame(index, batch)

    def take(self, seen: Seen) -> tuple[bool, list[Place]]:
        """Take a newer look; return whether the list has changed, and the frames that were replaced."""
        replaced, gone, came = _compared(self.sequence, seen.sequence)
        changed = bool(replaced or gone or came) or self._state(seen) != self._state(self.seen)
        changed |= (came > 0) != self.grows  # a page that shows a growing sequence hears of its end
        self.seen, self.grows = seen, came > 0
        if self.stored is not None and changed:
            self.stored.update(seen.sequence)
        for place in (*replaced, *gone):
            self.broken.pop(place, None)
        self._index()
        self.stamp += bool(replaced)
        return changed, replaced

    def _state(self, seen: Seen) -> Any:
        progress = seen.progress
        return progress.state, progress.expected, progress.lacking, bool(progress.known and progress.known.writers)

    def document(self) -> dict[str, Any]:
        """Return JSON values for the page, without ``version``."""
        sequence, progress = self.sequence, self.seen.progress
        batches, facts = self.batches, self.facts or Facts()
        there = {batch: self._there.get(batch, ()) for batch in batches}
        expected = progress.expected or ()
        ends = [end for runs in (*there.values(), expected) for run in runs if run for end in (run[0], run[-1])]
        first, last = (min(ends), max(ends)) if ends else (0, 0)
        picture = facts.picture
        return {
            "id": self.id,
            "name": str(sequence.name),
            "url": f"{sequence.url.rstrip('/')}/{sequence.name}",
            "filetype": sequence.filetype,
            "width": picture.width if picture is not None else None,
            "height": picture.height if picture is not None else None,
            "channels": _named(facts.channels),
            "dtype": picture.dtype if picture is not None else None,
            "rate": None if facts.rate is None else [facts.rate.numerator, facts.rate.denominator],
            "space": facts.space,
            "float": picture is not None and picture.dtype.startswith("float"),
            "batches": list(batches),
            "runs": [runs_of(there[batch]) for batch in batches],
            "first": first,
            "last": last,
            "expected": runs_of(expected) if progress.expected is not None else None,
            "missing": [runs_of(self._missing(there[batch], batch, first, last)) for batch in batches],
            "broken": [self._broken_in(batch) for batch in batches],
            "finished": None if progress.state is None else progress.state == "complete",
            "state": str(progress) or None,
            "growing": self.growing,
            "proxies": facts.proxies,
            "bytes": self._bytes,
            "stamp": str(self.stamp),
        }

    def _missing(self, there: Intervals, batch: int | None, first: int, last: int) -> Intervals:
        """Return what is expected and not there; without a record, the gaps."""
        progress = self.seen.progress
        if progress.expected is not None:
            return progress.lacking.get(batch, ())
        return naming.gaps(there, first, last)

    def _broken_in(self, batch: int | None) -> dict[str, str]:
        return {str(index): self.broken[index, own] for index, own in self.broken if own == batch}


def facts_of(sequence: FrameSequence, decoded: Decoded | None) -> Facts:
    """Return the format of a sequence. decoded: its first frame, if one could be decoded."""
    from seqsave.sequences.stated import color_of

    try:
        known = sequence.manifest
    except (ManifestError, TargetError):
        known = None
    rate = known.rate if known is not None else None
    if decoded is None:
        picture = known.picture if known is not None else None
        return Facts(picture=picture, channels=_letters(picture.channels if picture else 0), rate=rate)
    height, width, count = decoded.array.shape
    if decoded.info.display is not None:
        width, height = decoded.info.display[2:]
    elif decoded.canvas is not None:
        width, height = decoded.canvas
    picture = Picture(width=width, height=height, channels=count, dtype=str(decoded.array.dtype))
    channels = decoded.info.channels or _letters(count)
    return Facts(picture=picture, channels=channels, space=color_of(decoded.info), rate=decoded.info.rate or rate)


def _letters(count: int) -> tuple[str, ...]:
    return tuple({0: "", 1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}.get(count, ())) or tuple(map(str, range(count)))


def _named(channels: Sequence[str]) -> str:
    return "".join(channels) if all(len(name) == 1 for name in channels) else ",".join(channels)


def _compared(before: Sequence[Frame], now: Sequence[Frame]) -> tuple[list[Place], list[Place], int]:
    """Return the frames that were replaced, those that are gone, and how many are new. Both are sorted.

    It goes along both lists, as they may be long.
    """
    replaced, gone, came, at = [], [], 0, 0
    for frame in now:
        while at < len(before) and key_of(before[at]) < key_of(frame):
            gone.append((before[at].index, before[at].batch))
            at += 1
        if at < len(before) and key_of(before[at]) == key_of(frame):
            if before[at] is not frame and _content(before[at]) != _content(frame):
                replaced.append((frame.index, frame.batch))
            at += 1
        else:
            came += 1
    gone += [(frame.index, frame.batch) for frame in before[at:]]
    return replaced, gone, came


def _content(frame: Frame) -> tuple[int | None, str | None]:
    return frame.size, frame.version


def reason_of(error: BaseException) -> str:
    """Return why a frame cannot be shown, as the page knows it."""
    if isinstance(error, DecodeError):
        return {"damaged": "broken", "unsupported": "no decoder"}.get(error.reason, error.reason)
    if isinstance(error, TargetError):
        return "missing" if error.fault == "missing" or isinstance(error, FileNotFoundError) else "storage"
    return "no decoder" if isinstance(error, SeqSaveError) else "broken"
