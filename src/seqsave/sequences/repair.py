"""Rebuild a manifest from the frames, and release runs that have died from it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from seqsave import manifest, naming
from seqsave.errors import (
    DecodeError,
    EncoderNotFoundError,
    EncoderUnavailableError,
    ManifestError,
    SequenceNotFoundError,
)
from seqsave.manifest import FrameEntry, Manifest, Picture
from seqsave.sequences.frame import Frame, name_below
from seqsave.sequences.header import picture_of
from seqsave.sequences.reader import FrameSequence
from seqsave.wording import crc32_text

__all__ = ["from_scratch", "rebuild", "release"]


def rebuild(
    sequence: FrameSequence,
    *,
    expected: Collection[int] | None = None,
    on_frame: Callable[[Frame], None] = lambda _: None,
) -> Manifest:
    """Read every frame and write a new manifest, for a sequence without one or with a damaged or disputed one.

    Facts and the recipes of unchanged frames are taken from the old manifest. Frames that are empty or damaged are left
    out, so that the manifest is not complete; a frame without an installed decoder is recorded as it is. Runs that the
    manifest lists as active are removed.

    expected: the expected indices; no others are recorded. By default those of the manifest, or from the first frame to
              the last one.
    on_frame: called with each frame that has been read.

    Raises TargetError; ManifestError for a manifest of a newer version; SequenceNotFoundError
    for a sequence whose names do not follow the rule of seqsave.
    """
    target = _target_of(sequence)
    found = []
    names = [name_below(frame) for frame in sequence]
    before = manifest.list_frames(target, sequence.prefix, names) or {}
    for frame, entry in sequence.decoded(_looked_at):
        if entry is not None:
            found.append(replace(entry, name=name_below(frame)))
        on_frame(frame)
    after = manifest.list_frames(target, sequence.prefix, names) or {}
    # The version of a file that was replaced in between does not belong to the bytes that were read.
    found = [
        replace(entry, version=after[entry.name].version if before.get(entry.name) == after.get(entry.name) else None)
        for entry in found
        if entry.name in after and (expected is None or entry.index in expected)
    ]
    at_start = _known(sequence)
    seen = {writer.id for writer in at_start.writers} if at_start is not None else set()

    def make(current: Manifest | None) -> Manifest:
        base = current if current is not None else from_scratch(sequence)
        came = tuple(writer for writer in base.writers if writer.id not in seen)
        made = replace(
            base,
            contradiction="",
            frames=tuple(_with_recipes(found, base)),
            writers=came,
            unfinished=(),
        )
        made = manifest.redefined(made, _expected(sequence, current, expected))
        return replace(made, complete=bool(found) and not (came or made.missing or made.outside))

    made = manifest.change(target, sequence.manifest_path, make)
    assert made is not None  # noqa: S101 - make returns one
    return made


def release(sequence: FrameSequence) -> Manifest:
    """Remove all runs that the manifest lists as active. Call it only if they have died.

    This does not make the manifest complete; the next successful run does, also one with if_exists="skip".

    Raises TargetError, ManifestError, SequenceNotFoundError (there is no manifest).
    """
    if sequence.manifest is None:
        raise SequenceNotFoundError(f"{sequence.pattern} in {sequence.url} has no manifest")
    path = sequence.manifest_path

    def make(current: Manifest | None) -> Manifest | None:
        return None if current is None else manifest.without(current, [writer.id for writer in current.writers])

    made = manifest.change(_target_of(sequence), path, make)
    if made is None:
        raise SequenceNotFoundError(f"{sequence.pattern} in {sequence.url} has no manifest")
    return made


def _target_of(sequence: FrameSequence) -> Any:
    if sequence.target is None:
        raise SequenceNotFoundError(
            f"{sequence.pattern} in {sequence.url} is not a sequence of its own: it has no manifest"
        )
    return sequence.target


def _known(sequence: FrameSequence) -> Manifest | None:
    try:
        return sequence.manifest
    except ManifestError as error:
        if error.is_newer:
            raise
        return None


def _looked_at(frame: Frame, data: bytes) -> tuple[Frame, FrameEntry | None]:
    if not data:
        return frame, None
    entry = FrameEntry(
        index=frame.index,
        batch=frame.batch,
        name=frame.name,
        size=len(data),
        checksum=crc32_text(zlib.crc32(data)),
        sidecars=tuple(frame.files.sidecar_paths(frame.source[1], data)),
    )
    try:
        array = frame.decode(data).array
    except (EncoderNotFoundError, EncoderUnavailableError):  # no decoder is installed: the bytes exist
        return frame, replace(entry, picture=picture_of(data))
    except DecodeError as error:
        return frame, None if error.reason == "damaged" else replace(entry, picture=picture_of(data))
    return frame, replace(entry, picture=Picture.of(array.shape, array.dtype))


def from_scratch(sequence: FrameSequence) -> Manifest:
    """Return a manifest without frames, made from the names of a sequence."""
    return Manifest(
        prefix=sequence.prefix,
        separator=sequence.name.separator,
        tail=sequence.name.tail,
        extension=sequence.extension,
        filetype=sequence.filetype or sequence.extension,
        digits=sequence.digits,
        start=sequence.indices[0],
    )


def _expected(sequence: FrameSequence, current: Manifest | None, given: Collection[int] | None) -> tuple[range, ...]:
    if given is not None:
        return naming.to_ranges(sorted(given))
    if current is not None and current.expected:
        return current.expected
    return (range(sequence.indices[0], sequence.indices[-1] + 1),)


def _with_recipes(found: Collection[FrameEntry], known: Manifest) -> Collection[FrameEntry]:
    before = {entry.key: entry for entry in known.frames}
    kept = []
    for entry in found:
        old = before.get(entry.key)
        is_same = old is not None and old.checksum == entry.checksum and old.size == entry.size
        if is_same and old is not None:
            entry = replace(entry, recipe=old.recipe, etag=old.etag, run=old.run, proxy=old.proxy)
        kept.append(entry)
    return kept
