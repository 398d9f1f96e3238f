"""``http://`` and ``https://`` through fsspec, with the option ``within`` for URLs from untrusted sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seqsave.targets.fsspec import FsspecTarget
from seqsave.targets.peers import checked_within, client_within
from seqsave.targets.urls import Location

__all__ = ["HttpTarget"]


class HttpTarget(FsspecTarget):
    """A folder on a web server."""

    takes_within: ClassVar[bool] = True
    _within: tuple[str, ...] = ()

    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> HttpTarget:
        """Create a target for ``targets.resolve``; see ``Target.open``."""
        rest = {name: value for name, value in options.items() if name != "within"}
        target = super().open(location, rest, connections=connections, url=url)
        assert isinstance(target, HttpTarget)  # noqa: S101 - the class that was called
        target._within = checked_within(options)  # noqa: SLF001 - as above
        return target

    def _distinguished(self) -> Mapping[str, Any]:
        return {"within": self._within}

    def _settle(self, filesystem: Any) -> None:
        if self._within:
            filesystem.get_client = client_within(filesystem.get_client, self._within)
