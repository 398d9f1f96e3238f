"""Save a finished sequence elsewhere: its files byte for byte, under their own names and numbers, or converted."""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seqsave import naming, targets
from seqsave.errors import (
    EncoderNotFoundError,
    FrameNameError,
    ManifestError,
    SourceError,
    TargetError,
)
from seqsave.manifest.intervals import subtract, unite
from seqsave.naming import NamePattern
from seqsave.plugins import registry
from seqsave.sequences.cells import missing_in, stepped
from seqsave.sequences.file import FrameFile, files_of, manifest_of, rate_of
from seqsave.sequences.frame import Files
from seqsave.sequences.progress import progress_of
from seqsave.settings.config import SETTINGS, WriterConfig, with_settings
from seqsave.settings.destination import Url, at_destination
from seqsave.sources import Keep, readable_extensions, source_of_sequence
from seqsave.types import EMBED_SUFFIX, SavedFrame
from seqsave.wording import first_of
from seqsave.writer.writer import SequenceWriter

if TYPE_CHECKING:
    from seqsave.manifest import Manifest
    from seqsave.sequences.frame import Frame
    from seqsave.sequences.reader import FrameSequence
    from seqsave.sources import Source, SourceFrame
    from seqsave.types import SaveResult

Gaps = dict[int | None, tuple[range, ...]]
"""Frames that are missing, as ranges for each batch."""

__all__ = ["Copy", "copy_frames", "keeping_files", "named_as", "note_gaps", "save_sequence", "write_frame"]

# Settings that need decoded pictures.
_CHANGING = (
    *("options", "dtype", "color", "convert_to", "channels", "layer", "drop", "pages"),
    *("dpi", "tags", "metadata", "metadata_in", "withhold"),
)
_NAMES = ("prefix", "separator", "digits")


@dataclass(frozen=True, slots=True)
class Copy:
    """How a sequence is saved elsewhere, decided before the first frame is read.

    folder:  of the destination. config: the writer's settings.
    numbers: the number of each frame there, by its number here.
    is_copy: the files are copied unchanged; otherwise they are decoded and encoded again.
    keeps_names: the files keep their names.
    """

    sequence: FrameSequence
    folder: Url
    config: WriterConfig
    numbers: Mapping[int, int]
    is_copy: bool
    keeps_names: bool = field(init=False)

    @classmethod
    def to(
        cls,
        url: Url,
        sequence: FrameSequence,
        given: Mapping[str, Any],
        config: WriterConfig | None = None,
        *,
        offset: int = 0,
    ) -> Copy:
        """Decide how to save a sequence at ``url`` with these settings.

        given:  the settings that the caller passed. config: checked settings, as for a writer.
        offset: added to each number.

        Raises SourceError for two files of one number, OptionError for settings that contradict each other or the URL,
        FrameNameError, EncoderNotFoundError.
        """
        _refuse_duplicates(sequence)
        asked = {**_asked(config), **given}
        folder, made = at_destination(url, config, given, copied=sequence.extension.lower())
        made = named_as(made, sequence.name, asked)
        numbers = naming.renumbered(sequence.indices, asked.get("start"), asked.get("step"), offset)
        is_copy = _keeps_files(sequence, made, asked)
        found = manifest_of(sequence)
        stated: dict[str, Any] = {"start": numbers[sequence.indices[0]]}
        if "rate" not in asked and "rate" not in (made.pixels.drop or ()):
            stated |= _rate(sequence)
        if is_copy:
            stated |= _facts(found, asked)
        made = replace(with_settings(made, stated), pattern=made.pattern)
        if is_copy:
            is_near = sequence.target is None or sequence.target.is_fast
            made = replace(made, copies=_filetype_of(sequence, found), reads_slowly=not is_near)
        return cls(sequence, folder, made, numbers, is_copy)

    def __post_init__(self) -> None:
        """Compare the names and numbers once, not for each frame."""
        made, kept = self.config.pattern, all(new == old for old, new in self.numbers.items())
        keeps = self.is_copy and kept and made is not None and made == self.sequence.name
        object.__setattr__(self, "keeps_names", keeps)

    def name_of(self, frame: Frame) -> str:
        """Return the name that a frame's file keeps; ``""`` where the writer makes one."""
        return frame.name.rpartition("/")[2] if self.keeps_names else ""

    def number(self, index: int) -> int:
        """Return the new number of a frame, also of a missing one: gaps move with their neighbours."""
        if index in self.numbers:
            return self.numbers[index]
        first = self.sequence.indices[0]
        return index - first + self.numbers[first]

    def refuse_own_files(self, wanted: Collection[int] | None = None) -> None:
        """Raise FrameNameError if a new file would replace one of the sequence's own.

        wanted: the only frames that are saved, by their numbers here; None for all.
        """
        there = Files(targets.resolve(self.folder, self.config.delivery.storage_options))
        if there.storage != self.sequence[0].storage:
            return
        own = {frame.place for frame in self.sequence}
        for frame in self.sequence:
            if wanted is not None and frame.index not in wanted:
                continue
            for form in self.config.formats:
                path = form.rule.format(self.numbers[frame.index], frame.batch)
                name = self.name_of(frame)
                path = naming.join(path.rpartition("/")[0], name) if name else path
                if there.place(path) in own:
                    raise FrameNameError(
                        f"{there.target.url_of(path)} would replace a file of the source itself: save to another "
                        "folder, or with another prefix"
                    )


