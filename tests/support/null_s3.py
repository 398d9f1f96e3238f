"""An S3 server that answers 200 to every PUT and drops the body as cheaply as it can: the client's own limit.

It checks nothing and keeps nothing. Run it in a process of its own, so that its CPU time is counted apart::

    with Served("tests.support.null_s3", "--latency=0.08") as server:
        server.hello["endpoint_url"]
        cpu_seconds(server.pid)
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import itertools
import selectors
import socket
import sys
import time

from tests.support.processes import leave_with_parent, say

BUFFER = 1 << 20
# Linux drops the bytes in the kernel then, without copying them to us.
DROP = socket.MSG_TRUNC if sys.platform == "linux" else 0

OK = b'HTTP/1.1 200 OK\r\nETag: "00000000000000000000000000000000"\r\nContent-Length: 0\r\n\r\n'
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# It keeps nothing, so it may not list: an empty list would say that every frame was removed.
NO_RIGHT = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>no right to list</Message></Error>'
)
LISTED = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s" % (
    len(NO_RIGHT),
    NO_RIGHT,
)


class _Client:
    """One connection: the part of a head that was read, and the length of the body to come."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.head = b""
        self.left = 0
        self.reply = b""
        self.fresh = True  # a real link's handshake has still to be paid for


class NullServer:
    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.buffer = bytearray(BUFFER)
        self.requests = 0
        self.body_bytes = 0
        self.stopping = False
        self._late: list[tuple[float, int, _Client, bytes]] = []
        self._order = itertools.count()
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, None)

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        while not self.stopping:
            wait = 0.2 if not self._late else max(0.0, min(0.2, self._late[0][0] - time.monotonic()))
            for key, _ in self.selector.select(wait):
                self._accept() if key.data is None else self._receive(key.data)
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, client, data = heapq.heappop(self._late)
                self._send(client, data)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self.listener.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.selector.register(connection, selectors.EVENT_READ, _Client(connection))

    def _receive(self, client: _Client) -> None:
        try:
            if client.left:
                count = client.socket.recv_into(self.buffer, min(client.left, BUFFER), DROP)
                self.body_bytes += count
                client.left -= count
            else:
                data = client.socket.recv(BUFFER)
                count = len(data)
                self._take(client, data)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if not count:
            self.selector.unregister(client.socket)
            client.socket.close()
        elif not client.left and client.reply:
            self._answer(client, client.reply)
            client.reply = b""

    def _take(self, client: _Client, data: bytes) -> None:
        client.head += data
        head, found, body = client.head.partition(b"\r\n\r\n")
        if not found:
            return
        self.requests += 1
        method = head.partition(b" ")[0]
        names = {line.partition(b":")[0].strip().lower(): line.partition(b":")[2] for line in head.split(b"\r\n")[1:]}
        length = int(names.get(b"content-length", 0))
        client.head = body[length:]
        client.left = max(0, length - len(body))
        self.body_bytes += min(length, len(body))
        client.reply = OK if method in (b"PUT", b"POST", b"DELETE") else LISTED if method == b"GET" else NOT_FOUND
        if b"expect" in names:
            self._answer(client, CONTINUE)

    def _answer(self, client: _Client, data: bytes) -> None:
        if not self.latency:
            self._send(client, data)
            return
        trips = 2 if client.fresh else 1
        client.fresh = False
        heapq.heappush(self._late, (time.monotonic() + trips * self.latency, next(self._order), client, data))

    def _send(self, client: _Client, data: bytes) -> None:
        # Replies are tiny, so the socket's buffer always has room; a client that has left does not matter.
        with contextlib.suppress(OSError):
            client.socket.send(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency", type=float, default=0.0, help="seconds, round trip")
    server = NullServer(parser.parse_args().latency)

    def stop() -> None:
        server.stopping = True

    leave_with_parent(then=stop)
    say({"endpoint_url": server.endpoint_url})
    server.run()
    say({"requests": server.requests, "bytes": server.body_bytes, "cpu": time.process_time()})


if __name__ == "__main__":
    main()
