"""The nodes, one module for those that belong together."""

from .counters import FrameCounterDirectory, FrameCounterSimple
from .fetch import FetchSequence
from .frames import LoadFrames, SaveFrames
from .loader import ImageSequenceLoader
from .saver import ImageSequenceSaver

__all__ = ["ALL", "ORIGINAL"]

ORIGINAL = (ImageSequenceSaver, ImageSequenceLoader, FrameCounterSimple, FrameCounterDirectory)
"""Those whose interface is that of a node of the Dream Project Animation nodes."""

ALL = (*ORIGINAL, SaveFrames, LoadFrames, FetchSequence)
