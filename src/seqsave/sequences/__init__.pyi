# Made by: python -m tests.stubs

from .finder import find_sequences as find_sequences
from .frame import Frame as Frame
from .frame import decode as decode
from .opening import open_sequence as open_sequence
from .preview import make_preview as make_preview
from .reader import FrameSequence as FrameSequence

__all__ = [
    "Frame",
    "FrameSequence",
    "decode",
    "find_sequences",
    "make_preview",
    "open_sequence",
]
