"""Write the frames of one animation: numbering, at_end, batches, collisions, and what became of each frame."""

from seqsave.writer.belated import publisher_behind
from seqsave.writer.saving import open_writer, save
from seqsave.writer.sequence import SequenceWriter
from seqsave.writer.settings import AtEnd, IfExists, WriterSettings

__all__ = ["AtEnd", "IfExists", "SequenceWriter", "WriterSettings", "open_writer", "publisher_behind", "save"]
