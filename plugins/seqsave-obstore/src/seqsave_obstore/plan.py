"""Compute the settings with which obstore sends the same request as s3fs, or the reason why it cannot.

Endpoints, regions and addressing are never guessed. ``quick`` knows the usual cases. In all others botocore, which s3fs
uses, prepares a PUT with the same options in the same environment; the request is read, and not sent. The credentials
are then botocore's, and are fetched and refreshed when they are needed. Only options in the tables below are
translated.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from seqsave.targets import s3_session
from seqsave.targets.s3_client import CONNECT_TIMEOUT, STALL_TIMEOUT
from seqsave_obstore import quick
from seqsave_obstore.quick import CREDENTIALS

__all__ = ["KNOWN", "Identity", "Plan", "RefusedError", "make_plan", "read_environment"]

# Options of s3fs that this module understands ...
_UNDERSTOOD = {"anon", "client_kwargs", "config_kwargs", "endpoint_url", "key", "password", "profile", "secret"}
_UNDERSTOOD |= {"token", "use_ssl", "username"}
# ... and those that change nothing about the requests of a target.
_NO_MATTER = {"default_block_size", "default_cache_type", "default_fill_cache", "fixed_upload_size"}
_NO_MATTER |= {"listings_expiry_time", "local_expiry_check", "max_concurrency", "max_paths", "version_aware"}
KNOWN = frozenset(_UNDERSTOOD | _NO_MATTER)
"""The storage options that obstore may support as s3fs does."""

_CLIENT_KWARGS = {*CREDENTIALS, "endpoint_url", "region_name", "use_ssl"}
# They only change the address and the signature of a request, which the rehearsal shows.
_REHEARSED = {"region_name", "s3", "signature_version", "use_dualstack_endpoint", "use_fips_endpoint"}
_REHEARSED_S3 = {"addressing_style", "payload_signing_enabled", "us_east_1_regional_endpoint"}
_REHEARSED_S3 |= {"use_accelerate_endpoint", "use_dualstack_endpoint"}
_CONFIG_KWARGS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_REHEARSED - {"s3"}, lambda value: True),
    "s3": lambda value: not value or set(value) <= _REHEARSED_S3,
    "connect_timeout": lambda value: _is_duration(value),
    "read_timeout": lambda value: _is_duration(value),
    "max_pool_connections": lambda value: isinstance(value, int) and value > 0,
    "retries": lambda value: value in ({"total_max_attempts": 1}, {"max_attempts": 0}),
    "request_checksum_calculation": lambda value: value == "when_required",
    "response_checksum_validation": lambda value: value == "when_required",
}

# Variables that botocore reads and that the rehearsal or the credentials show, and variables that neither client reads
# for S3. obstore may obey other AWS_ variables that s3fs does not know (AWS_SKIP_SIGNATURE ...).
_ENVIRONMENT = re.compile(
    r"AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|SECURITY_TOKEN|PROFILE|DEFAULT_PROFILE|REGION|DEFAULT_REGION"
    r"|ENDPOINT_URL(_\w+)?|IGNORE_CONFIGURED_ENDPOINT_URLS|CONFIG_FILE|SHARED_CREDENTIALS_FILE|DATA_PATH"
    r"|ROLE_ARN|ROLE_SESSION_NAME|WEB_IDENTITY_TOKEN_FILE|CONTAINER_(CREDENTIALS|AUTHORIZATION)_\w+|ACCOUNT_ID\w*"
    r"|EC2_METADATA_\w+|METADATA_SERVICE_\w+|STS_REGIONAL_ENDPOINTS|CREDENTIAL_EXPIRATION|SIGNIN_\w+|LOGIN_\w+"
    r"|USE_DUALSTACK_ENDPOINT|USE_FIPS_ENDPOINT|S3_US_EAST_1_REGIONAL_ENDPOINT|S3_DISABLE_MULTIREGION_ACCESS_POINTS"
    r"|MAX_ATTEMPTS|RETRY_MODE|REQUEST_CHECKSUM_CALCULATION|RESPONSE_CHECKSUM_VALIDATION|DEFAULTS_MODE"
    r"|SDK_\w+|CLI_\w+|SSO_\w+|VAULT\w*|PAGER|EXECUTION_ENV|LAMBDA_\w+|XRAY_\w+|BATCH_\w+|NEURON_\w+)"
)
_TRUST = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
_HEADERS = {"amz-sdk-invocation-id", "amz-sdk-request", "authorization", "content-length", "content-type", "expect"}
_HEADERS |= {"host", "user-agent", "x-amz-content-sha256", "x-amz-date"}
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d+/([^/]+)/s3/aws4_request,")
_KEY = "folder/name"

# botocore refreshes credentials ten minutes before they expire, so they are valid for longer than this.
_CREDENTIALS_KEPT = timedelta(minutes=5)


class RefusedError(Exception):
    """obstore cannot send the same requests. The message names the option, variable or setting."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of obstore's stores for one bucket.

    config:   S3Store's ``config``; without secrets.
    client:   S3Store's ``client_options``.
    identity: the credentials; None for unsigned requests.
    stall:    seconds without an answer after which a request is given up.
    """

    bucket: str
    config: Mapping[str, Any]
    client: Mapping[str, Any]
    identity: Identity | None = field(repr=False)
    stall: float


class Identity:
    """Credentials in obstore's form: given ones, or those of a session of botocore.

    failure: the error of the last attempt to get them, of which obstore keeps only the text.
    """

    def __init__(self, given: Mapping[str, str], session: Any = None) -> None:
        self._session = session
        self._given = given
        self.failure: Exception | None = None

    def __call__(self) -> dict[str, Any]:
        """Return the credentials, as S3Store's ``credential_provider``. May send requests."""
        try:
            key, secret, token = self._current()
        except Exception as error:
            self.failure = error
            raise
        self.failure = None
        until = datetime.now(timezone.utc) + _CREDENTIALS_KEPT
        return {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": until}

    def _current(self) -> tuple[str, str, str | None]:
        if self._given:
            key, secret, token = (self._given.get(name) for name in CREDENTIALS)
            return str(key), str(secret), token
        try:
            found = self._session.get_credentials()
            frozen = None if found is None else found.get_frozen_credentials()
        except Exception as error:  # noqa: BLE001 - any source, any exception
            failure = s3_session.unavailable(error)
        else:
            if frozen is not None:
                return frozen.access_key, frozen.secret_key, frozen.token
            from botocore.exceptions import NoCredentialsError

            raise NoCredentialsError
        raise failure


def make_plan(bucket: str, options: Mapping[str, Any], connections: int) -> Plan:
    """Return the plan for a bucket, without sending a request.

    options: those of s3fs, merged with fsspec's configuration.

    Raises RefusedError, and botocore's errors, such as that for a missing profile.
    """
    if bucket.startswith("arn:") or bucket.endswith("--x-s3"):
        raise RefusedError(f"bucket {bucket!r}, which is not an ordinary one")
    settings = _checked(options)
    _check_environment()
    client_kwargs = _client_kwargs(options)
    given = {name: client_kwargs[name] for name in CREDENTIALS if name in client_kwargs}
    if given and not {*CREDENTIALS[:2]} <= set(given):
        raise RefusedError("key, secret and token that are not complete")
    known = None if _REHEARSED & set(settings) else quick.answer(bucket, options, client_kwargs)
    if known is None:
        place, identity = _rehearsed(bucket, options, settings, client_kwargs)
    else:
        place, identity = (known.endpoint, known.virtual, known.region), Identity(known.credentials)
    endpoint, virtual, region = place
    if endpoint.startswith("https://"):
        _check_trust()
    return Plan(
        bucket,
        # Set twice, because obstore prefers AWS_ENDPOINT_URL_S3 to the setting ``endpoint``.
        {
            "endpoint": endpoint,
            "aws_endpoint_url_s3": endpoint,
            "region": region,
            "virtual_hosted_style_request": virtual,
            "skip_signature": bool(options.get("anon")),
        },
        _client_options(endpoint, settings, connections),
        None if options.get("anon") else identity,
        float(settings.get("read_timeout", STALL_TIMEOUT)),
    )


def _rehearsed(
    bucket: str, options: Mapping[str, Any], settings: Mapping[str, Any], client_kwargs: Mapping[str, Any]
) -> tuple[tuple[str, bool, str], Identity]:
    """Return endpoint, addressing and region as botocore uses them, and its credentials."""
    import botocore.session

    profile = options.get("profile")
    session = botocore.session.Session(**({} if profile is None else {"profile": profile}))
    s3_session.prepare(session)
    given = {name: client_kwargs[name] for name in CREDENTIALS if name in client_kwargs}
    others = {name: value for name, value in client_kwargs.items() if name not in CREDENTIALS}
    request = _rehearse(session, bucket, settings, others)
    endpoint, virtual = _address(request.url, bucket)
    if endpoint.startswith("https://") and session.get_config_variable("ca_bundle"):
        raise RefusedError("ca_bundle in the AWS configuration file")
    return (endpoint, virtual, _region(request)), Identity(given, session)


def read_environment() -> dict[str, str]:
    """Return every environment variable on which a plan depends."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", *_TRUST))}
    return {**ours, **{f"{scheme} proxy": url for scheme, url in getproxies().items()}}


# --- what is refused -------------------------------------------------------------------------------------------------


def _checked(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``config_kwargs``, after checking that obstore supports every option as s3fs does."""
    for name, value in options.items():
        if name not in KNOWN and value:
            raise RefusedError(f"storage option {name!r}")
    for name, value in (options.get("client_kwargs") or {}).items():
        if name not in _CLIENT_KWARGS and value is not None:
            raise RefusedError(f"client_kwargs[{name!r}]")
    settings: Mapping[str, Any] = options.get("config_kwargs") or {}
    for name, value in settings.items():
        if name not in _CONFIG_KWARGS or not _CONFIG_KWARGS[name](value):
            raise RefusedError(f"config_kwargs[{name!r}]")
    return settings


def _check_environment() -> None:
    for name in sorted(read_environment()):
        if name not in ("no proxy", *_TRUST) and not _ENVIRONMENT.fullmatch(name):
            raise RefusedError(f"the setting {name} in the environment")


def _check_trust() -> None:
    """Refuse a bundle of certificates, which botocore trusts alone, and obstore in addition to the system's."""
    for name in _TRUST:
        if os.environ.get(name):
            raise RefusedError(f"the setting {name} in the environment")


def _is_duration(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e6


# --- the rehearsal ---------------------------------------------------------------------------------------------------


class _PreparedError(Exception):
    """A prepared request, raised to pass it out of botocore before it is sent."""

    def __init__(self, request: Any) -> None:
        super().__init__("prepared")
        self.request = request


def _client_kwargs(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that s3fs passes to ``create_client``, by its rules of precedence."""
    given = {name: value for name, value in (options.get("client_kwargs") or {}).items() if value is not None}
    named = {
        "aws_access_key_id": options.get("username") or options.get("key"),
        "aws_secret_access_key": options.get("password") or options.get("secret"),
        "aws_session_token": options.get("token"),
        "endpoint_url": options.get("endpoint_url"),
    }
    for name, value in named.items():
        if value is not None and given.setdefault(name, value) != value:
            raise RefusedError(f"{name} that is given twice")
    given.setdefault("use_ssl", options.get("use_ssl", True))
    return given


def _rehearse(session: Any, bucket: str, settings: Mapping[str, Any], client_kwargs: Mapping[str, Any]) -> Any:
    from botocore.config import Config

    used = {name: value for name, value in settings.items() if name in _REHEARSED}
    config = Config(**used, retries={"total_max_attempts": 1}, request_checksum_calculation="when_required")
    credentials = dict.fromkeys(CREDENTIALS[:2], "rehearsal")
    client = session.create_client("s3", config=config, **credentials, **client_kwargs)

    def stop(request: Any, **_: Any) -> None:
        raise _PreparedError(request)

    client.meta.events.register_first("before-send.s3.PutObject", stop)
    try:
        client.put_object(Bucket=bucket, Key=_KEY, Body=b"", ContentType="image/png")
    except _PreparedError as prepared:
        return prepared.request
    finally:
        client.close()
    raise RefusedError("a version of botocore that cannot rehearse")


def _address(url: str, bucket: str) -> tuple[str, bool]:
    """Return the endpoint in obstore's form, and whether the bucket is part of the host's name."""
    parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}"
    if not parts.query and parts.path.endswith(f"/{bucket}/{_KEY}"):
        return root + parts.path.removesuffix(f"/{bucket}/{_KEY}"), False
    if not parts.query and parts.netloc.startswith(f"{bucket}.") and parts.path.endswith(f"/{_KEY}"):
        return root + parts.path.removesuffix(f"/{_KEY}"), True
    raise RefusedError(f"bucket {bucket!r}, which has an address of its own")


def _region(request: Any) -> str:
    headers = {name.lower(): value for name, value in request.headers.items()}
    signed = headers.get("authorization", b"")
    found = _SIGNED.match(signed.decode() if isinstance(signed, bytes) else signed)
    if found is None:
        raise RefusedError("a signature_version that is not s3v4")
    unknown = set(headers) - _HEADERS
    if unknown:
        raise RefusedError(f"the request header {min(unknown)}")
    return found[1]


# --- the client ------------------------------------------------------------------------------------------------------


def _client_options(endpoint: str, settings: Mapping[str, Any], connections: int) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connect_timeout": timedelta(seconds=settings.get("connect_timeout", CONNECT_TIMEOUT)),
        # Of a whole request of any size; the target limits the time by the size of each request.
        "timeout": timedelta(days=1),
        "pool_max_idle_per_host": str(settings.get("max_pool_connections", connections)),
        # Servers close idle connections after about 20 seconds; close them before that.
        "pool_idle_timeout": timedelta(seconds=12),
    }
    if endpoint.startswith("http://"):
        return {**options, "allow_http": True}
    return {**options, "root_certificate": quick.certificates()}
