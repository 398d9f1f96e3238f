"""Import the names of a package at first use, so that importing the package itself is cheap.

Type checkers and editors read the stub beside the package instead, ``__init__.pyi``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["attach"]


def attach(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` for a package.

    homes: modules, and the names that each defines, with spaces between. A module of another package of seqsave has
    its whole name, ``seqsave.settings.config``; one of this package has its name alone.
    """
    home_of = {
        name: home if home.startswith("seqsave.") else f"{package}.{home}"
        for home, names in homes.items()
        for name in names.split()
    }

    def get(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home_of[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted({*vars(sys.modules[package]), *home_of}), sorted(home_of)
