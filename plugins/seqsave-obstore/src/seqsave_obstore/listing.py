"""Request pages of listings without a library, since obstore follows only tokens, and splits names."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree

from seqsave_obstore.signed import exchange, parsed, path_of, refusal, tag

if TYPE_CHECKING:
    from seqsave_obstore.plan import Plan
    from seqsave_obstore.signed import Connections

__all__ = ["StrangeAnswerError", "fetch_page"]

_NAMES = {"ContinuationToken": "continuation-token", "Marker": "marker", "Prefix": "prefix", "Delimiter": "delimiter"}


class StrangeAnswerError(Exception):
    """The server reports success and sends something other than a listing."""


def fetch_page(plan: Plan, method: str, request: Mapping[str, str], connections: Connections) -> Mapping[str, Any]:
    """Return a page as botocore does.

    method: ``list_objects_v2`` or ``list_objects``. request: by botocore's names.

    Raises StoreAnswerError, OSError, StrangeAnswerError, and the errors of the credentials.
    """
    query = {_NAMES[name]: value for name, value in request.items()} | {"encoding-type": "url"}
    if method == "list_objects_v2":
        query["list-type"] = "2"
    text = "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))
    answer, body = exchange(plan, "GET", path_of(plan), connections, query=text)
    root = parsed(body)
    if answer.status != http.client.OK:
        raise refusal(answer.status, root)
    page = _page(root) if root is not None and tag(root) == "ListBucketResult" else None
    if page is None:
        raise StrangeAnswerError("the answer is not a listing")
    return page


# --- the answer ------------------------------------------------------------------------------------------------------


def _page(root: ElementTree.Element) -> dict[str, Any] | None:
    """Return the page; None if it lacks a name or a size."""
    found: dict[str, list[ElementTree.Element]] = {}
    for element in root:
        found.setdefault(tag(element), []).append(element)
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
    return {tag(one): one.text or "" for one in element}
