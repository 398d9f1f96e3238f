"""Exceptions of every backend become one kind of error, which states whether a retry may help."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import traceback
from collections.abc import Callable
from typing import Any, get_args

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from seqsave.errors import Cause, FrameExistsError, SeqSaveError, TargetError
from seqsave.targets.failures import FileMissingError, Scene, changing, diagnose, translate
from seqsave.targets.faults import Fault
from seqsave.targets.redact import BackendError, chain_of, secrets_of
from tests.support.needs import needs_obstore

SCENE = Scene("save", "s3://renders/shot/frame_00017.png", "bucket 'renders'")

TRANSIENT = {
    Fault.THROTTLED, Fault.SERVER, Fault.CONFLICT, Fault.DAMAGED, Fault.TIMEOUT, Fault.BROKEN, Fault.UNREACHABLE,
    Fault.IN_USE, Fault.TOO_MANY_FILES,
}  # fmt: skip


def client_error(code: str, status: int) -> Exception:
    """Return an error as botocore raises it."""
    from botocore.exceptions import ClientError

    response = {"Error": {"Code": code, "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutObject")


def by_s3fs(error: Exception) -> BaseException:
    """Return an error as s3fs raises it: another exception, with the store's answer as its cause."""
    from s3fs.errors import translate_boto_error

    translated: BaseException = translate_boto_error(error)
    return translated


def named(name: str, *bases: type[BaseException], **attributes: Any) -> BaseException:
    """Return an exception of a library that is not installed, with its class's name and its attributes."""
    error: BaseException = type(name, bases or (Exception,), {})("said")
    for attribute, value in attributes.items():
        setattr(error, attribute, value)
    return error


def named_text(name: str, text: str) -> BaseException:
    """Return an OSError of a library that is not installed."""
    return type(name, (OSError,), {})(text)


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        ("NoSuchBucket", 404, Fault.NO_CONTAINER),
        ("NoSuchKey", 404, Fault.MISSING),
        ("404", 404, Fault.MISSING),
        ("AccessDenied", 403, Fault.DENIED),
        ("403", 403, Fault.DENIED),
        ("InvalidAccessKeyId", 403, Fault.BAD_KEY),
        ("SignatureDoesNotMatch", 403, Fault.BAD_SECRET),
        ("ExpiredToken", 400, Fault.EXPIRED),
        ("RequestTimeTooSkewed", 403, Fault.CLOCK),
        ("PermanentRedirect", 301, Fault.WRONG_PLACE),
        ("PreconditionFailed", 412, Fault.EXISTS),
        ("412", 412, Fault.EXISTS),
        ("ConditionalRequestConflict", 409, Fault.CONFLICT),
        ("SlowDown", 503, Fault.THROTTLED),
        ("ErrTooManyRequest", 503, Fault.THROTTLED),
        ("NeverHeardOf", 503, Fault.THROTTLED),
        ("NeverHeardOf", 429, Fault.THROTTLED),
        ("InternalError", 500, Fault.SERVER),
        ("NeverHeardOf", 500, Fault.SERVER),
        ("NeverHeardOf", 599, Fault.SERVER),
        ("502", 502, Fault.SERVER),
        ("RequestTimeout", 400, Fault.TIMEOUT),
        ("BadDigest", 400, Fault.DAMAGED),
        ("KeyTooLongError", 400, Fault.TOO_LONG),
        ("EntityTooLarge", 400, Fault.TOO_LARGE),
        ("NotImplemented", 501, Fault.UNSUPPORTED),
        ("NeverHeardOf", 400, Fault.UNKNOWN),
    ],
)
def test_answers_of_s3(code: str, status: int, fault: Fault) -> None:
    error = client_error(code, status)
    assert diagnose(error) is fault
    assert diagnose(by_s3fs(error)) is fault


