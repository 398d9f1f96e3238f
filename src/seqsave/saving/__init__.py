"""Save in one call: open a writer, save pictures, or copy a finished sequence."""

from seqsave import _lazy

# The stub beside this file holds the signatures that are made from the settings: python -m tests.stubs
_HOMES = {"frames": "open_writer save"}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
