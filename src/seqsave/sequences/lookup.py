"""Find out what a URL means: a file, a folder, a pattern (``shot.####.exr``), a glob (``*.exr``), or nothing.

An existing path is never read as a pattern: a folder called ``take #1.v2`` is that folder, in every command. If an
object store has both an object and a folder of one name, as some tools leave them, the URL means the folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqsave import naming, targets
from seqsave.errors import TargetError
from seqsave.runtime import retry
from seqsave.wording import did_you_mean

__all__ = [
    "File",
    "Folder",
    "Glob",
    "Pattern",
    "describe_missing",
    "describe_no_folder",
    "describe_no_folder_of",
    "is_pattern",
    "listing",
    "look",
    "look_at",
]

_WILDCARD = re.compile(r"[*?\[]")
# For these, a file is requested before a folder: a web server answers a listing of a file with the whole file. Their
# URLs have escapes.
_HTTP = ("http", "https")


@dataclass(frozen=True, slots=True)
class File:
    """A file: its parent folder and its name."""

    target: targets.Target
    name: str

    @property
    def extension(self) -> str:
        """Return the extension in lower case; ``""`` without one."""
        return self.name.rpartition(".")[2].lower() if "." in self.name else ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder and its entries."""

    target: targets.Target
    entries: Sequence[targets.Entry]


@dataclass(frozen=True, slots=True)
class Pattern:
    """The folder of a pattern, and the names that it means."""

    target: targets.Target
    name: naming.NamePattern


@dataclass(frozen=True, slots=True)
class Glob:
    """The folder before the first wildcard, and the other levels of the path."""

    target: targets.Target
    parts: Sequence[str]

    @property
    def text(self) -> str:
        """Return the part below the folder."""
        return "/".join(self.parts)


def is_pattern(url: str | os.PathLike[str]) -> bool:
    """Return True if a URL is a pattern or a glob, provided that no file has exactly this name."""
    text = str(url)
    return not text.endswith("/") and (bool(_WILDCARD.search(text)) or naming.is_pattern(text))


def look(
    url: str | os.PathLike[str], options: Mapping[str, Any] | None = None
) -> File | Folder | Pattern | Glob | None:
    """Return what a URL means; None for a path that does not exist. Raises TargetError, FrameNameError."""
    found = look_at(url, options)
    text = str(url)
    if found is not None or text.endswith("/"):
        return found
    if text.partition("://")[0].lower() in _HTTP:
        parent, slash, last = text.rpartition("/")
        text = f"{parent}{slash}{targets.unquoted(last)}"
    pattern = naming.parse_pattern(text)
    if pattern is not None:
        # A path object (pathlib's, or a UPath with storage options of its own) knows its folder best itself.
        folder, name = pattern
        return Pattern(targets.resolve(getattr(url, "parent", folder or "."), options), name)
    return _glob(text, options) if _WILDCARD.search(text) else None