def test_botocore_s_own() -> None:
    from aiohttp.client_exceptions import ClientOSError
    from botocore import exceptions

    url = "http://127.0.0.1:9"
    assert diagnose(exceptions.NoCredentialsError()) is Fault.NO_CREDENTIALS
    assert diagnose(exceptions.ProfileNotFound(profile="x")) is Fault.NO_PROFILE
    assert diagnose(exceptions.EndpointConnectionError(endpoint_url=url)) is Fault.UNREACHABLE
    assert diagnose(exceptions.ConnectTimeoutError(endpoint_url=url)) is Fault.UNREACHABLE
    assert diagnose(exceptions.ReadTimeoutError(endpoint_url=url)) is Fault.TIMEOUT
    assert diagnose(exceptions.ConnectionClosedError(endpoint_url=url)) is Fault.BROKEN
    assert diagnose(exceptions.HTTPClientError(error="x")) is Fault.BROKEN
    assert diagnose(exceptions.SSLError(endpoint_url=url, error="x")) is Fault.UNTRUSTED
    assert diagnose(exceptions.ParamValidationError(report="Invalid bucket name 'x'")) is Fault.BAD_NAME
    assert diagnose(exceptions.ParamValidationError(report="Unknown parameter")) is Fault.BAD_OPTION
    reset = ClientOSError(errno.ECONNRESET, "reset")
    assert diagnose(exceptions.EndpointConnectionError(endpoint_url=url, error=reset)) is Fault.BROKEN
    unknown = socket.gaierror(socket.EAI_NONAME, "no such host")
    assert diagnose(exceptions.EndpointConnectionError(endpoint_url=url, error=unknown)) is Fault.NO_HOST


def test_aiohttp_s_own() -> None:
    from aiohttp import client_exceptions

    about: Any = None
    assert diagnose(client_exceptions.ClientResponseError(about, (), status=503)) is Fault.THROTTLED
    assert diagnose(client_exceptions.ClientResponseError(about, (), status=404)) is Fault.MISSING
    assert diagnose(client_exceptions.ServerDisconnectedError()) is Fault.BROKEN
    assert diagnose(client_exceptions.ServerTimeoutError()) is Fault.TIMEOUT
    assert diagnose(client_exceptions.ClientPayloadError()) is Fault.BROKEN


def test_timeouts() -> None:
    from fsspec.exceptions import FSTimeoutError

    for error in (TimeoutError(), asyncio.TimeoutError(), FSTimeoutError(), OSError(errno.ETIMEDOUT, "x")):
        assert diagnose(error) is Fault.TIMEOUT


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.ENOENT, Fault.MISSING),
        (errno.EEXIST, Fault.EXISTS),
        (errno.ENOTDIR, Fault.NOT_A_FOLDER),
        (errno.EISDIR, Fault.IS_A_FOLDER),
        (errno.ENOSPC, Fault.FULL),
        (errno.EROFS, Fault.READ_ONLY),
        (errno.EACCES, Fault.NOT_PERMITTED),
        (errno.EPERM, Fault.NOT_PERMITTED),
        (errno.ENAMETOOLONG, Fault.TOO_LONG),
        (errno.EMFILE, Fault.TOO_MANY_FILES),
        (errno.EBUSY, Fault.IN_USE),
        (errno.EIO, Fault.DISK),
        (errno.ECONNRESET, Fault.BROKEN),
        (errno.EPIPE, Fault.BROKEN),
        (errno.ECONNREFUSED, Fault.UNREACHABLE),
        (errno.ENETUNREACH, Fault.UNREACHABLE),
        (errno.EINVAL, Fault.UNKNOWN),
    ],
)
def test_errnos(number: int, fault: Fault) -> None:
    assert diagnose(OSError(number, os.strerror(number))) is fault
    wrapped = RuntimeError("a library's own")
    wrapped.__cause__ = OSError(number, os.strerror(number))
    assert diagnose(wrapped) is fault


