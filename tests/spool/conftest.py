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
def failing(tmp_path: Path) -> Failing:
    return Failing(targets.resolve(tmp_path / "renders"))
