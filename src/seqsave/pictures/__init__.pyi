# Made by: python -m tests.stubs

from .arrays import as_array as as_array
from .arrays import prepare as prepare
from .color import COLOR_SPACES as COLOR_SPACES
from .color import color_space as color_space

__all__ = [
    "COLOR_SPACES",
    "as_array",
    "color_space",
    "prepare",
]
