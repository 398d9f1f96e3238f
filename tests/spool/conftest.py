"""Fixtures for the tests of the spool."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqsave import targets
from seqsave.spool import Spool
from tests.spool.flushing import Failing


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def target(tmp_path: Path) -> targets.Target:
    return targets.resolve(tmp_path / "renders")


@pytest.fixture
def failing(target: targets.Target) -> Failing:
    return Failing(target)
