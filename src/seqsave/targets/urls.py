r"""Parse URLs and paths, without access to any storage.

Rules, for every URL with a scheme other than ``file://``:

- The part after ``scheme://`` is taken literally: nothing is percent-decoded, ``?`` and ``#`` are ordinary characters
  (fsspec's own reading; only ``http(s)://`` has escapes and queries). The same holds for ``file://``:
  ``file:///a%20b`` is the folder ``a%20b``.
- ``..``, ``.``, empty components, ``::`` and control characters are refused: many storages keep ``..`` literally, and
  ``s3://b/x::y`` would silently mean ``b/x``.

Everything else is a local path: relative, ``~``, ``file://``; on Windows also ``C:\...`` and ``\\server\share``.
"""

from __future__ import annotations

import ntpath
import os
import posixpath
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable
from urllib.parse import unquote

from seqsave.errors import TargetError
from seqsave.targets.redact import is_secret_name, redact_url, split_user_info

__all__ = ["LOCAL", "NAME", "Location", "bad_component", "parse", "refuse_hidden_user_info", "split_file", "unquoted"]

LOCAL = "file"
# For these, a mistyped "s3:/bucket" is more likely than a local folder "s3:".
_USUAL = {
    *("abfs", "abfss", "az", "ftp", "gcs", "gs", "hdfs", "http", "https", "memory", "s3", "s3a", "sftp", "smb", "ssh"),
    "webdav",
}
_HTTP = {"http", "https"}

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_URL = re.compile(rf"({NAME.pattern})://(.*)", re.DOTALL)
_LOCAL_URL = re.compile(r"(?:file|local):(//)?(.*)", re.DOTALL | re.IGNORECASE)
# RFC 8089: this machine under its own name.
_LOCALHOST = re.compile(r"localhost(?=/)", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:(?:[\\/]|$)")
_MISTYPED = re.compile(rf"({NAME.pattern}):/?(?!/)")
_CHAIN = re.compile(r"[A-Za-z0-9+._-]+::")
_EMPTY_OR_DOTS = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|(?:^|[/\\])\.\.(?:[/\\]|$)")  # some stores take "\\" for "/"
# Names have no control characters, and the places for numbers in shot.%04d.png and shot.%4d.png are no escapes.
_ESCAPES = re.compile("(?:%(?![01]|7[Ff]|[0-9][di])[0-9A-Fa-f]{2})+")


@runtime_checkable
class _UniversalPath(Protocol):
    """The attributes of universal_pathlib's UPath, which may not be installed."""

    protocol: str
    path: str
    storage_options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Location:
    """A root that a user named.

    scheme:  ``"file"`` for local paths; else the part before ``://``: an fsspec protocol or a configured name.
    rest:    the part after it, without trailing slashes; for local paths the path as given.
    options: storage options that the object itself brought (a UPath's).
    """

    scheme: str
    rest: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_local(self) -> bool:
        """Return whether the location is a path of this machine."""
        return self.scheme == LOCAL

    @property
    def url(self) -> str:
        """Return the complete URL, with its secrets, for backends only."""
        return self.rest if self.is_local else f"{self.scheme}://{self.rest}"

    @property
    def shown(self) -> str:
        """Return the URL without secrets, for messages; a URL that has none is unchanged."""
        if self.scheme in _HTTP:
            return redact_url(self.url)
        head, user_info, rest = split_user_info(self.url)
        return redact_url(f"{head}{user_info}@") + rest if user_info and self.scheme != "memory" else self.url


def parse(url: str | os.PathLike[str] | object, *, windows: bool = os.name == "nt") -> Location:
    """Parse a ``str``, ``os.PathLike`` or UPath. Raises TargetError for an invalid one."""
    text, options = _text_of(url)
    if not text.strip():
        raise TargetError("the URL is empty: give a folder, or a URL such as s3://bucket/folder or memory://folder")
    _check_characters(text)
    local = _LOCAL_URL.fullmatch(text)
    if local is not None and not (windows and _DRIVE.match(text)):
        path = _without_host(local[2], windows) if local[1] else local[2]
        return Location(LOCAL, _check_local(_without_slash_before_drive(path, windows), windows), options)
    remote = _URL.fullmatch(text)
    if remote is None or len(remote[1]) == 1:  # one letter is a drive
        return Location(LOCAL, _check_local(text, windows), options)
    scheme = remote[1].lower() if remote[1].lower() in _USUAL else remote[1]
    return Location(scheme, _check_remote(scheme, remote[2]), options)


def refuse_hidden_user_info(location: Location) -> None:
    """Raise TargetError for ``ftp:///user:password@host``, which strictly is a folder without a host.

    Applies to protocols that sign in; ``memory:///me@home`` is a folder, and so may be the URL of a configured name.
    """
    if location.rest.startswith("/") and "@" in location.rest.lstrip("/").partition("/")[0]:
        shown = redact_url(location.url)
        raise TargetError(f"{shown} has one slash too many, or no host: use {location.scheme}://host/folder")


def split_file(location: Location, *, windows: bool = os.name == "nt") -> tuple[Location, str]:
    """Return the folder of a file's URL, and the file's name. Raises TargetError if the URL is a folder."""
    if location.is_local:
        folder, name = (ntpath if windows else posixpath).split(location.rest)
    elif location.scheme in _HTTP:
        path, mark, query = location.rest.partition("?")
        folder, slash, name = path.rpartition("/")
        name = name + mark + query if slash else ""
    else:
        folder, _, name = location.rest.rpartition("/")
    is_home = location.is_local and not folder and name.startswith("~")
    if is_home or name in ("", ".", ".."):
        raise TargetError(f"{redact_url(location.url)} names a folder: give the URL of one file")
    return replace(location, rest=folder or ("." if location.is_local else "")), name


def unquoted(text: str) -> str:
    """Return the name or pattern in a part of an HTTP URL. Bytes that are not UTF-8 are kept, as in local names."""
    return _ESCAPES.sub(lambda escapes: unquote(escapes[0], errors="surrogateescape"), text)


def bad_component(path: str) -> str | None:
    """Return what is wrong with a path of names and slashes, as a phrase; None if it is valid."""
    # Most paths are one name, for which the search would be most of the time.
    if (len(path) < 3 or "/" in path or "\\" in path) and _EMPTY_OR_DOTS.search(path):
        return "has an empty part or one that is '.' or '..'"
    if has_control_characters(path):
        return "holds a control character"
    return None


def has_control_characters(text: str) -> bool:
    return not text.isprintable() and any(unicodedata.category(character) == "Cc" for character in text)


def _text_of(url: object) -> tuple[str, Mapping[str, Any]]:
    if isinstance(url, str):
        return url, {}
    if isinstance(url, _UniversalPath) and url.protocol:
        return str(url), dict(url.storage_options)
    if isinstance(url, os.PathLike):
        return os.fsdecode(os.fspath(url)), {}
    raise TargetError(f"a URL is a str, an os.PathLike or a UPath, not {type(url).__name__}")


def _check_characters(text: str) -> None:
    if has_control_characters(text):
        raise TargetError(f"the URL {redact_url(text)!a} holds a control character, such as NUL or a line end")
    if text[0].isspace() and _URL.fullmatch(text.strip()):
        raise TargetError(f"the URL {redact_url(text.strip())!r} starts with spaces: remove them")


def _without_host(path: str, windows: bool) -> str:
    """Return the path after ``file://``. Raises TargetError if it begins with the name of another machine."""
    path = _LOCALHOST.sub("", path, count=1) if _LOCALHOST.match(path) else path
    host = path.partition("/")[0]
    if not host or host.startswith("~") or "::" in path or "://" in path or (windows and _DRIVE.match(path)):
        return path
    raise TargetError(
        "the part between file:// and the next '/' is the name of another machine: use file:///folder with three "
        "slashes, or a path without file://"
    )


def _without_slash_before_drive(path: str, windows: bool) -> str:
    return path[1:] if windows and _DRIVE.match(path[1:]) and path[:1] == "/" else path


def _check_local(path: str, windows: bool) -> str:
    if not path:
        raise TargetError("file:// has no folder: use file:///folder/subfolder")
    if ("::" in path and "://" in path) or _CHAIN.match(path):
        raise _chained(path)
    if "://" in path:
        raise TargetError(
            f"{redact_url(path)!r} is neither a path nor a URL: a URL begins with its scheme, of two or more letters, "
            "such as s3://bucket/folder"
        )
    if windows:
        return path
    if _DRIVE.match(path) or path.startswith("\\\\"):
        raise TargetError(f"{path!r} is a Windows path, but this machine does not run Windows")
    mistyped = _MISTYPED.match(path)
    if mistyped and mistyped[1].lower() in _USUAL:
        # Only this part is shown: the rest may contain a key.
        raise TargetError(
            f"'{mistyped[1]}:' without '//' is not a URL: write {mistyped[1].lower()}:// before the rest, or "
            f"./{mistyped[1]}: for a path on this machine"
        )
    return path


def _check_remote(scheme: str, rest: str) -> str:
    # memory:// has no host to sign in to: "me@home" is a folder there.
    user_info, address = ("", rest) if scheme == "memory" else split_user_info(f"{scheme}://{rest}")[1:]
    shown = redact_url(f"{scheme}://{rest}")
    if "::" in address:
        raise _chained(shown)
    if "/" in user_info:
        raise TargetError(f"the user info in {shown} holds '/' or '@': give user and password as storage options")
    if scheme in _HTTP:
        return rest.rstrip("/")
    for part in re.split("[?#&;]", address)[1:]:
        if "=" in part and is_secret_name(part.partition("=")[0]):
            before = re.split("[?#&;]", shown)[0]
            raise TargetError(f"{before}... holds a secret: give it in `storage_options`, or configure a target")
    try:
        rest.encode()
    except UnicodeEncodeError:
        raise TargetError(f"{shown!a} is not valid Unicode: only local paths may hold such bytes") from None
    path = address.strip("/")
    problem = bad_component(path) if path else None
    if problem:
        raise TargetError(f"{shown} {problem}: name the folder itself")
    return rest.rstrip("/")


def _chained(shown: str) -> TargetError:
    return TargetError(f"{redact_url(shown)!r} chains storages with '::': use the URL of one storage")
