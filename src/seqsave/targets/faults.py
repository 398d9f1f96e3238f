"""The causes of failures of storages, each with the words for it and the advice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import cast

from seqsave.errors import Cause

__all__ = ["Fault"]


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
    UNREACHABLE = _Verdict(
        "the storage{endpoint} cannot be reached", "check the endpoint and the network", True, detail=True
    )
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
    BAD_ENDPOINT = _Verdict(
        "the endpoint that the environment or the profile names is not the address of a store",
        "write https://host or http://host:port there",
        detail=True,
    )
    UNKNOWN = _Verdict("the storage failed in a way that seqsave does not know", detail=True)

    @property
    def cause(self) -> Cause:
        """Return the cause's public name."""
        return cast("Cause", self.name.lower())

    @property
    def transient(self) -> bool:
        """Return whether the same request may succeed later."""
        return self.value.transient
