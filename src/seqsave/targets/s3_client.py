"""Set up an s3fs filesystem so that every call is one request: its pool, its time-outs, and no retries below seqsave.

The user's ``config_kwargs``, ``s3_additional_kwargs`` and other options of s3fs are kept and take precedence.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import inspect
import io
import re
import socket
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqsave.errors import TargetError
from seqsave.targets import filesystems, s3_session
from seqsave.targets.failures import diagnose
from seqsave.targets.peers import keep_names_outside
from seqsave.targets.redact import chain_of, redact_url, split_user_info

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "S3Client",
    "StoreAnswerError",
    "check_values",
    "checked_options",
    "no_store",
    "refuse_strange",
    "wants_digest",
]

CONNECT_TIMEOUT = 10
"""Seconds in which a connection must be established."""
STALL_TIMEOUT = 60
"""Seconds in which nothing moves, in either direction, before a connection is given up."""
SLOWEST = 32 * 1024
"""Bytes per second at which data in the kernels' buffers is expected to arrive."""
BUFFERED = 8 << 20
"""The most bytes in these buffers: after sending them, a client may have to wait until the first ones arrive."""

_ENDPOINT = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:/[^\s?#]*)?", re.IGNORECASE)


class S3Client:
    """Requests through one s3fs instance of seqsave's own.

    If an answer refuses the credentials, their source is read again. If it has new credentials, the request is sent
    once more with them, and so are all later requests.

    loop: where the coroutines must run: fsspec's own thread.
    """

    def __init__(self, options: Mapping[str, Any], connections: int, *, stays: bool = False) -> None:
        """Create a client. options: from ``checked_options``. connections: how many requests may be in flight.

        stays: follow no redirect, and refuse an endpoint whose name leads to a special address (``peers``).
        """
        import asyncio  # here, as other clients need only the rest of this module

        config = {**_our_config(connections, stays=stays), **(options.get("config_kwargs") or {})}
        self._options = {**options, "config_kwargs": config}
        self._has_source = not s3_session.names_credentials(options)
        self._connection = _Connection(self._options, options.get("session") or s3_session.make_session(options))
        self._renewing = asyncio.Lock()
        self._takes_checksums = True
        self._wants_digests: set[str] = set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop of the coroutines below."""
        loop: asyncio.AbstractEventLoop = self._connection.filesystem.loop
        return loop

    async def call(self, operation: str, *, bucket: str, **request: Any) -> Any:
        """Call an S3 operation such as ``"put_object"``, with the user's ``s3_additional_kwargs`` that apply."""
        connection, used = self._connection, None
        try:
            used = await s3_session.fetch(connection.session) if self._has_source else None
            return await connection.call(operation, bucket, request)
        except Exception as error:
            fresh = await self._renewed(connection, used, error)
            if fresh is None:
                raise
        return await fresh.call(operation, bucket, request)

    async def endpoint(self, bucket: str) -> str:
        """Return the endpoint for requests to this bucket."""
        return str((await self._connection.prepare(bucket)).meta.endpoint_url)

    async def _renewed(self, connection: _Connection, used: object, error: Exception) -> _Connection | None:
        """Return a connection with other credentials than those that were refused; None if there are no others."""
        if not self._has_source or diagnose(error) not in s3_session.REFUSALS:
            return None
        async with self._renewing:
            if self._connection is not connection:  # another request was faster
                return self._connection
            try:
                session = s3_session.make_session(self._options)
                found = await s3_session.fetch(session)
            except Exception:  # noqa: BLE001 - the store's answer says more
                return None
            if found is None or found == used:
                return None
            self._connection = _Connection(self._options, session)
            return self._connection

    async def put(self, *, bucket: str, crc32: int, create: bool, match: str | None = None, **request: Any) -> Any:
        """Send ``put_object`` once, with the CRC-32 unless the store has refused checksums.

        match: the ETag of what it may replace, as the header ``If-Match`` has it.
        """
        if match is not None:
            request["IfMatch"] = match
        if create:
            await self._check_create(bucket)
            request["IfNoneMatch"] = "*"
        if bucket in self._wants_digests:
            return await self._put_with_digest(bucket, crc32, request)
        checksum = {"ChecksumCRC32": _base64(crc32.to_bytes(4, "big"))} if self._takes_checksums else {}
        try:
            return await self.call("put_object", bucket=bucket, **checksum, **request)
        except Exception as error:
            if wants_digest(error):
                self._wants_digests.add(bucket)
            elif not checksum or not _refuses_checksums(error):
                raise
        if bucket in self._wants_digests:
            return await self._put_with_digest(bucket, crc32, request)
        self._takes_checksums = False
        return await self.call("put_object", bucket=bucket, **request)

    async def _put_with_digest(self, bucket: str, crc32: int, request: Mapping[str, Any]) -> Any:
        """Send the MD5 of the bytes too: for locked objects, some stores require it and accept no other checksum."""
        digest = hashlib.md5(request["Body"], usedforsecurity=False).digest()
        checksum = {"ChecksumCRC32": _base64(crc32.to_bytes(4, "big"))} if self._takes_checksums else {}
        return await self.call("put_object", bucket=bucket, ContentMD5=_base64(digest), **checksum, **request)

    async def _check_create(self, bucket: str) -> None:
        """Raise TargetError if botocore is too old to know the condition, since s3fs would drop it."""
        client = await self._connection.prepare(bucket)
        if "IfNoneMatch" not in client.meta.service_model.operation_model("PutObject").input_shape.members:
            raise TargetError(
                "`if_exists='error'` needs a newer botocore, whose PutObject knows IfNoneMatch: "
                "pip install --upgrade s3fs aiobotocore botocore"
            )


class _Connection:
    """One s3fs instance, with the session that it signs with."""

    def __init__(self, options: Mapping[str, Any], session: Any) -> None:
        from s3fs import S3FileSystem

        self.session = session
        self._has_source = not s3_session.names_credentials(options)
        self._is_ready = False
        self.filesystem = filesystems.create(S3FileSystem, {**options, "session": session})
        self.filesystem.retries = 1  # of s3fs; those of botocore are in config_kwargs
        self._prepared: weakref.WeakSet[Any] = weakref.WeakSet()

    async def call(self, operation: str, bucket: str, request: Mapping[str, Any]) -> Any:
        await self.prepare(bucket)
        # The underscore marks fsspec's coroutines, which are public: https://filesystem-spec.readthedocs.io/en/latest/async.html
        return await self.filesystem._call_s3(operation, Bucket=bucket, **request)  # noqa: SLF001

    async def prepare(self, bucket: str) -> Any:
        if not self._is_ready and self._has_source:
            await s3_session.fetch(
                self.session
            )  # the client, which is made next, would report a missing file as one of its own
        self._is_ready = True
        await self.filesystem.set_session()
        client = await self.filesystem.get_s3(bucket)
        if client not in self._prepared:
            client.meta.events.register_last("before-call.s3", _send_body_at_once)
            self._prepared.add(client)
        return client


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options merged over fsspec's configuration. Raises TargetError for one unknown to s3fs."""
    from s3fs import S3FileSystem

    merged = filesystems.merged_options(S3FileSystem, options)
    filesystems.refuse_unknown(merged, _known_options(), "s3://")
    check_values(merged)
    return merged


def check_values(merged: Mapping[str, Any]) -> None:
    """Raise TargetError for an unsuitable value of an option that s3fs knows."""
    for name in ("config_kwargs", "client_kwargs", "s3_additional_kwargs"):
        if merged.get(name) is not None and not isinstance(merged[name], Mapping):
            raise TargetError(f"storage option {name} must be a mapping of names to values")
    inner: Mapping[str, Any] = merged.get("client_kwargs") or {}
    for endpoint in (merged.get("endpoint_url"), inner.get("endpoint_url")):
        if endpoint is not None:
            _check_endpoint(endpoint)
    _check_certificates(inner.get("verify"))


def _check_endpoint(endpoint: object) -> None:
    """Check ``endpoint_url``, since a wrong one leads to errors later that seem temporary."""
    if not isinstance(endpoint, str):
        raise TargetError(f"storage option endpoint_url is a URL, not {type(endpoint).__name__}")
    has_scheme = "://" in endpoint
    url = endpoint if has_scheme else f"https://{endpoint}"
    shown = redact_url(url)
    if split_user_info(url)[1] or "@" in url:
        raise TargetError(f"endpoint_url {shown!r} holds '@': give user and password as storage options key and secret")
    if not has_scheme:
        # http//host, http:/host and http:host are meant for a scheme; http:9000 may be a host.
        meant = re.match(r"(https?)(?::?/+|:(?!\d))(.*)", endpoint, re.IGNORECASE | re.DOTALL)
        shown = redact_url(f"{meant[1]}://{meant[2]}") if meant is not None else shown
        raise TargetError(f"endpoint_url has no scheme: write {shown!r}, or http:// for a store without encryption")
    if not _ENDPOINT.fullmatch(url):
        raise TargetError(f"endpoint_url {shown!r} is not the address of a store: use https://host or http://host:port")


def _check_certificates(verify: object) -> None:
    if isinstance(verify, str) and not Path(verify).exists():
        raise TargetError(f"client_kwargs['verify'] names {verify!r}, which does not exist")


@functools.cache
def _known_options() -> frozenset[str]:
    from aiobotocore.session import AioSession
    from s3fs import S3FileSystem

    named = {*inspect.signature(S3FileSystem.__init__).parameters, *inspect.signature(AioSession.__init__).parameters}
    return frozenset((named - {"self", "kwargs", "asynchronous", "loop"}) | {"listings_expiry_time", "max_paths"})


def _our_config(connections: int, *, stays: bool) -> dict[str, Any]:
    """Return our settings that this version of aiobotocore accepts."""
    from aiobotocore.config import AioConfig

    ours: dict[str, Any] = {
        "max_pool_connections": connections,
        "connect_timeout": CONNECT_TIMEOUT,
        "read_timeout": STALL_TIMEOUT,
        "retries": {"total_max_attempts": 1},
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "http_session_cls": _session_class(stays),
        "user_agent": "seqsave",  # botocore's own is made again for each request, from forty parts
    }
    known = {*AioConfig.OPTION_DEFAULTS, *inspect.signature(AioConfig.__init__).parameters}
    return {name: value for name, value in ours.items() if name in known}


@functools.cache
def _session_class(stays: bool) -> type[Any]:
    from aiobotocore.httpsession import AIOHTTPSession

    class OneRequestSession(AIOHTTPSession):  # type: ignore[misc]  # untyped
        """An aiohttp session, set up through attributes, since not every version offers another way."""

        async def _get_session(self, proxy_url: str | None) -> Any:
            session = await super()._get_session(proxy_url)
            # By default, aiohttp sends a PUT again when a kept-alive connection breaks.
            session._retry_connection = False  # noqa: SLF001 - see above
            connector = session.connector
            connector._socket_factory = getattr(connector, "_socket_factory", None) or _socket  # noqa: SLF001
            if stays and proxy_url is None:  # a proxy looks names up itself
                keep_names_outside(connector, None)
            return _PatientSession(session, self._timeout, {"allow_redirects": False} if stays else {})

    return OneRequestSession


class _PatientSession:
    """An aiohttp session that waits longer for an answer on a slow connection.

    aiohttp's time-out begins when the kernel has the whole body, not when the store has it.
    """

    def __init__(self, session: Any, timeout: Any, more: Mapping[str, Any]) -> None:
        self._session = session
        self._timeout = timeout
        self._more = more

    async def request(self, method: str, **request: Any) -> Any:
        body = request.get("data")
        usual = request.get("timeout") or self._timeout
        if isinstance(body, io.BytesIO) and usual.sock_read is not None:
            from aiohttp import ClientTimeout

            late = min(body.getbuffer().nbytes, BUFFERED) / SLOWEST
            request["timeout"] = ClientTimeout(sock_connect=usual.sock_connect, sock_read=usual.sock_read + late)
        return await self._session.request(method, **request, **self._more)


def _socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket that fails if sent data stays unread. No read time-out covers a body that is being sent."""
    made = socket.socket(*address[:3])
    if hasattr(socket, "TCP_USER_TIMEOUT") and made.family in (socket.AF_INET, socket.AF_INET6):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALL_TIMEOUT * 1000)
    return made


def _send_body_at_once(params: dict[str, Any], **_: Any) -> None:
    """Send the body without waiting for 100-continue, which would cost a round trip per frame."""
    params["headers"].pop("Expect", None)


def _refuses_checksums(error: BaseException) -> bool:
    """Return True if a store refuses the checksum header itself, not its value."""
    return any("checksum" in words and "digest" not in words and "match" not in words for words in _refusals(error))


def wants_digest(error: BaseException) -> bool:
    """Return True if a store requires a digest for objects in this bucket, as for locked objects."""
    wanted = ("required", "missing")
    return any(
        "content-md5" in words.replace("contentmd5", "content-md5") and any(word in words for word in wanted)
        for words in _refusals(error)
    )


def _refusals(error: BaseException) -> Iterator[str]:
    """Yield code and message, in lower case, of each answer in a chain that rejects the request as invalid."""
    for link in chain_of(error):
        response = getattr(link, "response", None)
        if isinstance(response, dict) and response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (400, 501):
            details = response.get("Error", {})
            yield f"{details.get('Code', '')} {details.get('Message', '')} {details.get('Header', '')}".lower()


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


# --- answers ---------------------------------------------------------------------------------------------------------


class StoreAnswerError(Exception):
    """The store answered with an error.

    response: as botocore's ClientError has it, with the code and the message in the store's own words.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}" if message else f"{status} {code}")
        self.response: dict[str, Any] = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }


def refuse_strange(etag: str | None, checksum: str | None, crc32: int) -> None:
    """Raise StoreAnswerError unless this is a store's answer to a successful PUT. Other servers answer 200 too.

    checksum: the CRC-32 that is in the answer, as S3 writes it; None where there is none.
    """
    if not etag:
        raise no_store()
    if checksum not in (None, _base64(crc32.to_bytes(4, "big"))):
        raise StoreAnswerError(400, "BadDigest", "the checksum in the answer is another one")


def no_store() -> StoreAnswerError:
    """Return the error for an answer without an ETag, which comes from a login page or a proxy, not from a store."""
    text = "the answer does not come from a store: check the endpoint, and whether a proxy or login page answers"
    return StoreAnswerError(502, "NoETag", text)
