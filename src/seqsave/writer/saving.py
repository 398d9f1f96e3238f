"""Open a writer, and save all frames with one in a single call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from seqsave.writer.frames import IN_TIME, each, is_single
from seqsave.writer.writer import SequenceWriter

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from seqsave.types import SaveResult
    from seqsave.writer.config import WriterSettings

__all__ = ["open_writer", "save"]


def open_writer(url: str | os.PathLike[str], **settings: Unpack[WriterSettings]) -> SequenceWriter:
    """Open a writer to ``url``. The settings, and what it raises, are those of ``SequenceWriter``."""
    return SequenceWriter(url, **settings)


def save(frames: Any, url: str | os.PathLike[str], **settings: Unpack[WriterSettings]) -> SaveResult:
    """Save ``frames`` and close: an array with exactly the four axes T,H,W,C, or an iterable of images.

    Takes the settings of ``open_writer``; for a single frame ``manifest`` is False by default. Returns what was saved.
    Raises what ``write`` raises for a bad image (frames before it stay saved, and the error says how many) and
    SaveError when an accepted frame is not saved.
    """
    if is_single(frames):
        settings.setdefault("concurrency", 1)  # no thread for a single frame
        settings.setdefault("manifest", False)  # a loop of such calls would write it anew each time
    with SequenceWriter(url, **settings) as writer:
        for image in each(frames, IN_TIME):  # not write_frames: nobody needs ten thousand futures
            writer.write(image)
    return writer.result
