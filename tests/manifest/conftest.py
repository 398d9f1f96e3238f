"""Fixtures for the tests of manifests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.places import Place


@pytest.fixture
def settings(place: Place) -> dict[str, Any]:
    return {"storage_options": place.storage_options}
