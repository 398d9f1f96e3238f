"""The settings of a writer: each is declared once, checked where it is declared, and resolved for each file type."""

from seqsave import _lazy

# The stub beside this file also holds the signature that is made from the settings: python -m tests.stubs
_HOMES = {
    "config": "SETTINGS WriterConfig check_settings",
    "formats": "Format",
    "groups": "AtEnd IfExists MetadataIn",
    "table": "Setting",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
