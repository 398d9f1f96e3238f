"""The spool's folder: private, bounded, with one subfolder for each place, and one file in it for each frame.

- An entry is written to a temporary file, flushed to the disk, renamed, and the folder is flushed. So it exists whole
  or not at all, even if the process is killed at any moment.
- Entries for the same frame share the first part of their names; the second part is their order, and the newest counts.
- Publishing entries of a place requires the place's lock. Adding entries requires no lock.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from seqsave.errors import SpoolError, SpoolReason, TargetError
from seqsave.spool.before import Before, unknown
from seqsave.spool.entries import (
    DamagedError,
    Entry,
    Item,
    NewerError,
    fingerprint,
    key_of,
    pack,
    read_entry,
    read_header,
)
from seqsave.spool.safety import check_folder, check_subfolder
from seqsave.spool.shared import keep_shared, remove_unused
from seqsave.targets import config
from seqsave.targets.local import LocalTarget
from seqsave.wording import command, counted

__all__ = ["MAX_BYTES", "Contents", "Spool"]

MAX_BYTES = 20 * 2**30
"""Bytes that a spool holds at most, unless the configuration says otherwise."""
# A spool never takes the last of a disk: other programs would fail, perhaps also the one that publishes the frames.
LEFT_FREE, LEFT_FREE_SHARE = 2**30, 0.05
# Seconds for which the measured size of the folder is used.
SIZE_SECONDS = 5.0
LOCK_SECONDS = 0.2

_PLACE = re.compile(r"[0-9a-f]{16}")
_ENTRY = re.compile(r"(?P<key>[0-9a-f]{16})-(?P<stamp>\d{20})-[0-9a-f]{8}\.frame")
_ASIDE, _LOCK = "aside", "lock"


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a spool: ``entries`` in their order; ``damaged`` and ``unread`` files with the reasons.

    Those that are unread were made by a newer version of seqsave, or cannot be opened now. They stay where they are.
    """

    entries: tuple[Entry, ...]
    damaged: tuple[tuple[str, str], ...] = ()
    unread: tuple[tuple[str, str], ...] = ()


