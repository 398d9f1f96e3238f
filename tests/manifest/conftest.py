"""What every test of manifests is given."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.places import Place


@pytest.fixture
def settings(place: Place) -> dict[str, Any]:
    return {"storage_options": place.storage_options}
