"""What a graph may reach: ComfyUI's own folders, configured targets, and what the administrator allows.

A graph is untrusted: people load workflows from the internet, and servers are shared. So every place that one names
goes through ``admit``, for saving, loading and counting alike, and every folder that a name leads to goes through
``Place.check``, after the name is made. The rules:

- ComfyUI's output, input and temp folders, and names from seqsave's configuration (``renders://shot010``) are allowed.
  Anything else needs an entry in ``allow``, see ``settings``; a refusal prints the line to add.
- Entries are compared as (protocol, components), local ones by their real paths, so that neither a link nor another
  spelling of the same place leads around them.
- Refused whatever is allowed: chained URLs (``::``), user info, queries and fragments, percent-encoding, ``..``, ``~``,
  and control characters.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seqsave import naming, reader, retry, targets
from seqsave.errors import SeqSaveError, TargetError
from seqsave.redact import redact_url, split_user_info
from seqsave.targets import config, filesystems, registry, urls

from . import host, settings

__all__ = ["Place", "RefusedError", "admit", "admit_file", "read", "read_array"]

# Names of the same protocol. One that is missing here only makes an entry match less.
_SAME = {"abfs": "az", "abfss": "az", "gcs": "gs", "local": "file", "s3a": "s3", "ssh": "sftp"}
_NEVER_IN_A_URL = {"?": "a query", "#": "a fragment", "%": "percent-encoding", "\\": "a backslash"}


class RefusedError(SeqSaveError, PermissionError):
    """A graph names a place that it may not reach."""


@dataclass(frozen=True)
class Place:
    """A folder or URL that a graph may use: ``url`` is for seqsave.

    roots: of a local place, the real paths in which everything must lie; of others none.
    """

    url: str
    roots: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether ``url`` leads to this machine's disks."""
        return bool(self.roots)

    def check(self, folder: str = "") -> None:
        """Raise RefusedError if ``folder`` below this place is a link that leads out, or has one that files go to."""
        if not self.is_local:
            _refuse_characters(folder)
            return
        base = _local_path(self.url)
        for below in ("", naming.PRIVATE_FOLDER):
            path = os.path.join(base, folder, below)
            if not _is_inside(path, self.roots):
                raise _refused(path, os.path.realpath(path))

    def check_name(self, rule: naming.NameRule, batches: int) -> None:
        """``check`` every folder that frames of this rule go to, when a frame has so many variations."""
        variations = range(batches) if batches > 1 else [None]
        for folder in {rule.format(0, batch).rpartition("/")[0] for batch in variations}:
            self.check(folder)


def admit(text: str) -> Place:
    """The place that a graph's text means: a URL, a configured name, or a path, relative to ComfyUI's output folder.

    Empty is the output folder itself. Raises RefusedError for what graphs may not reach and TargetError for what is no
    place at all.
    """
    location = urls.parse(text.strip() or host.folders().output)
    if location.is_local:
        return _admit_local(location.rest)
    _refuse_characters(location.rest)
    shown = redact_url(location.url)
    if split_user_info(location.url)[1] or "@" in location.rest.partition("/")[0]:
        raise RefusedError(f"{shown} holds user info: credentials do not belong into a graph. {_NAMED_INSTEAD}")
    if location.scheme.lower() not in {*registry.BUILTIN, *filesystems.protocols()}:
        return _admit_named(location)
    if not any(_covers(entry, location) for entry in _allowed()):
        raise _refused(shown, location.url)
    return Place(location.url)


def admit_file(url: str) -> tuple[Place, str]:
    """``admit`` for one file: the folder it lies in, and its name. The file itself may not be a link that leads out."""
    folder, name = urls.split_file(urls.parse(url))
    place = admit(folder.url)
    if place.is_local:
        place.check(name)
    else:
        _refuse_characters(name)
    return place, name


_NAMED_INSTEAD = "Configure a target in seqsave's configuration file and write its name: renders://folder"


def _admit_local(path: str) -> Place:
    if path.startswith("~"):
        raise RefusedError(f"{path} begins with '~': write the whole path")
    if ".." in re.split(r"[/\\]", path):
        raise RefusedError(f"{path} holds '..': write the path without it")
    whole = os.path.abspath(os.path.join(host.folders().output, path))
    roots = _local_roots()
    if not _is_inside(whole, roots):
        raise _refused(whole, os.path.realpath(whole))
    return Place(whole, roots)


def _admit_named(location: urls.Location) -> Place:
    """A configured target; where it is a local folder, links below it may not lead out of it."""
    target = config.load().get(location.scheme)
    if target is None:
        raise TargetError(
            f"{redact_url(location.url)}: {location.scheme!r} is neither a storage nor a configured target; "
            f"targets are configured in {settings.where()}"
        )
    root = urls.parse(target.url)
    if not root.is_local:
        return Place(location.url)
    place = Place(location.url, (os.path.realpath(os.path.expanduser(root.rest)),))
    place.check()
    return place


def _local_path(url: str) -> str:
    """The folder behind a local place's URL, which may be a configured name."""
    location = urls.parse(url)
    if location.is_local:
        return location.rest
    root = urls.parse(config.load()[location.scheme].url)
    return os.path.join(os.path.abspath(os.path.expanduser(root.rest)), *filter(None, location.rest.split("/")))


def _local_roots() -> tuple[str, ...]:
    own = [path for _, path in host.folders().kinds()]
    allowed = [os.path.expanduser(entry.rest) for entry in _allowed() if entry.is_local]
    return tuple(os.path.realpath(path) for path in [*own, *allowed])


def _allowed() -> list[urls.Location]:
    return [urls.parse(entry) for entry in settings.load().allow]


def _is_inside(path: str, roots: Iterable[str]) -> bool:
    """Whether the file or folder that ``path`` really is lies in one of ``roots``, or is one of them."""
    real = os.path.normcase(os.path.realpath(path))
    return any(_is_at_or_below(real, os.path.normcase(root)) for root in roots)


def _is_at_or_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root if root.endswith(os.sep) else root + os.sep)


def _covers(entry: urls.Location, location: urls.Location) -> bool:
    if entry.is_local or _protocol(entry) != _protocol(location):
        return False
    above, below = _components(entry), _components(location)
    return below[: len(above)] == above


def _protocol(location: urls.Location) -> str:
    scheme = location.scheme.lower()
    return _SAME.get(scheme, scheme)


def _components(location: urls.Location) -> list[str]:
    return [part for part in location.rest.split("/") if part]


def _refuse_characters(text: str) -> None:
    for character, what in _NEVER_IN_A_URL.items():
        if character in text:
            raise RefusedError(f"{redact_url(text)!r} holds {what} ({character!r}): graphs may not use it in a URL")


def _refused(shown: str, entry: str) -> RefusedError:
    line = entry.replace("\\", "\\\\").replace('"', '\\"')
    return RefusedError(
        f"graphs may not reach {shown} on this server. Save below ComfyUI's output folder or to a configured target "
        f'(renders://folder), or let the administrator write into {settings.where()}: [comfyui] allow = ["{line}"]'
    )


def read(url: str) -> bytes:
    """One file that a graph may reach, tried again where that can help."""
    place, name = admit_file(url)
    target = targets.resolve(place.url)
    return retry.call(retry.RetryPolicy(), lambda: target.read(name))


def read_array(url: str) -> Any:
    """The picture in that file, H,W,C."""
    return reader.decode(url.rsplit("/", 1)[-1], read(url)).array
