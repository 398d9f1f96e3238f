"""A small HTTP proxy on loopback that records every request and, when asked, behaves like a bad network or store.

Bytes pass unchanged, Host included, so signatures survive. In a test::

    with Proxy(s3_server.endpoint_url) as proxy:
        proxy.latency = 0.05                # seconds, round trip; a new connection costs one as well
        proxy.bandwidth = 10e6              # bytes a second, shared by all connections, each direction
        proxy.slow_down(first=2)            # 503 SlowDown for the first two requests of every key
        proxy.reset(probability=0.1)        # TCP reset in mid-body
        proxy.lose_reply(first=1)           # the store committed, the client never hears of it
        proxy.stall(path=r"00017")          # accepted, then silence
        proxy.cut(path=r"00017")            # half of it reaches the store, then silence
        proxy.delay(seconds=10)             # every answer comes late
        ...
        assert proxy.count("PUT") == 12

As a process of its own, where its CPU time must not be the client's (benchmarks)::

    Served("tests.support.proxy", endpoint_url, "--latency=0.08")
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from tests.support.patience import PATIENCE, PAUSE
from tests.support.processes import leave_with_parent, say

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["Fault", "Proxy", "Request"]

CHUNK = 1 << 16
HEAD_LIMIT = 1 << 20
LINGER = 30.0  # seconds for a client to hear the answer that it did not wait for


@dataclass
class Request:
    """One request as the proxy saw it.

    path:    decoded, without the query (``/bucket/renders/frame_00001.png``); ``query`` is as sent.
    headers: names in lower case.
    size:    bytes of body that came in.
    status:  what the client was answered; None when it got no answer.
    fault:   the kind of fault that was put in, if any.
    port:    the client's, which shows its process.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    size: int = 0
    status: int | None = None
    fault: str | None = None
    started: float = field(default_factory=time.monotonic)
    port: int = 0


@dataclass
class Fault:
    """A fault for some requests. ``hits`` counts how often it struck.

    header:      only requests with a header of this name, in lower case.
    spare:       so many matching requests pass before it begins.
    times:       it ends after so many matching requests.
    reached:     set once a request waits: in the silence that lose_reply, stall and cut bring about, or for may_go_on.
    may_go_on:   set by the test, and requests that are held go on to the store.
    first:       only the first so many matching requests of each key (method and path).
    probability: each matching request, by chance.
    neither:     every matching request, for as long as the fault is there.
    last:        the request that it struck last.
    """

    kind: Literal["answer", "reset", "lost", "stall", "cut", "late", "held"]
    methods: tuple[str, ...] = ("PUT",)
    path: str = ""
    header: str = ""
    spare: int = 0
    times: int | None = None
    first: int | None = None
    probability: float | None = None
    status: int = 503
    code: str = "SlowDown"
    seconds: float | None = None
    hits: int = 0
    last: Request | None = field(default=None, repr=False)
    reached: threading.Event = field(default_factory=threading.Event, repr=False)
    may_go_on: threading.Event = field(default_factory=threading.Event, repr=False)
    _seen: dict[tuple[str, str], int] = field(default_factory=dict, repr=False)

    def strikes(self, request: Request, dice: random.Random) -> bool:
        if request.method not in self.methods or not re.search(self.path, request.path):
            return False
        if self.header and self.header not in request.headers:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.spare:
            self.spare -= 1
            return False
        if self.first is not None:
            key = (request.method, request.path)
            self._seen[key] = self._seen.get(key, 0) + 1
            if self._seen[key] > self.first:
                return False
        if self.probability is not None and dice.random() >= self.probability:
            return False
        self.hits += 1
        self.last = request
        return True


