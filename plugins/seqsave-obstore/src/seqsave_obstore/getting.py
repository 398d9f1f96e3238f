"""Read whole objects. obstore would copy each one twice, and wake threads of its own for each of its pieces."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from seqsave.targets.s3 import unquoted
from seqsave.targets.s3_client import no_store
from seqsave_obstore.signed import exchange, parsed, path_of, refusal

if TYPE_CHECKING:
    from seqsave_obstore.plan import Plan
    from seqsave_obstore.signed import Connections

__all__ = ["UnmeasuredAnswerError", "get"]


class UnmeasuredAnswerError(Exception):
    """The server does not state how long the object is, so that a part of it could be taken for the whole."""


def get(plan: Plan, key: str, connections: Connections) -> tuple[bytes, str | None]:
    """Send a GetObject, and return the bytes and the ETag without quotes.

    Raises StoreAnswerError, OSError, UnmeasuredAnswerError, and the errors of the credentials.
    """
    answer, body = exchange(plan, "GET", path_of(plan, key), connections, longest=None)
    if answer.status != http.client.OK:
        raise refusal(answer.status, parsed(body))
    # http.client reads up to the end of the connection if the length is not a number.
    if set(answer.headers.get_all("content-length", ())) != {str(len(body))}:
        raise UnmeasuredAnswerError("the answer does not state its length")
    etag = answer.getheader("etag")
    if etag is None:
        raise no_store()
    return body, unquoted(etag)
