"""Write the frames of one animation: number them, encode them, publish them, and report the outcome of each."""

from seqsave import _lazy

# The stub beside this file also holds the signatures that are made from the settings: python -m tests.stubs
_HOMES = {
    "seqsave.settings.config": "SETTINGS WriterConfig check_settings",
    "seqsave.settings.formats": "Format",
    "seqsave.settings.groups": "AtEnd IfExists MetadataIn",
    "seqsave.settings.table": "Setting",
    "seqsave.metadata.comfyui": "StandingPattern",
    "seqsave.spool.deferred": "publisher_behind",
    "writer": "SequenceWriter",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
