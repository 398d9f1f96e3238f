"""An S3 server in a thread, with objects in memory, that has peculiarities of stores which the tests cannot start.

``with PeculiarS3(...) as server``. It checks no signatures, only the access key that a request names.
"""

from __future__ import annotations

import hashlib
import http.server
import threading
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

__all__ = ["PeculiarS3"]

DIGESTS = ("content-md5", "x-amz-checksum-")


class PeculiarS3:
    """``objects``: ``"bucket/key"`` to bytes. ``requests``: what came, as method, key and status.

    bare_etags:   compare ``If-Match`` with the ETag without quotes, as Ceph RGW 16 does.
    locked:       take a PUT only with a checksum in a header, as buckets with locked objects do.
    wants_md5:    take a PUT only with ``Content-MD5``.
    accepted:     the access keys that are good; None for any. Others get ``refusal``.
    """

    def __init__(
        self,
        *,
        bare_etags: bool = False,
        locked: bool = False,
        wants_md5: bool = False,
        accepted: set[str] | None = None,
        refusal: str = "InvalidAccessKeyId",
    ) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, int]] = []
        self.bare_etags = bare_etags
        self.locked = locked
        self.wants_md5 = wants_md5
        self.accepted = accepted
        self.refusal = refusal
        self.lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def statuses(self, method: str) -> list[int]:
        return [status for verb, _, status in self.requests if verb == method]

    def __enter__(self) -> PeculiarS3:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    # --- what it answers: a status, an error's code or headers, a body ---

    def answer(self, method: str, key: str, query: dict[str, list[str]], headers: Any, body: bytes) -> Any:
        named = headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]
        if self.accepted is not None and named not in self.accepted:
            return 403, self.refusal, b""
        if method == "PUT":
            return self._put(key, headers, body)
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, {}, b""
        if "list-type" in query:
            return 200, {}, self._listed(key.partition("/")[0], query)
        if key not in self.objects:
            return 404, "NoSuchKey", b""
        return 200, {"ETag": f'"{_etag(self.objects[key])}"'}, self.objects[key]

    def _put(self, key: str, headers: Any, body: bytes) -> Any:
        names = [name.lower() for name in headers]
        if self.locked and not any(name.startswith(DIGESTS) for name in names):
            text = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock"
            return 400, "InvalidRequest", text.encode()
        if self.wants_md5 and "content-md5" not in names:
            return 400, "MissingContentMD5", b"Missing required header for this request: Content-Md5."
        before = self.objects.get(key)
        match = headers.get("If-Match")
        if match is not None and (before is None or match != self._condition(before)):
            return (404, "NoSuchKey", b"") if before is None else (412, "PreconditionFailed", b"")
        if headers.get("If-None-Match") == "*" and before is not None:
            return 412, "PreconditionFailed", b""
        self.objects[key] = body
        return 200, {"ETag": f'"{_etag(body)}"'}, b""

    def _condition(self, data: bytes) -> str:
        return _etag(data) if self.bare_etags else f'"{_etag(data)}"'

    def _listed(self, bucket: str, query: dict[str, list[str]]) -> bytes:
        prefix = f"{bucket}/{query.get('prefix', [''])[0]}"
        inside = {key: data for key, data in self.objects.items() if key.startswith(prefix)}
        files = {key: data for key, data in inside.items() if "/" not in key.removeprefix(prefix)}
        folders = {key.removeprefix(prefix).partition("/")[0] for key in inside.keys() - files.keys()}
        found = [
            f"<Contents><Key>{escape(key.removeprefix(f'{bucket}/'))}</Key><Size>{len(data)}</Size>"
            f'<ETag>"{_etag(data)}"</ETag></Contents>'
            for key, data in files.items()
        ]
        common = [
            f"<CommonPrefixes><Prefix>{escape(prefix.removeprefix(f'{bucket}/') + name)}/</Prefix></CommonPrefixes>"
            for name in folders
        ]
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(found + common)}</ListBucketResult>".encode()
        )


def _etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _handler(owner: PeculiarS3) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.close_connection = True
            self.raw_requestline = self.rfile.readline()
            if self.raw_requestline and self.parse_request():
                self.close_connection = False
                self.respond()

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            key = unquote(parts.path).lstrip("/")
            with owner.lock:
                status, more, content = owner.answer(self.command, key, parse_qs(parts.query), self.headers, body)
                owner.requests.append((self.command, key, status))
            if isinstance(more, str):
                content = f"<Error><Code>{more}</Code><Message>{content.decode()}</Message></Error>".encode()
                more = {}
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
