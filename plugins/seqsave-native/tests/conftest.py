"""Examples of hypothesis take as long as a busy machine makes them take; tests run with each level of instructions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that use ``level`` with each one that this processor has."""
    if "level" in metafunc.fixturenames:
        from seqsave_native import _kernel

        metafunc.parametrize("level", _kernel.levels(), indirect=True)


@pytest.fixture
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """The level of instructions that the extension uses."""
    from seqsave_native import _kernel

    before = _kernel.level()
    _kernel.set_level(request.param)
    yield request.param
    _kernel.set_level(before)
