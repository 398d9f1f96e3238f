"""The record of a sequence: which frames there are, their size and checksum, and whether all of them are there.

It lies beside the frames as ``.seqsave/<prefix>.<extension>.json`` and says ``complete`` only when that is so. A run
that may change a frame says first that it is not, and puts what it did into it at the end (``Session``).
"""

from seqsave.manifest.document import (
    UNKNOWN_VERSION,
    VERSION,
    Facts,
    FrameEntry,
    Manifest,
    Picture,
    RunEntry,
    WriterEntry,
    dump,
    load,
    path_of,
)
from seqsave.manifest.merging import CONTENT_TYPE, Outcome, redefined, without
from seqsave.manifest.session import Session, merge_into
from seqsave.manifest.store import change, list_frames, read

__all__ = [
    "CONTENT_TYPE",
    "UNKNOWN_VERSION",
    "VERSION",
    "Facts",
    "FrameEntry",
    "Manifest",
    "Outcome",
    "Picture",
    "RunEntry",
    "Session",
    "WriterEntry",
    "change",
    "dump",
    "list_frames",
    "load",
    "merge_into",
    "path_of",
    "read",
    "redefined",
    "without",
]
