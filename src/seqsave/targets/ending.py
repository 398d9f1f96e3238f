"""Run the cleanup of storages at the end of the program, after every writer has been closed."""

from __future__ import annotations

import atexit
from collections.abc import Callable

__all__ = ["at_exit"]

_endings: list[Callable[[], None]] = []


def at_exit(function: Callable[[], None]) -> Callable[[], None]:
    """Call ``function`` at the end of the program, once all writers are closed; for clients that must finish first."""
    _endings.append(function)
    return function


@atexit.register
def _end() -> None:
    # Registered when this is imported, before any writer registers its own end, so that it runs after all of them.
    for function in _endings:
        function()
