"""Pixels as arrays: shapes, dtypes, colour spaces, conversion and movies. No files are read or written here."""

from seqsave import _lazy

_HOMES = {
    "arrays": "as_array prepare",
    "color": "COLOR_SPACES color_space",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
