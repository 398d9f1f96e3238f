"""Write the frames of one animation: numbering, at_end, batches, collisions, and the outcome of each frame."""

from seqsave import _lazy

# The stub beside this file also holds the signatures that are made from the settings: python -m tests.stubs
_HOMES = {
    "config": "SETTINGS WriterConfig check_settings",
    "deferred": "publisher_behind",
    "formats": "Format",
    "saving": "open_writer save",
    "settings": "AtEnd IfExists MetadataIn",
    "table": "Setting",
    "texts": "StandingPattern",
    "writer": "SequenceWriter",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
