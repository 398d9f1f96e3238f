"""Write and read entries of the spool. An entry is one file with a header and the files of one frame.

The header is one line of JSON with its own checksum; the bytes of each file follow. The header has the target's URL
without secrets and its identity (storage, endpoint, root), but never storage options.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from seqsave import naming
from seqsave.errors import SeqSaveError, SpoolError
from seqsave.manifest import Facts, FrameEntry
from seqsave.spool.before import Before, unknown
from seqsave.spool.safety import UnsafeFileError, open_own
from seqsave.spool.shared import is_reference, read_shared
from seqsave.targets.redact import redact_url
from seqsave.targets.urls import bad_component
from seqsave.wording import counted, crc32_text

__all__ = [
    "DamagedError",
    "Entry",
    "FileFacts",
    "Item",
    "NewerError",
    "fingerprint",
    "key_of",
    "pack",
    "read_entry",
    "read_header",
]

FORMAT = 3
"""Format 1 repeats in each entry what format 2 keeps once for each run; format 3 states what the storage held before.

All are read."""
_FIRST_WITH_BEFORE = 3
# Bytes of a header. It contains the writer's metadata, possibly a workflow of some megabytes.
_LONGEST_HEADER = 64 << 20


class DamagedError(SpoolError):
    """A damaged entry: truncated, changed, or not an entry."""


class NewerError(SpoolError):
    """An entry that a newer version of seqsave made. It stays in the spool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """One file of a frame. ``create``: it must not replace another file. ``crc32`` is that of its bytes."""

    path: str
    size: int
    crc32: int
    content_type: str
    create: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One file to keep: its facts and its bytes."""

    facts: FileFacts
    data: bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A frame in the spool; or, without ``files``, only a manifest update to be published with the frames.

    target:   the URL (or configured name) of its target, without secrets.
    place:    what distinguishes the target from others with the same URL: ``storage``, ``root``, ``endpoint`` ...
    identity: the SHA-256 of ``place``.
    path:     the frame's, relative to the target; ``files`` has it and its sidecars, in the order of publishing.
    facts:    the writer's facts about the frame, for the manifest.
    shared:   the reference of ``facts["manifest"]``, which the entries of a run share; "" if the entry has its own.
    run:      its run. why: the reason for spooling. time: ISO 8601, UTC.
    name:     the path of its file; "" before it is written.
    before:   the file that the storage had under the frame's name when the entry was made.
    """

    target: str
    place: Mapping[str, str]
    path: str
    files: tuple[FileFacts, ...]
    index: int
    batch: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""
    why: str = ""
    time: str = ""
    name: str = ""
    shared: str = ""
    before: Before = field(default_factory=Before)

    @property
    def identity(self) -> str:
        """Return the SHA-256 of ``place``."""
        return fingerprint(self.place)

    @property
    def size(self) -> int:
        """Return the number of bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def frame(self) -> FileFacts:
        """Return the frame's own file."""
        return next(file for file in self.files if file.path == self.path)

    @property
    def is_frame(self) -> bool:
        """Return True if the entry has files to publish."""
        return bool(self.files)

    @property
    def keeps(self) -> bool:
        """Return True if its run keeps an existing file in place of the frame (``if_exists="skip"``)."""
        return self.facts.get("keeps") is True

    @property
    def key(self) -> str:
        """Return the key that all entries of the same frame and place share."""
        return key_of(self.path)

    @property
    def own(self) -> tuple[tuple[int, int], ...]:
        """Return size and CRC-32 of contents of this spool that the storage may have under the frame's name."""
        return (*self.before.own, *((file.size, file.crc32) for file in self.files if file.path == self.path))


def fingerprint(place: Mapping[str, str]) -> str:
    """Return the SHA-256 of a target's identity, in hexadecimal."""
    return hashlib.sha256(_canonical(place)).hexdigest()


def key_of(path: str) -> str:
    """Return a short name for a frame's path, in hexadecimal."""
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def pack(entry: Entry, items: Sequence[Item]) -> bytes:
    """Return the bytes of an entry's file."""
    fields = {one.name: getattr(entry, one.name) for one in dataclasses.fields(entry) if one.name != "name"}
    fields["files"] = [asdict(file) for file in entry.files]
    fields["before"] = entry.before.as_document()
    if entry.shared:
        fields["facts"] = {name: value for name, value in entry.facts.items() if name != "manifest"}
    body = _canonical({**fields, "target": redact_url(entry.target)})
    head = {"seqsave_spool": FORMAT, "checksum": crc32_text(zlib.crc32(body)), "entry": json.loads(body)}
    return b"".join([_canonical(head), b"\n", *(item.data for item in items)])


def read_header(name: str | os.PathLike[str]) -> Entry:
    """Read an entry's header only. Raises DamagedError, and FileNotFoundError if the entry has been removed."""
    with _opened(name) as file:
        return _header(file, os.fspath(name))


