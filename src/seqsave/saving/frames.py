"""Open a writer, and save all frames with one in a single call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from seqsave.sequences.reader import FrameSequence
from seqsave.settings.config import SETTINGS, WriterConfig
from seqsave.settings.table import show_settings
from seqsave.writer.writer import SequenceWriter

if TYPE_CHECKING:
    from seqsave.types import SaveResult

__all__ = ["open_writer", "save"]


@show_settings(SETTINGS)
def open_writer(url: str | os.PathLike[str], config: WriterConfig | None = None, **settings: Any) -> SequenceWriter:
    """Open a writer to ``url``: an fsspec URL, a local path, a path object, a UPath, or a configured name.

    The URL is that of a folder, or ends in a pattern such as ``shot.####.exr`` or ``shot.%04d.exr``. Head, digits, tail
    and file type then come from the pattern, and a setting that contradicts it is an error.

    config: checked settings, from ``seqsave.check_settings``; settings given beside it override them.

    Raises what ``check_settings`` raises, and TargetError for a target that cannot be used.
    """
    return SequenceWriter(url, config, **settings)


@show_settings(SETTINGS)
def save(frames: Any, url: str | os.PathLike[str], config: WriterConfig | None = None, **settings: Any) -> SaveResult:
    """Save all ``frames`` and return the result: an array with exactly the four axes T,H,W,C, or an iterable of images.

    A FrameSequence, as ``open_sequence`` returns, is saved with its file type, names, numbers, gaps and batches: its
    files are copied byte for byte, also those without an installed decoder, unless another ``filetype`` or a setting
    for pixels or metadata asks for other files. ``start`` moves its numbers, ``step`` gives it new ones.

    Takes the arguments of ``open_writer``; for a single frame without ``config``, ``manifest`` is False by default.
    Returns what was saved.

    Raises what ``open_writer`` raises, what ``write`` raises for a bad image (frames before it stay saved, and the
    error says how many), and SaveError when an accepted frame is not saved.
    """
    if isinstance(frames, FrameSequence):
        from seqsave.saving.copies import save_sequence

        return save_sequence(frames, url, config, settings)
    from seqsave.pictures import arrays  # here, since it imports numpy

    count = _count_of(frames)
    if config is None and count == 1:
        settings.setdefault("concurrency", 1)  # no thread for a single frame
        settings.setdefault("manifest", False)  # a loop of such calls would rewrite it each time
    with SequenceWriter(url, config, **settings) as writer:
        if count is not None:
            writer.plan(count)
        for image in arrays.each_frame(frames, arrays.IN_TIME):  # write_frames would collect all futures
            writer.write(image)
    return writer.result


def _count_of(frames: Any) -> int | None:
    """Return the number of images; None if it is unknown, as for a generator, a class, or an array without axes."""
    try:
        return len(frames)
    except TypeError:
        return None
