"""Credentials for ``s3://``, as botocore finds them, without prompts, with clear errors, and read again if refused.

A session reads profiles, the environment and other sources once, and keeps the result. If a store refuses the
credentials, ``fetch`` from a new session shows whether the source has changed.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from seqsave.targets.failures import diagnose
from seqsave.targets.faults import Fault

__all__ = [
    "REFUSALS",
    "CredentialsUnavailableError",
    "fetch",
    "make_session",
    "names_credentials",
    "parsed_time",
    "prepare",
    "source_of",
    "unavailable",
]

REFUSALS = (
    Fault.BAD_KEY,
    Fault.BAD_SECRET,
    Fault.BAD_CREDENTIALS,
    Fault.DENIED,
    Fault.EXPIRED,
    Fault.NO_CREDENTIALS,
)
"""Answers after which other credentials may help."""

# Errors of a file or a program with the credentials, and not of the store.
_LOCAL = (Fault.MISSING, Fault.NOT_PERMITTED, Fault.IS_A_FOLDER, Fault.NOT_A_FOLDER, Fault.BROKEN, Fault.UNKNOWN)


class CredentialsUnavailableError(Exception):
    """The source of the credentials failed: a file is missing, or a program did not start."""


class SecondFactorError(Exception):
    """A profile asks for the code of a second factor."""


@functools.cache
def session_options() -> frozenset[str]:
    """Return the storage options that belong to the session."""
    from aiobotocore.session import AioSession

    return frozenset(inspect.signature(AioSession.__init__).parameters) - {"self"}


def make_session(options: Mapping[str, Any]) -> Any:
    """Return a new session of aiobotocore for these storage options. Raises ProfileNotFound of botocore."""
    from aiobotocore.session import AioSession

    # Failures of credentials are raised as well, so they need no traceback on a terminal without any logging.
    logging.getLogger("aiobotocore").addHandler(_SILENT)
    session = AioSession(**{name: options[name] for name in session_options() if name in options})
    prepare(session)
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parsed_time)
    return session


def parsed_time(value: Any) -> datetime:
    """Return a time in an answer, as botocore does, whose parser takes three quarters of the time for a listing."""
    if isinstance(value, str) and value.endswith("Z"):
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(f"{value[:-1]}+00:00")
    from botocore.utils import parse_timestamp

    found: datetime = parse_timestamp(value)
    return found


def prepare(session: Any) -> None:
    """Make a session of botocore's or aiobotocore's raise an error where it would ask for a code on the terminal."""
    chain = session.get_component("credential_provider")
    for provider in getattr(chain, "providers", ()):
        if hasattr(provider, "_prompter"):
            provider._prompter = _refuse  # noqa: SLF001 - botocore takes one only with a whole chain of its own


async def fetch(session: Any) -> tuple[str, str, str | None] | None:
    """Return the current access key, secret and token of an aiobotocore session, refreshed if due; None if it has none.

    Raises what botocore raises, and CredentialsUnavailableError.
    """
    try:
        found = await session.get_credentials()
        frozen = None if found is None else await found.get_frozen_credentials()
    except Exception as error:  # noqa: BLE001 - any source, any exception
        failure = unavailable(error)
    else:
        return None if frozen is None else (frozen.access_key, frozen.secret_key, frozen.token)
    raise failure


def unavailable(error: Exception) -> Exception:
    """Return the error to raise for an error of a source of credentials: the file that it names is not a frame."""
    if diagnose(error) not in _LOCAL:
        return error
    failure = CredentialsUnavailableError(f"{type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


def names_credentials(options: Mapping[str, Any]) -> bool:
    """Return True if the storage options contain the credentials, so that no source can have new ones."""
    inner: Mapping[str, Any] = options.get("client_kwargs") or {}
    given = ("anon", "key", "secret", "username", "password", "session")
    return any(options.get(name) for name in given) or bool(inner.get("aws_access_key_id"))


# botocore's names of its sources.
_SOURCES = {
    "env": "environment variables",
    "shared-credentials-file": "the file of credentials",
    "config-file": "the file of settings",
    "assume-role": "a role of a profile",
    "assume-role-with-web-identity": "a role by a token",
    "sso": "a single sign-on",
    "custom-process": "a program of a profile",
    "container-role": "the role of this container",
    "iam-role": "the role of this machine",
}


def source_of(options: Mapping[str, Any]) -> str:
    """Return where the credentials for these storage options come from, without any of them."""
    if options.get("anon"):
        return "none, requests are anonymous"
    if names_credentials(options):
        return "storage options or a configured target"
    from botocore.session import Session

    profile = options.get("profile")
    try:
        session = Session(profile=profile)
        prepare(session)
        found = session.get_credentials()
    except Exception as error:  # noqa: BLE001 - any source, any exception
        return f"a source that failed ({type(error).__name__})"
    if found is None:
        return "none"
    profile = profile or (session.profile if found.method not in ("env", "iam-role", "container-role") else None)
    return _SOURCES.get(found.method, str(found.method)) + (f", profile {profile}" if profile else "")


def _refuse(*_: object) -> NoReturn:
    raise SecondFactorError("the profile asks for an MFA code")


_SILENT = logging.NullHandler()
