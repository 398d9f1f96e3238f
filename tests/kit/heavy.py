"""Declarations that import what only the codec needs."""

import numpy as np

from tests.kit import TINY, seqsave_encoders

__all__ = ["TINY", "WHITE", "seqsave_encoders"]

WHITE = np.float32(1)
