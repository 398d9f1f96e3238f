"""Find out what a source is (a video, an array, a picture, a folder, a pattern or a glob) and open it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from seqsave import naming
from seqsave.errors import OptionError, SequenceNotFoundError, SourceError
from seqsave.sequences import finder, lookup, opening
from seqsave.sequences.found import doubt_message
from seqsave.sequences.frame import Files
from seqsave.sequences.lookup import File, Folder, Glob
from seqsave.sequences.reader import FrameSequence
from seqsave.sources import files
from seqsave.sources.kinds import ANIMATED, VIDEOS, readable_extensions
from seqsave.sources.reading import source_of_files
from seqsave.sources.records import Keep, Reading, Source
from seqsave.types import MAX_PIXELS

__all__ = ["open_source", "source_of_sequence"]


def open_source(
    source: str | os.PathLike[str],
    storage_options: Mapping[str, Any] | None = None,
    *,
    keep: Keep | None = None,
    max_pixels: int = MAX_PIXELS,
    stream: int | None = None,
    pages: str | None = None,
    resample: Fraction | None = None,
) -> Source:
    """Open a video, a ``.npy`` file, a picture, a folder, a pattern (``frame_#####.png``) or a glob, on any storage.

    If a file or folder of exactly this name exists, it is not treated as a pattern or glob.

    keep: files of this format are passed on byte by byte instead of being decoded.
    max_pixels: W x H of the largest picture that is decoded.
    stream: the number of a video's stream, counted from 0; None chooses the largest picture.
    pages: of TIFF files of several pictures, read the ``"first"`` or ``"all"``; None: such files are not decoded.

    resample: frames per second to which a video or an animation is brought: pictures are repeated and left out by the
        times at which they are shown. None reads each picture once.

    Raises OptionError (``resample`` for another source), SequenceNotFoundError (the source does not exist), SourceError
    (no frames can be read from it), TargetError, FrameNameError, EncoderUnavailableError (PyAV is missing). A frame
    that cannot be read raises SourceError during the iteration.
    """
    how = Reading(keep, max_pixels, stream=stream, pages=pages, resample=resample)
    opened = _opened(source, storage_options, how)
    if resample is not None and not opened.is_timed:
        raise OptionError(
            f"{opened.description} cannot be resampled: only videos and animations state when each picture is shown"
        )
    return opened


def _opened(source: str | os.PathLike[str], storage_options: Mapping[str, Any] | None, how: Reading) -> Source:
    found = lookup.look(source, storage_options)
    if isinstance(found, File):
        return _open_file(found, how)
    if isinstance(found, Folder):
        return _open_folder(found, how)
    if isinstance(found, Glob):
        return _open_glob(found, how)
    if found is None:
        raise SequenceNotFoundError(lookup.describe_missing(source, storage_options))
    return _open_sequence(opening.open_pattern(found), how)


def source_of_sequence(sequence: FrameSequence, *, max_pixels: int = MAX_PIXELS, pages: str | None = None) -> Source:
    """Return the frames of a sequence as a source. Raises SourceError for a number twice."""
    return _open_sequence(sequence, Reading(max_pixels=max_pixels, pages=pages))


def _open_sequence(sequence: FrameSequence, how: Reading) -> Source:
    where = f"{sequence.pattern} in {sequence.url}"
    assert sequence.target is not None  # noqa: S101 - for the type checker: whatever was found has one
    return source_of_files(where, sequence.target, files.choose_pattern(sequence), how)


# --- one file --------------------------------------------------------------------------------------------------------


def _open_file(file: File, how: Reading) -> Source:
    if file.extension == "npy":
        from seqsave.sources.arrays import open_array

        return open_array(file.target, file.name)
    if file.extension in VIDEOS:
        return _open_video(file, how)
    if file.extension in readable_extensions():
        return _open_picture(file, how)
    return _open_unknown(file, how)


def _open_video(file: File, how: Reading) -> Source:
    from seqsave.sources.video import open_video

    return open_video(file.target, file.name, how.stream, how.resample)


def _open_unknown(file: File, how: Reading) -> Source:
    """Open a file of an unknown extension: as a picture if it is one, otherwise as a video. Raises SourceError."""
    from seqsave.sources.pictures import is_picture

    try:
        if is_picture(files.read_file(file.target, file.name)):
            return _open_picture(file, how)
        return _open_video(file, how)
    except (SourceError, ImportError):
        kinds = ", ".join(sorted(readable_extensions()))
        raise SourceError(
            f"{file.target.url_of(file.name)} cannot be read as frames: use a video "
            f"({', '.join(sorted(VIDEOS))}), a .npy array, or pictures ({kinds})"
        ) from None


def _open_picture(file: File, how: Reading) -> Source:
    url = file.target.url_of(file.name)
    if file.extension in ANIMATED:
        from seqsave.sources.pictures import open_animation

        animation = open_animation(url, files.read_file(file.target, file.name), how)
        if animation is not None:
            return animation
    parsed = naming.split_name(file.name)
    frame = Files(file.target).frame(file.name, 0, parsed[1] if parsed else 0)
    doubt = doubt_message(file.name)
    chosen = files.Chosen((frame,), parsed is not None, (doubt,) if doubt else ())
    return source_of_files(url, file.target, chosen, how)


# --- many files ------------------------------------------------------------------------------------------------------


def _open_folder(folder: Folder, how: Reading) -> Source:
    target = folder.target
    items = list(finder.items_in(target, folder.entries))
    if not items:
        raise SequenceNotFoundError(f"no pictures in {target.url}{finder.found_in(target, folder.entries).instead()}")
    chosen = files.choose(target, target.url, items, readable_extensions, all_of_them=False)
    return source_of_files(target.url, target, chosen, how)


def _open_glob(glob: Glob, how: Reading) -> Source:
    target = glob.target
    items = list(finder.glob_items(target, glob.parts))
    where = f"{glob.text} in {target.url}"
    if not items:
        raise SequenceNotFoundError(f"no file matches {where}{finder.found_in(target).instead()}")
    chosen = files.choose(target, where, items, readable_extensions, all_of_them=True)
    return source_of_files(where, target, chosen, how)
