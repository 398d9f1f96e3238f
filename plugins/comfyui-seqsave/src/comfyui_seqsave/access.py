"""The rules for what a graph may access: ComfyUI's own folders, configured targets, and what the administrator allows.

Graphs are untrusted: people load workflows from the internet, and servers are shared. Every folder and URL in a graph
goes through ``admit``, for saving, loading and counting alike. Every folder that a frame's name leads to goes through
``Place.check``, after the name is made. The rules:

- ComfyUI's output, input and temp folders, and names from seqsave's configuration (``renders://shot010``) are allowed.
  Anything else needs an entry in ``allow`` (``settings``); a refusal shows the line to add.
- Entries are compared as (protocol, components), and local ones by their real paths, so neither a link nor another
  spelling gets around them.
- Always refused: chained URLs (``::``), user info, queries, fragments and parameters, percent-encoding, ``..``, ``~``,
  control characters, and very long texts.
- Over HTTP, no redirect and no name leads to another address than the allowed ones: ``within`` of seqsave's targets.
- A path that cannot be checked is refused like a missing one.
- A refusal repeats only the text of the graph: even the target of a link would reveal something about the machine.
"""

from __future__ import annotations

import contextlib
import ntpath
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import seqsave
from seqsave import SeqSaveError, TargetError, naming, targets
from seqsave.targets import Location, bad_component, configured_targets, parse_url, redact_url, split_file

from . import behind, host, settings

if TYPE_CHECKING:
    from seqsave import FrameSequence

__all__ = ["Place", "RefusedError", "admit", "admit_file", "read"]

# Other names of a protocol. If one is missing here, an entry for the protocol does not allow it.
_SAME = {"abfs": "az", "abfss": "az", "gcs": "gs", "local": "file", "s3a": "s3", "ssh": "sftp"}
_NEVER_IN_A_URL = {"?": "a query", "#": "a fragment", ";": "a parameter", "%": "percent-encoding", "\\": "a backslash"}
# Longer than any system accepts. Resolving a path of a million parts would take minutes.
_LONGEST = 4096
_WINDOWS = os.name == "nt"


class RefusedError(SeqSaveError, PermissionError):
    """A graph names a folder or URL that it may not access."""


@dataclass(frozen=True)
class Place:
    """A folder or URL that a graph may use.

    url:   the folder or URL, for seqsave.
    roots: for a local place, the real paths that must contain everything; otherwise empty.
    within: for a place on a web server or in a bucket, the URLs that its requests must stay within; otherwise empty.
    """

    url: str
    roots: tuple[str, ...] = ()
    within: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Return True if ``url`` means a folder on this machine."""
        return bool(self.roots)

    @property
    def target(self) -> targets.Target:
        """Return the target that reads and writes here."""
        return targets.resolve(self.url, self.options)

    @property
    def options(self) -> dict[str, Any]:
        """Return storage options that confine the target, even if a link replaces a checked file."""
        within = self.roots or self.within
        return {"within": list(within)} if within else {}

    def path_of(self, name: str) -> str:
        """Return the path of a file below a local place."""
        return os.path.join(_local_path(self.url), name)

    def settled(self) -> targets.Target:
        """Return ``target`` once all frames that graphs saved to it are published. Call it on a separate thread."""
        target = self.target
        if not self.is_local:
            behind.wait_for(target)
        return target

    def check(self, folder: str = "") -> None:
        """Raise RefusedError if ``folder`` is a link that leads out of this place, or contains one that files go to.

        For places that are not local: raise it if ``folder`` has characters with a meaning in URLs.
        """
        if len(folder) > _LONGEST:
            raise TargetError(f"{folder[:60]!r}... has {len(folder)} characters: at most {_LONGEST} are allowed")
        if not self.is_local:
            _refuse_characters(folder, folder)
            return
        for below in ("", naming.PRIVATE_FOLDER):
            self._check_link(os.path.join(folder, below))

    def read(self, path: str) -> bytes:
        """Return the bytes of one file, with retries. Raises RefusedError for a link that leads out of this place."""
        if self.is_local:
            self._check_link(path)
        else:
            _refuse_characters(path, path)
        target = self.settled()
        return targets.with_retries(target, lambda: target.read(path))

    def open(self, prefix: str, filetype: str, pattern: str = "", *, is_exact: bool = False) -> FrameSequence:
        """Return the sequence of this prefix and file type; an empty text matches any.

        pattern:  names below this place, instead of a prefix.
        is_exact: an empty prefix matches names such as ``_00000.png`` only.

        Raises RefusedError if a folder or frame is a link that leads out of this place.
        """
        folder = (pattern or prefix).rpartition("/")[0]
        self.check(folder)
        if self.is_local:
            for name in _linked_batches(os.path.join(_local_path(self.url), folder)):
                self.check(os.path.join(folder, name))
        self.settled()
        # The slash makes it a folder, whatever its name is, and never a pattern of files in the folder above.
        sequence = seqsave.open_sequence(
            f"{self.url}/{pattern}",
            prefix=None if pattern or not (prefix or is_exact) else prefix,
            filetype=None if pattern else filetype or None,
            storage_options=self.options,
        )
        for url in sequence.urls if self.is_local else ():
            if os.path.islink(url):
                self._check_link(url)
        return sequence

    def _check_link(self, path: str) -> None:
        whole = os.path.join(_local_path(self.url), path)
        if not _is_inside(whole, self.roots):
            raise _refused(os.path.normpath(whole), is_link=True)

    def check_name(self, rule: naming.NameRule, batches: int) -> None:
        """Call ``check`` for every folder that frames of this rule go to. batches: variations of a frame."""
        if not self.is_local:
            self.check(rule.format(0))
            return
        for batch in range(batches) if batches > 1 else [None]:
            self.check(rule.format(0, batch).rpartition("/")[0])


def admit(text: str) -> Place:
    """Return the place that a text in a graph means: a URL, a configured name, or a path.

    Paths are relative to ComfyUI's output folder, which an empty text means too. Raises RefusedError if graphs may not
    access the place, and TargetError if the text is not a folder or URL.
    """
    text = _checked_text(text).strip()
    return _admit(parse_url(text or host.folders().output))


def admit_file(url: str) -> tuple[Place, str]:
    """Return the folder of one file as a place, and the file's name. Raises as ``admit``."""
    folder, name = split_file(parse_url(_checked_text(url)))
    return _admit(folder), name