def save_sequence(
    sequence: FrameSequence, url: Url, config: WriterConfig | None, settings: Mapping[str, Any]
) -> SaveResult:
    """Save a sequence at ``url``: copy its files, or convert its pictures if the settings need that.

    Raises as ``seqsave.save``, and SourceError for a frame that cannot be read or that would replace one of the
    sequence itself.
    """
    copy = Copy.to(url, sequence, settings, config)
    copy.refuse_own_files()
    pages = copy.config.pixels.pages
    with SequenceWriter(copy.folder, copy.config) as writer:
        if pages != "all":  # which has more frames than files
            writer.plan(copy.numbers.values())
        note_gaps(writer, copy)
        if copy.is_copy:
            files = ((file, copy.numbers[file.frame.index], copy.name_of(file.frame)) for file in files_of(sequence))
            copy_frames(writer, files)
        else:
            extension = sequence.extension.lower()
            if extension not in readable_extensions():
                hint = registry.install_hint(extension)
                raise EncoderNotFoundError(f"{sequence.pattern}: no encoder here reads .{extension} files{hint}")
            source = keeping_files(
                source_of_sequence(sequence, pages=pages), copy.config, {**_asked(config), **settings}
            )
            numbers = itertools.count(copy.config.naming.start, copy.config.naming.step)
            for frame in source:
                write_frame(writer, frame, next(numbers) if frame.index is None else copy.number(frame.index))
            for note in source.notes:
                writer.note_warning(note)
    return writer.result


def keeping_files(
    source: Source, config: WriterConfig, asked: Mapping[str, Any], *, keep_going: bool = False
) -> Source:
    """Return the source with those files unchanged that already are what the settings ask for.

    asked:      the settings that the caller passed.
    keep_going: the source goes on past frames that cannot be read.
    """
    if source.keeping is None:
        return source
    is_changed = len(config.formats) > 1 or any(_is_asked(asked, name) for name in _CHANGING)
    only = config.formats[0].resolved
    return source.keeping(None if is_changed else Keep(spec=only.spec, bare=not only.embed), keep_going)


def write_frame(writer: SequenceWriter, frame: SourceFrame, index: int, *, without: Collection[str] = ()) -> None:
    """Write a frame of a source: its file unchanged, or its picture with what the file states of it.

    without: names of metadata that are not taken from the frame.
    """
    if frame.data is None:
        texts = {name: text for name, text in frame.metadata.items() if name not in without}
        writer.write(frame.image, index=index, batch=frame.batch, metadata=texts, info=frame.info)
        return
    writer.write_encoded(frame.data, index=index, batch=frame.batch, leftover=frame.metadata)
    if frame.size is not None:
        writer.note_size(index, frame.batch, frame.size)


def copy_frames(
    writer: SequenceWriter, files: Iterable[tuple[FrameFile, int, str]], *, keep_going: bool = False
) -> bool:
    """Write files as frames, each with its number and name (``""``: the writer's). Return False if some are left.

    keep_going: continue after a file that cannot be read; otherwise stop there, after all frames before it are
        submitted. In both cases the writer raises the failure when it is closed.
    """
    ahead: deque[tuple[FrameFile, int, Future[SavedFrame]]] = deque()
    for file, index, name in files:
        ahead.append((file, index, writer.write_file(file, index=index, batch=file.frame.batch, name=name)))
        while ahead and ahead[0][2].done():
            if not (_look(writer, *ahead.popleft()) or keep_going):
                return False
    writer.flush()
    for one in ahead:
        _look(writer, *one)
    return True


def _look(writer: SequenceWriter, file: FrameFile, index: int, future: Future[SavedFrame]) -> bool:
    """Return False if a file could not be read; otherwise compare the size of its picture."""
    if not future.cancelled() and isinstance(future.exception(), SourceError):
        return False
    if file.picture is not None:
        writer.note_size(index, file.frame.batch, (file.picture.width, file.picture.height))
    return True