def test_a_file_that_windows_holds() -> None:
    error = PermissionError(errno.EACCES, "in use")
    error.winerror = 32  # type: ignore[attr-defined,unused-ignore]
    assert diagnose(error) is Fault.IN_USE


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        # azure-core
        (named("ResourceNotFoundError", error_code="ContainerNotFound", status_code=404), Fault.NO_CONTAINER),
        (named("ResourceNotFoundError", error_code="BlobNotFound", status_code=404), Fault.MISSING),
        (named("ResourceNotFoundError"), Fault.MISSING),
        (named("HttpResponseError", status_code=503, error_code="ServerBusy"), Fault.THROTTLED),
        (named("HttpResponseError", status_code=500), Fault.SERVER),
        (named("ResourceExistsError", status_code=409, error_code="BlobAlreadyExists"), Fault.EXISTS),
        (named("ClientAuthenticationError"), Fault.BAD_CREDENTIALS),
        (named("ServiceRequestError"), Fault.UNREACHABLE),
        (named("ServiceResponseError"), Fault.BROKEN),
        # gcsfs, google-auth, requests
        (named("HttpError", code=429), Fault.THROTTLED),
        (named("HttpError", code="503"), Fault.THROTTLED),
        (named("HttpError", code=None), Fault.UNKNOWN),
        (named("DefaultCredentialsError"), Fault.NO_CREDENTIALS),
        (named("HTTPError", response=named("Response", status_code=502)), Fault.SERVER),
        # smbprotocol, paramiko, webdav4, ftplib
        (named("LogonFailure"), Fault.BAD_CREDENTIALS),
        (named("AuthenticationException", named("SSHException").__class__), Fault.BAD_CREDENTIALS),
        (named("SSHException"), Fault.BROKEN),
        (named("NoValidConnectionsError", OSError), Fault.UNREACHABLE),
        (named("ResourceNotFound"), Fault.MISSING),
        (named("ForbiddenOperation"), Fault.DENIED),
        (EOFError(), Fault.BROKEN),
        # anybody
        (NotImplementedError(), Fault.UNSUPPORTED),
        (ImportError("x"), Fault.NOT_INSTALLED),
        (TypeError("got an unexpected keyword argument 'x'"), Fault.BAD_OPTION),
        (TypeError("unsupported operand"), Fault.UNKNOWN),
        (ssl.SSLCertVerificationError("x"), Fault.UNTRUSTED),
        (socket.gaierror(socket.EAI_AGAIN, "later"), Fault.UNREACHABLE),
        (FileNotFoundError("x"), Fault.MISSING),
        (FileExistsError(), Fault.EXISTS),
        (ConnectionResetError(), Fault.BROKEN),
        (RuntimeError("x"), Fault.UNKNOWN),
    ],
)
def test_others(error: BaseException, fault: Fault) -> None:
    assert diagnose(error) is fault


def test_obstore_s_own() -> None:
    exceptions = needs_obstore().exceptions
    assert diagnose(exceptions.NotFoundError("x")) is Fault.MISSING
    assert diagnose(exceptions.AlreadyExistsError("x")) is Fault.EXISTS
    assert diagnose(exceptions.PreconditionError("x")) is Fault.EXISTS
    assert diagnose(exceptions.PermissionDeniedError("x")) is Fault.DENIED
    assert diagnose(exceptions.UnauthenticatedError("x")) is Fault.BAD_CREDENTIALS


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_one_clear_line(fault: Fault) -> None:
    text = f"{fault.value.what} {fault.value.advice}"
    assert fault.transient == (fault in TRANSIENT)
    assert "\n" not in text
    assert text.strip(" ;,.") == text.strip()


def test_the_message_says_what_where_and_what_to_do() -> None:
    error = translate(by_s3fs(client_error("NoSuchBucket", 404)), SCENE)
    assert isinstance(error, TargetError)
    assert not error.transient
    assert str(error) == (
        "cannot save s3://renders/shot/frame_00017.png: bucket 'renders' does not exist; "
        "create it or correct the URL: seqsave does not create buckets"
    )