def _checked_text(text: Any) -> str:
    if not isinstance(text, str):
        raise TargetError(f"a folder or URL must be text, not {type(text).__name__}")
    if len(text) > _LONGEST:
        raise TargetError(f"the folder or URL has {len(text)} characters: at most {_LONGEST} are allowed")
    if any(0xD800 <= ord(character) < 0xE000 for character in text):
        raise TargetError(f"{redact_url(text)!a} is not valid Unicode")
    return text


def _admit(location: Location) -> Place:
    if location.is_local:
        return _admit_local(location.rest)
    shown = redact_url(location.url)
    _refuse_characters(location.rest, shown)
    if shown != location.url or "@" in location.rest.lstrip("/").partition("/")[0]:
        raise RefusedError(f"{shown} contains user info: credentials do not belong in a graph. {_NAMED_INSTEAD}")
    problem = bad_component(location.rest.lstrip("/")) if location.rest.strip("/") else None
    if problem:  # for http too, where it would be allowed elsewhere
        raise RefusedError(f"{shown} {problem}: name the folder itself")
    if location.scheme.lower() not in targets.schemes():
        return _admit_named(location)
    entries = [entry.url for entry in settings.load().allow if _covers(entry, location)]
    if not entries:
        raise _refused(location.url)
    return Place(location.url, within=_within(location.scheme, entries))


def _within(scheme: str, urls: Iterable[str]) -> tuple[str, ...]:
    return tuple(urls) if targets.takes_within(scheme) else ()


_NAMED_INSTEAD = "Configure a target in seqsave's configuration file and write its name: renders://folder"


def _admit_local(path: str) -> Place:
    if path.startswith("~"):
        raise RefusedError(f"{path} begins with '~': write the absolute path")
    if ".." in re.split(r"[/\\]", path):
        raise RefusedError(f"{path} contains '..': write the path without it")
    if _WINDOWS and ":" in ntpath.splitdrive(path)[1]:
        raise RefusedError(f"{path} contains ':', which names a part of a file on Windows")
    whole = os.path.abspath(os.path.join(host.folders().output, path))
    folders = _local_folders()
    if _asks_a_server(whole, folders):
        raise _refused(whole)
    roots = tuple(real for folder in folders if (real := _real(folder)) is not None)
    if not _is_inside(whole, roots):
        raise _refused(whole, is_link=any(_is_at_or_below(whole, os.path.abspath(folder)) for folder in folders))
    return Place(whole, roots)


