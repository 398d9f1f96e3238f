# Made by: python -m tests.stubs

from .mounting import Pages as Pages
from .storing import make_proxies as make_proxies

__all__ = [
    "Pages",
    "make_proxies",
]
