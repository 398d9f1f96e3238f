"""Remove secrets from URLs, storage options and exception chains.

A secret is the value of a storage option with a suspicious name (``secret``, ``token``, ``client_kwargs`` ->
``aws_secret_access_key`` ...), the user info of a URL and the values of its query. Where a backend's exception repeats
one, a ``BackendError`` with the same text without the secret is chained in its place.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from seqsave.errors import SeqSaveError

__all__ = [
    "HIDDEN",
    "BackendError",
    "chain_of",
    "drop_traces",
    "hiding",
    "is_secret_name",
    "keeps_traces",
    "redact_options",
    "redact_url",
    "safe_cause",
    "scrub",
    "secrets_of",
    "split_user_info",
]

HIDDEN = "***"

# Parts of names, split at "_", "-" and changes of case: "aws_secret_access_key", "AccountKey", "sas_token".
_SECRET_WORDS = {
    *("auth", "authorization", "bearer", "conn", "cookie", "cookies", "cred", "credential", "credentials", "headers"),
    *("key", "keys", "pass", "passphrase", "passwd", "password", "private", "pwd", "sas", "secret", "secrets", "sig"),
    *("signature", "token", "tokens"),
}
_SECRET_ENDINGS = ("connectionstring", "connection_string", "key", "password", "secret", "token")
# Names that contain such a word, but state how to sign in, not with which secret.
_PLAIN_NAMES = {"auth_mode", "auth_type", "key_filename", "look_for_keys", "signature_version", "token_type"}
# Values that name a way to sign in; scrubbing them would only blur messages.
_PLAIN_VALUES = {"anon", "basic", "browser", "cache", "cloud", "default", "digest", "google_default", "none"}
# Protocols in which the user's name is part of the address. In others it may be half of a key pair, or a token.
_USER_IS_ADDRESS = {
    *("abfs", "abfss", "az", "dav", "ftp", "ftps", "hdfs", "sftp", "smb", "ssh", "webdav", "webhdfs"),
}

_SCHEME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*://")
_HOST = re.compile(r"\[[^\]@]*\]|[^:@]*")
_HOST_AND_PORT = re.compile(rf"(?:{_HOST.pattern})(?::\d*)?")
# A bucket has no port: what looks like one is the beginning of a secret key.
_NO_PORT = {"gcs://", "gs://", "s3://", "s3a://"}
# "%23" is the "#" of a fragment, in a URL that was quoted once more.
_QUERY_VALUE = re.compile(r"(^|[?#&;]|%23)((?:(?!%23)[^=?#&;])*=)(?:(?!%23)[^?#&;])*")
_SEPARATORS = re.compile(r"[?#&;]|%23")
# Chains of storages ("simplecache::ftp://...", "zip://a.zip::s3://..."), as far as they name nothing but protocols.
_CHAIN = re.compile(r"(?:[A-Za-z0-9._+-]+::)*(?:[A-Za-z0-9][A-Za-z0-9+._-]*://)?")
_BRACKETS = re.compile(r"\[[^\]@/]*\]")
# Protocols in which an empty host is usual, and the path is taken literally: "memory:///me@home".
_NO_HOST = {"file://", "local://", "memory://"}

# Shorter secrets are replaced only as whole words: replacing every "K" would make messages unreadable.
_SHORT = 6
# A line of a PEM key of at least this length is also a secret by itself.
_LONG_LINE = 16


class BackendError(Exception):
    """An exception with the text of a storage's exception, without its secrets; chained in its place."""


def redact_url(url: str) -> str:
    """Hide the password of the user info (or all of it) and the values of the query.

    Of a chain (``simplecache::ftp://...``), and of a text with a URL somewhere in it, everything before the last ``@``
    but the leading protocols is hidden. A text without either is a local path and is returned as it is.
    """
    if _is_compound(url):
        return _redact_compound(url)
    head, user_info, rest = split_user_info(_without_spare_slashes(url))
    if not head:
        return url
    path, query = _split_query(rest)
    rest = path + _QUERY_VALUE.sub(rf"\g<1>\g<2>{HIDDEN}", query)
    if not user_info:
        return head + rest
    user = user_info.partition(":")[0]
    return f"{head}{user if _user_is_address(head) and '/' not in user_info else HIDDEN}@{rest}"


