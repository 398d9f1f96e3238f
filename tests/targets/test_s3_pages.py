"""Long listings come page by page, also from servers that know only version 1 of the request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import seqsave
from seqsave.sources import open_source
from tests.sources.pictures import encode, picture

PAGE = 1000


class Server(ThreadingHTTPServer):
    """Objects by key, and how truncated listings are continued: ``token``, ``marker`` or ``none``."""

    objects: dict[str, bytes]
    continues = "token"
    listings: int = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        key = url.path.removeprefix("/bucket").lstrip("/")
        if not key:
            self._answer(200, self._listing(parse_qs(url.query, keep_blank_values=True)))
        elif key in self.server.objects:
            self._answer(200, self.server.objects[key])
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_HEAD(self) -> None:
        key = urlsplit(self.path).path.removeprefix("/bucket/")
        self._answer(200 if key in self.server.objects else 404, self.server.objects.get(key, b""))

    def _listing(self, query: dict[str, list[str]]) -> bytes:
        self.server.listings += 1
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", query.get("marker", [""]))[0]
        keys = sorted(key for key in self.server.objects if key.startswith(prefix) and key > after)
        page, is_truncated = keys[:PAGE], len(keys) > PAGE
        following = {
            "token": f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if page else "",
            "marker": f"<NextMarker>{page[-1]}</NextMarker>" if page else "",
        }.get(self.server.continues, "")
        if self.server.continues == "none":
            page = [] if is_truncated else page
        found = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in page)
        return (
            f"<ListBucketResult><Prefix>{prefix}</Prefix><IsTruncated>{str(is_truncated).lower()}</IsTruncated>"
            f"{following if is_truncated else ''}{found}</ListBucketResult>"
        ).encode()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.objects = {}
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def options(server: Server) -> dict[str, Any]:
    endpoint = f"http://127.0.0.1:{server.server_port}"
    return {"key": "KEY", "secret": "SECRET-SECRET", "endpoint_url": endpoint, "client": "s3fs"}


@pytest.mark.parametrize("continues", ["token", "marker"])
def test_a_request_for_each_thousand(server: Server, continues: str) -> None:
    server.objects = {f"shot/frame_{n:05}.png": b"x" for n in range(2500)}
    server.continues = continues
    assert len(seqsave.open_sequence("s3://bucket/shot", storage_options=options(server))) == 2500
    assert server.listings == 3


def test_a_listing_that_cannot_be_continued_is_refused(server: Server) -> None:
    server.objects = {f"shot/frame_{n:05}.png": b"x" for n in range(2500)}
    server.continues = "none"
    with pytest.raises(seqsave.TargetError, match="more files than it lists"):
        seqsave.open_sequence("s3://bucket/shot", storage_options=options(server))


@pytest.mark.parametrize("marker", ["shot", "shot/"])
def test_an_object_with_the_name_of_a_folder_is_the_folder(server: Server, marker: str) -> None:
    data = encode(picture())
    server.objects = {marker: b"", **{f"shot/frame_{n:05}.png": data for n in range(3)}}
    source = open_source("s3://bucket/shot", options(server))
    assert [frame.index for frame in source] == [0, 1, 2]
    assert seqsave.open_sequence("s3://bucket/shot", storage_options=options(server)).indices == (0, 1, 2)


def test_a_folder_that_reads_as_a_pattern(server: Server) -> None:
    server.objects = {"take #1.v2/frame_00004.png": b"x"}
    assert seqsave.open_sequence("s3://bucket/take #1.v2", storage_options=options(server)).indices == (4,)
