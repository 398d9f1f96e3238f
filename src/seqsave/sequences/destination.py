"""Read the destination of a move: a folder, or a pattern that also sets the names of the files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqsave import naming, targets
from seqsave.errors import OptionError
from seqsave.plugins import registry
from seqsave.sequences import lookup
from seqsave.sequences.reader import FrameSequence

__all__ = ["Destination", "destination_of"]


@dataclass(frozen=True, slots=True)
class Destination:
    """A folder and the new names of the files; ``name`` is None if the files keep their names."""

    target: targets.Target
    name: naming.NamePattern | None


def destination_of(
    url: str | os.PathLike[str], sequence: FrameSequence, options: Mapping[str, Any] | None = None
) -> Destination:
    """Return the destination that a URL means. An existing folder is never read as a pattern.

    Raises OptionError for a file, a glob, a pattern of another format or without an extension, and for the name of one
    file without a place for the number; FrameNameError for names that would be hidden, too long or ambiguous;
    TargetError.
    """
    text = str(url)
    means = lookup.look(url, options)
    if isinstance(means, lookup.File):
        raise OptionError(
            f"{means.target.url_of(means.name)} is a file: give a folder, or a pattern as {sequence.name}"
        )
    if isinstance(means, lookup.Glob):
        raise OptionError(f"{text} is a glob: give a folder, or a pattern as {sequence.name}")
    if isinstance(means, lookup.Pattern):
        _check_name(means.name, sequence)
        return Destination(means.target, means.name)
    if means is None and not text.endswith("/"):
        _refuse_one_file(text, sequence.extension)
    return Destination(targets.resolve(url, options), None)


def _check_name(name: naming.NamePattern, sequence: FrameSequence) -> None:
    naming.NameRule(name.prefix, name.digits, name.extension, name.separator, name.tail)  # or FrameNameError
    old, new = sequence.extension.lower(), name.extension.lower()
    spec = registry.spec_for_extension(old)
    if old != new and (spec is None or new not in spec.extensions):
        raise OptionError(f"{name} has another format than {sequence.pattern}: 'seqsave save' converts frames")


def _refuse_one_file(text: str, usual: str) -> None:
    """Raise OptionError for ``movie.mp4``, ``out.zip``, ``out/frame.png`` or ``out/shot.####``."""
    if naming.is_unended(text):
        raise OptionError(naming.unended_message(text, usual))
    folder, slash, name = text.rpartition("/")
    stem, extension = naming.split_extension(name)
    kind = naming.kind_of_extension(extension) if stem else ""
    if not kind:
        return
    usual = extension if kind == "picture" else usual
    split = naming.split_name(name)
    pattern = split[0] if split is not None else f"{stem}_#####.{usual}"
    raise OptionError(
        f"{text} has the name of one file: write a pattern, as {folder}{slash}{pattern}, or {text}/ for a folder of "
        "this name"
    )
