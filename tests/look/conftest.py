"""One browser for all tests of this room, and both media of a page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.look.browsing import browser
from tests.support.needs import needs_package


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return Chromium, without a window."""
    with browser() as running:
        yield running


@pytest.fixture(params=["movie", "pictures"])
def medium(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With PyAV, and without it."""
    if request.param == "movie":
        needs_package("av")
    else:
        monkeypatch.setitem(sys.modules, "av", None)
    return str(request.param)
