"""Translate the exceptions of backends into TargetError: what failed, where, and whether it is temporary.

No backend is imported for this: exceptions are recognized by their attributes (botocore's ``response``, an HTTP status,
an ``errno``) and by the names of their classes. The whole chain is searched, because s3fs hides the store's answer in
``__cause__`` and aiobotocore the connection's failure in ``kwargs``.

The order of the search: the store's own code, the HTTP status, the state of the connection, the class's name, the
``errno``, the builtin class.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from seqsave import naming
from seqsave.errors import FrameExistsError, SeqSaveError, TargetError
from seqsave.runtime.threads import is_ending
from seqsave.targets.faults import Fault
from seqsave.targets.redact import chain_of, drop_traces, safe_cause, scrub
from seqsave.targets.rights import right_to
from seqsave.wording import abridged

__all__ = ["Fault", "FileMissingError", "Scene", "changing", "diagnose", "translate"]


class FileMissingError(TargetError, FileNotFoundError):
    """A file to be read does not exist."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The place of a failure, for its message.

    doing:     "save", "change", "read", "list", "delete", "look for".
    url:       the URL of the file or folder, without secrets.
    container: its container, such as ``"bucket 'renders'"``, if that has a name.
    endpoint:  the address of its server, without secrets, if the URL does not have it.
    secrets:   texts that must not be shown.
    tried:     the backend's client has already retried, so callers should not.
    """

    doing: str
    url: str
    container: str = ""
    secrets: tuple[str, ...] = ()
    tried: bool = False
    endpoint: str = ""


# Whether a file that is saved belongs to a sequence that is only changed, as by rm: it cannot be saved elsewhere.
_CHANGING: ContextVar[bool] = ContextVar("changing", default=False)


@contextmanager
def changing() -> Iterator[None]:
    """Let errors of this thread say within the context that a file cannot be changed, in place of saved."""
    token = _CHANGING.set(True)
    try:
        yield
    finally:
        _CHANGING.reset(token)


# A connection was not made, so that no file is concerned.
_WITHOUT_ANSWER = (Fault.UNREACHABLE, Fault.NO_HOST, Fault.UNTRUSTED)
_PRIVATE = f"/{naming.PRIVATE_FOLDER}/"
# A setting in the text of its errors: "Cannot connect to host x:80 ssl:default [...]", also without encryption.
_OF_AIOHTTP = re.compile(r" ssl:(?:default|False|True|None)(?= )")


def translate(error: BaseException, scene: Scene, default: Fault = Fault.UNKNOWN) -> SeqSaveError:
    """Return the error to raise instead of ``error``, chained to it, or to a stand-in if it holds a secret.

    Raise it outside of the ``except`` block: inside, Python would chain the original exception to it.
    """
    if isinstance(error, SeqSaveError):
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, SeqSaveError):
            drop_traces(error.__cause__)
        return error
    fault = diagnose(error)
    fault = default if fault is Fault.UNKNOWN else fault
    if fault is Fault.MISSING and scene.doing == "save":  # not the file, then, but what it should lie in
        fault = Fault.NO_CONTAINER if scene.container else Fault.NO_FOLDER
    message = scrub(_message(fault, error, scene), scene.secrets)
    result: SeqSaveError
    if fault is Fault.EXISTS:
        result = FrameExistsError(message, topic="exists")
    elif fault is Fault.MISSING:
        result = FileMissingError(message, fault=fault.cause)
    else:
        result = TargetError(
            message,
            transient=fault.transient and not scene.tried,
            throttled=fault is Fault.THROTTLED,
            fault=fault.cause,
            answered=any(_by_code(link) or _by_status(link) for link in _links(error)),
        )
    result.__cause__ = safe_cause(error, scene.secrets)
    if fault is not Fault.UNKNOWN:
        drop_traces(result.__cause__)
    return result


def diagnose(error: BaseException) -> Fault:
    """Return the cause of a failure, from the exception and its chain."""
    chain = list(_links(error))
    for look in (_by_code, _by_status, _by_connection, _by_class, _by_errno, _by_builtin):
        for link in chain:
            fault = look(link)
            if fault is not None:
                return fault
    return Fault.UNKNOWN


def _message(fault: Fault, error: BaseException, scene: Scene) -> str:
    verdict = fault.value
    doing, url = scene.doing, scene.url
    if doing == "save" and _CHANGING.get():
        doing = "change"
    if fault in _WITHOUT_ANSWER and _PRIVATE in url:  # which file was to be asked for first helps no reader
        doing, url = "use", url.partition(_PRIVATE)[0]
    endpoint = f" at {scene.endpoint}" if scene.endpoint else ""
    what = verdict.what.format(container=scene.container or "the bucket or container", endpoint=endpoint)
    detail = f" ({_detail(error)})" if verdict.detail else ""
    advice = verdict.advice if verdict.otherwise is None or doing == "save" else verdict.otherwise
    advice = f"; {advice.format(right=right_to(doing, url))}" if advice else ""
    return f"cannot {doing} {abridged(url)}: {what}{detail}{advice}"


def _detail(error: BaseException) -> str:
    """Return the backend's text on one line; for botocore's unspecific "could not connect", that of its cause."""
    error = _wrapped(error) or error
    # Libraries say more than the system's word for the errno: the host, the share.
    plain = error.strerror if isinstance(error, OSError) and type(error).__module__ == "builtins" else None
    text = " ".join((plain or f"{type(error).__name__}: {error}").split()).removesuffix(":")
    return abridged(_OF_AIOHTTP.sub("", text))


def _links(error: BaseException) -> Iterator[BaseException]:
    for link in chain_of(error):
        yield link
        inner = _wrapped(link)
        if inner is not None:
            yield from chain_of(inner)


def _wrapped(error: BaseException) -> BaseException | None:
    """Return the exceptions that botocore keeps in ``kwargs`` rather than in ``__cause__``."""
    kwargs = getattr(error, "kwargs", None)
    inner = kwargs.get("error") if isinstance(kwargs, dict) else None
    return inner if isinstance(inner, BaseException) else None


# --- the store's own code --------------------------------------------------------------------------------------------

_CODES = {
    Fault.MISSING: "NoSuchKey NoSuchVersion BlobNotFound ResourceNotFound",
    Fault.EXISTS: "PreconditionFailed BlobAlreadyExists ResourceAlreadyExists",
    Fault.NO_CONTAINER: "NoSuchBucket ContainerNotFound ShareNotFound FilesystemNotFound",
    Fault.BAD_NAME: "InvalidBucketName InvalidURI InvalidObjectName InvalidResourceName",
    Fault.TOO_LONG: "KeyTooLongError",
    Fault.TOO_LARGE: "EntityTooLarge RequestBodyTooLarge MaxMessageLengthExceeded",
    Fault.BAD_KEY: "InvalidAccessKeyId",
    Fault.BAD_SECRET: "SignatureDoesNotMatch",
    Fault.BAD_CREDENTIALS: "AuthenticationFailed InvalidAuthenticationInfo InvalidSecurity InvalidToken "
    "NoAuthenticationInformation",
    Fault.EXPIRED: "ExpiredToken ExpiredTokenException TokenRefreshRequired",
    Fault.DENIED: "AccessDenied AllAccessDisabled AccountProblem AuthorizationFailure AuthorizationPermissionMismatch "
    "InsufficientAccountPermissions",
    Fault.CLOCK: "RequestTimeTooSkewed",
    Fault.WRONG_PLACE: "PermanentRedirect TemporaryRedirect AuthorizationHeaderMalformed "
    "IllegalLocationConstraintException",
    Fault.OUTSIDE: "PeerRefused",
    Fault.THROTTLED: "SlowDown SlowDownRead SlowDownWrite Throttling ThrottlingException TooManyRequests "
    "TooManyRequestsException ErrTooManyRequest RequestLimitExceeded RequestThrottled BandwidthLimitExceeded "
    "ServerBusy",
    Fault.SERVER: "InternalError ServiceUnavailable InternalServerError OperationTimedOut",
    Fault.CONFLICT: "OperationAborted ConditionalRequestConflict",
    Fault.DAMAGED: "BadDigest InvalidDigest XAmzContentSHA256Mismatch XAmzContentChecksumMismatch IncompleteBody "
    "Md5Mismatch",
    Fault.TIMEOUT: "RequestTimeout RequestTimeoutException",
    Fault.UNSUPPORTED: "NotImplemented MethodNotAllowed",
    Fault.QUOTA: "QuotaExceeded XMinioStorageFull InsufficientStorage",
}
_BY_CODE = {code: fault for fault, codes in _CODES.items() for code in codes.split()}


def _by_code(error: BaseException) -> Fault | None:
    return _BY_CODE.get(_code(error))


def _code(error: BaseException) -> str:
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        return str(response.get("Error", {}).get("Code", ""))
    code: Any = getattr(error, "error_code", None)  # azure
    return str(getattr(code, "value", code) or "")


# --- the HTTP status -------------------------------------------------------------------------------------------------

_BY_STATUS = {
    301: Fault.WRONG_PLACE,
    307: Fault.WRONG_PLACE,
    308: Fault.WRONG_PLACE,
    401: Fault.BAD_CREDENTIALS,
    403: Fault.DENIED,
    404: Fault.MISSING,
    405: Fault.UNSUPPORTED,
    407: Fault.DENIED,
    408: Fault.TIMEOUT,
    409: Fault.CONFLICT,
    410: Fault.MISSING,
    411: Fault.UNSUPPORTED,
    412: Fault.EXISTS,
    413: Fault.TOO_LARGE,
    414: Fault.TOO_LONG,
    423: Fault.IN_USE,
    425: Fault.THROTTLED,
    429: Fault.THROTTLED,
    500: Fault.SERVER,
    501: Fault.UNSUPPORTED,
    502: Fault.SERVER,
    503: Fault.THROTTLED,
    504: Fault.TIMEOUT,
    507: Fault.QUOTA,
    509: Fault.THROTTLED,
}


def _by_status(error: BaseException) -> Fault | None:
    status = _status(error)
    return _BY_STATUS.get(status) or (Fault.SERVER if 500 <= status < 600 else None)


def _status(error: BaseException) -> int:
    numbers = (int(value) for value in _candidates(error) if str(value).isdecimal())
    return next((number for number in numbers if 100 <= number < 600), 0)


def _candidates(error: BaseException) -> Iterator[Any]:
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        yield response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        yield response.get("Error", {}).get("Code")
        return
    # azure and httpx: status_code; aiohttp: status (its code is deprecated, so that comes later); gcsfs: code; requests
    for holder, name in ((error, "status_code"), (error, "status"), (response, "status_code"), (error, "code")):
        yield getattr(holder, name, None)


# --- the name of the class -------------------------------------------------------------------------------------------

_CLASSES = {
    Fault.NO_CREDENTIALS: "NoCredentialsError PartialCredentialsError DefaultCredentialsError NoAuthTokenError",
    Fault.NO_PROFILE: "ProfileNotFound",
    Fault.SECOND_FACTOR: "SecondFactorError RefreshWithMFAUnsupportedError",
    Fault.BAD_CREDENTIALS: "CredentialRetrievalError ClientAuthenticationError AuthenticationException LogonFailure "
    "SMBAuthenticationError UnauthenticatedError RefreshError TokenRetrievalError SSOError LoginRefreshRequired "
    "CredentialsUnavailableError",
    Fault.DENIED: "PermissionDeniedError ForbiddenOperation AccessDenied",
    Fault.BAD_NAME: "InvalidDNSNameError InvalidHostLabelError InvalidPathError UnsupportedS3ArnError",
    Fault.MISSING: "ResourceNotFoundError ResourceNotFound NotFoundError NoSuchFile",
    Fault.EXISTS: "ResourceExistsError ResourceAlreadyExists AlreadyExistsError PreconditionError FileExists",
    Fault.QUOTA: "InsufficientStorage",
    Fault.IN_USE: "ResourceLocked SharingViolation",
    Fault.UNTRUSTED: "SSLError SSLCertVerificationError ClientConnectorCertificateError ClientSSLError "
    "BadHostKeyException",
    Fault.TIMEOUT: "ReadTimeoutError FSTimeoutError ServerTimeoutError ReadTimeout PoolTimeout WriteTimeout Timeout "
    "ServiceResponseTimeoutError",
    Fault.UNREACHABLE: "EndpointConnectionError ConnectTimeoutError ConnectTimeout ClientConnectorError "
    "ProxyConnectionError ProxyError NoValidConnectionsError ConnectError ServiceRequestError SMBConnectionClosed",
    Fault.BROKEN: "ConnectionClosedError ResponseStreamingError ServerDisconnectedError ClientPayloadError "
    "ClientOSError ClientConnectionError IncompleteReadError IncompleteRead ServiceResponseError SSHException "
    "ReadError WriteError RemoteProtocolError HTTPClientError ChunkedEncodingError ResponseParserError",
    Fault.SERVER: "BadGatewayError",
    Fault.DAMAGED: "ChecksumError FlexibleChecksumError",
    Fault.UNSUPPORTED: "NotSupportedError MultiStatusError",
    Fault.BAD_OPTION: "InvalidConfigError InvalidRetryConfigurationError InvalidRetryModeError NoRegionError "
    "UnknownRegionError InvalidRegionError InvalidEndpointConfigurationError InvalidProxiesConfigError "
    "UnknownConfigurationKeyError",
}
_BY_CLASS = {name: fault for fault, names in _CLASSES.items() for name in names.split()}


_NO_SUCH_HOST = tuple(getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name))
_BROKEN = (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE)
# paramiko's message for a closed connection, in an OSError without a number.
_CLOSED = "Socket is closed"


def _by_connection(error: BaseException) -> Fault | None:
    """Return the fault of a failed connection: a wrong host, a refusal, a reset and a bad setting have one class."""
    if _is_setting(_wrapped(error)):
        return Fault.BAD_OPTION
    if is_ending() and type(error).__name__ in ("RuntimeError", "PythonFinalizationError"):
        return Fault.ENDING  # no thread can be started, or no executor is left
    if not isinstance(error, OSError):
        return None
    looked_up = isinstance(error, socket.gaierror) or type(error).__name__ == "ClientConnectorDNSError"
    if looked_up:
        return Fault.NO_HOST if error.errno in _NO_SUCH_HOST else None
    return Fault.BROKEN if error.errno in _BROKEN or error.args == (_CLOSED,) else None


def _is_setting(inner: BaseException | None) -> bool:
    """Return True if no connection was tried, because of a missing certificate file or an invalid value."""
    # Some of ssl's errors are ValueErrors as well, and about the other side.
    return isinstance(inner, FileNotFoundError) or (isinstance(inner, ValueError) and not isinstance(inner, OSError))


def _by_class(error: BaseException) -> Fault | None:
    if type(error).__name__ == "ParamValidationError":
        return Fault.BAD_NAME if "bucket name" in str(error) else Fault.BAD_OPTION
    return next((_BY_CLASS[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in _BY_CLASS), None)


# --- errno and builtins ----------------------------------------------------------------------------------------------

_ERRNOS = {
    Fault.MISSING: "ENOENT",
    Fault.EXISTS: "EEXIST",
    Fault.NOT_A_FOLDER: "ENOTDIR",
    Fault.IS_A_FOLDER: "EISDIR",
    Fault.FULL: "ENOSPC",
    Fault.QUOTA: "EDQUOT",
    Fault.READ_ONLY: "EROFS",
    Fault.NOT_PERMITTED: "EACCES EPERM",
    Fault.TOO_LONG: "ENAMETOOLONG",
    Fault.TOO_LARGE: "EFBIG EMSGSIZE",
    Fault.TOO_MANY_FILES: "EMFILE ENFILE",
    Fault.IN_USE: "EBUSY ETXTBSY EAGAIN EWOULDBLOCK EINTR ESTALE EDEADLK ENOLCK",
    Fault.DISK: "EIO ENXIO EUCLEAN EREMOTEIO",
    Fault.BAD_NAME: "ELOOP EILSEQ",
    Fault.UNSUPPORTED: "ENOSYS ENOTSUP EOPNOTSUPP EXDEV",
    Fault.TIMEOUT: "ETIMEDOUT ETIME",
    Fault.UNREACHABLE: "ECONNREFUSED EHOSTUNREACH ENETUNREACH ENETDOWN EHOSTDOWN",
    Fault.BROKEN: "ECONNRESET ECONNABORTED EPIPE ENETRESET ENOTCONN ESHUTDOWN ENOBUFS",
}
_BY_ERRNO = {
    getattr(errno, name): fault for fault, names in _ERRNOS.items() for name in names.split() if hasattr(errno, name)
}
# Windows: a virus scanner or a viewer holds the file for a moment.
_WINDOWS_IN_USE = (32, 33)

_BUILTINS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Fault], ...] = (
    (FileNotFoundError, Fault.MISSING),
    (FileExistsError, Fault.EXISTS),
    (NotADirectoryError, Fault.NOT_A_FOLDER),
    (IsADirectoryError, Fault.IS_A_FOLDER),
    (PermissionError, Fault.NOT_PERMITTED),
    (TimeoutError, Fault.TIMEOUT),
    ((ConnectionRefusedError, socket.gaierror), Fault.UNREACHABLE),
    ((ConnectionError, EOFError), Fault.BROKEN),
    (NotImplementedError, Fault.UNSUPPORTED),
    (ImportError, Fault.NOT_INSTALLED),
    (UnicodeError, Fault.BAD_NAME),
)


def _by_errno(error: BaseException) -> Fault | None:
    if not isinstance(error, OSError) or isinstance(error, socket.gaierror) or _stands_for_an_answer(error):
        return None
    if getattr(error, "winerror", None) in _WINDOWS_IN_USE:
        return Fault.IN_USE
    return _BY_ERRNO.get(error.errno or 0)


def _stands_for_an_answer(error: OSError) -> bool:
    """Return whether s3fs made this error from an unknown answer of the store."""
    return isinstance(getattr(error.__cause__, "response", None), dict)


def _by_builtin(error: BaseException) -> Fault | None:
    if type(error).__name__ == "TimeoutError":  # asyncio's and concurrent.futures' own, before Python 3.11
        return Fault.TIMEOUT
    if isinstance(error, ValueError) and str(error).startswith("Invalid endpoint"):  # as botocore raises it
        return Fault.BAD_ENDPOINT
    if isinstance(error, TypeError) and "argument" in str(error):
        return Fault.BAD_OPTION
    return next((fault for kind, fault in _BUILTINS if isinstance(error, kind)), None)