def test_a_file_of_a_sequence_that_exists_is_changed_and_not_saved() -> None:
    denied, local = client_error("AccessDenied", 403), Scene("save", "/renders/.seqsave/frame.png.json")
    with changing():
        assert str(translate(PermissionError(errno.EACCES, "x"), local)) == (
            "cannot change /renders/.seqsave/frame.png.json: this user lacks the permission; change the permissions"
        )
        assert "cannot change s3://" in str(translate(denied, SCENE))
        assert "ask for s3:PutObject" in str(translate(denied, SCENE))
        assert str(translate(OSError(errno.EROFS, "x"), local)).endswith(": the file system is read-only")
        assert str(translate(PermissionError(), Scene("delete", "/x/y"))).startswith("cannot delete /x/y")
    assert "or save elsewhere" in str(translate(PermissionError(errno.EACCES, "x"), local))


def test_a_storage_that_cannot_be_reached_is_named_and_not_the_file_that_was_asked_for_first() -> None:
    scene = Scene("read", "s3://renders/shot/.seqsave/frame.png.json", "bucket 'renders'", endpoint="http://nas:9000")
    text = "Cannot connect to host nas:9000 ssl:default [Connect call failed ('10.0.0.7', 9000)]"
    assert str(translate(named_text("ClientConnectorError", text), scene)) == (
        "cannot use s3://renders/shot: the storage at http://nas:9000 cannot be reached (ClientConnectorError: Cannot "
        "connect to host nas:9000 [Connect call failed ('10.0.0.7', 9000)]); check the endpoint and the network"
    )
    assert "frame_00017.png: the storage cannot be reached" in str(translate(ConnectionRefusedError(), SCENE))
    assert "/.seqsave/frame.png.json: the store is throttling" in str(translate(client_error("SlowDown", 503), scene))


def test_the_message_of_the_backend_is_one_short_line() -> None:
    error = translate(RuntimeError("first\nsecond " + "x" * 5000), SCENE)
    assert "RuntimeError: first second xxx" in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 600


def test_kinds_of_errors() -> None:
    assert isinstance(translate(FileExistsError(), SCENE), FrameExistsError)
    missing = translate(FileNotFoundError(), Scene("read", "s3://renders/x"))
    assert isinstance(missing, FileMissingError)
    assert isinstance(missing, FileNotFoundError)
    assert isinstance(missing, TargetError)
    throttled = translate(client_error("SlowDown", 503), SCENE)
    assert isinstance(throttled, TargetError)
    assert throttled.transient