def note_gaps(writer: SequenceWriter, copy: Copy, chosen: Collection[int] | None = None) -> None:
    """Warn of frames that a sequence lacks. The copy expects those that the manifest of the sequence expects.

    chosen: the only frames that are saved, by their numbers in the source; None for all.
    """
    sequence = copy.sequence
    lacking = _lacking_of(sequence, copy.numbers if chosen is None else chosen)
    writer.note_lacking((copy.number(index) for runs in lacking.values() for run in runs for index in run), lacking)
    if lacking:
        shown = _by_batch(sequence, lacking)
        writer.note_warning(f"frames that its manifest expects are missing in {sequence.url}: {shown}")
    doubtful = _note_doubts(writer, copy, chosen, is_named=bool(lacking))
    if lacking or doubtful:
        return
    if chosen is None and manifest_of(sequence) is None and (gaps := _gaps_of(sequence)):
        shown = _by_batch(sequence, gaps, "frame")
        one, *others = _by_batches(sequence).values()
        # A manifest expects the same frames of each batch.
        as_what = "complete nevertheless" if all(one == other for other in others) else "unfinished"
        writer.note_warning(f"{sequence.url} has no {shown}: the copy is recorded as {as_what}")


def _note_doubts(writer: SequenceWriter, copy: Copy, chosen: Collection[int] | None, *, is_named: bool) -> bool:
    """Warn of frames that are to be rendered again and exist, and of what else a manifest says against a sequence.

    is_named: frames that are missing are named, so that the copy is not called complete.
    """
    sequence = copy.sequence
    progress = None if manifest_of(sequence) is None else progress_of(sequence)
    if progress is None or progress.state in (None, "complete"):
        return False
    found: Gaps = {}
    refused = progress.resized if copy.is_copy else {}  # copying one is an error, which names it
    for kind in (progress.older, progress.mixed, progress.disputed, {} if refused else progress.resized):
        for batch, runs in kind.items():
            found[batch] = unite(found.get(batch, ()), runs)
    found, foreign = _among(found, sequence, chosen), _among(progress.foreign, sequence, chosen)
    for kind in (found, foreign):
        writer.note_doubtful((copy.number(one), batch) for batch, runs in kind.items() for run in runs for one in run)
    if found:
        shown = _by_batch(sequence, found)
        writer.note_warning(f"frames of {sequence.url} are to be rendered again: {shown}; their copies are recorded so")
    if foreign:
        writer.note_warning(
            f"frames of {sequence.url} are of an older run, or of none that is recorded: "
            f"{_by_batch(sequence, foreign)}; their copies are recorded as to be rendered again. Remove these frames "
            "first, or save the others only"
        )
    is_named = is_named or bool(found or foreign)
    if chosen is None and not refused and not (is_named and progress.has_end):
        why = "; ".join(progress.obstacles) or str(progress)
        is_recorded = progress.state == "unfinished" and writer.note_unfinished()
        as_what = "unfinished" if is_recorded else "complete nevertheless"
        writer.note_warning(f"{sequence.url} is not complete: {why}; the copy is recorded as {as_what}")
    return bool(found or foreign)


def _among(found: Gaps, sequence: FrameSequence, chosen: Collection[int] | None) -> Gaps:
    """Return those of the frames that are chosen, by their numbers in the source; None: all."""
    if chosen is None:
        return found
    beside = naming.to_ranges(sorted(set(sequence.indices).difference(chosen)))
    return {batch: left for batch, runs in found.items() if (left := subtract(runs, beside))}


def _lacking_of(sequence: FrameSequence, wanted: Iterable[int]) -> Gaps:
    """Return the expected frames that do not exist, so that the copy of an unfinished sequence is unfinished.

    wanted: what is copied. Of a part of a sequence only the gaps within that part count.
    """
    found = manifest_of(sequence)
    if found is None or not _is_short(found):
        return {}
    part = set(wanted)
    expected = {index for run in found.expected for index in run}
    if not part.issuperset(sequence.indices):
        expected &= part
    lacking = {batch: expected.copy() for batch in found.batches}
    for frame in sequence:
        if frame.batch in lacking:  # the others are another run's
            lacking[frame.batch].discard(frame.index)
    return {batch: naming.to_ranges(sorted(own)) for batch, own in lacking.items() if own}


def _gaps_of(sequence: FrameSequence) -> Gaps:
    """Return the numbers between the first and the last one that lack a frame, for each batch."""
    between = missing_in(sequence)
    whole = naming.to_ranges(sequence.indices)
    gaps: Gaps = {}
    for batch, own in _by_batches(sequence).items():
        runs = (*stepped(between), *subtract(whole, naming.to_ranges(sorted(own))))
        if runs:
            gaps[batch] = tuple(sorted(runs, key=lambda run: run.start))
    return gaps


