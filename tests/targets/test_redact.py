"""Secrets never show: in URLs, options, messages and whole exception chains."""

from __future__ import annotations

import re
import traceback

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seqsave.targets.redact import (
    HIDDEN,
    BackendError,
    chain_of,
    is_secret_name,
    redact_options,
    redact_url,
    safe_cause,
    scrub,
    secrets_of,
    split_user_info,
)

# As keys, tokens and passwords look: with what is escaped in URLs, JSON and repr.
secret_texts = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9/+=%&;#?'\"\\ é-]{10,40}[A-Za-z0-9]", fullmatch=True)
url_safe_secrets = st.from_regex(r"[A-Za-z0-9+=%~_-]{8,40}", fullmatch=True)
secret_names = st.sampled_from(
    [
        *("key", "secret", "token", "password", "connection_string", "account_key", "sas_token", "credential", "auth"),
        *("aws_secret_access_key", "passphrase", "SSECustomerKey", "api-key", "accesskey"),
    ]
)


def printed(error: BaseException) -> str:
    """Everything that anybody would print of an error, its whole chain included."""
    parts = ["".join(traceback.format_exception(type(error), error, error.__traceback__))]
    for link in chain_of(error):
        parts += [str(link), repr(link), *getattr(link, "__notes__", ())]
    return "\n".join(parts)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a b/c#d", "s3://bucket/a b/c#d"),
        ("s3://KEY:SE/CR+ET@bucket/x", "s3://***@bucket/x"),
        ("s3://KEY:123/456@bucket/x", "s3://***@bucket/x"),
        ("s3://KEY@bucket/x", "s3://***@bucket/x"),
        ("s3://bucket/me@home/x", "s3://bucket/me@home/x"),
        ("sftp://me:word@host:22/x", "sftp://me@host:22/x"),
        ("sftp://host:22/me@home", "sftp://host:22/me@home"),
        ("sftp://[::1]:22/me@home", "sftp://[::1]:22/me@home"),
        ("ftp://me:p@ss@host/x", "ftp://me@host/x"),
        ("abfs://container@account.dfs.core.windows.net/x", "abfs://container@account.dfs.core.windows.net/x"),
        ("https://host/x?sig=abc&n=2#access_token=z", "https://host/x?sig=***&n=***#access_token=***"),
        ("https://host/x.png%23access_token=z", "https://host/x.png%23access_token=***"),
        ("/tmp/what?a=b", "/tmp/what?a=b"),
        ("nobody://:word@host", "nobody://***@host"),
    ],
)
def test_redact_url(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@given(user=url_safe_secrets, password=secret_texts)
def test_a_password_in_a_url_is_never_shown(user: str, password: str) -> None:
    assume(password not in user)
    for scheme in ("s3", "gs", "https", "sftp", "whatever"):
        if re.match(r"\d*/", password) and scheme not in ("s3", "gs"):
            continue  # a host and its port
        url = f"{scheme}://{user}:{password}@host/x"
        assert password not in redact_url(url)
        assert password in secrets_of(url)


@given(name=st.sampled_from(["sig", "X-Amz-Signature", "token", "anything"]), value=url_safe_secrets)
def test_a_value_in_a_query_is_never_shown(name: str, value: str) -> None:
    url = f"https://host/x?first=1&{name}={value}"
    assert value not in redact_url(url)
    assert value in secrets_of(url)


@given(name=secret_names, value=secret_texts)
def test_options_of_any_depth(name: str, value: str) -> None:
    nested = {"anon": False, "client_kwargs": {"region_name": "eu", name: value}, "list": [{name: value}]}
    assert value not in repr(redact_options({name: value}))
    assert value not in repr(redact_options(nested))
    assert value in secrets_of("", {name: value})
    assert value in secrets_of("", nested)
    assert redact_options(nested)["client_kwargs"]["region_name"] == "eu"
    assert redact_options(nested)["anon"] is False


def test_a_url_among_the_options_is_searched_too() -> None:
    options = {"endpoint_url": "http://user:wordwordword@host", "proxies": {"https": "http://p:proxyproxy@p"}}
    assert "wordwordword" in secrets_of("", options)
    assert "proxyproxy" in secrets_of("", options)
    assert redact_options(options) == {"endpoint_url": "http://***@host", "proxies": {"https": "http://***@p"}}


def test_a_part_of_a_connection_string_is_a_secret_of_its_own() -> None:
    secrets = secrets_of("", {"connection_string": "AccountName=name;AccountKey=abcdefgh==;EndpointSuffix=core"})
    assert "abcdefgh==" in secrets
    assert "core" not in secrets


def test_a_line_of_a_private_key_is_a_secret_of_its_own() -> None:
    secrets = secrets_of("", {"token": {"private_key": "-----BEGIN-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nshort\n"}})
    assert scrub("bad line MIIEvQIBADANBgkqhkiG9w0BAQ", secrets) == f"bad line {HIDDEN}"


@pytest.mark.parametrize("value", ["anon", "google_default", "cloud", "", " "])
def test_words_that_are_no_secret(value: str) -> None:
    assert secrets_of("", {"token": value}) == ()


@pytest.mark.parametrize(
    ("name", "secret"),
    [("key", True), ("SSEKMSKeyId", True), ("username", False), ("endpoint_url", False), ("key_filename", False)],
)
def test_secret_names(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


def test_a_short_secret_is_only_replaced_as_a_word() -> None:
    assert scrub("S3 said: SecretS is wrong, key=S.", ("S",)) == f"S3 said: SecretS is wrong, key={HIDDEN}."


@given(secret=secret_texts)
def test_every_spelling_of_a_secret_is_scrubbed(secret: str) -> None:
    import json
    from urllib.parse import quote, quote_plus

    secrets = secrets_of("", {"secret": secret})
    for spelling in (
        secret,
        repr(secret),
        json.dumps(secret),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
    ):
        assert HIDDEN in scrub(f"<{spelling}>", secrets)
        assert secret not in scrub(f"<{spelling}>", secrets)


class OddError(Exception):
    """Keeps what it was given out of ``args``, as botocore's do."""

    def __init__(self, stated: str) -> None:
        super().__init__()
        self.stated = stated

    def __str__(self) -> str:
        return self.stated


def leak(secret: str, where: str) -> BaseException:
    """Return an error whose chain holds the secret at one place."""
    cause = OddError(f"signature of {secret!r} differs" if where == "cause" else "nothing")
    error = OSError(22, f"bad: {secret}" if where == "args" else "bad")
    error.__cause__ = cause
    if where == "context":
        cause.__context__ = ValueError(f"no key {secret} here")
    if where == "notes":
        error.__notes__ = [f"while using {secret}"]  # as add_note does, from Python 3.11 on
    if where == "group":
        error.exceptions = (OddError(secret),)  # as an ExceptionGroup has
    return error


@given(secret=secret_texts, where=st.sampled_from(["args", "cause", "context", "notes", "group"]))
def test_a_chain_with_a_secret_is_replaced_by_a_plain_summary(secret: str, where: str) -> None:
    error = leak(secret, where)
    clean = safe_cause(error, secrets_of("", {"secret": secret}))
    assert isinstance(clean, BackendError)
    assert secret not in printed(clean)
    assert type(error).__name__ in str(clean)


def test_a_chain_without_secrets_stays() -> None:
    error = leak("harmless", "cause")
    assert safe_cause(error, secrets_of("", {"secret": "another one"})) is error


def test_an_error_that_cannot_be_printed() -> None:
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    assert isinstance(safe_cause(BrokenError("my-secret-text"), ("my-secret-text",)), BrokenError)


@given(st.text())
def test_any_text_can_be_taken_apart(text: str) -> None:
    head, user_info, rest = split_user_info(text)
    assert head + (f"{user_info}@" if user_info else "") + rest in (text, text.replace("://@", "://", 1))
    redact_url(text)
    secrets_of(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("simplecache::ftp://user:WORDWORD@h/x", "simplecache::ftp://***@h/x"),
        ("filecache::s3://key:WORDWORD@b/x", "filecache::s3://***@b/x"),
        ("zip://a.zip::https://user:WORDWORD@h/x", "zip://***@h/x"),
        ("zip://a.zip::user:WORDWORD@h/x", "zip://***@h/x"),
        ("cache::s3://b/x?X-Amz-Signature=WORDWORD", "cache::s3://b/x?X-Amz-Signature=***"),
        ("simplecache::https://h/x?sig=WORD@WORD", "simplecache::https://***"),
        ("simplecache::user:WORDWORD@h/x", "simplecache::***@h/x"),
        ("user:WORDWORD@h/x::ftp://z", "***@h/x::ftp://z"),
        ("a ftp://user:WORDWORD@h/x", "***@h/x"),
        ("https://web/ftp://user:WORDWORD@h/x", "https://***@h/x"),
        ("ftp:///user:WORDWORD@h/x", "ftp://user@h/x"),
        ("s3:////key:WORDWORD@b/x", "s3://***@b/x"),
        ("memory:///me@home/x", "memory:///me@home/x"),
        ("sftp://[2001::1]:22/me@home", "sftp://[2001::1]:22/me@home"),
    ],
)
def test_chains_and_urls_inside_of_others(url: str, shown: str) -> None:
    assert redact_url(url) == shown
    assert "WORDWORD" not in scrub(f"cannot open {url}", secrets_of(url)) or "://" not in url.rpartition("@")[0]


@given(
    password=secret_texts, chain=st.sampled_from(["simplecache::", "a::b::", "zip://a.zip::", "a ", "x::y/", "s3:/"])
)
def test_a_password_in_a_chain_is_never_shown(password: str, chain: str) -> None:
    url = f"{chain}ftp://somebody:{password}@host/x"
    assert password not in redact_url(url)
