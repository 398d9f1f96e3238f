"""Translate the exceptions of backends into TargetError: what failed, where, and whether it is temporary.

No backend is imported for this: exceptions are recognized by their attributes (botocore's ``response``, an HTTP status,
an ``errno``) and by the names of their classes. The whole chain is searched, because s3fs hides the store's answer in
``__cause__`` and aiobotocore the connection's failure in ``kwargs``.

The order of the search: the store's own code, the HTTP status, the state of the connection, the class's name, the
``errno``, the builtin class.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, unique
from typing import Any, cast

from seqsave.errors import Cause, FrameExistsError, SeqSaveError, TargetError
from seqsave.runtime.threads import is_ending
from seqsave.targets.redact import chain_of, drop_traces, safe_cause, scrub
from seqsave.targets.rights import right_to
from seqsave.wording import abridged

__all__ = ["Fault", "FileMissingError", "Scene", "diagnose", "translate"]


class FileMissingError(TargetError, FileNotFoundError):
    """A file to be read does not exist."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The place of a failure, for its message.

    doing:     "save", "read", "list", "delete", "look for".
    url:       the URL of the file or folder, without secrets.
    container: its container, such as ``"bucket 'renders'"``, if that has a name.
    secrets:   texts that must not be shown.
    tried:     the backend's client has already retried, so callers should not.
    """

    doing: str
    url: str
    container: str = ""
    secrets: tuple[str, ...] = ()
    tried: bool = False


@dataclass(frozen=True, slots=True)
class _Verdict:
    what: str
    advice: str = ""
    transient: bool = False
    detail: bool = False
    otherwise: str | None = None


@unique
class Fault(Enum):
    """The causes of failures. ``what`` and ``advice`` are parts of the message; ``detail`` adds the backend's text.

    otherwise: the advice where nothing is being saved, if that is another one.
    """

    MISSING = _Verdict("there is no such file")
    EXISTS = _Verdict(
        "it already exists", "use `if_exists='overwrite'` or `if_exists='skip'`, or another prefix or start"
    )
    NO_CONTAINER = _Verdict(
        "{container} does not exist", "create it or correct the URL: seqsave does not create buckets"
    )
    NO_FOLDER = _Verdict("its folder does not exist and cannot be created", "create it, or save elsewhere", detail=True)
    BAD_NAME = _Verdict("the name is not allowed there", "use another one", detail=True)
    TOO_LONG = _Verdict("the name is too long", "use a shorter prefix, folder or metadata name")
    TOO_LARGE = _Verdict("it is too large for one request", "save smaller frames", otherwise="")

    BAD_KEY = _Verdict("the store does not know this access key", "check the key, the profile and the endpoint")
    BAD_SECRET = _Verdict("the store refuses the signature", "check the secret key that belongs to the access key")
    EXPIRED = _Verdict("the credentials have expired", "sign in again")
    NO_CREDENTIALS = _Verdict(
        "no credentials were found",
        "pass key and secret or a profile in `storage_options`, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or "
        "the variables of this storage), or configure a target; anon=True sends unsigned requests",
    )
    BAD_CREDENTIALS = _Verdict("the credentials are not accepted", "check them in `storage_options`", detail=True)
    SECOND_FACTOR = _Verdict(
        "the profile needs a second factor (an MFA code), which seqsave does not ask for",
        "sign in with the storage's own command, and name a profile that holds the temporary credentials",
    )
    NO_PROFILE = _Verdict(
        "the profile is not in the credentials file", "correct it in `storage_options` or AWS_PROFILE", detail=True
    )
    DENIED = _Verdict("the credentials do not allow it", "ask for {right}, or use other credentials")
    CLOCK = _Verdict("this machine's clock differs too much from the store's", "set the clock")
    WRONG_PLACE = _Verdict(
        "{container} is in another region or behind another endpoint", "set the endpoint_url or AWS_DEFAULT_REGION"
    )

    THROTTLED = _Verdict("the store is throttling", "it may work later, or with less concurrency", transient=True)
    SERVER = _Verdict("the store failed", "it may work later", transient=True, detail=True)
    CONFLICT = _Verdict("another request changes the same file", "it may work later", transient=True)
    DAMAGED = _Verdict("the bytes did not arrive whole", "it may work when sent again", transient=True)
    TIMEOUT = _Verdict("the storage did not answer in time", "it may work later", transient=True)
    BROKEN = _Verdict("the connection broke", "it may work later", transient=True, detail=True)
    UNREACHABLE = _Verdict("the storage cannot be reached", "check the endpoint and the network", True, detail=True)
    NO_HOST = _Verdict("host not found", "check the endpoint and the host in the URL", detail=True)
    UNTRUSTED = _Verdict("the connection cannot be made secure", "check the certificate and the endpoint", detail=True)
    OUTSIDE = _Verdict("its server, or the name of that, leads to another address", "name that one if it is right")
    FULL = _Verdict("the disk is full", "free some space or save elsewhere", otherwise="free some space")
    QUOTA = _Verdict("the quota is used up", "free some space or save elsewhere", otherwise="free some space")
    READ_ONLY = _Verdict("the file system is read-only", "save elsewhere", otherwise="")
    NOT_PERMITTED = _Verdict(
        "this user lacks the permission", "change the permissions or save elsewhere", otherwise="change the permissions"
    )
    NOT_A_FOLDER = _Verdict(
        "part of the path is a file, not a folder", "move it away or save elsewhere", False, True, "correct the path"
    )
    IS_A_FOLDER = _Verdict("it is a folder", "move it away or save elsewhere", otherwise="correct the path")
    IN_USE = _Verdict("it is in use", "it may work later", transient=True)
    TOO_MANY_FILES = _Verdict("too many files are open", "lower the concurrency or raise the limit", transient=True)
    DISK = _Verdict("the disk failed", "check it, or save elsewhere", detail=True, otherwise="check it")

    UNSUPPORTED = _Verdict("this storage cannot do that", detail=True)
    ENDING = _Verdict(
        "the program is ending, and Python starts nothing new", "close the writer before that", detail=True
    )
    NOT_INSTALLED = _Verdict("a package is missing", detail=True)
    BAD_OPTION = _Verdict("the storage options are not valid", "correct them", detail=True)
    UNKNOWN = _Verdict("the storage failed in a way that seqsave does not know", detail=True)

    @property
    def cause(self) -> Cause:
        """Return the cause's public name."""
        return cast("Cause", self.name.lower())

    @property
    def transient(self) -> bool:
        """Return whether the same request may succeed later."""
        return self.value.transient


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
        result = FrameExistsError(message)
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
    verdict: _Verdict = fault.value
    what = verdict.what.format(container=scene.container or "the bucket or container")
    detail = f" ({_detail(error)})" if verdict.detail else ""
    advice = verdict.advice if verdict.otherwise is None or scene.doing == "save" else verdict.otherwise
    advice = f"; {advice.format(right=right_to(scene.doing, scene.url))}" if advice else ""
    return f"cannot {scene.doing} {abridged(scene.url)}: {what}{detail}{advice}"


def _detail(error: BaseException) -> str:
    """Return the backend's text on one line; for botocore's unspecific "could not connect", that of its cause."""
    error = _wrapped(error) or error
    # Libraries say more than the system's word for the errno: the host, the share.
    plain = error.strerror if isinstance(error, OSError) and type(error).__module__ == "builtins" else None
    return abridged(" ".join((plain or f"{type(error).__name__}: {error}").split()).removesuffix(":"))


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
    is_of_botocore = isinstance(error, ValueError) and str(error).startswith("Invalid endpoint")
    if is_of_botocore or (isinstance(error, TypeError) and "argument" in str(error)):
        return Fault.BAD_OPTION
    return next((fault for kind, fault in _BUILTINS if isinstance(error, kind)), None)