def _admit_named(location: Location) -> Place:
    """Return the place of a configured target. If it is a local folder, links in it may not lead out of it."""
    target = configured_targets().get(location.scheme)
    if target is None:
        raise TargetError(
            f"{redact_url(location.url)}: {location.scheme!r} is neither a storage nor a configured target; "
            f"targets are configured in {settings.where()}"
        )
    try:
        root = parse_url(target.url)
    except TargetError:  # reported by seqsave, which hides secrets in the administrator's URL
        return Place(location.url)
    if not root.is_local:
        return Place(location.url, within=_within(root.scheme, [root.url]))
    real = _real(os.path.expanduser(root.rest))
    if real is None:
        raise _refused(location.url)
    place = Place(location.url, (real,))
    place.check()
    return place


def _local_path(url: str) -> str:
    """Return the path of a local place's URL, which may be a configured name."""
    location = parse_url(url)
    if location.is_local:
        return location.rest
    root = parse_url(configured_targets()[location.scheme].url)
    return os.path.join(os.path.abspath(os.path.expanduser(root.rest)), *filter(None, location.rest.split("/")))


def _local_folders() -> list[str]:
    own = [path for _, path in host.folders().kinds()]
    return [*own, *(os.path.expanduser(entry.rest) for entry in settings.load().allow if entry.is_local)]


def _asks_a_server(path: str, folders: Iterable[str]) -> bool:
    r"""Return True if opening a path of Windows (``\\server\share``) would sign in to a server that is not allowed.

    Windows signs in to any server as soon as a path is opened, so a check after that would be too late.
    """
    if not _WINDOWS or not ntpath.splitdrive(path)[0].startswith(("\\\\", "//")):
        return False
    wanted = ntpath.normcase(path)
    return not any(_is_at_or_below(wanted, ntpath.normcase(folder), "\\") for folder in folders)


def _linked_batches(folder: str) -> list[str]:
    # An error here occurs again when the folder is listed, and is reported there.
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [
            entry.name
            for entry in entries
            if entry.name.startswith("batch_") and (entry.is_symlink() or _WINDOWS)  # junctions
        ]
    return []


def _is_inside(path: str, roots: Iterable[str]) -> bool:
    """Return True if the real path of ``path`` is one of ``roots``, or inside one of them."""
    real = _real(path)
    if real is None:
        return False
    return any(_is_at_or_below(os.path.normcase(real), os.path.normcase(root)) for root in roots)


def _real(path: str) -> str | None:
    """Return the real path; None for one that this process may not look at, which is refused like a missing one."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return None


def _is_at_or_below(path: str, root: str, separator: str = os.sep) -> bool:
    return path == root or path.startswith(root if root.endswith(separator) else root + separator)


def _covers(entry: Location, location: Location) -> bool:
    if entry.is_local or _protocol(entry) != _protocol(location):
        return False
    above, below = _components(entry), _components(location)
    return below[: len(above)] == above


def _protocol(location: Location) -> str:
    scheme = location.scheme.lower()
    return _SAME.get(scheme, scheme)


def _components(location: Location) -> list[str]:
    """Return container and folders. A location without a container (``hdfs:///folder``) begins with an empty one."""
    return location.rest.split("/") if location.rest else []


def _refuse_characters(text: str, shown: str) -> None:
    for character, what in _NEVER_IN_A_URL.items():
        if character in text:
            raise RefusedError(f"{shown!r} contains {what} ({character!r}): graphs may not use it in a URL")


def _refused(entry: str, *, is_link: bool = False) -> RefusedError:
    """Return the refusal of ``entry``, which is shown as the graph has it. Its real path would reveal this machine."""
    line = entry.replace("\\", "\\\\").replace('"', '\\"')
    link = ", because a link leads out of the allowed folders" if is_link else ""
    return RefusedError(
        f"graphs may not access {entry} on this server{link}. Use a folder in ComfyUI's output folder, or a configured "
        f"target (renders://folder). Or ask the administrator to add this line to {settings.where()}: "
        f'[comfyui] allow = ["{line}"]'
    )


def read(url: str) -> bytes:
    """Return the bytes of one file that a graph may access. Raises as ``admit`` and ``Place.read``."""
    place, name = admit_file(url)
    return place.read(name)
