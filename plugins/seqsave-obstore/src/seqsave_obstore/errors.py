"""Convert obstore's exceptions, which are little more than text, for ``seqsave.targets.failures``.

The store's status, code and message become a StoreAnswerError, with a ``response`` like botocore's; a failed connection
becomes Python's own OSError. The rest of the text is dropped, since stores repeat access keys and signatures in it.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl

from seqsave.targets.s3_client import StoreAnswerError, no_store

__all__ = ["explained"]

# "Error performing PUT URL in 3ms - Server returned non-2xx status code: 503 Service Unavailable: BODY"
_ANSWER = re.compile(
    r"Error performing [A-Z]+ \S+ in \S+ - Server returned non-2xx status code: (\d{3})[^:]*:?"
    r"(.*?)(?:\nDebug source:|\Z)",
    re.DOTALL,
)
_REDIRECTED = re.compile(r"redirect without LOCATION|\bBareRedirect\b")
_NO_ETAG = re.compile(r"ETag Header missing", re.IGNORECASE)
_WORDS = re.compile(r'(?:message|error): "([^"\n]{1,200})"')
_HOST = re.compile(r"Error performing [A-Z]+ https?://([^/\s]+)")
_CODE = re.compile(r"\bcode: (-?\d+),\s+kind: (\w+)")

_BUILTINS: tuple[tuple[re.Pattern[str], type[OSError], int], ...] = (
    # The connection failed; later patterns are those of a store that does not answer. Two clocks run while a connection
    # is made, and either can be first: "Error(Connect, ConnectError(... TimedOut" or "Error(Connect, TimedOut".
    (re.compile(r"\(\s*Connect,.*\bTimedOut\b", re.DOTALL), OSError, errno.EHOSTUNREACH),
    (re.compile(r"\bTimedOut\b|\bkind: Timeout\b|operation timed out"), TimeoutError, errno.ETIMEDOUT),
    (re.compile(r"InvalidCertificate|UnknownIssuer|InvalidMessage|AlertReceived|PeerIncompatible"), ssl.SSLError, 1),
    (re.compile(r"dns error.*(not known|No address|No such host)", re.DOTALL), socket.gaierror, socket.EAI_NONAME),
    (re.compile(r"dns error|failed to lookup"), socket.gaierror, socket.EAI_AGAIN),
    (re.compile(r"\bConnectionRefused\b"), ConnectionRefusedError, errno.ECONNREFUSED),
    (re.compile(r"\bkind: Connect\b"), OSError, errno.EHOSTUNREACH),
    (re.compile(r"\bHttpError\b|\bIncompleteMessage\b"), ConnectionResetError, errno.ECONNRESET),
)


def explained(error: Exception) -> Exception | None:
    """Return the structured exception for an error of obstore; None if it concerns neither store nor connection."""
    text = str(error)
    answer = _ANSWER.search(text)
    if answer:
        return StoreAnswerError(int(answer[1]), _element("Code", answer[2]), _element("Message", answer[2]))
    if _NO_ETAG.search(text):
        return no_store()
    if _REDIRECTED.search(text):
        return StoreAnswerError(301, "PermanentRedirect", "")
    for pattern, kind, number in _BUILTINS:
        if pattern.search(text):
            return kind(number, _reason(text))
    return None


def _element(name: str, body: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>", body)
    return found[1].strip() if found else ""


def _reason(text: str) -> str:
    """Return the system's or library's reason for a failed connection, and its host."""
    words, code, host = _WORDS.search(text), _CODE.search(text), _HOST.search(text)
    reason = words[1] if words else f"error {code[1]}" if code else "the connection failed"
    return f"{reason}: {host[1]}" if host else reason
