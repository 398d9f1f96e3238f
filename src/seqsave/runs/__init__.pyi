# Made by: python -m tests.stubs

from .part import Part as Part
from .records import FrameRecord as FrameRecord
from .run import Run as Run
from .run import open_run as open_run

__all__ = [
    "FrameRecord",
    "Part",
    "Run",
    "open_run",
]
