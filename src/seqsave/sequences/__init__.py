"""Finished sequences: find, read, verify, repair and preview them."""

from seqsave import _lazy

_HOMES = {
    "finder": "find_sequences",
    "frame": "Frame decode",
    "opening": "open_sequence",
    "preview": "make_preview",
    "reader": "FrameSequence",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
