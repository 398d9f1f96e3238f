"""Request pages of listings without a library, since obstore follows only tokens, and splits names.

A page is one signed GET. AWS Signature Version 4: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import http.client
import ssl
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus, urlsplit
from xml.etree import ElementTree

from seqsave.targets.s3_client import StoreAnswerError

if TYPE_CHECKING:
    from seqsave_obstore.plan import Plan

__all__ = ["StrangeAnswerError", "fetch_page"]

_NOTHING = hashlib.sha256(b"").hexdigest()
_LONGEST = 64 << 20
_NAMES = {"ContinuationToken": "continuation-token", "Marker": "marker", "Prefix": "prefix", "Delimiter": "delimiter"}


class StrangeAnswerError(Exception):
    """The server reports success and sends something other than a listing."""


def fetch_page(plan: Plan, method: str, request: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a page as botocore does.

    method: ``list_objects_v2`` or ``list_objects``. request: by botocore's names.

    Raises StoreAnswerError, OSError, StrangeAnswerError, and the errors of the credentials.
    """
    query = {_NAMES[name]: value for name, value in request.items()} | {"encoding-type": "url"}
    if method == "list_objects_v2":
        query["list-type"] = "2"
    parts = urlsplit(plan.config["endpoint"])
    path = parts.path if plan.config["virtual_hosted_style_request"] else f"{parts.path}/{plan.bucket}"
    text = "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))
    headers = _signed(plan, parts.netloc, path or "/", text)
    status, body = _answer(plan, f"{path or '/'}?{text}", headers)
    try:
        root = ElementTree.fromstring(body) if status == http.client.OK or body else None  # noqa: S314 - expat is bounded
    except ElementTree.ParseError:
        root = None
    if status != http.client.OK:
        found = {} if root is None else {_tag(one): one.text or "" for one in root}
        raise StoreAnswerError(status, found.get("Code", ""), found.get("Message", ""))
    page = _page(root) if root is not None and _tag(root) == "ListBucketResult" else None
    if page is None:
        raise StrangeAnswerError("the answer is not a listing")
    return page


# --- the request -----------------------------------------------------------------------------------------------------


def _signed(plan: Plan, host: str, path: str, query: str) -> dict[str, str]:
    now = datetime.now(timezone.utc)
    stamp, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    if plan.identity is None:
        return {"host": host}
    headers = {"host": host, "x-amz-content-sha256": _NOTHING, "x-amz-date": stamp}
    credentials = plan.identity()
    if credentials["token"]:
        headers["x-amz-security-token"] = credentials["token"]
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"GET\n{path}\n{query}\n{lines}\n{names}\n{_NOTHING}"
    scope = f"{day}/{plan.config['region']}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{credentials['secret_access_key']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}".encode(), "sha256").hex()
    about = f"Credential={credentials['access_key_id']}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {about}"}


def _answer(plan: Plan, target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    connection = _connection(plan)
    try:
        _connect(connection, plan)
        connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
        for name, value in {**headers, "user-agent": "seqsave"}.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read(_LONGEST)
    except (http.client.HTTPException, UnicodeError):
        body = None
    finally:
        connection.close()
    if body is None:  # not inside the handler: the message must not contain what the server sent
        raise ConnectionResetError(errno.ECONNRESET, "the answer is not one of a server")
    return answer.status, body


def _connection(plan: Plan) -> http.client.HTTPConnection:
    parts = urlsplit(plan.config["endpoint"])
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port)
    trusted = ssl.create_default_context(cadata=plan.client["root_certificate"].decode("utf-8", "ignore"))
    return http.client.HTTPSConnection(host, parts.port, context=trusted)


def _connect(connection: http.client.HTTPConnection, plan: Plan) -> None:
    connection.timeout = plan.client["connect_timeout"].total_seconds()
    try:
        connection.connect()
    except TimeoutError:
        connection.close()
    if connection.sock is None:
        raise OSError(errno.EHOSTUNREACH, "no connection came about in time")
    connection.sock.settimeout(plan.stall)


# --- the answer ------------------------------------------------------------------------------------------------------


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _page(root: ElementTree.Element) -> dict[str, Any] | None:
    """Return the page; None if it lacks a name or a size."""
    found: dict[str, list[ElementTree.Element]] = {}
    for element in root:
        found.setdefault(_tag(element), []).append(element)
    texts = {name: elements[0].text or "" for name, elements in found.items()}
    decoded = unquote_plus if texts.get("EncodingType") == "url" else str
    page: dict[str, Any] = {"IsTruncated": texts.get("IsTruncated", "").strip().lower() == "true"}
    if texts.get("NextContinuationToken"):
        page["NextContinuationToken"] = texts["NextContinuationToken"]
    if texts.get("NextMarker"):
        page["NextMarker"] = decoded(texts["NextMarker"])
    try:
        page["CommonPrefixes"] = [
            {"Prefix": decoded(fields["Prefix"])} for fields in map(_fields, found.get("CommonPrefixes", ()))
        ]
        page["Contents"] = [
            {"Key": decoded(fields["Key"]), "Size": int(fields["Size"]), "ETag": fields.get("ETag")}
            for fields in map(_fields, found.get("Contents", ()))
        ]
    except (KeyError, ValueError):
        return None
    return page


def _fields(element: ElementTree.Element) -> dict[str, str]:
    return {_tag(one): one.text or "" for one in element}