def _by_batches(sequence: FrameSequence) -> dict[int | None, set[int]]:
    """Return the numbers of the existing frames, for each batch. Frames beside batch folders are another run's."""
    found: dict[int | None, set[int]] = {}
    for frame in sequence:
        found.setdefault(frame.batch, set()).add(frame.index)
    if len(found) > 1:
        found.pop(None, None)
    return found


def _by_batch(sequence: FrameSequence, gaps: Gaps, noun: str = "") -> str:
    """Return gaps in words: once, if all batches have the same ones, else ``2 in batch_0001; 0-4 in batch_0002``."""
    shown = {batch: naming.format_ranges(runs, 10, noun=noun) for batch, runs in gaps.items()}
    texts, batches = set(shown.values()), {frame.batch for frame in sequence}
    if len(texts) == 1 and batches <= set(gaps):
        return texts.pop()
    beside = " outside of batch folders" if sequence.batches else ""
    parts = [
        f"{text}{beside}" if batch is None else f"{text} in {naming.batch_folder(batch)}"
        for batch, text in shown.items()
    ]
    return first_of(parts, 10, "; ")


def _is_short(found: Manifest) -> bool:
    return sum(len(run) for run in found.expected) <= naming.MOST_FRAMES


def named_as(config: WriterConfig, own: NamePattern, asked: Mapping[str, Any]) -> WriterConfig:
    """Return the settings with the names of a sequence, unless the URL or a setting has other names."""
    if config.pattern is not None:
        return config
    names = {"prefix": own.prefix, "separator": own.separator, "digits": own.digits}
    made = with_settings(config, {name: value for name, value in names.items() if name not in asked})
    stem = made.naming.prefix.rpartition("/")[2]
    pattern = NamePattern(f"{stem}{made.naming.separator}", made.naming.digits, own.tail, own.extension)
    return replace(made, pattern=pattern)


def _asked(config: WriterConfig | None) -> dict[str, Any]:
    """Return the settings of a config that differ from the defaults."""
    known = {} if config is None else config.settings
    return {name: value for name, value in known.items() if value != SETTINGS[name].default and value not in ({}, ())}


def _keeps_files(sequence: FrameSequence, made: WriterConfig, asked: Mapping[str, Any]) -> bool:
    """Return whether no setting needs decoded pictures."""
    if any(_is_asked(asked, name) for name in _CHANGING):
        return False
    extension = sequence.extension.lower()
    if "filetype" not in asked:
        named = made.pattern.extension.lower() if made.pattern is not None else extension
        return named == extension
    if len(made.formats) > 1:
        return False
    only = made.formats[0].resolved
    # A file type without metadata writes files without metadata.
    return extension in only.spec.extensions and (only.embed or only.spec.metadata == "none")


def _is_asked(asked: Mapping[str, Any], name: str) -> bool:
    value = asked.get(name)
    return value is not None and value != SETTINGS[name].default and value not in ({}, (), [])


def _rate(sequence: FrameSequence) -> dict[str, Any]:
    """Return the rate of a sequence, as a setting; nothing where it cannot be read."""
    with contextlib.suppress(ManifestError, TargetError):
        rate = rate_of(sequence)
        return {} if rate is None else {"rate": rate}
    return {}


def _facts(found: Manifest | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest's facts about the whole sequence, as settings for the copy."""
    if found is None:
        return {}
    facts: dict[str, Any] = {"metadata": dict(found.metadata)} if found.metadata else {}
    if found.metadata and not str(found.filetype).endswith(EMBED_SUFFIX):
        facts["metadata_in"] = "sidecar"
    if found.recipe is not None and "recipe" not in asked:
        facts["recipe"] = found.recipe
    return facts


def _filetype_of(sequence: FrameSequence, found: Manifest | None) -> str:
    """Return the file type of the files, as the manifest or the extension states it."""
    extension = sequence.extension.lower()
    usual = sequence.filetype or extension
    if found is None or not found.filetype:
        return usual
    try:
        spec = registry.spec_of(found.filetype)
    except EncoderNotFoundError:
        return found.filetype if sequence.filetype is None else usual
    return found.filetype if extension in spec.extensions else usual


def _refuse_duplicates(sequence: FrameSequence) -> None:
    if sequence.duplicates:
        extra = sequence.duplicates[0]
        own = sequence.frame(extra.index, extra.batch)
        raise SourceError(f"{extra.url} and {own.name} have the same number {extra.index}: remove one of them")
