"""Open videos, arrays, folders, globs and sequences as frames, one by one."""

from __future__ import annotations

from seqsave.sources.opening import describe_missing, kind_of, open_source
from seqsave.sources.records import Keep, Source, SourceFrame

__all__ = ["Keep", "Source", "SourceFrame", "describe_missing", "kind_of", "open_source"]
