"""What the listings of fsspec's drivers say of each entry."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from seqsave.targets.local_entries import NOT_REGULAR
from seqsave.targets.records import Entries, Entry, Listed
from seqsave.targets.temporary import is_temporary

__all__ = ["entries_of", "version_of"]

# Names of drivers for a version, or for the time of the last change, in a listing.
_VERSIONS = (
    *("generation", "ETag", "etag", "mtime", "modify", "modified", "last_write_time", "LastModified"),
    *("last_modified", "updated"),
)


def entries_of(
    found: Iterable[Mapping[str, Any]], folder: str, follow: Callable[[str], Mapping[str, Any] | str]
) -> Entries:
    """Return the entries of a folder. Raises NotADirectoryError for the listing of a file.

    follow: returns what a link leads to, by its path; in words what the link is, if it leads to nothing. Called for
            links whose entries do not state that.
    """
    entries, unreadable = [], {}
    for item in found:
        path = str(item["name"]).rstrip("/")
        name = path.rpartition("/")[2]
        is_link = item["type"] == "link"
        if is_link and not is_temporary(name):
            seen = item.get("leads_to") or follow(path)
            if isinstance(seen, str):
                unreadable[name] = seen
                continue
            item = seen
        if item["type"] == "other":
            unreadable[name] = NOT_REGULAR
            continue
        is_folder = item["type"] == "directory"
        if path.strip("/") == folder.strip("/"):
            if not is_folder and item.get("size"):  # a file is listed as itself
                raise NotADirectoryError(errno.ENOTDIR, f"{path} is a file")
        elif name and not is_temporary(name):
            size, version = (0, None) if is_folder else (item.get("size"), version_of(item))
            entry = Entry(name, int(size or 0), is_folder, is_link and is_folder, version, has_size=size is not None)
            entries.append(entry)
    return Listed(entries, unreadable) if unreadable else entries


def version_of(item: Mapping[str, Any]) -> str | None:
    """Return a text that changes when a file is replaced, as its driver reports it; None if it reports none."""
    found = next((item[name] for name in _VERSIONS if item.get(name) not in (None, "")), None)
    return None if found is None else str(found).strip('"')
