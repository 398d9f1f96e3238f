"""Listings without s3fs: page by page, signed, and left to s3fs where something is unusual."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from seqsave_obstore.target import FastS3Target
from tests.support.needs import needs_obstore
from tests.support.proxy import Proxy

from seqsave import targets
from seqsave.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.s3 import S3Server

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@pytest.fixture(autouse=True)
def _obstore(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_obstore()
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


class Answers:
    """A server that answers each request by ``answer(query)``: (status, body). asked: headers and query of each."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], dict[str, list[str]]]] = []
        self.answer: Callable[[dict[str, list[str]]], tuple[int, str]] = lambda _: (404, "")
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
                outer.asked.append(({name.lower(): value for name, value in self.headers.items()}, query))
                status, text = outer.answer(query)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.endpoint_url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def target(self, **options: Any) -> targets.Target:
        return targets.resolve(
            "s3://bucket/f",
            {"key": "k", "secret": "s", "endpoint_url": self.endpoint_url, "client": "obstore", **options},
        )

    @property
    def by_s3fs(self) -> list[bool]:
        return ["boto" in headers["user-agent"].lower() for headers, _ in self.asked]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Answers]:
    running = Answers()
    yield running
    running.close()


def page(names: list[str], more: str = "", head: str = "") -> str:
    found = "".join(f"<Contents><Key>{name}</Key><ETag>&quot;e&quot;</ETag><Size>7</Size></Contents>" for name in names)
    return f'<?xml version="1.0"?><ListBucketResult xmlns="{NAMESPACE}">{head}{more}{found}</ListBucketResult>'


def names_of(target: targets.Target) -> list[str]:
    return sorted(entry.name for entry in target.list())


def test_tokens_are_followed(server: Answers) -> None:
    def answer(query: dict[str, list[str]]) -> tuple[int, str]:
        if "continuation-token" not in query:
            more = "<IsTruncated>true</IsTruncated><NextContinuationToken>a+/=&amp; b</NextContinuationToken>"
            return 200, page(["f/1.png"], more)
        assert query["continuation-token"] == ["a+/=& b"]
        return 200, page(["f/2.png"])

    server.answer = answer
    assert names_of(server.target()) == ["1.png", "2.png"]
    assert server.by_s3fs == [False, False]


def test_a_server_of_version_1_is_asked_by_marker(server: Answers) -> None:
    def answer(query: dict[str, list[str]]) -> tuple[int, str]:
        if "marker" not in query:
            return 200, page(["f/1.png", "f/2.png"], "<IsTruncated>true</IsTruncated>")
        assert query["marker"] == ["f/2.png"]
        assert "list-type" not in query
        return 200, page(["f/3.png"], "<IsTruncated>false</IsTruncated>")

    server.answer = answer
    assert names_of(server.target()) == ["1.png", "2.png", "3.png"]


def test_names_are_decoded_where_the_server_encodes_them(server: Answers) -> None:
    server.answer = lambda _: (200, page(["f/a%2Bb+c.png"], head="<EncodingType>url</EncodingType>"))
    assert names_of(server.target()) == ["a+b c.png"]
    server.answer = lambda _: (200, page(["f/a%2Bb+c.png"]))
    assert names_of(server.target()) == ["a%2Bb+c.png"]


def test_a_session_token_is_signed_and_anonymous_requests_are_not(server: Answers) -> None:
    server.answer = lambda _: (200, page([]))
    server.target(token="t").list()
    server.target(key=None, secret=None, anon=True).list()
    (first, _), (second, _) = server.asked
    assert first["x-amz-security-token"] == "t"
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token," in first["authorization"]
    assert first["x-amz-content-sha256"] == hashlib.sha256(b"").hexdigest()
    assert not [name for name in second if name.startswith(("authorization", "x-amz"))]


@pytest.mark.parametrize("text", ["<html>log in</html>", "log in", "", page(["f/1.png"]).replace("<Size>7</Size>", "")])
def test_what_is_no_listing_is_left_to_s3fs(server: Answers, text: str) -> None:
    server.answer = lambda _: (200, text)
    target = server.target()
    with contextlib.suppress(TargetError):  # which is s3fs's own
        target.list()
    assert server.by_s3fs[:2] == [False, True]


def test_a_refusal_says_what_s3fs_says(server: Answers) -> None:
    server.answer = lambda _: (403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
    reported = []
    for client in ("obstore", "s3fs"):
        with pytest.raises(TargetError) as caught:
            server.target(client=client).list()
        reported.append((str(caught.value), caught.value.fault))
    assert reported[0] == reported[1]
    assert server.by_s3fs == [False, True]


def test_a_silent_and_an_absent_server() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        options = {"key": "k", "secret": "s", "endpoint_url": endpoint, "client": "obstore"}
        target = targets.resolve("s3://bucket/f", {**options, "config_kwargs": {"read_timeout": 0.3}})
        with pytest.raises(TargetError, match="in time") as caught:
            target.list()
        assert caught.value.transient
    with pytest.raises(TargetError, match="cannot be reached") as caught:
        targets.resolve("s3://bucket/f", options).list()
    assert caught.value.transient


def test_reading_and_listing_need_no_event_loop(server: Answers) -> None:
    """An import of asyncio takes longer than the requests of a small command."""
    server.answer = lambda _: (200, page(["f/1.png"]))
    code = f"""
import sys
from seqsave import targets
options = {{"key": "k", "secret": "s", "endpoint_url": {server.endpoint_url!r}, "client": "obstore"}}
target = targets.resolve("s3://bucket/f", options)
print([entry.name for entry in target.list()], "asyncio" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "['1.png'] False\n", done.stderr
    assert server.by_s3fs == [False]


def test_both_clients_list_the_same(s3_server: S3Server) -> None:
    url = s3_server.new_prefix()
    for name in ("a b/1.png", "a b/größe 🎬.png", "a b/a+b&c=d%20.png", "a b/ .png", "a b/sub/x.png", "a b/"):
        s3_server.write(f"{url}/{name}", name.encode())
    listings = []
    for client in ("obstore", "s3fs"):
        target = targets.resolve(url, {**s3_server.storage_options, "client": client})
        found = target.list("a b")
        listings.append(sorted((one.name, one.size, one.is_folder, one.version or "") for one in found))
    assert listings[0] == listings[1]
    assert len(listings[0]) == 5


def test_a_listing_with_refused_credentials_reads_them_again(s3_server: S3Server) -> None:
    file = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
    url = s3_server.new_prefix()
    s3_server.write(f"{url}/1.png", b"x")
    file.write_text("[p]\naws_access_key_id = old\naws_secret_access_key = old\n")
    with Proxy(s3_server.endpoint_url) as proxy:
        options = {"profile": "p", "endpoint_url": proxy.endpoint_url, "client": "obstore"}
        target = targets.resolve(url, options)
        assert type(target) is FastS3Target
        file.write_text(f"[p]\naws_access_key_id = {s3_server.key}\naws_secret_access_key = {s3_server.secret}\n")
        assert names_of(target) == ["1.png"]
        assert [request.status for request in proxy.requests] == [403, 200]
        # One that has never succeeded is not asked again by this target; another one starts with what the file has now.
        assert names_of(targets.resolve(url, options)) == ["1.png"]
        assert proxy.requests[-1].headers["user-agent"] == "seqsave"