def read_entry(name: str | os.PathLike[str]) -> tuple[Entry, list[bytes]]:
    """Read an entry and the bytes of its files, and verify their checksums. Raises as ``read_header``."""
    with _opened(name) as file:
        entry = _header(file, os.fspath(name))
        data = [file.read(facts.size) for facts in entry.files]
        rest = file.read(1)
    for facts, content in zip(entry.files, data, strict=True):
        if len(content) != facts.size:
            raise _damaged(name, f"it ends within {facts.path}")
        if zlib.crc32(content) != facts.crc32:
            raise _damaged(name, f"the bytes of {facts.path} have changed")
    if rest:
        raise _damaged(name, "it has bytes after its last file")
    return entry, data


def _opened(name: str | os.PathLike[str]) -> BinaryIO:
    try:
        return open_own(name)
    except UnsafeFileError as error:
        raise _damaged(name, str(error)) from None


def _header(file: BinaryIO, name: str) -> Entry:
    line = file.readline(_LONGEST_HEADER)
    try:
        head = json.loads(line)
        version = head["seqsave_spool"]
        _refuse_newer(version, name)
        fields = head["entry"]
        is_whole = line.endswith(b"\n") and head["checksum"] == crc32_text(zlib.crc32(_canonical(fields)))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _damaged(name, "its first line is not a header") from error
    if version not in range(1, FORMAT + 1) or isinstance(version, bool):
        raise _damaged(name, f"it has the format {version!r}, which no version of seqsave writes")
    if not is_whole:
        raise _damaged(name, "its header has changed")
    try:
        fields["before"] = _before(version, fields)
        files = tuple(FileFacts(**facts) for facts in fields.pop("files"))
        entry = Entry(**fields, files=files, name=name)
        problem = _problem(entry)
    except (TypeError, ValueError, LookupError, AttributeError, SeqSaveError) as error:
        raise _damaged(name, "its header has fields that this version of seqsave does not know") from error
    left = os.fstat(file.fileno()).st_size - len(line)
    if problem is None and entry.size != left:
        problem = f"its files have {counted(entry.size, 'byte')} by its header, and {left} in the file"
    if problem is not None:
        raise _damaged(name, problem)
    return _with_shared(entry)


def _refuse_newer(version: Any, name: str) -> None:
    if isinstance(version, int) and version > FORMAT:
        raise NewerError(
            f"{name} was made by a newer version of seqsave (format {version}); it stays in the spool: publish it with "
            "that version",
            reason="newer",
        )


def _before(version: int, fields: Mapping[str, Any]) -> Before:
    """Return the file before the entry. Formats 1 and 2 do not state it, and have only the time."""
    if version >= _FIRST_WITH_BEFORE:
        return Before.from_document(fields["before"])
    if "before" in fields:
        raise ValueError("a field of a later format")
    try:
        return unknown(began=datetime.fromisoformat(fields["time"]).timestamp())
    except (ValueError, OverflowError, OSError):
        return Before()


def _with_shared(entry: Entry) -> Entry:
    """Return the entry with the facts of its run. If these are missing, its frame is published without a manifest."""
    if not entry.shared:
        return entry
    document = read_shared(Path(entry.name).parent, entry.shared)
    try:
        Facts.from_document(document)
    except SeqSaveError as error:
        if not entry.files:
            raise _damaged(entry.name, "the facts of its run are gone") from error
        return entry
    return replace(entry, facts={**entry.facts, "manifest": document})


def _problem(entry: Entry) -> str | None:
    """Return the problem of an entry's fields, before anything is computed from them. May raise TypeError."""
    texts = (entry.target, entry.path, entry.run, entry.why, entry.time, *entry.place.keys(), *entry.place.values())
    if not all(isinstance(text, str) for text in texts) or not isinstance(entry.facts, dict):
        return "its header has a value of another type"
    if entry.shared and not is_reference(entry.shared):
        return "its header has a value of another type"
    naming.check_frame(entry.index)
    if entry.batch is not None:
        naming.batch_folder(entry.batch)
    for file in entry.files:
        numbers = [number for number in (file.size, file.crc32) if type(number) is int and number >= 0]
        if len(numbers) < 2 or not (isinstance(file.path, str) and isinstance(file.content_type, str)):
            return "its header has a value of another type"
        if bad_component(file.path) is not None:
            return f"the path {file.path!r} leads out of its folder"
    # Characters that no name can have would raise later, in a flush of other entries too.
    os.fsencode("".join((entry.target, *(file.path for file in entry.files))))
    if entry.files and entry.path not in [file.path for file in entry.files]:
        return "its header names a frame that it does not hold"
    if "manifest" in entry.facts:
        Facts.from_document(entry.facts["manifest"])
    if "frame" in entry.facts:
        FrameEntry.from_document(entry.facts["frame"])
    return None


def _damaged(name: str | os.PathLike[str], what: str) -> DamagedError:
    return DamagedError(f"{os.fspath(name)} is not a valid entry of a spool: {what}", reason="damaged")


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