def test_an_error_says_whether_the_storage_answered() -> None:
    slow = ClientError({"Error": {"Code": "RequestTimeout"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "PutObject")
    for error, answered in ((slow, True), (TimeoutError("x"), False), (ConnectionResetError("x"), False)):
        found = translate(error, SCENE)
        assert isinstance(found, TargetError)
        assert found.answered is answered


def test_what_is_missing_when_a_file_is_saved_is_not_the_file() -> None:
    error = translate(FileNotFoundError("x"), SCENE)
    assert "bucket 'renders' does not exist" in str(error)
    assert "its folder does not exist" in str(translate(FileNotFoundError("x"), Scene("save", "sftp://h/x")))
    assert not isinstance(error, FileNotFoundError)


def test_our_own_errors_pass_unchanged() -> None:
    mine = TargetError("mine", transient=True)
    assert translate(mine, SCENE) is mine


def test_a_client_that_has_tried_again_by_itself_is_believed() -> None:
    final = translate(client_error("SlowDown", 503), Scene("save", "gs://b/x", tried=True))
    assert isinstance(final, TargetError)
    assert not final.transient


def test_the_cause_stays_where_it_holds_no_secret() -> None:
    original = by_s3fs(client_error("SlowDown", 503))
    assert translate(original, SCENE).__cause__ is original


@given(
    secret=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9/+=%&; '-]{10,40}[A-Za-z0-9]", fullmatch=True),
    where=st.sampled_from(["message", "cause", "context", "response", "kwargs"]),
)
def test_no_secret_gets_out(secret: str, where: str) -> None:
    error: BaseException = OSError(errno.EIO, f"bad {secret}" if where == "message" else "bad")
    if where == "cause":
        error.__cause__ = ValueError({"password": secret})
    elif where == "context":
        error.__context__ = ValueError(f"in {secret!r}")
    elif where == "response":
        error = client_error(f"Odd {secret}", 400)
    elif where == "kwargs":
        from botocore.exceptions import EndpointConnectionError

        error = EndpointConnectionError(endpoint_url=f"http://u:{secret}@h", error=RuntimeError(secret))
    scene = Scene("save", "s3://renders/x", secrets=secrets_of("", {"secret": secret}))

    def fail() -> None:
        raise error

    def save() -> None:
        try:
            fail()
        except Exception as caught:  # noqa: BLE001 - as the targets do
            failure = translate(caught, scene)
        raise failure

    with pytest.raises(SeqSaveError) as caught:
        save()
    shown = "".join(traceback.format_exception(type(caught.value), caught.value, None))
    for link in chain_of(caught.value):
        shown += str(link) + repr(link) + repr(link.args)
    assert secret not in shown
    assert isinstance(caught.value.__cause__, BackendError)
    assert caught.value.__context__ is None


def test_settings_that_are_wrong_are_no_broken_connections() -> None:
    from botocore.exceptions import HTTPClientError, SSLError

    for inner in (FileNotFoundError(errno.ENOENT, "No such file or directory"), ValueError("cannot combine")):
        assert diagnose(HTTPClientError(error=inner)) is Fault.BAD_OPTION
    assert diagnose(ValueError("Invalid endpoint: 127.0.0.1:1")) is Fault.BAD_ENDPOINT
    untrusted = SSLError(endpoint_url="https://x", error=ssl.SSLCertVerificationError("self-signed"))
    assert diagnose(untrusted) is Fault.UNTRUSTED  # a ValueError too
    assert diagnose(HTTPClientError(error=ConnectionResetError(errno.ECONNRESET, "reset"))) is Fault.BROKEN


def test_an_error_says_what_the_storage_failed_with() -> None:
    throttled = translate(client_error("SlowDown", 503), SCENE)
    assert isinstance(throttled, TargetError)
    assert (throttled.fault, throttled.transient, throttled.throttled) == ("throttled", True, True)
    expired = translate(client_error("ExpiredToken", 400), SCENE)
    assert isinstance(expired, TargetError)
    assert (expired.fault, expired.transient, expired.throttled) == ("expired", False, False)
    # A client that has tried again by itself is not asked to do so again, but the storage wants less all the same.
    google = translate(client_error("SlowDown", 503), Scene("save", "gs://b/x", tried=True))
    assert isinstance(google, TargetError)
    assert (google.transient, google.throttled) == (False, True)
    missing = translate(FileNotFoundError("x"), Scene("read", "x"))
    assert isinstance(missing, FileMissingError)
    assert missing.fault == "missing"
    assert TargetError("a URL that is none").fault == ""


def test_what_paramiko_says_of_a_connection_that_is_gone() -> None:
    assert diagnose(OSError("Socket is closed")) is Fault.BROKEN
    assert diagnose(OSError("Something else")) is Fault.UNKNOWN


def test_the_public_names_of_causes_are_those_of_the_faults() -> None:
    assert [fault.cause for fault in Fault] == list(get_args(Cause))


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: named("HTTPClientError", kwargs={"error": error})])
def test_what_python_refuses_as_the_program_ends_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, wrap: Callable[[BaseException], BaseException]
) -> None:
    error = wrap(RuntimeError("cannot schedule new futures after interpreter shutdown"))
    assert diagnose(error) is not Fault.ENDING
    monkeypatch.setattr("seqsave.targets.failures.is_ending", lambda: True)
    failure = translate(error, SCENE)
    assert isinstance(failure, TargetError)
    assert (failure.transient, failure.fault) == (False, "ending")
    assert "the program is ending" in str(failure)
    assert diagnose(NotImplementedError()) is Fault.UNSUPPORTED  # a RuntimeError as well
