"""Answers with status 200 that are not from a store, or for other bytes: then nothing counts as saved."""

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
from tests.support.web import WebServer, set_names

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


# --- confined to the endpoint ---


def confined(endpoint: str, client: str = "s3fs") -> targets.Target:
    options = {"key": "KEY", "secret": "SECRET-SECRET", "endpoint_url": endpoint, "client": client}
    return targets.resolve("s3://bucket/shot", {**options, "within": ["s3://bucket"]})


def test_redirects_of_an_endpoint_are_not_followed() -> None:
    with WebServer.running() as store, WebServer.running() as secret:
        place = f"{secret.url}/key"
        store.redirects |= {"/bucket/shot/a.png": place, "/bucket/shot/b.png": place}
        secret.files["/key"] = b"secret"
        target = confined(store.url)
        with pytest.raises(TargetError):
            target.read("a.png")
        with pytest.raises(TargetError):
            target.publish("b.png", DATA, content_type="image/png")
        assert store.asked
        assert secret.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254"])
def test_an_endpoint_whose_name_leads_to_this_machine(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with WebServer.running() as store:
        set_names(monkeypatch, {"objects.example": address})
        store.files["/bucket/shot/a.png"] = DATA
        target = confined(f"http://objects.example:{store.server_port}")
        with pytest.raises(TargetError, match="leads to another address") as caught:
            target.read("a.png")
        assert (caught.value.fault, caught.value.transient) == ("outside", False)
        assert store.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_endpoint_that_names_this_machine(host: str) -> None:
    with WebServer.running() as store:
        store.files["/bucket/shot/a.png"] = DATA
        assert confined(f"http://{host}:{store.server_port}").read("a.png") == DATA


def test_the_fast_client_looks_names_up_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_obstore()
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)

    def kind(endpoint: str, **more: Any) -> str:
        options = {"key": "K", "secret": "S", "endpoint_url": endpoint, "within": ["s3://bucket"], **more}
        return type(targets.resolve("s3://bucket/x", options)).__name__

    assert kind("http://objects.example") == "S3Target"
    assert kind("https://objects.example") == "FastS3Target"
    assert kind("http://objects.example", client="obstore") == "FastS3Target"
