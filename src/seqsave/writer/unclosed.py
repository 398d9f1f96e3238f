"""Handle writers that the program forgot to close: warn, and finish their frames before the program ends."""

from __future__ import annotations

import atexit
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from seqsave.errors import SeqSaveWarning

if TYPE_CHECKING:
    from seqsave.runtime.pipeline import Pipeline

__all__ = ["leave", "open_writers", "warn_unclosed"]


class Closable(Protocol):
    """The part of a writer that this module uses."""

    def close_at_exit(self) -> None:
        """Finish a writer that the program forgot to close."""


# Frames are encoded and published on daemon threads, so that a storage that hangs cannot keep a program alive. At the
# end of a program that has not closed its writers their last frames would be lost silently: they are finished here.
open_writers: weakref.WeakSet[Closable] = weakref.WeakSet()
# Of writers that were dropped. A pipeline lives as long as one of its frames is under way.
_left: weakref.WeakSet[Pipeline[Any, Any]] = weakref.WeakSet()


def leave(pipeline: Pipeline[Any, Any]) -> None:
    """Let the frames and then the threads of a dropped writer finish, at the latest when the program ends."""
    _left.add(pipeline)
    pipeline.leave()


def warn_unclosed(writer: object) -> None:
    """Warn that a writer was not closed, at the place where it was dropped."""
    text = f"{writer!r} was never closed: use it in a with block"
    warnings.warn(text, ResourceWarning, stacklevel=3, source=writer)


@atexit.register
def _close_at_exit() -> None:
    for writer in list(open_writers):
        writer.close_at_exit()
    for pipeline in list(_left):
        pipeline.close()
        if pipeline.error is not None:
            text = f"frames of a writer that was never closed are not saved: {pipeline.error}"
            warnings.warn(text, SeqSaveWarning, stacklevel=1)
