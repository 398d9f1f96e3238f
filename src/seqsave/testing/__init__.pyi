# Made by: python -m tests.stubs

from .encoders import EncoderSuite as EncoderSuite
from .targets import TargetPlace as TargetPlace
from .targets import TargetSuite as TargetSuite

__all__ = [
    "EncoderSuite",
    "TargetPlace",
    "TargetSuite",
]