def _without_spare_slashes(url: str) -> str:
    """Correct ``ftp:///user:password@host``, which strictly has no host."""
    scheme = _SCHEME.match(url)
    if scheme is None or scheme[0].lower() in _NO_HOST or "@" not in url:
        return url
    return scheme[0] + url[scheme.end() :].lstrip("/")


def _is_compound(text: str) -> bool:
    """Return whether a text has several URLs or text around one, so that the start of the user info is unclear."""
    plain = _BRACKETS.sub("", text)  # of an IPv6 host
    chained = "::" in plain and ("://" in plain or _CHAIN.match(plain)[0] != "")  # type: ignore[index]  # matches ""
    return chained or plain.count("://") > 1 or ("://" in plain and _SCHEME.match(plain) is None)


def _redact_compound(text: str) -> str:
    found = _CHAIN.match(text)
    head = found[0] if found else ""
    before, at, after = text[len(head) :].rpartition("@")
    if _SEPARATORS.search(before):  # the "@" may be in a query's value
        return f"{head}{HIDDEN}"
    path, query = _split_query(after)
    return head + (f"{HIDDEN}@" if at else "") + path + _QUERY_VALUE.sub(rf"\g<1>\g<2>{HIDDEN}", query)


def redact_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy with every secret replaced, for messages."""
    return {name: HIDDEN if is_secret_name(name) else _redact_value(value) for name, value in options.items()}


def secrets_of(url: str, options: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return every secret in a URL and its storage options, in each spelling in which a message may repeat it.

    Longest first, so that replacing one leaves no remainder of another.
    """
    found = {*_secrets_in_url(url), *_secrets_in_value(options or {}, secret=False)}
    used = (text for text in found if text.strip() and text.lower() not in _PLAIN_VALUES)
    spellings = {spelling for text in used for spelling in _spellings(text)}
    return tuple(sorted(spellings, key=lambda text: (-len(text), text)))


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with every secret replaced; a short one only where it is a word of its own."""
    for secret in secrets:
        if secret in text:
            text = _pattern(secret).sub(HIDDEN, text)
    return text


@contextmanager
def hiding(url: object) -> Iterator[None]:
    """Hide the secrets of a URL in errors of the block, which may repeat the URL or its last part."""
    try:
        yield
    except SeqSaveError as error:
        secrets = secrets_of(str(url))
        error.args = tuple(scrub(one, secrets) if isinstance(one, str) else one for one in error.args)
        raise


def safe_cause(error: BaseException, secrets: Iterable[str]) -> BaseException:
    """Return ``error`` if its chain holds no secret, otherwise a BackendError with the same text without it."""
    secrets = tuple(secrets)
    chain = list(chain_of(error))
    if all(text == scrub(text, secrets) for link in chain for text in _texts(link)):
        return error
    texts = (f"{type(link).__module__}.{type(link).__qualname__}: {_printed(str, link)}" for link in chain)
    clean = (" ".join(scrub(text.removeprefix("builtins."), secrets).split()) for text in texts)
    return BackendError("; from ".join(clean))


def keeps_traces() -> bool:
    """Return True if the user asks for all that is known of where errors come from."""
    return os.environ.get("SEQSAVE_TRACEBACK", "") not in ("", "0")


def drop_traces(error: BaseException) -> None:
    """Drop where in a library each error of a chain was raised. A cause that is known needs no hundred lines of it.

    ``SEQSAVE_TRACEBACK=1`` keeps them.
    """
    if not keeps_traces():
        for link in chain_of(error):
            link.__traceback__ = None


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Return the error with its causes, contexts and members of groups, each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop(0)
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__, *getattr(link, "exceptions", ())]


def split_user_info(url: str) -> tuple[str, str, str]:
    """Split ``scheme://user:password@rest``: ("scheme://", "user:password", "rest").

    A password with an unescaped ``/`` or ``@`` still counts as user info, unless it begins as a port does
    (``sftp://host:22/me@home``). ("", "", url) when there is no scheme.
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "", "", url
    head, rest = scheme[0], url[scheme.end() :]
    authority = rest.partition("/")[0]
    only_host = _HOST if head.lower() in _NO_PORT else _HOST_AND_PORT
    if only_host.fullmatch(authority) or authority.startswith("arn:") or "@" not in rest:
        return head, "", rest
    user_info, at, after = (rest if ":" in authority else authority).rpartition("@")
    return head, user_info, after + rest[len(user_info + at + after) :]


# --- what is secret -------------------------------------------------------------------------------------------------


def is_secret_name(name: object) -> bool:
    """Return whether a storage option, or a parameter of a URL's query, of this name holds a secret."""
    text = str(name)
    if text.lower() in _PLAIN_NAMES:
        return False
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", text)
    return text.lower().endswith(_SECRET_ENDINGS) or any(word.lower() in _SECRET_WORDS for word in words)


def _user_is_address(head: str) -> bool:
    return head.partition(":")[0].lower() in _USER_IS_ADDRESS


def _split_query(rest: str) -> tuple[str, str]:
    found = re.search("[?#]|%23", rest)
    return (rest[: found.start()], rest[found.start() :]) if found else (rest, "")


def _secrets_in_url(text: str) -> Iterator[str]:
    """Yield the secrets of each URL in a text: chained URLs, and URLs in the path of another one."""
    for found in _SCHEME.finditer(text):
        yield from _secrets_from(_without_spare_slashes(text[found.start() :]))


def _secrets_from(url: str) -> Iterator[str]:
    head, user_info, rest = split_user_info(url)
    user, _, password = user_info.partition(":")
    yield from (password, unquote(password))
    if not _user_is_address(head):
        yield from (user, unquote(user), user_info)
    for part in _SEPARATORS.split(_split_query(rest)[1]):
        value = part.partition("=")[2]
        yield from (value, unquote(value), unquote_plus(value))


def _secrets_in_value(value: Any, *, secret: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _secrets_in_value(inner, secret=secret or is_secret_name(name))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _secrets_in_value(inner, secret=secret)
    elif isinstance(value, bytes):
        yield from _secrets_in_value(value.decode("utf-8", "replace"), secret=secret)
    elif isinstance(value, str):
        yield from _secrets_in_text(value, secret)
    elif secret and isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)


def _secrets_in_text(text: str, secret: bool) -> Iterator[str]:
    if "://" in text:
        yield from _secrets_in_url(text)
    if not secret:
        return
    yield text
    yield from (line for line in text.splitlines() if len(line) >= _LONG_LINE)
    # A connection string or a SAS token: messages may repeat one part of it alone.
    for part in _SEPARATORS.split(text):
        name, _, value = part.partition("=")
        if is_secret_name(name):
            yield from (value, unquote(value))


def _redact_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return redact_options(value)
    if isinstance(value, (list, tuple)):
        return [_redact_value(inner) for inner in value]
    return redact_url(value) if isinstance(value, str) else value


# --- where it shows --------------------------------------------------------------------------------------------------


def _spellings(text: str) -> set[str]:
    """Return the spellings of a secret: plain, as Python and JSON print it, and as in a URL."""
    return {text, repr(text)[1:-1], json.dumps(text)[1:-1], quote(text), quote(text, safe=""), quote_plus(text)}


def _pattern(secret: str) -> re.Pattern[str]:
    body = re.escape(secret)
    return re.compile(body if len(secret) >= _SHORT else rf"(?<![A-Za-z0-9]){body}(?![A-Za-z0-9])")


def _texts(error: BaseException) -> Iterator[str]:
    yield _printed(str, error)
    yield _printed(repr, error)
    yield from (str(note) for note in getattr(error, "__notes__", ()))


def _printed(show: Callable[[BaseException], str], error: BaseException) -> str:
    """Return the text of an exception; some fail to print themselves."""
    try:
        return show(error)
    except Exception:  # noqa: BLE001 - it must not replace the error that is being reported
        return f"<{type(error).__name__} that cannot be printed>"
