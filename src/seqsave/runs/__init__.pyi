# Made by: python -m tests.stubs

from .farm import FarmTask as FarmTask
from .farm import abandon_run as abandon_run
from .farm import commit_run as commit_run
from .part import Part as Part
from .records import FrameRecord as FrameRecord
from .run import Run as Run
from .run import open_run as open_run

__all__ = [
    "FarmTask",
    "FrameRecord",
    "Part",
    "Run",
    "abandon_run",
    "commit_run",
    "open_run",
]
