# Made by: python -m tests.stubs

from .mounting import Pages as Pages

__all__ = [
    "Pages",
]
