"""Put the page of ``seqsave view`` on the server of another program."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from seqsave.look.access import Handler
from seqsave.look.catalog import Catalogs, Seen, find
from seqsave.look.proxies import Proxies
from seqsave.look.server import Rooms, mounted
from seqsave.look.viewer import Viewer
from seqsave.runtime.threads import run_in_thread

__all__ = ["Pages"]

Place = tuple[str | os.PathLike[str], Mapping[str, Any] | None]

MOST_PAGES = 16


class Pages:
    """Pages that show sequences, on a server that aiohttp runs and that has its own rules of access.

    prefix: the beginning of their paths, such as ``"/look"``; a secret follows it.
    most:   how many there may be: the one that was opened first is closed for another.
    routes: pairs of a path and a handler of aiohttp, for GET requests. They refuse requests that another site sends.

    Use it on one event loop. Reading and decoding happen on threads, and what is kept of it is bounded for all pages
    together.
    """

    def __init__(self, prefix: str, most: int = MOST_PAGES) -> None:
        self._prefix = prefix
        self._rooms = Rooms(most)
        self._proxies = Proxies()
        self.routes: list[tuple[str, Handler]] = mounted(prefix, self._rooms)

    async def open(self, places: Sequence[Place]) -> str:
        """Open a page with the sequences at some places, and return its path.

        places: URLs as for ``find_sequences``, each with its storage options. Check before that the caller may read
                them: everybody who has the path can.

        Raises SequenceNotFoundError for a place without a sequence, and TargetError.
        """
        catalogs, seen = await run_in_thread(lambda: _found(places))
        token = self._rooms.open(Viewer(Catalogs(catalogs), seen, self._proxies))
        return f"{self._prefix}/{token}/"

    def close(self) -> None:
        """Close all pages, and end the threads."""
        self._rooms.close()
        self._proxies.close()


def _found(places: Sequence[Place]) -> tuple[list[Any], list[Seen]]:
    found = [find([url], options) for url, options in places]
    return [catalog for catalog, _ in found], [one for _, seen in found for one in seen]
