"""Declarations without a hook."""

from tests.kit import TINY

__all__ = ["TINY"]
