"""Pages on the server of another program, which a test visits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import ClientSession, web

from seqsave.look import Pages

__all__ = ["run", "served_elsewhere"]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a thread: the browser of other tests has a running loop on this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def served_elsewhere(pages: Pages, visit: Any, *middlewares: Any) -> Any:
    """Serve pages by another application, with its middlewares, and return what ``visit(client)`` returns."""
    return run(_visited(pages, visit, middlewares))


async def _visited(pages: Pages, visit: Any, middlewares: Any) -> Any:
    app = web.Application(middlewares=middlewares)
    for path, handler in pages.routes:
        app.router.add_get(path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            return await visit(client)
    finally:
        pages.close()
        await runner.cleanup()
