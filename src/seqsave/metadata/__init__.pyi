# Made by: python -m tests.stubs

from .comfyui import Withholding as Withholding
from .comfyui import is_withheld as is_withheld
from .parameters import PARAMETERS as PARAMETERS
from .parameters import parameters_of as parameters_of

__all__ = [
    "PARAMETERS",
    "Withholding",
    "is_withheld",
    "parameters_of",
]
