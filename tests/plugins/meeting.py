"""Points at which plugins wait for each other while they are imported, and what they have asked for."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.patience import PATIENCE

answers: list[Mapping[str, Any]] = []
_points: defaultdict[str, threading.Event] = defaultdict(threading.Event)
_ask: list[Callable[[], Mapping[str, Any]]] = []


def start(ask: Callable[[], Mapping[str, Any]]) -> None:
    """Begin a test. ``ask``: what a plugin asks for."""
    answers.clear()
    _points.clear()
    _ask[:] = [ask]


def ask() -> Mapping[str, Any]:
    return _ask[0]()


def reach(point: str) -> None:
    _points[point].set()


def wait(point: str) -> None:
    assert _points[point].wait(PATIENCE)
