"""Whole objects without obstore: connections that are used again, and answers that are cut off or unusual."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from seqsave_obstore import signed
from tests.support.needs import needs_obstore

from seqsave import targets
from seqsave.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "e"\r\n\r\nframe'


@pytest.fixture(autouse=True)
def _obstore(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_obstore()
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


class Server:
    """A server that sends ``answer`` to each request, and closes the connection if ``closes`` says so.

    asked: the user agents of all requests. connections: how many were made. closed: set when one was closed.
    """

    def __init__(self) -> None:
        self.answer, self.closes = WHOLE, False
        self.asked: list[str] = []
        self.connections = 0
        self.closed = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint_url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def target(self) -> targets.Target:
        options = {"key": "k", "secret": "s", "endpoint_url": self.endpoint_url, "client": "obstore"}
        return targets.resolve("s3://bucket/f", options)

    @property
    def by_s3fs(self) -> list[bool]:
        return ["boto" in agent.lower() for agent in self.asked]

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as incoming:
            while True:
                lines = []
                while (line := incoming.readline().strip()) != b"":
                    lines.append(line.decode())
                if not lines:
                    return
                self.asked.extend(line.partition(": ")[2] for line in lines if line.lower().startswith("user-agent"))
                connection.sendall(self.answer)
                if self.closes:
                    break
        self.closed.set()

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def test_a_connection_is_used_again(server: Server) -> None:
    target = server.target()
    assert [target.read_published("1.png")[0] for _ in range(3)] == [b"frame"] * 3
    assert target.read_published("1.png")[1].etag == "e"
    assert server.connections == 1
    assert not any(server.by_s3fs)


def test_a_connection_that_the_server_has_closed_is_not(server: Server) -> None:
    target = server.target()
    server.closes = True
    assert target.read("1.png") == b"frame"
    assert server.closed.wait(60)
    assert target.read("1.png") == b"frame"
    assert server.connections == 2


def test_a_connection_that_closes_as_it_is_used_is_replaced(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed, "_is_silent", lambda connection: True)  # the end comes right after the look
    target = server.target()
    server.closes = True
    assert target.read("1.png") == b"frame"
    assert server.closed.wait(60)
    assert target.read("1.png") == b"frame"
    assert server.connections == 2


@pytest.mark.parametrize("length", [b"abc", b"-5", b"500, 500", b"5\r\nContent-Length: 500"])
def test_a_part_with_a_length_that_is_no_number_is_not_returned(server: Server, length: bytes) -> None:
    server.answer, server.closes = WHOLE.replace(b"Length: 5", b"Length: " + length), True
    with pytest.raises(TargetError):
        server.target().read("1.png")


@pytest.mark.parametrize("sent", [WHOLE[:-2], b"", b"no HTTP\r\n\r\n"])
def test_an_answer_that_is_cut_off_may_come_whole_later(server: Server, sent: bytes) -> None:
    server.answer, server.closes = sent, True
    with pytest.raises(TargetError) as caught:
        server.target().read("1.png")
    assert caught.value.transient
    assert not any(server.by_s3fs)


def test_an_answer_without_a_length_is_left_to_s3fs(server: Server) -> None:
    server.answer, server.closes = WHOLE.replace(b"Content-Length: 5\r\n", b""), True
    with contextlib.suppress(TargetError):  # which is s3fs's own
        server.target().read("1.png")
    assert server.by_s3fs[:2] == [False, True]


def test_an_answer_without_an_etag_comes_from_no_store(server: Server) -> None:
    server.answer = WHOLE.replace(b'ETag: "e"\r\n', b"")
    with pytest.raises(TargetError, match="does not come from a store"):
        server.target().read("1.png")


def test_a_refusal_without_a_text_keeps_its_status(server: Server) -> None:
    server.answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(targets.FileMissingError):
        server.target().read("1.png")
