"""Points in the life of a saver at which it stops, so that a test can kill it exactly there.

The program under test installs a hold; when it reaches that point, it reports this and stops.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["Gate", "Hold", "around_method", "install"]

_write = os.write  # what follows may replace it


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Where to stop: at ``what``, when it comes up for ``path`` (a regular expression) for the n-th time.

    encoding:  the encoder has the picture.
    encoded:   and has made bytes of it.
    half:      half of the bytes are in the temporary file.
    temporary: all of them are.
    named:     the file has just got its name.

    Programs know more of them: ``saved`` is the writer's event of that name.
    """

    what: str
    path: str = ""
    nth: int = 1


class Gate:
    """Stops the n-th thread that arrives, after ``report()``."""

    def __init__(self, hold: Hold, report: Callable[[], None]) -> None:
        self.hold = hold
        self._report = report
        self._seen = 0
        self._lock = threading.Lock()

    def matches(self, path: str) -> bool:
        if not re.search(self.hold.path, path):
            return False
        with self._lock:
            self._seen += 1
            return self._seen == self.hold.nth

    def stop(self) -> None:
        self._report()
        threading.Event().wait()


def install(gate: Gate) -> None:
    """Stop this process at a point that ``Hold`` names."""
    _POINTS[gate.hold.what](gate)


def around_method(owner: type, name: str, path_of: Callable[[Any], str], gate: Gate, *, before: bool) -> None:
    """Stop before or after a method of a class; ``path_of`` gives the path from the method's first argument."""
    real = getattr(owner, name)

    def method(self: Any, first: Any, *arguments: Any, **named: Any) -> Any:
        struck = gate.matches(path_of(first))
        if struck and before:
            gate.stop()
        result = real(self, first, *arguments, **named)
        if struck:
            gate.stop()
        return result

    setattr(owner, name, method)


def _around_encoder(gate: Gate, before: bool) -> None:
    from seqsave.encoders.png.encoder import PngEncoder

    real = PngEncoder.encode

    def encode(self: Any, image: Any, **named: Any) -> Any:
        struck = gate.matches(named["info"].name)
        if struck and before:
            gate.stop()
        encoded = real(self, image, **named)
        if struck:
            gate.stop()
        return encoded

    PngEncoder.encode = encode  # type: ignore[method-assign,assignment]


def _at_half(gate: Gate) -> None:
    def write(descriptor: int, data: Any) -> int:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if not gate.matches(path):
            return _write(descriptor, data)
        _write(descriptor, memoryview(data)[: len(data) // 2])
        gate.stop()
        return 0

    os.write = write


def _around_naming(gate: Gate, before: bool) -> None:
    def wrapped(real: Callable[..., None]) -> Callable[..., None]:
        def give_name(source: Any, final: Any, **named: Any) -> None:
            struck = gate.matches(os.fspath(final))
            if struck and before:
                gate.stop()
            real(source, final, **named)
            if struck:
                gate.stop()

        return give_name

    os.replace, os.link, os.rename = wrapped(os.replace), wrapped(os.link), wrapped(os.rename)


_POINTS: dict[str, Callable[[Gate], None]] = {
    "encoding": partial(_around_encoder, before=True),
    "encoded": partial(_around_encoder, before=False),
    "half": _at_half,
    "temporary": partial(_around_naming, before=True),
    "named": partial(_around_naming, before=False),
}
