"""Pages on the server of another program."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import ClientSession, web

import seqsave
from seqsave.errors import SequenceNotFoundError
from seqsave.look import Pages


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a thread: the browser of other tests has a running loop on this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _served(pages: Pages, visit: Any) -> Any:
    app = web.Application()
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


def test_pages_on_another_server(tmp_path: Path) -> None:
    for name in "ab":
        seqsave.save(np.zeros((2, 8, 8, 3), np.float32), tmp_path / name, filetype="png")
    pages = Pages("/look", most=2)

    async def visit(client: ClientSession) -> None:
        path = await pages.open([(tmp_path / "a", None), (str(tmp_path / "b" / "frame_#####.png"), None)])
        assert path.startswith("/look/")
        async with client.get(f"{path}sequences.json") as answer:
            assert len((await answer.json())["sequences"]) == 2
        async with client.get(f"{path}1/f/1/half.jpg", headers={"Host": "studio.example"}) as answer:
            assert answer.status == 200, "the other server has its own rule for hosts"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with client.get(path, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
            assert answer.status == 403
        for _ in range(2):
            last = await pages.open([(tmp_path / "a", None)])
        for one, status in ((path, 404), (last, 200), ("/look/x/", 404)):
            async with client.get(one) as answer:
                assert answer.status == status

    _run(_served(pages, visit))


def test_a_place_without_a_sequence(tmp_path: Path) -> None:
    pages = Pages("/look")
    with pytest.raises(SequenceNotFoundError):
        _run(pages.open([(tmp_path, None)]))
    pages.close()
