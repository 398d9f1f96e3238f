"""A server that answers S3's listings of a folder with any number of frames, page by page, and counts the requests."""

from __future__ import annotations

import argparse
import http.server
import threading
import urllib.parse
from collections import Counter
from typing import Any

from tests.support.processes import leave_with_parent, say

__all__ = ["PagedS3"]

PAGE = 1000
_STAMP = "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"


class PagedS3:
    """``s3://bucket/COUNT/`` holds COUNT frames, ``frame_000000.png`` and so on. requests: method or LIST to count."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def storage_options(self) -> dict[str, Any]:
        return {"key": "any", "secret": "any", "endpoint_url": f"http://127.0.0.1:{self._server.server_address[1]}"}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> PagedS3:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def listed(self, query: dict[str, list[str]]) -> bytes:
        """Return the requested page."""
        prefix = query.get("prefix", [""])[0]
        count = int(prefix[:-1]) if prefix[:-1].isdigit() else 0
        begin = int(query.get("continuation-token", ["0"])[0])
        end = min(begin + PAGE, count)
        found = "".join(
            f"<Contents><Key>{prefix}frame_{number:06d}.png</Key>{_STAMP}<ETag>&quot;{number:032x}&quot;</ETag>"
            f"<Size>{4000 + number}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for number in range(begin, end)
        )
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < count else ""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>bucket</Name><Prefix>{prefix}</Prefix><KeyCount>{end - begin}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
            f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}{found}</ListBucketResult>"
        ).encode()


def _handler(owner: PagedS3) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            query = urllib.parse.parse_qs(url.query)
            is_list = "list-type" in query
            owner.requests["LIST" if is_list else self.command] += 1
            body = owner.listed(query) if is_list else b"<Error><Code>NoSuchKey</Code></Error>"
            self.send_response(200 if is_list else 404)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name that the base class calls

    return Handler


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    server, ended = PagedS3(), threading.Event()
    say(server.storage_options)
    leave_with_parent(then=ended.set)
    ended.wait()
    say(dict(server.requests))


if __name__ == "__main__":
    main()
