"""The records that targets return: facts about a storage, its folders and its files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from seqsave.wording import crc32_text

__all__ = [
    "Capabilities",
    "Change",
    "Data",
    "Entries",
    "Entry",
    "Known",
    "Listed",
    "Original",
    "Published",
    "described",
    "unreadable_in",
]

Data = bytes | bytearray | memoryview
Change = Callable[[bytes | None], bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The capabilities of a storage.

    folders:     it has real folders, which are created as needed; otherwise a folder is a part of a name.
    atomic:      a file appears under its name complete or not at all, even if a process is killed at any moment.
    create:      how ``create=True`` works: ``"conditional"`` (the store decides, in the same request),
                 ``"exclusive"`` (an exclusive link or move), ``"none"`` (it is refused).
    checksum:    the store compares the checksum of published files.
    thread_safe: threads may publish at the same time; otherwise they take turns by themselves.
    """

    folders: bool
    atomic: bool
    create: Literal["conditional", "exclusive", "none"]
    checksum: bool
    thread_safe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The storage's record of one published file.

    size:         bytes.
    etag:         the ETag of the content, without quotes; None for storages without ETags.
    checksum:     ``"crc32:9ae0daaf"`` where it is known, else None.
    acknowledged: the store answered that it has bytes with this very checksum.
    version:      the version that listings show until the file is replaced; None for storages without versions.
    """

    size: int
    etag: str | None = None
    checksum: str | None = None
    acknowledged: bool = False
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """One version of a file, which its storage may copy by itself.

    target, path: the file; the target is a ``Target``. etag: of this version, without quotes.
    size, crc32:  of its bytes; None if they are not known.
    """

    target: object
    path: str
    etag: str
    size: int
    crc32: int | None = None


class Known:
    """Facts that this process has learned about a storage, shared by all its targets.

    answered:   the storage has answered a request, with success or failure.
    refuses:    a trial showed that the storage refuses to replace a file.
    bare_etags: the storage compares ETags only if a condition has them without quotes.
    folds:      by folder (URL), whether it ignores the case of names, where that was tested.
    uncopied:   containers from which it has refused to copy files by itself.
    creates_copies: whether such a copy can be refused because of an existing file; None if that was not tested.
    """

    def __init__(self) -> None:
        self.answered = False
        self.refuses = False
        self.bare_etags = False
        self.folds: dict[str, bool] = {}
        self.uncopied: set[str] = set()
        self.creates_copies: bool | None = None
        self.lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a folder: its name, and its size in bytes (0 for folders).

    has_size: False where a listing states no sizes, as that of a web server; then the size is 0.
    is_link: it is a link to a folder, possibly one above it, so that following all links may never end.
    version: a text that changes when the file is replaced (an ETag; locally the time of change and the inode); None
             for storages without versions.
    changed: the time at which the storage received the file, in seconds since 1970 by its own clock, if savers cannot
             set that time. Only from ``look``.
    """

    name: str
    size: int
    is_folder: bool
    is_link: bool = False
    version: str | None = field(default=None, compare=False)
    changed: float | None = field(default=None, compare=False)
    has_size: bool = field(default=True, compare=False)


# In a class whose method is called list, that word means the method.
Entries = list[Entry]


class Listed(Entries):
    """The entries of a folder, and which names of it are left out as they cannot be read.

    unreadable: the names, and of each one what it is, in words: "a link to a file that does not exist".
    """

    def __init__(self, entries: Iterable[Entry] = (), unreadable: Mapping[str, str] | None = None) -> None:
        super().__init__(entries)
        self.unreadable = dict(unreadable or {})


def unreadable_in(entries: Sequence[Entry]) -> dict[str, str]:
    """Return the names that a listing leaves out, and what each one is; {} of storages that have files only."""
    return entries.unreadable if isinstance(entries, Listed) else {}


def described(
    data: Data,
    checksum: int | None,
    *,
    etag: str | None = None,
    acknowledged: bool = False,
    version: str | None = None,
) -> Published:
    """Return the record of a file that was just published. If a store has ETags, these are its versions."""
    text = None if checksum is None else crc32_text(checksum)
    return Published(
        size=memoryview(data).nbytes, etag=etag, checksum=text, acknowledged=acknowledged, version=version or etag
    )
