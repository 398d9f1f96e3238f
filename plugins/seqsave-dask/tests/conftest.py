"""The fixtures of the project's own tests, and dask without a cluster."""

from __future__ import annotations

from collections.abc import Iterator

import dask
import pytest
from tests.support.of_plugins import *  # noqa: F403


@pytest.fixture(autouse=True)
def _own_scheduler() -> Iterator[None]:
    """Without a cluster in the way: a test that uses one asks for it by name."""
    with dask.config.set(scheduler="threads"):
        yield
