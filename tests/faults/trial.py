"""The record of a trial, the list of all faults that are tried, and the places to try them at."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.places import Place
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

__all__ = ["CLIENTS", "Fault", "Faults", "Lab", "Trial"]


Run = Callable[["Lab", "Trial", int], None]


@dataclass
class Trial:
    """The outcome of a fault. The judge counts frames; the fault's own function counts how often it struck.

    due:      frames that had to be there at the end.
    written:  frames that were there at the end, bit for bit.
    lost:     frames that were not.
    damaged:  frames that at any moment could be seen in part or with other bytes than a healthy run's.
    falsely:  reports that were not true: saved and not there, complete and not so, or not a word about a frame.
    seconds:  for each time: from the moment when the fault was over to the one when everything was there.
    trouble:  what the judge has to say of all that.
    """

    fault: str
    where: str
    tried: int = 0
    due: int = 0
    written: int = 0
    lost: int = 0
    damaged: int = 0
    falsely: int = 0
    seconds: list[float] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """All frames exist, none is damaged, every report was true, and the fault did happen."""
        return self.tried > 0 and self.due == self.written > 0 and not (self.lost or self.damaged or self.falsely)

    def part(self) -> Trial:
        """Return an empty record for a part of the trial that runs beside others."""
        return Trial(self.fault, self.where)

    def add(self, part: Trial) -> None:
        """Add what a part of the trial has counted."""
        for name in ("tried", "due", "written", "lost", "damaged", "falsely", "seconds", "trouble"):
            setattr(self, name, getattr(self, name) + getattr(part, name))


@dataclass(frozen=True)
class Fault:
    """A fault to try ``times`` times at a place; ``run(lab, trial, times)`` does it.

    exact: it strikes just so often; else that is for chance to decide.
    """

    name: str
    where: str
    times: int
    run: Run
    exact: bool = True

    def tried(self, lab: Lab, share: float = 1.0) -> Trial:
        """Try it, or only that share of its times."""
        trial = Trial(self.name, self.where)
        self.run(lab, trial, max(1, round(self.times * share)))
        return trial


class Faults(list[Fault]):
    """The faults of one module."""

    def add(self, name: str, where: str, times: int, *, exact: bool = True) -> Callable[[Run], Run]:
        """Add a function to the list."""

        def put(run: Run) -> Run:
            self.append(Fault(name, where, times, run, exact))
            return run

        return put


class Lab:
    """Places for trials: fresh folders, fresh prefixes on one real S3 server, proxies before it."""

    def __init__(self, scratch: Path, server: Callable[[], S3Server]) -> None:
        self.scratch = scratch
        self._make_server = server
        self._server: S3Server | None = None
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._healthy: dict[Any, dict[str, bytes]] = {}

    @property
    def server(self) -> S3Server:
        """Return the server that all share; a fault that harms the server starts its own."""
        with self._lock:
            self._server = self._server or self._make_server()
            return self._server

    def folder(self) -> Path:
        """Return an unused path in the scratch folder."""
        with self._lock:
            return self.scratch / f"{next(self._numbers):04d}"

    def local(self) -> Place:
        """Return a folder that does not exist yet."""
        return Place("local", str(self.folder()))

    def bucket(self, server: S3Server | None = None, *, client: int = 0) -> Place:
        """Return an empty prefix. ``client``: a number that chooses one of seqsave's S3 clients."""
        server = server or self.server
        options = {**server.storage_options, "client": CLIENTS[client % len(CLIENTS)]}
        return Place("s3", server.new_prefix(), options, server)

    @contextmanager
    def behind_proxy(self, place: Place) -> Iterator[Proxy]:
        """Let seqsave reach the place through a proxy from now on; the judge never does."""
        assert place.server is not None
        with Proxy(place.server.endpoint_url) as proxy:
            place.storage_options["endpoint_url"] = proxy.endpoint_url
            try:
                yield proxy
            finally:
                place.storage_options["endpoint_url"] = place.server.endpoint_url

    def healthy(self, make: Callable[[Path], dict[str, bytes]], key: Any) -> dict[str, bytes]:
        """Return the files of a run without faults, by name; made once."""
        with self._lock:
            known = self._healthy.get(key)
        if known is None:
            known = make(self.folder())
            with self._lock:
                self._healthy[key] = known
        return known


def _clients() -> tuple[str, ...]:
    try:
        import obstore  # noqa: F401 - whether it is installed, and the plugin that uses it
        import seqsave_obstore  # noqa: F401
    except ImportError:
        return ("s3fs",)
    return ("obstore", "s3fs")


CLIENTS = _clients()