class Proxy:
    """A proxy in front of an S3 server, with faults on request. Every setting may change while it runs."""

    def __init__(self, upstream: str, *, latency: float = 0.0, bandwidth: float | None = None, seed: int = 0) -> None:
        parts = urlsplit(upstream)
        self.upstream = (str(parts.hostname), int(parts.port or 80))
        self.latency = latency
        self.bandwidth = bandwidth
        self.requests: list[Request] = []
        self.connections = 0  # so far
        self.serving = 0  # of them, now
        self.port = 0
        self._faults: list[Fault] = []
        self._dice = random.Random(seed)
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._upwards = _Shared(self)
        self._downwards = _Shared(self)

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # --- faults ---

    def slow_down(self, **which: Any) -> Fault:
        """Answer 503 SlowDown, as S3 throttles."""
        return self._add(Fault("answer", **which))

    def answer(self, status: int, code: str, **which: Any) -> Fault:
        """Answer with any other S3 error in place of the store."""
        return self._add(Fault("answer", status=status, code=code, **which))

    def reset(self, **which: Any) -> Fault:
        """Reset the connection in the middle of the request's body, or of the reply if the request has none."""
        return self._add(Fault("reset", **which))

    def lose_reply(self, **which: Any) -> Fault:
        """Pass the request on, but break the connection (after ``seconds`` of silence) in place of the reply."""
        return self._add(Fault("lost", **which))

    def stall(self, **which: Any) -> Fault:
        """Read the request and stay silent: reset after ``seconds``, or never."""
        return self._add(Fault("stall", **which))

    def cut(self, **which: Any) -> Fault:
        """Send half of the body to the store, and stay silent; reset after ``seconds``."""
        return self._add(Fault("cut", **which))

    def delay(self, *, seconds: float, **which: Any) -> Fault:
        """Pass the request on at once, but the answer ``seconds`` later."""
        return self._add(Fault("late", seconds=seconds, **which))

    def hold(self, **which: Any) -> Fault:
        """Pass the request on when the test sets ``may_go_on``."""
        return self._add(Fault("held", **which))

    def clear(self) -> None:
        """Remove all faults and recorded requests; latency and bandwidth stay."""
        with self._lock:
            self._faults.clear()
            self.requests.clear()

    def count(self, method: str | None = None, path: str = "") -> int:
        """Return the number of recorded requests of a method (or any) whose path matches the regular expression."""
        return sum(1 for one in list(self.requests) if method in (None, one.method) and re.search(path, one.path))

    def _add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def strike(self, request: Request) -> Fault | None:
        """Record a request and choose the fault for it, if any."""
        with self._lock:
            self.requests.append(request)
            chosen = next((fault for fault in self._faults if fault.strikes(request, self._dice)), None)
            request.fault = chosen.kind if chosen else None
            return chosen

    # --- life ---

    def __enter__(self) -> Proxy:
        self._thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True, name="proxy")
        self._thread.start()
        if not self._ready.wait(PATIENCE):
            raise RuntimeError("the proxy did not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    async def run(self) -> None:
        """Serve until stopped."""
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        before = asyncio.all_tasks()
        tasks: dict[asyncio.Task[None], _Connection] = {}
        unserved: list[_Connection] = []

        def ended(task: asyncio.Task[None]) -> None:
            connection = tasks.pop(task)
            if task.cancelled():  # before it began
                unserved.append(connection)
            self.serving = len(tasks)

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            connection = _Connection(self, reader, writer)
            task = asyncio.ensure_future(connection.serve())
            tasks[task] = connection
            self.serving = len(tasks)
            task.add_done_callback(ended)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1024, limit=HEAD_LIMIT)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            await self._stopped.wait()
        finally:
            # A closed server leaves a connection that is being accepted to the collector, so it accepts none at first.
            for listening in server.sockets:
                self._loop.remove_reader(listening.fileno())
            # Such a connection may become a task of ours only now. s3fs closes its sessions when they are collected, on
            # whichever loop runs on that thread: those tasks are waited for as well.
            while running := asyncio.all_tasks() - before:
                for task in running & tasks.keys():
                    task.cancel()
                _, left = await asyncio.wait(running, timeout=PATIENCE)
                if left:
                    raise RuntimeError(f"the proxy cannot end: {left}")
            server.close()
            for connection in unserved:
                await connection.close(reset=False, stopped=True)


