"""Write the frames of one animation: numbering, at_end, batches, collisions, and what became of each frame."""

from seqsave.writer.config import AtEnd, IfExists, WriterSettings
from seqsave.writer.deferred import publisher_behind
from seqsave.writer.saving import open_writer, save
from seqsave.writer.writer import SequenceWriter

__all__ = ["AtEnd", "IfExists", "SequenceWriter", "WriterSettings", "open_writer", "publisher_behind", "save"]
