"""The nodes; those that belong together share a module."""

from ..helped import helped
from .counters import FrameCounterDirectory, FrameCounterSimple
from .fetch import FetchSequence
from .frames import LoadFrames, SaveFrames
from .loader import ImageSequenceLoader
from .saver import ImageSequenceSaver

__all__ = ["ALL", "ORIGINAL"]

ORIGINAL = (ImageSequenceSaver, ImageSequenceLoader, FrameCounterSimple, FrameCounterDirectory)
"""The nodes with the interface of a node of the Dream Project Animation pack."""

ALL = (*map(helped, (*ORIGINAL, SaveFrames, LoadFrames, FetchSequence)),)
