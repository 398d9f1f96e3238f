"""Open one sequence by its URL: the only one there, or the main one of a folder. And one frame by its URL."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqsave import naming, targets
from seqsave.errors import FrameNameError, OptionError, SeqSaveWarning, SequenceNotFoundError, TargetError
from seqsave.plugins import registry
from seqsave.sequences import lookup
from seqsave.sequences.finder import find, has_prefix, main_of, of_pattern
from seqsave.sequences.found import SHOWN, Found, doubt_message
from seqsave.sequences.frame import Files, Frame
from seqsave.sequences.reader import FrameSequence
from seqsave.wording import first_of

__all__ = ["open_alone", "open_frame", "open_pattern", "open_sequence"]


def open_sequence(
    url: str | os.PathLike[str],
    prefix: str | None = None,
    filetype: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> FrameSequence:
    """Open the sequence at ``url``: a folder, a pattern, or a glob such as ``renders/*.exr``.

    Patterns are ``shot.####.exr``, ``shot.@@@@.exr``, ``shot.%04d.exr``, ``shot.$F4.exr`` and ``shot.<F4>.exr``; a path
    that exists is never read as one. ``prefix`` and ``filetype`` choose among several sequences in one folder; a prefix
    may hold ``/`` for a subfolder.

    Raises SequenceNotFoundError when there is none, or several to choose from (naming them), TargetError,
    FrameNameError, EncoderNotFoundError for an unknown file type.
    """
    with targets.hiding(url):
        fitting, wanted, found = _fitting(url, prefix, filetype, storage_options)
        others = [*found.unnumbered, *found.parts] if prefix is None and filetype is None else ()
        return _only(fitting, wanted, found, prefers_usual=prefix is not None, others=others)


def open_alone(
    url: str | os.PathLike[str],
    prefix: str | None = None,
    filetype: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> FrameSequence:
    """Open the sequence at ``url`` to change it: as ``open_sequence``, but it must be the only one that fits.

    Raises OptionError for a glob, which may match a part of a sequence, and the errors of ``open_sequence``.
    """
    with targets.hiding(url):
        if lookup.is_pattern(url) and isinstance(lookup.look(url, storage_options), lookup.Glob):
            raise OptionError(f"{url} is a glob, which may match parts of sequences: give one folder, or one pattern")
        fitting, wanted, found = _fitting(url, prefix, filetype, storage_options)
        if len(fitting) > 1:
            raise _choice(fitting, found)
        return _only(fitting, wanted, found, prefers_usual=False)


def _fitting(
    url: str | os.PathLike[str], prefix: str | None, filetype: str | None, options: Mapping[str, Any] | None
) -> tuple[list[FrameSequence], str, Found]:
    """Return the sequences that fit, a description of the request, and everything that was found."""
    if prefix is not None:
        naming.NameRule(prefix)  # or FrameNameError
    if filetype is not None:
        registry.spec_of(filetype)  # or EncoderNotFoundError
    try:
        found = find(url, prefix=prefix, storage_options=options)
    except TargetError as error:
        if isinstance(error.__cause__, NotADirectoryError) and (problem := lookup.describe_no_folder(url, options)):
            raise SequenceNotFoundError(problem) from None
        raise
    fitting = [one for one in found.sequences if found.is_wanted and has_prefix(one, prefix)]
    fitting = _of_filetype(fitting, filetype)
    if not fitting:  # for the message
        found = replace(found, lost=find(url, prefix=prefix, storage_options=options, with_lost=True).lost)
    last = f" {str(url).rpartition('/')[2]}" if lookup.is_pattern(url) else ""
    wanted = last if prefix is filetype is None else f" {prefix or '*'}_####.{(filetype or '*').split(' ')[0]}"
    if found.is_empty and (problem := lookup.describe_no_folder_of(prefix, url, options)):
        raise SequenceNotFoundError(problem if prefix is None else f"no sequence{wanted} in {found.where}: {problem}")
    return fitting, wanted, found


def open_pattern(means: lookup.Pattern) -> FrameSequence:
    """Open the sequence of a pattern. Raises SequenceNotFoundError, TargetError."""
    found = of_pattern(means)
    if not found.is_wanted:
        raise SequenceNotFoundError(f"no sequence {means.name} in {found.where}{found.instead()}", topic="no-sequence")
    return found.sequences[0]


def open_frame(url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Frame:
    """Open one frame by the URL of its file, without a request: the file is read when a method needs it.

    Its ``size`` is None. ``read_metadata`` lists the sidecar files beside it. Frames can be pickled.

    Raises FrameNameError for a name without a number, TargetError.
    """
    target, path = targets.resolve_file(url, storage_options)
    split = naming.split_name(path.rpartition("/")[2])
    if split is None:
        raise FrameNameError(f"{target.url_of(path)} is not the name of a frame: it has no number, as frame_00017.png")
    if doubt := doubt_message(path.rpartition("/")[2]):
        warnings.warn(doubt, SeqSaveWarning, stacklevel=2)
    batch = naming.parse_batch_folder(target.url.replace("\\", "/").rpartition("/")[2])
    return Files(target).frame(path, None, split[1], batch)


def _of_filetype(found: list[FrameSequence], filetype: str | None) -> list[FrameSequence]:
    if filetype is None:
        return found
    for extension in registry.spec_of(filetype).extensions:
        matching = [s for s in found if s.extension.lower() == extension]
        if matching:
            return matching
    return []


def _choice(fitting: Sequence[FrameSequence], found: Found) -> SequenceNotFoundError:
    names, example = ", ".join(one.pattern for one in fitting), f"{fitting[0].url}/{fitting[0].pattern}"
    text = f"{len(fitting)} sequences in {found.where}: {names}; choose one with `prefix` and `filetype`, or by its "
    return SequenceNotFoundError(f"{text}pattern, as {example}", topic="several-sequences")


def _only(
    fitting: list[FrameSequence], wanted: str, found: Found, *, prefers_usual: bool, others: Sequence[str] = ()
) -> FrameSequence:
    """Return the sequence that fits; with a prefix, preferably the one with ``_`` after it.

    others: the names of pictures that are left out, for the warning.
    """
    usual = [one for one in fitting if one.name.is_usual]
    if prefers_usual and len(usual) == 1:
        fitting = usual
    position = main_of([len(one) for one in fitting])
    if not fitting:
        raise SequenceNotFoundError(f"no sequence{wanted} in {found.where}{found.instead()}", topic="no-sequence")
    if position is None:
        raise _choice(fitting, found)
    opened = fitting[position]
    opened.left_out = (*(one.pattern for number, one in enumerate(fitting) if number != position), *others)
    if opened.left_out:
        some = first_of(opened.left_out, SHOWN)
        message = f"{opened.pattern} in {found.where} is opened; left out beside it: {some}"
        warnings.warn(message, SeqSaveWarning, stacklevel=3)
    return opened
