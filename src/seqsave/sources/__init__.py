"""Open videos, arrays, folders, globs and sequences as frames, one by one."""

from __future__ import annotations

from seqsave.sources.opening import open_source
from seqsave.sources.records import Keep, Source, SourceFrame

__all__ = ["Keep", "Source", "SourceFrame", "open_source"]
