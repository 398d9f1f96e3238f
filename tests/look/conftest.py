"""One browser for all tests of this room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.look.browsing import browser


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return Chromium, without a window."""
    with browser() as running:
        yield running
