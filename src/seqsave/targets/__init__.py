"""Targets, the places to save to and read from: resolve a URL, a path or a configured name to one.

fsspec and its backends are imported when a URL that needs them is resolved, s3fs for ``s3://`` alone; a local folder
needs none of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from seqsave.errors import TargetError
from seqsave.plugins.options import check_storage_options
from seqsave.runtime import retry
from seqsave.targets import config, registry, urls
from seqsave.targets.base import Capabilities, Change, Data, Entry, Known, Original, Published, Target
from seqsave.targets.config import Configured, config_path
from seqsave.targets.config import load as configured_targets
from seqsave.targets.config import table as config_table
from seqsave.targets.ending import at_exit
from seqsave.targets.failures import FileMissingError, changing
from seqsave.targets.records import Listed, unreadable_in
from seqsave.targets.redact import hiding, redact_url, scrub, secrets_of, split_user_info
from seqsave.targets.urls import Location, bad_component, split_file, unquoted
from seqsave.targets.urls import parse as parse_url
from seqsave.wording import did_you_mean

__all__ = [
    "Capabilities",
    "Change",
    "Configured",
    "Data",
    "Entry",
    "FileMissingError",
    "Known",
    "Listed",
    "Location",
    "Original",
    "Published",
    "Target",
    "at_exit",
    "bad_component",
    "changing",
    "config_path",
    "config_table",
    "configured_targets",
    "hiding",
    "parse_url",
    "redact_url",
    "resolve",
    "resolve_file",
    "schemes",
    "split_file",
    "takes_within",
    "unquoted",
    "unreadable_in",
    "with_retries",
]

T = TypeVar("T")

CONNECTIONS = 32


def resolve(
    url: str | os.PathLike[str],
    storage_options: Mapping[str, Any] | None = None,
    *,
    connections: int = CONNECTIONS,
) -> Target:
    """Return the target of a URL, a local path, a path object (``os.PathLike``, UPath) or a configured name.

    Creates nothing and sends no request.

    storage_options: as fsspec takes them for this protocol; merged over those of a configured target and of a UPath.
    connections:     how many requests may be in flight at once; the size of the connection pool, if there is one.

    Raises TargetError for an invalid URL, an unknown scheme or name, a missing package, and unsuitable options;
    OptionError for options that are no mapping.
    """
    return _open(urls.parse(url), storage_options, connections)


def resolve_file(
    url: str | os.PathLike[str],
    storage_options: Mapping[str, Any] | None = None,
    *,
    connections: int = CONNECTIONS,
) -> tuple[Target, str]:
    """Return the target of a file's folder, and the file's name. Raises as ``resolve``."""
    folder, name = urls.split_file(urls.parse(url))
    target = _open(folder, storage_options, connections)
    return target, target.path_of(name)


def schemes() -> Collection[str]:
    """Return every scheme of a storage; any other scheme can only be the name of a configured target."""
    from seqsave.targets.filesystems import protocols

    known = {*registry.BUILTIN, *protocols()}
    added = {*registry.claimed()} - known
    return known | (added - {*config.load(reserved=known)} if added else added)


def takes_within(scheme: str) -> bool:
    """Return True if targets of this protocol take the storage option ``within``; see ``Target.takes_within``."""
    return registry.class_for(scheme.lower()).takes_within


def with_retries(target: Target, function: Callable[[], T], policy: retry.RetryPolicy | None = None) -> T:
    """Call a function that uses ``target``, retry after temporary failures, and return its result.

    Raises the function's last error once the policy (by default that of a writer) is used up.
    """
    return retry.call(policy or retry.RetryPolicy(), function, contact=target.known)


def _open(location: urls.Location, given: Mapping[str, Any] | None, connections: int) -> Target:
    check_storage_options(given)
    options: dict[str, Any] = {**location.options, **(given or {})}
    shown = location.shown
    if location.scheme not in registry.BUILTIN:
        location, options, shown = _look_up(location, options, shown)
    options = registry.check_options(location.scheme, options)
    target = registry.class_for(location.scheme).open(location, options, connections=connections, url=shown)
    target.option_names = tuple(sorted(given or ()))
    return target


def _look_up(location: urls.Location, options: dict[str, Any], shown: str) -> tuple[urls.Location, dict[str, Any], str]:
    """Return the location and options of an fsspec protocol, or of a configured target with the path appended.

    A protocol that only a plugin adds comes last, so that configured names keep their meaning.
    """
    as_protocol = replace(location, scheme=location.scheme.lower())
    if as_protocol.scheme in registry.USUAL:  # without an import of fsspec, which knows them as well
        return as_protocol, options, shown
    from seqsave.targets.filesystems import protocols

    known = protocols()
    if as_protocol.scheme in known:
        return as_protocol, options, shown
    configured = config.load(reserved=known)
    target = configured.get(location.scheme)
    if target is None:
        if as_protocol.scheme in registry.claimed():
            return as_protocol, options, shown
        raise _unknown(location.scheme, redact_url(location.url), {*known, *registry.claimed()}, configured)
    if split_user_info(location.url)[1]:
        raise TargetError(f"{shown} holds user info: a configured target has its own, write {target.name}://folder")
    return _below(_root_of(target, known), location.rest.strip("/")), {**target.options, **options}, shown


def _root_of(target: config.Configured, known: Collection[str]) -> urls.Location:
    try:
        root = urls.parse(target.url)
    except TargetError as error:
        hidden = secrets_of(target.url, target.options)
        raise TargetError(scrub(f"the configured target {target.name!r}: {error}", hidden)) from None
    if root.scheme not in known and root.scheme not in registry.claimed():
        raise TargetError(
            f"the configured target {target.name!r} has a URL with the unknown scheme "
            f"{root.scheme}://{did_you_mean(root.scheme, known)}: write a path or an fsspec URL, not another "
            "configured name"
        )
    return root


def _below(root: urls.Location, path: str) -> urls.Location:
    if not path:
        return root
    if not root.is_local:
        return replace(root, rest=f"{root.rest}/{path}" if root.rest else path)
    if os.name == "nt" and ("\\" in path or ":" in path):
        raise TargetError(f"{path!r} holds '\\' or ':', which lead out of a folder on Windows")
    return replace(root, rest=str(Path(root.rest, *path.split("/"))))


def _unknown(scheme: str, shown: str, known: Collection[str], configured: Collection[str]) -> TargetError:
    if config.is_misplaced(scheme):
        return TargetError(f"{shown}: [{scheme}] in {config.config_path()} is not a target: write [targets.{scheme}]")
    named = ", ".join(sorted(configured)) or "none"
    return TargetError(
        f"{shown}: {scheme!r}{did_you_mean(scheme, {*known, *configured})} is neither a storage nor a configured "
        f"target. Storages are file, memory, s3, gs, az, sftp and others of fsspec "
        f"and plugins; configured targets are: {named} (in {config.config_path()})",
        topic="unknown-storage",
    )
