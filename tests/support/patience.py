"""Wait for a condition, however busy the machine is. Only a hang ends the wait, with an error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PATIENCE", "PAUSE", "wait_until"]

PATIENCE = 600.0  # seconds; far above anything that a busy machine needs, below faulthandler_timeout
PAUSE = 0.01


def wait_until(condition: Callable[[], object], what: str = "what the test waits for") -> None:
    """Return as soon as ``condition()`` is true. Raises AssertionError after ``PATIENCE`` seconds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not come in {PATIENCE:.0f} s"
        time.sleep(PAUSE)
