"""Open videos, arrays, folders, globs and sequences as frames, one by one."""

from __future__ import annotations

from seqsave.sources.kinds import readable_extensions
from seqsave.sources.opening import open_source, source_of_sequence
from seqsave.sources.records import Keep, Source, SourceFrame

__all__ = ["Keep", "Source", "SourceFrame", "open_source", "readable_extensions", "source_of_sequence"]
