"""Send signed requests without a body: those that obstore does not offer, and those that it does not do as quickly.

AWS Signature Version 4: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import http.client
import selectors
import ssl
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from seqsave.targets.s3_client import StoreAnswerError

if TYPE_CHECKING:
    from seqsave_obstore.plan import Plan

__all__ = ["Connections", "exchange", "parsed", "path_of", "refusal", "tag"]

_NOTHING = hashlib.sha256(b"").hexdigest()
_LONGEST = 64 << 20

IDLE_SECONDS = 12.0
"""Seconds after which an unused connection is not used again: servers close idle ones after about 20."""


class Connections:
    """Open connections to one endpoint, which wait for the next request. Thread-safe."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []
        # For all connections, since reading the certificates takes longer than many requests.
        self._trusted = _trusted(plan)

    def take(self) -> tuple[http.client.HTTPConnection, bool]:
        """Return a connection that is open, and whether it was used before. Raises OSError."""
        with contextlib.suppress(IndexError):  # another thread was faster
            while True:
                since, connection = self._idle.pop()
                if time.monotonic() - since < IDLE_SECONDS and _is_silent(connection):
                    return connection, True
                connection.close()
        return self.fresh(), False

    def fresh(self) -> http.client.HTTPConnection:
        """Return a new connection. Raises OSError."""
        connection = _connection(self._plan, self._trusted)
        _connect(connection, self._plan)
        return connection

    def give_back(self, connection: http.client.HTTPConnection) -> None:
        """Keep a connection for the next request, unless the server has closed it."""
        if connection.sock is not None:
            self._idle.append((time.monotonic(), connection))

    def __del__(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()


def path_of(plan: Plan, key: str = "") -> str:
    """Return the path of the bucket, or of an object in it, as a request names it."""
    path = urlsplit(plan.config["endpoint"]).path
    if not plan.config["virtual_hosted_style_request"]:
        path = f"{path}/{plan.bucket}"
    return f"{path}/{quote(key, safe='/-_.~')}" if key else path or "/"


def exchange(
    plan: Plan,
    method: str,
    path: str,
    connections: Connections,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    longest: int | None = _LONGEST,
) -> tuple[http.client.HTTPResponse, bytes]:
    """Send a request without a body, and return the answer with its status and headers, and its body.

    headers: in lower case; they are signed.
    longest: how many bytes of the body are read at most; None for all of them.

    Raises OSError, and the errors of the credentials.
    """
    host = urlsplit(plan.config["endpoint"]).netloc
    signed = _signed(plan, method, host, path, query, headers or {})
    target = f"{path}?{query}" if query else path
    (connection, is_used), answer, body = connections.take(), None, None
    try:
        try:
            answer = _asked(connection, method, target, signed)
        except ConnectionError:
            if not is_used or method != "GET":
                raise
            connection.close()  # the server had closed it, and has not seen the request
            connection = connections.fresh()
            answer = _asked(connection, method, target, signed)
        body = answer.read(longest)
    except (http.client.HTTPException, UnicodeError):
        pass
    finally:
        if body is None or answer is None or not answer.isclosed():
            connection.close()
    if body is None or answer is None:  # not inside the handler: the message must not contain what the server sent
        raise ConnectionResetError(errno.ECONNRESET, "the answer is not one of a server")
    connections.give_back(connection)
    return answer, body


def parsed(body: bytes) -> ElementTree.Element | None:
    """Return the XML of an answer; None if it is none."""
    try:
        return ElementTree.fromstring(body) if body else None  # noqa: S314 - expat is bounded
    except ElementTree.ParseError:
        return None


def tag(element: ElementTree.Element) -> str:
    """Return the name of an element, without its namespace."""
    return element.tag.rpartition("}")[2]


def refusal(status: int, root: ElementTree.Element | None) -> StoreAnswerError:
    """Return the error for an answer that reports one."""
    found = {} if root is None else {tag(one): one.text or "" for one in root}
    return StoreAnswerError(status, found.get("Code", ""), found.get("Message", ""))


def _signed(plan: Plan, method: str, host: str, path: str, query: str, more: Mapping[str, str]) -> Mapping[str, str]:
    now = datetime.now(timezone.utc)
    stamp, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    if plan.identity is None:
        return {"host": host, **more}
    headers = {"host": host, "x-amz-content-sha256": _NOTHING, "x-amz-date": stamp, **more}
    credentials = plan.identity()
    if credentials["token"]:
        headers["x-amz-security-token"] = credentials["token"]
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{_NOTHING}"
    scope = f"{day}/{plan.config['region']}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = _key(credentials["secret_access_key"], scope)
    signature = hmac.digest(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}".encode(), "sha256").hex()
    about = f"Credential={credentials['access_key_id']}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {about}"}


@lru_cache(maxsize=8)
def _key(secret: str, scope: str) -> bytes:
    """Return the key that signs all requests of a day."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _asked(
    connection: http.client.HTTPConnection, method: str, target: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    """Send a request, and return the answer, whose body is still to be read."""
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    length = {"content-length": "0"} if method == "PUT" else {}
    for name, value in {**headers, **length, "user-agent": "seqsave"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


def _trusted(plan: Plan) -> ssl.SSLContext | None:
    """Return the certificates that are trusted; None where connections are not encrypted."""
    if urlsplit(plan.config["endpoint"]).scheme == "http":
        return None
    trusted = ssl.create_default_context(cadata=plan.client["root_certificate"].decode("ascii", "ignore"))
    trusted.load_default_certs()  # those of the system too, as obstore does for a PUT
    return trusted


def _connection(plan: Plan, trusted: ssl.SSLContext | None) -> http.client.HTTPConnection:
    parts = urlsplit(plan.config["endpoint"])
    host = parts.hostname or ""
    if trusted is None:
        return http.client.HTTPConnection(host, parts.port)
    return http.client.HTTPSConnection(host, parts.port, context=trusted)


def _is_silent(connection: http.client.HTTPConnection) -> bool:
    """Return False if an unused connection has something to read, such as its end."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return not selector.select(0)


def _connect(connection: http.client.HTTPConnection, plan: Plan) -> None:
    connection.timeout = plan.client["connect_timeout"].total_seconds()
    try:
        connection.connect()
    except TimeoutError:
        connection.close()
    if connection.sock is None:
        raise OSError(errno.EHOSTUNREACH, "no connection was made in time")
    connection.sock.settimeout(plan.stall)