def look_at(url: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> File | Folder | None:
    """Return the file or folder of exactly this name; None if there is none. Raises TargetError."""
    target = targets.resolve(url, options)
    if target.is_local:
        return Folder(target, listing(target)) if _is_folder(target.url) else _file(url, options)
    scheme = target.url.partition("://")[0]
    if scheme in _HTTP and naming.split_extension(str(url))[1] and not str(url).endswith("/"):
        file = _file(url, options)
        if file is not None:
            return file
    try:
        entries = listing(target)
    except TargetError as error:
        # A key that may not list can still read a file; and some storages refuse to list a file.
        file = None if error.transient else _file(url, options)
        if file is None and not isinstance(error.__cause__, NotADirectoryError):
            raise
        return file
    if entries:
        return Folder(target, entries)
    return _file(url, options) or (Folder(target, ()) if _is_empty_folder(url, target, options) else None)


def _is_folder(path: str) -> bool:
    """Return True for a local folder, and for a path that cannot be examined: listing it raises the reason."""
    try:
        return Path(path).is_dir()
    except OSError:
        return True


def listing(target: targets.Target, folder: str = "") -> list[targets.Entry]:
    """Return the entries of a folder, with retries after temporary failures; ``[]`` if the folder does not exist."""
    return retry.call(retry.RetryPolicy(), lambda: target.list(folder), contact=target.known)


def describe_missing(url: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> str:
    """Return a message that ``url`` does not exist, with a similar name: ``(did you mean 'clip.mp4'?)``."""
    target = targets.resolve(url, options)
    name, siblings = _siblings(url, options)
    names = [entry.name for entry in siblings]
    if any(entry.is_folder and entry.name == name for entry in siblings):  # as some object stores keep them
        return f"{target.url} is an empty folder"
    # A listing leaves out pipes and broken links.
    if name in names or (target.is_local and os.path.lexists(target.url)):
        return f"{target.url} is neither a file nor a folder that can be read"
    return f"{target.url} does not exist{did_you_mean(name, names)}"


def describe_no_folder(url: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> str:
    """Return the message that a URL, or the folder of a pattern, is a file or does not exist; "" for a folder.

    It is also "" if the storage does not answer.
    """
    folder: str | os.PathLike[str] = url
    if is_pattern(url):
        folder = getattr(url, "parent", str(url).rpartition("/")[0] or ".")
    try:
        means = look_at(folder, options)
        if isinstance(means, File):
            return _is_no_folder(means)
        return describe_missing(folder, options) if means is None else ""
    except TargetError:
        return ""


def describe_no_folder_of(
    prefix: str | None, url: str | os.PathLike[str], options: Mapping[str, Any] | None = None
) -> str:
    """Return the message that a URL, or the folder in a prefix below it, does not exist; "" if both exist."""
    problem = describe_no_folder(url, options)
    below = (prefix or "").rpartition("/")[0]
    target = targets.resolve(url, options)
    if problem or not below or not target.capabilities.folders:
        return problem
    parent, _, name = below.rpartition("/")
    is_there = any(entry.is_folder and entry.name == name for entry in listing(target, parent))
    return "" if is_there else f"{target.url_of(below)} does not exist"


def _is_no_folder(file: File) -> str:
    split = naming.split_name(file.name)
    advice = f", or the pattern of its sequence, as {split[0]}" if split is not None else ""
    return f"{file.target.url_of(file.name)} is a file, not a folder: give the folder that it lies in{advice}"


def _glob(text: str, options: Mapping[str, Any] | None) -> Glob:
    if os.name == "nt" and "://" not in text:
        text = text.replace("\\", "/")
    wildcard = _WILDCARD.search(text)
    cut = text.rfind("/", 0, wildcard.start() if wildcard else None) + 1
    return Glob(targets.resolve(text[:cut] or ".", options), [part for part in text[cut:].split("/") if part])


def _file(url: str | os.PathLike[str], options: Mapping[str, Any] | None) -> File | None:
    try:
        parent, name = targets.resolve_file(url, options)
    except TargetError:  # a bucket or root is not a file
        return None
    return File(parent, name) if parent.exists(name) else None


def _is_empty_folder(url: str | os.PathLike[str], target: targets.Target, options: Mapping[str, Any] | None) -> bool:
    """Return True for an existing empty folder. Only the listing of its parent shows that it exists."""
    if not target.capabilities.folders:
        return False
    name, siblings = _siblings(url, options)
    return any(entry.is_folder and entry.name == name for entry in siblings)


def _siblings(url: str | os.PathLike[str], options: Mapping[str, Any] | None) -> tuple[str, Sequence[targets.Entry]]:
    """Return the name of ``url`` in its parent folder, and the entries of that folder; none if it cannot be listed."""
    try:
        parent, name = targets.resolve_file(url, options)
        return name, listing(parent)
    except TargetError:  # a bucket or root has no parent
        return "", []
