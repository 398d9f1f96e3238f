"""A web server whose answers a test sets: files, redirects, and addresses for names."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

__all__ = ["WebServer", "set_names"]


class WebServer(http.server.ThreadingHTTPServer):
    """A web server with ``files`` by path and ``redirects``. It records the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.asked: list[str] = []

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[WebServer]:
        with cls() as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield server
            server.shutdown()
            thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: WebServer

    def answer(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        place, data = self.server.redirects.get(self.path), self.server.files.get(self.path)
        if place is not None:
            self.send_response(307)
            self.send_header("Location", place)
            data = b""
        elif data is None:
            self.send_response(404)
            data = b"no such file"
        else:
            self.send_response(200)
            self.send_header("ETag", '"0123"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = answer  # noqa: N815 - the names of http.server

    def log_message(self, *_: Any) -> None:
        pass


def set_names(monkeypatch: pytest.MonkeyPatch, names: Mapping[str, str]) -> list[str]:
    """Let names lead to addresses in this process; return the list of the names that were looked up."""
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in names:
            return real(host, *args, **kwargs)
        looked_up.append(name)
        is_new, port = ":" in names[name], args[0] if args else kwargs.get("port", 0)
        family = socket.AF_INET6 if is_new else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (names[name], port, 0, 0) if is_new else (names[name], port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return looked_up