class Spool:
    """A folder of frames that wait for their storage. Safe to use from several threads and processes."""

    def __init__(self, folder: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> None:
        """Open a spool. folder: absolute path; it is created when needed."""
        self.folder = Path(folder)
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._stamp = 0
        self._used = 0
        self._known: dict[str, list[str]] = {}  # place and key to the names of entries
        self._measured = float("-inf")

    def __repr__(self) -> str:
        return f"<Spool {self.folder}>"

    # --- putting -----------------------------------------------------------------------------------------------------

    def put(
        self,
        items: Sequence[Item],
        *,
        target: str,
        place: Mapping[str, str],
        path: str,
        index: int,
        batch: int | None = None,
        facts: Mapping[str, Any] | None = None,
        run: str = "",
        why: str = "",
        before: Before | None = None,
    ) -> Entry:
        """Keep the files of one frame; they are on the disk when this returns. The fields are those of ``Entry``.

        Older entries for the same frame are removed, and their contents noted in ``before``.

        Raises SpoolError if the spool is full or cannot be written.
        """
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        files = tuple(item.facts for item in items)
        entry = Entry(
            target=target,
            place=dict(place),
            path=path,
            files=files,
            index=index,
            batch=batch,
            facts=dict(facts or {}),
            run=run,
            why=why,
            time=now,
            before=before or unknown(),
        )
        folder = self._subfolder(entry.identity, make=True)
        if "manifest" in entry.facts:
            try:
                entry = replace(entry, shared=keep_shared(folder, entry.facts["manifest"]))
            except (OSError, TargetError) as error:
                raise self._not_kept(error) from error
        older = self._older(f"{folder.name}/{entry.key}")
        entry = replace(entry, before=self._before_all(entry.before, folder, older))
        data = pack(entry, items)
        self._take_room(len(data))
        name = f"{entry.key}-{self._next_stamp(older):020d}-{secrets.token_hex(4)}.frame"
        try:
            LocalTarget(str(folder), fsync=True, mode=0o600).publish(name, data)
        except TargetError as error:
            self._give_room(len(data))
            raise self._not_kept(error) from error
        with self._lock:
            self._known[f"{folder.name}/{entry.key}"] = [name]
        for old in older:
            self._remove(folder / old)
        return replace(entry, name=str(folder / name))

    def _next_stamp(self, older: Sequence[str]) -> int:
        """Return a stamp later than those of all entries that this one replaces, even if the clock was set back."""
        with self._lock:
            self._stamp = max([time.time_ns(), self._stamp + 1, *(_stamp(name) + 1 for name in older)])
            return self._stamp

    def _older(self, frame: str) -> list[str]:
        """Return the names of existing entries for this frame."""
        with self._lock:
            if time.monotonic() - self._measured > SIZE_SECONDS:
                self._measure()
                self._measured = time.monotonic()
            return list(self._known.get(frame, ()))

    def _before_all(self, before: Before, folder: Path, older: Sequence[str]) -> Before:
        """Return what the storage held before this entry and the older ones that it replaces."""
        for name in older:
            with contextlib.suppress(SpoolError, OSError):
                entry = read_header(folder / name)
                if before.state == "unknown":
                    known = entry.before
                    before = replace(before, state=known.state, version=known.version, size=known.size)
                before = before.with_own(entry.own)
        return before

    def _take_room(self, size: int) -> None:
        """Reserve ``size`` bytes."""
        flush = command("seqsave", "flush", self.folder)
        with self._lock:
            try:
                disk = shutil.disk_usage(self.folder)
            except OSError as error:
                raise self._unusable(error) from error
            if self._used + size > self.max_bytes:
                raise SpoolError(
                    f"the spool {self.folder} is full: it holds {self._used} of {self.max_bytes} bytes; publish its "
                    f"frames ({flush}), or raise max_bytes in the table [spool] of "
                    f"{config.config_path()}",
                    reason="full",
                )
            if disk.free - size < min(LEFT_FREE, LEFT_FREE_SHARE * disk.total):
                raise SpoolError(
                    f"the disk of the spool {self.folder} is nearly full: {counted(disk.free, 'byte')} free; publish "
                    f"its frames ({flush}), free some space, or use another folder",
                    reason="full",
                )
            self._used += size

    def _give_room(self, size: int) -> None:
        with self._lock:
            self._used = max(0, self._used - size)

    def _measure(self) -> None:
        """Measure the entries again: other processes add and delete them too."""
        self._used, self._known = 0, {}
        for identity in self.identities():
            for name in self._names(identity):
                self._known.setdefault(f"{identity}/{name[:16]}", []).append(name)
                with contextlib.suppress(OSError):
                    self._used += (self.folder / identity / name).stat().st_size

    # --- looking -----------------------------------------------------------------------------------------------------

    def identities(self) -> list[str]:
        """Return the places that have had entries here, as the first part of their identities."""
        return sorted(name for name in _listed(self.folder) if _PLACE.fullmatch(name))

    def contents(self, identity: str | None = None) -> Contents:
        """Return the contents, of one place or of all. Reads only headers."""
        entries: list[Entry] = []
        damaged: list[tuple[str, str]] = []
        unread: list[tuple[str, str]] = []
        for one in self.identities() if identity is None else [identity[:16]]:
            for name in self._names(one):
                path = self.folder / one / name
                try:
                    entries.append(_read_in_place(path))
                except NewerError as error:
                    unread.append((str(path), str(error)))
                except DamagedError as error:
                    damaged.append((str(path), str(error)))
                except FileNotFoundError:
                    continue  # it has just been published
                except OSError as error:
                    unread.append((str(path), f"{path} cannot be read: {error.strerror or error}"))
        return Contents(tuple(entries), tuple(damaged), tuple(unread))

    def newest(self, identity: str) -> Entry | None:
        """Return the last entry of this place, or None."""
        for name in reversed(self._names(identity)):
            with contextlib.suppress(DamagedError, OSError):
                return _read_in_place(self.folder / identity[:16] / name)
        return None

    def aside(self) -> list[str]:
        """Return the damaged entries that were moved aside."""
        folders = [self.folder / identity / _ASIDE for identity in self.identities()]
        return [str(folder / name) for folder in folders for name in sorted(_listed(folder))]

    def waiting(self, place: Mapping[str, str]) -> set[str]:
        """Return the ``key_of`` every frame of this place that waits here."""
        return {name[:16] for name in self._names(fingerprint(place))}

    def holds(self, place: Mapping[str, str], path: str) -> bool:
        """Return True if this frame of this place waits here."""
        return bool(self._names(fingerprint(place), key_of(path)))

    # --- taking out --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def locked(self, identity: str, *, patience: float = 0.0, stop: threading.Event | None = None) -> Iterator[None]:
        """Hold the lock of this place's entries during the block, as their only publisher.

        patience: seconds to wait for another publisher. Raises SpoolError after that, or when ``stop`` is set.
        """
        import filelock

        folder = self._subfolder(identity, make=False)
        lock = filelock.FileLock(str(folder / _LOCK), mode=0o600, thread_local=False)
        end = time.monotonic() + patience
        while True:
            try:
                lock.acquire(timeout=min(LOCK_SECONDS, max(0.0, end - time.monotonic())))
                break
            except filelock.Timeout:
                stopped = stop is not None and stop.is_set()
                if stopped or time.monotonic() >= end:
                    break
            except OSError as error:
                raise self._unusable(error) from error
            except NotImplementedError as error:  # filelock's, where the file system has no locks
                raise SpoolError(
                    f"the spool {self.folder} cannot be used: its file system has no locks, by which processes take "
                    "turns; use another folder"
                ) from error
        if not lock.is_locked:
            raise SpoolError(
                f"the frames in {folder} are being published already, by another process or thread: wait for it",
                reason="in use",
            )
        try:
            yield
        finally:
            lock.release()

    def read(self, entry: Entry) -> list[bytes]:
        """Return the verified bytes of an entry's files.

        Raises DamagedError, FileNotFoundError if the entry is gone, and SpoolError.
        """
        try:
            return read_entry(entry.name)[1]
        except (SpoolError, FileNotFoundError):
            raise
        except OSError as error:
            raise self._unusable(error) from error

    def drop(self, entry: Entry) -> None:
        """Delete an entry whose frame is published or replaced. A missing entry is no error."""
        self._remove(Path(entry.name))

    def put_aside(self, name: str) -> str:
        """Move a damaged entry out of the way, and return its new path."""
        path = Path(name)
        aside = path.parent / _ASIDE
        try:
            aside.mkdir(mode=0o700, exist_ok=True)
            check_subfolder(aside)
            path.replace(aside / path.name)
        except FileNotFoundError:
            return name
        except OSError as error:
            raise self._unusable(error) from error
        return str(aside / path.name)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _remove(self, path: Path) -> None:
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(error) from error
        self._give_room(size)

    def _names(self, identity: str, key: str = "") -> list[str]:
        """Return the entries of a place, or of one frame of it, in the order of their arrival."""
        folder = self.folder / identity[:16]
        check_folder(self.folder)
        check_subfolder(folder)
        found = [name for name in _listed(folder) if name.startswith(key)]
        return sorted((name for name in found if _ENTRY.fullmatch(name)), key=_stamp)

    def _subfolder(self, identity: str, *, make: bool) -> Path:
        folder = self.folder / identity[:16]
        check_folder(self.folder)
        check_subfolder(folder)
        if folder.is_dir():
            return folder
        if not make:
            raise SpoolError(f"the spool {self.folder} has nothing for this place")
        try:
            made = [above for above in (self.folder, *self.folder.parents) if not above.exists()]
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            for above in (self.folder, *(one.parent for one in made)):
                _flush(above)
        except OSError as error:
            raise self._unusable(error) from error
        check_folder(self.folder)  # another user may have been faster
        check_subfolder(folder)
        return folder

    def _not_kept(self, error: OSError) -> SpoolError:
        is_full = isinstance(error, TargetError) and error.fault in ("full", "quota")
        reason: SpoolReason = "full" if is_full else "unusable"
        return SpoolError(f"the frame cannot be kept in the spool {self.folder}: {error}", reason=reason)

    def remove_unused_facts(self, identity: str) -> None:
        """Remove the facts of runs that have no entries of this place any more. For the holder of its lock."""
        used = {entry.shared for entry in self.contents(identity).entries}
        remove_unused(self.folder / identity[:16], used)

    def _unusable(self, error: OSError) -> SpoolError:
        return SpoolError(
            f"the spool {self.folder} cannot be used: {error.strerror or error}; correct it, or use another folder"
        )


def _read_in_place(path: Path) -> Entry:
    """Read an entry's header, and check that the entry lies in the folder of its place. Raises as ``read_header``."""
    entry = read_header(path)
    if entry.identity[:16] != path.parent.name:
        raise DamagedError(f"{path} is not a valid entry of a spool: it lies in the folder of another place")
    return entry


def _stamp(name: str) -> int:
    found = _ENTRY.fullmatch(name)
    return int(found["stamp"]) if found else 0


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are wanted, thousands of them
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise SpoolError(f"the spool {folder} cannot be read: {error.strerror or error}") from error


def _flush(folder: Path) -> None:
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
