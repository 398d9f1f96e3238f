"""Decide to which sequence a file belongs whose name fits several patterns, by what the manifests record of it.

``take_3_00001.png`` may be frame 1 of ``take_3_#####.png``, which has a manifest, or frame 3 of ``take_#_00001.png``.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Collection, Sequence

from seqsave import manifest, naming, targets
from seqsave.errors import ManifestError, SeqSaveWarning, TargetError
from seqsave.manifest import FrameEntry, Manifest
from seqsave.manifest.intervals import unite
from seqsave.manifest.records import declared
from seqsave.naming import Grouped, NamePattern
from seqsave.sequences.found import Item
from seqsave.wording import crc32_text

__all__ = ["settled"]

# What a manifest says of a file: nothing, that a run was to save it, its size, its very bytes.
_NOTHING, _PLANNED, _SIZE, _BYTES = range(4)


def settled(
    target: targets.Target,
    folder: str,
    items: Sequence[Item],
    plain: Grouped[Item],
    known: Sequence[NamePattern],
) -> Grouped[Item]:
    """Return the groups of a folder's files with the patterns of its manifests.

    plain: the groups without these patterns. known: the patterns.

    Where a name fits several patterns, or a manifest would take a file out of a sequence of which it takes no other
    one, the manifests are read, and a file whose size is recorded may be read as well. A file of which they do not
    decide is named in a warning. Raises TargetError for temporary failures.
    """
    fits: dict[str, int] = {}

    def first(_: str, item: Item, patterns: Sequence[NamePattern]) -> NamePattern:
        fits[item.path] = len(patterns)
        return patterns[0]

    grouped = naming.group_names(((item.name, item) for item in items), known, first)
    contested = {path for path, count in fits.items() if count > 1}
    torn: dict[str, str] = {}
    for group in plain.groups:
        taken = [member.item.path for member in group.members if member.item.path in fits]
        if taken and len(taken) < len(group.members):
            torn.update((path, str(group.pattern)) for path in taken)
    if not contested and not torn:
        return grouped
    judge = _Judge(target, folder, contested, torn)
    return naming.group_names(((item.name, item) for item in items), known, judge.choose)


class _Judge:
    """Chooses patterns by the manifests of one folder, each of which is read once.

    contested: paths of files that fit several patterns. torn: paths of files that belong to a sequence without a
    manifest otherwise, each with the pattern of that.
    """

    def __init__(self, target: targets.Target, folder: str, contested: Collection[str], torn: dict[str, str]) -> None:
        self._target, self._folder = target, folder
        self._contested, self._torn = contested, torn
        self._read: dict[str, Manifest | None] = {}
        self._entries: dict[str, dict[str, FrameEntry]] = {}

    def choose(self, name: str, item: Item, patterns: Sequence[NamePattern]) -> NamePattern | None:
        """Return the pattern of the sequence to which a file belongs; None for one without a manifest."""
        if item.path not in self._torn and item.path not in self._contested:
            return patterns[0]
        found = [(self._evidence(item, pattern), pattern) for pattern in patterns]
        best = max(evidence for evidence, _ in found)
        if best == _SIZE:
            found = [(self._by_bytes(item, pattern, evidence), pattern) for evidence, pattern in found]
            best = max(evidence for evidence, _ in found)
        likely = [pattern for evidence, pattern in found if evidence == best]
        if best == _NOTHING:
            return None if item.path in self._torn else patterns[0]
        others = [str(pattern) for pattern in likely[1:]]
        if best < _BYTES and item.path in self._torn:
            others.append(self._torn[item.path])
        if others:
            where = self._target.url_of(self._folder) if self._folder else self._target.url
            warnings.warn(
                f"{name} in {where} may be a frame of {self._shown(likely[0])} or of {others[0]}: it is taken for one "
                "of the first. A pattern as the URL reads the other one",
                SeqSaveWarning,
                stacklevel=5,
            )
        return likely[0]

    def _shown(self, pattern: NamePattern) -> str:
        found = self._manifest(pattern)
        return str(pattern if found is None else found.pattern)

    def _evidence(self, item: Item, pattern: NamePattern) -> int:
        known, entry = self._manifest(pattern), self._entry(item, pattern)
        if known is None:
            return _NOTHING
        if entry is None:
            return _PLANNED if _is_planned(known, pattern, item) else _NOTHING
        if None not in (item.size, entry.size) and item.size != entry.size:
            return _NOTHING
        is_same = item.version is not None and item.version == entry.version and not entry.disputed
        return _BYTES if is_same else _SIZE

    def _by_bytes(self, item: Item, pattern: NamePattern, evidence: int) -> int:
        """Return better evidence for a file of the recorded size, by its checksum; it stays if it cannot be read."""
        entry = self._entry(item, pattern)
        if evidence != _SIZE or entry is None or entry.checksum is None:
            return evidence
        try:
            data = targets.with_retries(self._target, lambda: self._target.read(item.path))
        except TargetError as error:
            if error.transient:
                raise
            return evidence
        return _BYTES if crc32_text(zlib.crc32(data)) == entry.checksum else _NOTHING

    def _entry(self, item: Item, pattern: NamePattern) -> FrameEntry | None:
        path = manifest.path_of(self._folder, pattern)
        if path not in self._entries:
            known = self._manifest(pattern)
            frames = () if known is None else known.frames
            self._entries[path] = {naming.normalized(frame.name): frame for frame in frames}
        name = item.name if item.batch is None else f"{naming.batch_folder(item.batch)}/{item.name}"
        return self._entries[path].get(naming.normalized(name))

    def _manifest(self, pattern: NamePattern) -> Manifest | None:
        path = manifest.path_of(self._folder, pattern)
        if path not in self._read:
            try:
                self._read[path] = manifest.read(self._target, path)
            except (ManifestError, TargetError) as error:
                if isinstance(error, TargetError) and error.transient:
                    raise
                self._read[path] = None
        return self._read[path]


def _is_planned(known: Manifest, pattern: NamePattern, item: Item) -> bool:
    """Return whether an interrupted or active run was to save the file, which it had no time to record."""
    index = pattern.number_in(item.name)
    at_work = {*known.unfinished, *(writer.id for writer in known.writers)}
    for run in known.runs:
        if run.id not in at_work or index is None:
            continue
        reach = unite(run.expected, declared(run.start, run.step, run.total))
        if run.total is None or any(index in one for one in reach):
            return True
    return False
