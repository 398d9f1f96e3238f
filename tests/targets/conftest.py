"""Fixtures for the tests of targets."""

from __future__ import annotations

import pytest

from tests.support.needs import needs_obstore


@pytest.fixture(params=["s3fs", "obstore"])
def client(request: pytest.FixtureRequest) -> str:
    if request.param == "obstore":
        needs_obstore()
    return str(request.param)
