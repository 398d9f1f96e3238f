"""Pages that play what a saver has saved: those of ``seqsave view``, on ComfyUI's own server.

The front end names a folder and a pattern, as a graph does, and the same rules decide whether it may be looked at. Its
answer is a path with a secret, below which the page and its pictures lie.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from seqsave import SeqSaveError, TargetError, naming

from . import access, host

if TYPE_CHECKING:
    from seqsave.look import Pages

__all__ = ["PATH", "offer", "place_of"]

PATH = "/seqsave/look"
# Pages that may be open at the same time, and places on one page.
_MOST_PAGES = 16
_MOST_PLACES = 32


def place_of(folder: str, pattern: str, count: int) -> list[dict[str, str]]:
    """Return what the front end asks for to play frames: nothing if none was saved."""
    return [{"folder": folder, "pattern": pattern}] if count else []


def offer() -> None:
    """Add the pages to ComfyUI's server."""
    if not host.has_server():
        return
    from seqsave.look import Pages

    pages = Pages(PATH, _MOST_PAGES)
    host.serve_web("POST", PATH, lambda request: _open(pages, request))
    for path, handler in pages.routes:
        host.serve_web("GET", path, handler)


async def _open(pages: Pages, request: Any) -> Any:
    """Open a page for some places, and answer with its path."""
    from aiohttp import web

    if request.headers.get("Sec-Fetch-Site", "").lower() == "cross-site":
        return web.json_response({"error": "another site sent this request"}, status=403)
    try:
        places = _places_in(await request.json())
        checked = await asyncio.to_thread(_checked, places)
        return web.json_response({"path": await pages.open(checked)})
    except (SeqSaveError, ValueError) as error:
        status = 403 if isinstance(error, access.RefusedError) else 400
        return web.json_response({"error": str(error)}, status=status)


def _places_in(body: Any) -> list[tuple[str, str]]:
    """Return folders and patterns. Raises TargetError."""
    listed = body.get("places") if isinstance(body, dict) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= _MOST_PLACES:
        raise TargetError(f"places must be a list of 1 to {_MOST_PLACES} folders with patterns")
    found = []
    for one in listed:
        folder, pattern = (one.get(name) if isinstance(one, dict) else None for name in ("folder", "pattern"))
        if not isinstance(folder, str) or not isinstance(pattern, str):
            raise TargetError("each place must have a folder and a pattern, both text")
        if set("/\\") & set(pattern) or not naming.is_pattern(pattern):
            raise TargetError(f"{pattern[:200]!r} is not a pattern of names, as frame_#####.png")
        found.append((folder, pattern))
    return found


def _checked(places: list[tuple[str, str]]) -> list[tuple[str, dict[str, Any]]]:
    """Return URLs with storage options. Raises SeqSaveError, also for what graphs may not read."""
    found = []
    for folder, pattern in dict.fromkeys(places):
        place = access.admit(folder)
        place.open("", "", pattern)  # links are checked, and frames that are on their way have arrived
        found.append((f"{place.url}/{pattern}", place.options))
    return found
