"""Pixels as arrays: shapes, dtypes, colour spaces, conversion and movies. Reads and writes no files."""

from seqsave import _lazy

_HOMES = {
    "arrays": "as_array prepare",
    "color": "COLOR_SPACES color_space",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
