"""The server of ``seqsave view`` on a thread of its own, and requests to it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from seqsave.look.catalog import find
from seqsave.look.proxies import Proxies
from seqsave.look.server import Rooms, serve
from seqsave.look.viewer import Viewer
from tests.support.patience import PATIENCE, wait_until

__all__ = ["Answer", "Served", "serving"]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        assert self.status == 200, self.body
        return np.asarray(Image.open(io.BytesIO(self.body)))


class Events:
    """The events that a page gets, as they come."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.has_ended = False

    def read(self) -> None:
        name = ""
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := self._response.readline().decode():
                if line.startswith("event: "):
                    name = line[7:].strip()
                elif line.startswith("data: "):
                    self.seen.append((name, json.loads(line[6:])))
        self.has_ended = True

    def named(self, name: str) -> list[dict[str, Any]]:
        return [values for one, values in self.seen if one == name]


class Served:
    """A running server. ``url``: of the page, with its token."""

    def __init__(self, port: int, token: str, viewer: Viewer, task: Any) -> None:
        self.port = port
        self.token = token
        self.viewer = viewer
        self.task = task
        self.loop: asyncio.AbstractEventLoop = task.get_loop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.token}/"

    def get(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, below: str | None = None
    ) -> Answer:
        """Send one request. path: below the token. below: in place of ``/TOKEN/``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, f"/{self.token}/{path}" if below is None else below, headers=headers or {})
            response = connection.getresponse()
            return Answer(
                response.status, {name.lower(): text for name, text in response.getheaders()}, response.read()
            )

    def sequences(self) -> list[dict[str, Any]]:
        return list(self.get("sequences.json").document["sequences"])

    @contextlib.contextmanager
    def events(self) -> Iterator[Events]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", f"/{self.token}/events")
        response = connection.getresponse()
        assert response.status == 200
        assert response.readline() == b": open\n"
        events = Events(response)
        thread = threading.Thread(target=events.read)
        thread.start()
        try:
            yield events
        finally:
            import socket

            with contextlib.suppress(OSError, AttributeError):
                response.fp.raw._sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
            thread.join(PATIENCE)
            response.close()
            connection.close()


@contextlib.contextmanager
def serving(*urls: Any, storage_options: Any = None, **how: Any) -> Iterator[Served]:
    """Serve the sequences at these URLs, as ``seqsave view`` does. hosts: of proxies in front of it."""
    hosts = how.pop("hosts", ())
    settings = {name: how.pop(name) for name in ("max_pixels", "budget") if name in how}
    catalog, seen = find(urls, storage_options, **how)
    proxies, rooms = Proxies(**settings), Rooms()
    started: list[Any] = []
    failed: list[BaseException] = []

    async def run() -> None:
        viewer = Viewer(catalog, seen, proxies)
        token = rooms.open(viewer)
        task = asyncio.current_task()
        await serve(rooms, 0, lambda port: started.append(Served(port, token, viewer, task)), hosts)

    def main() -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    thread = threading.Thread(target=main, name="test-server")
    thread.start()
    wait_until(lambda: started or failed, "the server")
    try:
        if failed:
            raise failed[0]
        yield started[0]
    finally:
        if started:
            with contextlib.suppress(RuntimeError):
                started[0].loop.call_soon_threadsafe(started[0].task.cancel)
        thread.join(PATIENCE)
        proxies.close()
    assert not failed, failed
