"""Let the store copy an object, which obstore does only within a bucket and without conditions."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from seqsave.targets.s3_client import StoreAnswerError, no_store
from seqsave_obstore.signed import Connections, exchange, parsed, path_of, refusal, tag

if TYPE_CHECKING:
    from seqsave_obstore.plan import Plan

__all__ = ["copy"]

_HEADERS = {
    "CopySourceIfMatch": "x-amz-copy-source-if-match",
    "ContentType": "content-type",
    "MetadataDirective": "x-amz-metadata-directive",
    "TaggingDirective": "x-amz-tagging-directive",
    "IfNoneMatch": "if-none-match",
}


def copy(plan: Plan, key: str, request: Mapping[str, Any], connections: Connections) -> Mapping[str, Any]:
    """Send a CopyObject, and return its result as botocore does.

    request: by botocore's names, without ``Bucket`` and ``Key``.

    Raises StoreAnswerError, OSError, and the errors of the credentials.
    """
    source = request["CopySource"]
    headers = {_HEADERS[name]: value for name, value in request.items() if name != "CopySource"}
    headers["x-amz-copy-source"] = quote(f"{source['Bucket']}/{source['Key']}", safe="/-_.~")
    answer, body = exchange(plan, "PUT", path_of(plan, key), connections, headers=headers)
    root = parsed(body)
    if answer.status != http.client.OK:
        raise refusal(answer.status, root)
    if root is None:
        raise no_store()
    if tag(root) == "Error":  # a store that has begun to answer with 200 can report an error in the body only
        error = refusal(http.client.INTERNAL_SERVER_ERROR, root)
        raise StoreAnswerError(
            500, error.response["Error"]["Code"] or "InternalError", error.response["Error"]["Message"]
        )
    return {tag(one): one.text or "" for one in root}