class _Shared:
    """One direction's bandwidth, shared by all connections."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self._free = 0.0

    async def carry(self, count: int) -> None:
        if self.proxy.bandwidth:
            now = time.monotonic()
            self._free = max(self._free, now) + count / self.proxy.bandwidth
            await asyncio.sleep(self._free - now)


class _Link:
    """The data from one side: every chunk arrives half a round trip after it was sent.

    ``stream`` is where to read it.
    """

    def __init__(self, source: asyncio.StreamReader, proxy: Proxy, shared: _Shared) -> None:
        self.stream = asyncio.StreamReader(limit=HEAD_LIMIT)
        self._source, self._proxy, self._shared = source, proxy, shared
        self._under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=256)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.ensure_future(self._take()), asyncio.ensure_future(self._bring())]

    async def _take(self) -> None:
        data = b"-"
        while data:
            try:
                data = await self._source.read(CHUNK)
            except OSError:
                data = b""
            await self._shared.carry(len(data))
            await self._under_way.put((time.monotonic() + self._proxy.latency / 2, data))

    async def _bring(self) -> None:
        while True:
            due, data = await self._under_way.get()
            if due > time.monotonic():
                await asyncio.sleep(due - time.monotonic())
            if not data:
                self.stream.feed_eof()
                return
            self.stream.feed_data(data)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()


class _EndError(Exception):
    """The end of a connection: reset it if ``reset`` is True, otherwise close it in order."""

    def __init__(self, reset: bool) -> None:
        super().__init__()
        self.reset = reset


@dataclass
class _Head:
    raw: bytes
    start: str
    headers: dict[str, str]

    @property
    def chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def length(self) -> int:
        return int(self.headers.get("content-length", 0))

    @property
    def expects(self) -> bool:
        return self.headers.get("expect", "").lower() == "100-continue"

    @property
    def closes(self) -> bool:
        return "close" in self.headers.get("connection", "").lower() or self.start.startswith("HTTP/1.0")


async def _read_head(stream: asyncio.StreamReader) -> _Head | None:
    try:
        raw = await stream.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, OSError):
        return None
    start, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    pairs = (line.partition(":") for line in lines)
    return _Head(raw, start, {name.lower(): value.strip() for name, _, value in pairs})


class _Connection:
    """One client's connection and the one upstream that goes with it."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.writer = writer
        self.client = _Link(reader, proxy, proxy._upwards)
        self.up_link: _Link | None = None
        self.up_writer: asyncio.StreamWriter | None = None
        self._writers = [writer]

    async def serve(self) -> None:
        broken = _EndError(reset=False)
        stopped = False
        try:
            await asyncio.sleep(self.proxy.latency)  # the handshake of a real link
            self.client.start()
            while (head := await _read_head(self.client.stream)) is not None:
                await self._one(head)
        except _EndError as error:
            broken = error
        except (OSError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            stopped = True
        finally:
            await self.close(broken.reset, stopped)

    async def _one(self, head: _Head) -> None:
        method, target, _ = head.start.split(" ", 2)
        path, _, query = target.partition("?")
        request = Request(method, unquote(path), query, head.headers)
        request.port = int(self.writer.get_extra_info("peername")[1])
        fault = self.proxy.strike(request)
        if fault is None:
            await self._pass(head, request)
        elif fault.kind == "answer":
            await self._answer(head, request, fault)
        elif fault.kind == "late":
            await self._pass(head, request, wait=fault.seconds or 0)
        elif fault.kind == "held":
            fault.reached.set()
            while not fault.may_go_on.is_set():
                await asyncio.sleep(PAUSE)
            await self._pass(head, request)
        elif fault.kind == "reset":
            await self._reset(head, request)
        else:
            await self._fall_silent(head, request, fault)

    async def _reset(self, head: _Head, request: Request) -> None:
        if head.length or head.chunked:
            await self._swallow(head, request, share=0.5)
        else:
            await self._pass(head, request, share=0.5)
        raise _EndError(reset=True)

    async def _fall_silent(self, head: _Head, request: Request, fault: Fault) -> None:
        if fault.kind == "stall":
            await self._swallow(head, request)
            await self._silence(fault, fault.seconds)
        elif fault.kind == "lost":
            await self._pass(head, request, deliver=False)
            await self._silence(fault, fault.seconds or 0)
        else:
            await self._pass_half(head, request)
            await self._silence(fault, fault.seconds)

    async def _silence(self, fault: Fault, seconds: float | None) -> None:
        """Stay silent for ``seconds``, or forever. If the client leaves, the store is disconnected too."""
        fault.reached.set()
        with contextlib.suppress(asyncio.TimeoutError, OSError):
            await asyncio.wait_for(self._drain_client(), seconds)
        raise _EndError(reset=True)

    # --- faults ---

    async def _answer(self, head: _Head, request: Request, fault: Fault) -> None:
        # A client that waits for 100 is refused before it sends; as it may send all the same, the connection ends.
        if not head.expects:
            await self._swallow(head, request)
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{fault.code}</Code>'
            f"<Message>put in by the test proxy</Message><RequestId>0</RequestId></Error>"
        ).encode()
        ending = "close" if head.expects else "keep-alive"
        reply = (
            f"HTTP/1.1 {fault.status} {fault.code}\r\nContent-Type: application/xml\r\n"
            f"Content-Length: {len(body)}\r\nConnection: {ending}\r\n\r\n"
        ).encode()
        await asyncio.sleep(self.proxy.latency / 2)
        request.status = fault.status
        self.writer.write(reply if request.method == "HEAD" else reply + body)
        await self.writer.drain()
        if head.expects:
            await self._linger()

    async def _linger(self) -> None:
        """Let the client read our last words before its unread bytes turn the close into a reset."""
        with contextlib.suppress(asyncio.TimeoutError, OSError):
            self.writer.write_eof()
            await asyncio.wait_for(self._drain_client(), LINGER)
        raise _EndError(reset=False)

    async def _drain_client(self) -> None:
        while await self.client.stream.read(CHUNK):
            pass

    async def _swallow(self, head: _Head, request: Request, share: float = 1.0) -> None:
        """Read the body (or that share of it) and drop it."""
        if head.expects:
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async for data in _body(self.client.stream, head):
            request.size += len(data)
            if share < 1 and request.size >= head.length * share:
                return

    # --- passing on ---

    async def _pass_half(self, head: _Head, request: Request) -> None:
        """Send half of the body to the store. Its answer is not read."""
        _, writer = await self._upstream()
        writer.write(head.raw)
        async for data in _body(self.client.stream, head):
            piece = data[: max(1, head.length // 2 - request.size)]
            request.size += len(piece)
            writer.write(piece)
            await writer.drain()
            if request.size >= head.length // 2:
                return

    async def _pass(
        self, head: _Head, request: Request, *, deliver: bool = True, share: float = 1.0, wait: float = 0.0
    ) -> None:
        link, writer = await self._upstream()
        writer.write(head.raw)
        sending = asyncio.ensure_future(self._send_body(head, request, writer))
        try:
            reply = await self._reply_head(link)
            await asyncio.sleep(wait)
            await self._send_reply(link, reply, request, deliver, share)
            if not sending.done():  # it answered without reading the body
                await self._linger()
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError, asyncio.IncompleteReadError):
                await sending
        if reply.closes or head.closes:
            raise _EndError(reset=False)

    async def _upstream(self) -> tuple[_Link, asyncio.StreamWriter]:
        if self.up_link is None or self.up_writer is None or self.up_link.stream.at_eof():
            self._drop_upstream()
            reader, self.up_writer = await asyncio.open_connection(*self.proxy.upstream, limit=HEAD_LIMIT)
            self._writers.append(self.up_writer)
            self.up_link = _Link(reader, self.proxy, self.proxy._downwards)
            self.up_link.start()
        return self.up_link, self.up_writer

    async def _send_body(self, head: _Head, request: Request, writer: asyncio.StreamWriter) -> None:
        async for data in _body(self.client.stream, head):
            request.size += len(data)
            writer.write(_framed(data) if head.chunked else data)
            await writer.drain()
        if head.chunked:
            writer.write(b"0\r\n\r\n")

    async def _reply_head(self, link: _Link) -> _Head:
        while True:
            reply = await _read_head(link.stream)
            if reply is None:
                raise _EndError(reset=True)  # upstream broke, so do we
            if reply.start.split(" ", 2)[1].startswith("1"):
                self.writer.write(reply.raw)  # 100 Continue: the client is waiting for it, whatever comes later
                continue
            return reply

    async def _send_reply(self, link: _Link, reply: _Head, request: Request, deliver: bool, share: float) -> None:
        status = int(reply.start.split(" ", 2)[1])
        if deliver:
            request.status = status if share == 1 else None  # before the client can hear of it
            self.writer.write(reply.raw)
        bodiless = request.method == "HEAD" or status in (204, 304)
        sent = 0
        async for data in _body(link.stream, reply, to_the_end=True) if not bodiless else _nothing():
            sent += len(data)
            if share < 1 and sent >= reply.length * share:
                self.writer.write(data[: max(1, len(data) // 2)])
                await self.writer.drain()
                return
            if deliver:
                self.writer.write(_framed(data) if reply.chunked else data)
                await self.writer.drain()
        if deliver:
            if reply.chunked and not bodiless:
                self.writer.write(b"0\r\n\r\n")
            await self.writer.drain()

    # --- the end ---

    def _drop_upstream(self) -> None:
        if self.up_link is not None:
            self.up_link.close()
        if self.up_writer is not None:
            self.up_writer.close()

    async def close(self, reset: bool, stopped: bool) -> None:
        """Close every transport, and wait until the loop has: one that is left to the collector is a warning."""
        self.client.close()
        self._drop_upstream()
        if reset:
            linger = struct.pack("ii", 1, 0)
            raw = self.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.writer.transport.abort()
        else:
            self.writer.close()
        try:
            if not stopped:
                await self._closed()
                return
        except asyncio.CancelledError:
            pass
        for writer in self._writers:  # the proxy ends: what its peers have not taken yet is dropped
            writer.transport.abort()
        await self._closed()

    async def _closed(self) -> None:
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def _nothing() -> Any:
    return
    yield b""


async def _body(stream: asyncio.StreamReader, head: _Head, to_the_end: bool = False) -> Any:
    """The body's data in pieces, without its framing. Trailers are read and dropped."""
    if head.chunked:
        while size := int((await stream.readuntil(b"\r\n")).split(b";")[0], 16):
            async for data in _exactly(stream, size):
                yield data
            await stream.readexactly(2)
        while await stream.readuntil(b"\r\n") != b"\r\n":
            pass
    elif "content-length" in head.headers:
        async for data in _exactly(stream, head.length):
            yield data
    elif to_the_end:
        while data := await stream.read(CHUNK):
            yield data


async def _exactly(stream: asyncio.StreamReader, size: int) -> Any:
    while size:
        data = await stream.read(min(size, CHUNK))
        if not data:
            raise asyncio.IncompleteReadError(b"", size)
        size -= len(data)
        yield data


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("upstream")
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--bandwidth", type=float)
    given = parser.parse_args()

    async def serve(proxy: Proxy) -> None:
        loop = asyncio.get_running_loop()
        running: Coroutine[Any, Any, None] = proxy.run()
        task = asyncio.ensure_future(running)
        while not proxy.port:
            await asyncio.sleep(0.01)
        say({"endpoint_url": proxy.endpoint_url})
        leave_with_parent(then=lambda: loop.call_soon_threadsafe(proxy._stopped.set))
        await task

    proxy = Proxy(given.upstream, latency=given.latency, bandwidth=given.bandwidth)
    asyncio.run(serve(proxy))
    say({"requests": len(proxy.requests), "cpu": time.process_time()})


if __name__ == "__main__":
    main()
