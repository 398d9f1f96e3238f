"""The manifest of a sequence: its frames with size and checksum, and whether all expected frames exist.

It is the file ``.seqsave/<prefix>.<extension>.json`` beside the frames. A run that may change a frame first marks it
as incomplete, and records its own frames in it at the end (``Session``).
"""

from seqsave.manifest.document import (
    UNKNOWN_VERSION,
    VERSION,
    Facts,
    FrameEntry,
    Manifest,
    RunEntry,
    WriterEntry,
    dump,
    load,
)
from seqsave.manifest.liveness import dead_runs
from seqsave.manifest.merging import CONTENT_TYPE, redefined, replaced, without, without_frames
from seqsave.manifest.outcome import Listing, Outcome
from seqsave.manifest.path import names_of, path_of
from seqsave.manifest.picture import Picture
from seqsave.manifest.records import RUN_HEAD, declared, is_too_many
from seqsave.manifest.session import Session, merge_into
from seqsave.manifest.store import MOST_READ, change, list_frames, read

__all__ = [
    "CONTENT_TYPE",
    "MOST_READ",
    "RUN_HEAD",
    "UNKNOWN_VERSION",
    "VERSION",
    "Facts",
    "FrameEntry",
    "Listing",
    "Manifest",
    "Outcome",
    "Picture",
    "RunEntry",
    "Session",
    "WriterEntry",
    "change",
    "dead_runs",
    "declared",
    "dump",
    "is_too_many",
    "list_frames",
    "load",
    "merge_into",
    "names_of",
    "path_of",
    "read",
    "redefined",
    "replaced",
    "without",
    "without_frames",
]
