"""The record of a sequence: which frames there are, their size and checksum, and whether all of them are there.

It lies beside the frames as ``.seqsave/<prefix>.<extension>.json`` and says ``complete`` only when that is so. A run
that may change a frame says first that it is not, and puts what it did into it at the end (``Session``).
"""

from seqsave.manifest.document import (
    VERSION,
    Facts,
    FrameEntry,
    Manifest,
    Picture,
    WriterEntry,
    dump,
    load,
    path_of,
)
from seqsave.manifest.merging import CONTENT_TYPE, Outcome, cleared
from seqsave.manifest.session import Session, change, merge_into, read

__all__ = [
    "CONTENT_TYPE",
    "VERSION",
    "Facts",
    "FrameEntry",
    "Manifest",
    "Outcome",
    "Picture",
    "Session",
    "WriterEntry",
    "change",
    "cleared",
    "dump",
    "load",
    "merge_into",
    "path_of",
    "read",
]
