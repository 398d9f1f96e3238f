"""What says 200 and is no store, or has other bytes: nothing is saved then, whatever the status was."""

from __future__ import annotations

import base64
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from seqsave import targets
from seqsave.errors import TargetError
from tests.support.needs import needs_obstore

DATA = b"the bytes of a frame"


class Stranger(ThreadingHTTPServer):
    """Answers 200 to every PUT, with these headers and this body."""

    headers: dict[str, str] = {}
    body = b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stranger

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        for name, value in {**self.server.headers, "Content-Length": str(len(self.server.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with Stranger(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def target_at(server: Stranger, client: str) -> targets.Target:
    if client == "obstore":
        needs_obstore()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    return targets.resolve(
        "s3://bucket/shot", {"key": "KEY", "secret": "SECRET-SECRET", "endpoint_url": endpoint, "client": client}
    )


def put(server: Stranger, client: str) -> targets.Published:
    return target_at(server, client).publish("frame_00000.png", DATA, content_type="image/png")


@pytest.mark.parametrize("client", ["obstore", "s3fs"])
@pytest.mark.parametrize("body", [b"", b"<html><body>Please sign in</body></html>"])
def test_a_login_page_has_saved_nothing(stranger: Stranger, client: str, body: bytes) -> None:
    stranger.headers, stranger.body = {"Content-Type": "text/html"}, body
    with pytest.raises(TargetError, match="the answer does not come from a store: check the endpoint") as caught:
        put(stranger, client)
    assert caught.value.transient


def test_a_store_that_says_that_it_has_other_bytes(stranger: Stranger) -> None:
    stranger.headers = {"ETag": '"0"', "x-amz-checksum-crc32": "AAAAAA=="}
    with pytest.raises(TargetError, match="the bytes did not arrive whole") as caught:
        put(stranger, "s3fs")
    assert caught.value.transient


def test_a_checksum_is_acknowledged_when_it_is_the_one_that_was_sent(stranger: Stranger) -> None:
    stranger.headers = {"ETag": '"0"'}
    assert not put(stranger, "s3fs").acknowledged
    stranger.headers["x-amz-checksum-crc32"] = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    assert put(stranger, "s3fs").acknowledged
