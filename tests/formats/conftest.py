"""Here, other than in all other tests, the plugins that are installed count."""

from __future__ import annotations

import pytest

from seqsave.plugins import registry


@pytest.fixture(autouse=True)
def _fresh_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registry", registry.Registry())
