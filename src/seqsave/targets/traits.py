"""The traits of fsspec filesystems: declared by a plugin, else known from trials, else the weakest."""

from __future__ import annotations

import contextlib
import io
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from seqsave.specs import Traits
from seqsave.targets import filesystems, registry

__all__ = [
    "TRAITS",
    "for_azure",
    "for_google",
    "list_on_sftp",
    "may_fold_case",
    "move_on_webdav",
    "traits_of",
    "write_by_sftp",
]

_GOOGLE = Traits(
    publish="put",
    create=True,
    folders=False,
    own_top=True,
    threads="shared",
    keywords="seqsave.targets.traits:for_google",
)
_AZURE = replace(_GOOGLE, keywords="seqsave.targets.traits:for_azure")
_FTP = Traits(publish="move", threads="each")
# Its pipe_file waits for the answer to each 32 KiB, and its ls calls a pipe a file.
_SFTP = replace(_FTP, write="seqsave.targets.traits:write_by_sftp", ls="seqsave.targets.traits:list_on_sftp")
_HDFS = Traits(publish="move", threads="shared")
# Its mv copies, and reads names as globs; its paths are those of URLs.
_WEBDAV = Traits(publish="move", threads="shared", move="seqsave.targets.traits:move_on_webdav", refused="#%?[]")
_HTTP = Traits(publish="plain", folders=False, threads="shared", refused="#%?")

TRAITS: Mapping[str, Traits] = {
    "gs": _GOOGLE,
    "gcs": _GOOGLE,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "sftp": _SFTP,
    "ssh": _SFTP,
    "ftp": _FTP,
    "smb": replace(_HDFS, own_top=True),
    "hdfs": _HDFS,
    "webhdfs": _HDFS,
    "webdav": _WEBDAV,
    "dav": _WEBDAV,
    "http": _HTTP,
    "https": _HTTP,
}


def traits_of(protocol: str) -> Traits:
    """Return the traits of the fsspec filesystem of ``protocol``."""
    spec = registry.find(protocol)
    known = TRAITS.get(protocol) if spec is None or spec.traits is None else spec.traits
    if known is not None:
        return known
    from fsspec import AbstractFileSystem

    kind = filesystems.filesystem_class(protocol)
    moves = kind.mv is not AbstractFileSystem.mv
    return Traits(
        publish="move" if moves else "plain",
        own_top=True,
        threads="shared" if getattr(kind, "async_impl", False) else "turns",
    )


def may_fold_case(protocol: str) -> bool:
    """Return True if the storage may ignore the case of names: SMB, and unknown storages."""
    spec = registry.find(protocol)
    return protocol == "smb" if spec is not None or protocol in TRAITS else True


def for_google(content_type: str, size: int) -> dict[str, Any]:
    """Return gcsfs's keywords. Files of chunksize or more are sent in several requests."""
    return {"content_type": content_type, "chunksize": max(50 << 20, size + 1)}


def for_azure(content_type: str, size: int) -> dict[str, Any]:
    """Return adlfs's keywords."""
    return {"content_settings": {"content_type": content_type}}


def move_on_webdav(filesystem: Any, old: str, new: str) -> None:
    """Rename a file in one request, and replace an existing one."""
    filesystem.client.move(old, new, overwrite=True)


def write_by_sftp(filesystem: Any, path: str, data: bytes) -> None:
    """Send a file without waiting for the answers in between, and compare its size at the end.

    Other drivers than fsspec's own, such as sshfs, have no paramiko client and write in their own way.
    """
    client = getattr(filesystem, "ftp", None)
    if client is None:
        filesystem.pipe_file(path, data)
    else:
        client.putfo(io.BytesIO(data), path)


def list_on_sftp(filesystem: Any, folder: str) -> list[dict[str, Any]]:
    """Return the entries of a folder as ``ls`` does, with the type ``other`` for pipes, sockets and devices.

    What a link leads to is its ``leads_to``, if it can be followed.
    """
    client = getattr(filesystem, "ftp", None)
    if client is None:
        found: list[dict[str, Any]] = filesystem.ls(folder, detail=True)
        return found
    entries = [_entry_on_sftp(f"{folder.rstrip('/')}/{one.filename}", one) for one in client.listdir_iter(folder)]
    for entry in entries:  # after the listing, whose answers other requests would take
        if entry["type"] == "link":
            with contextlib.suppress(OSError):  # what the link is instead, a look at it says
                entry["leads_to"] = _entry_on_sftp(entry["name"], client.stat(entry["name"]))
    return entries


def _entry_on_sftp(path: str, status: Any) -> dict[str, Any]:
    kinds = {stat.S_IFDIR: "directory", stat.S_IFLNK: "link", stat.S_IFREG: "file", 0: "file"}
    kind = kinds.get(stat.S_IFMT(status.st_mode or 0), "other")
    modified = None if status.st_mtime is None else datetime.fromtimestamp(status.st_mtime, tz=timezone.utc)
    return {"name": path, "size": status.st_size, "type": kind, "mtime": modified}
