"""Unlike in all other tests, installed plugins are used here."""

from __future__ import annotations

import pytest

from seqsave.plugins import registry


@pytest.fixture(autouse=True)
def _fresh_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registry", registry.Registry())
