"""Writers that the program forgot to close: they are closed when it ends, and that is said."""

from __future__ import annotations

import atexit
import warnings
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqsave.writer.writer import SequenceWriter

__all__ = ["open_writers", "warn_unclosed"]

# Frames are encoded and published on daemon threads, so that a storage that hangs cannot keep a program alive. One that
# ends without closing its writers would lose their last frames silently: they are closed here instead.
open_writers: weakref.WeakSet[SequenceWriter] = weakref.WeakSet()


def warn_unclosed(writer: SequenceWriter) -> None:
    """Say where it was left."""
    text = f"{writer!r} was never closed: use it in a with block"
    warnings.warn(text, ResourceWarning, stacklevel=3, source=writer)


@atexit.register
def _close_at_exit() -> None:
    for writer in list(open_writers):
        writer.close_at_exit()
