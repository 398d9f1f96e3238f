"""A reverse proxy that adds a prefix to the path, as that of Jupyter does: it passes on the Host of the browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientSession, web
from yarl import URL

from tests.support.patience import PATIENCE, wait_until

__all__ = ["Prefixed", "prefixed"]

_OF_THE_WAY = ("connection", "content-length", "date", "keep-alive", "transfer-encoding")


class Prefixed:
    """The proxy. port: the real server's. requests: the path of each request to the proxy, and its status."""

    def __init__(self, port: int, prefix: str) -> None:
        self._base = f"http://127.0.0.1:{port}/"
        self.prefix = prefix
        self.port = 0
        self.requests: list[tuple[str, int]] = []
        self._ended = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        async with ClientSession(auto_decompress=False) as self._client:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.port = runner.addresses[0][1]
            await self._ended.wait()
            await runner.cleanup()

    def end(self) -> None:
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self._ended.set)

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        if not request.raw_path.startswith(self.prefix):
            self.requests.append((request.raw_path, 404))
            raise web.HTTPNotFound
        url = URL(self._base + request.raw_path.removeprefix(self.prefix), encoded=True)
        async with self._client.request(request.method, url, headers=request.headers, allow_redirects=False) as answer:
            self.requests.append((request.raw_path, answer.status))
            response = web.StreamResponse(status=answer.status)
            response.headers.update({k: v for k, v in answer.headers.items() if k.lower() not in _OF_THE_WAY})
            response.headers["Content-Security-Policy"] = "frame-ancestors 'self'"  # as Jupyter's own
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            return response


@contextmanager
def prefixed(port: int, prefix: str) -> Iterator[Prefixed]:
    """Run a proxy in front of the server at a port."""
    made: list[Prefixed] = []

    async def run() -> None:
        made.append(Prefixed(port, prefix))
        await made[0].serve()

    thread = threading.Thread(target=asyncio.run, args=(run(),), name="test-prefix-proxy")
    thread.start()
    wait_until(lambda: made and made[0].port, "the proxy")
    try:
        yield made[0]
    finally:
        made[0].end()
        thread.join(PATIENCE)
