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

from seqsave.errors import OptionError, SpoolError, SpoolReason, TargetError
from seqsave.spool.entries import DamagedError, Entry, Item, fingerprint, key_of, pack, read_entry, read_header
from seqsave.spool.shared import keep_shared, remove_unused
from seqsave.targets import config
from seqsave.targets.local import LocalTarget
from seqsave.wording import did_you_mean

__all__ = ["MAX_BYTES", "VARIABLE", "Contents", "Spool", "default_folder", "open_spool"]

VARIABLE = "SEQSAVE_SPOOL"
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
_SETTINGS = ("folder", "max_bytes")


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a spool: ``entries`` in their order, and ``damaged`` files with the reasons."""

    entries: tuple[Entry, ...]
    damaged: tuple[tuple[str, str], ...] = ()


def default_folder() -> Path:
    """Return ``SEQSAVE_SPOOL``, or ``folder`` in the configuration's ``[spool]``, or one in the user's state folder.

    Raises TargetError and OptionError for a configuration that cannot be used.
    """
    named = os.environ.get(VARIABLE) or _settings().get("folder")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_state_path("seqsave", appauthor=False)) / "spool"


def open_spool(where: str | os.PathLike[str] | bool | None) -> Spool | None:
    """Return the spool in a folder, or in the default one (True); None for None and False. Creates no folder.

    Raises OptionError for values that are not the path of a folder, and the errors of ``default_folder``.
    """
    if where is None or where is False:
        return None
    if where is not True and not isinstance(where, (str, os.PathLike)):
        raise OptionError(f"spool is {where!r}: it must be a folder's path, or True for {default_folder()}")
    if where is True:
        folder = default_folder()
    else:
        text = os.fsdecode(where)
        if not text.strip() or "\0" in text or "://" in text:
            raise OptionError(f"spool is {text!r}: it must be a folder of this machine, or True for {default_folder()}")
        folder = Path(text).expanduser().absolute()
    return Spool(folder, max_bytes=_settings().get("max_bytes", MAX_BYTES))


def _settings() -> dict[str, Any]:
    """Return the configuration's table ``[spool]``, checked."""
    table = config.table("spool")
    for name in table:
        if name not in _SETTINGS:
            near = did_you_mean(name, _SETTINGS)
            raise OptionError(f"{config.config_path()}: [spool] has {name!r}{near}: it takes {', '.join(_SETTINGS)}")
    folder, limit = table.get("folder"), table.get("max_bytes")
    if folder is not None and not (isinstance(folder, str) and folder.strip()):
        raise OptionError(f"{config.config_path()}: [spool] folder is {folder!r}: it must be a path")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise OptionError(f"{config.config_path()}: [spool] max_bytes is {limit!r}: it must be a whole number of bytes")
    return table


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
    ) -> Entry:
        """Keep the files of one frame; they are on the disk when this returns. The fields are those of ``Entry``.

        Older entries for the same frame are removed.

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
        )
        folder = self._subfolder(entry.identity, make=True)
        if "manifest" in entry.facts:
            try:
                entry = replace(entry, shared=keep_shared(folder, entry.facts["manifest"]))
            except (OSError, TargetError) as error:
                raise self._not_kept(error) from error
        data = pack(entry, items)
        older = self._take_room(f"{folder.name}/{entry.key}", len(data))
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

    def _take_room(self, frame: str, size: int) -> list[str]:
        """Reserve ``size`` bytes, and return the names of existing entries for this frame."""
        with self._lock:
            if time.monotonic() - self._measured > SIZE_SECONDS:
                self._measure()
                self._measured = time.monotonic()
            try:
                disk = shutil.disk_usage(self.folder)
            except OSError as error:
                raise self._unusable(error) from error
            if self._used + size > self.max_bytes:
                raise SpoolError(
                    f"the spool {self.folder} is full: it holds {self._used} of {self.max_bytes} bytes; publish its "
                    f"frames (seqsave flush {self.folder}), or raise max_bytes in the table [spool] of "
                    f"{config.config_path()}",
                    reason="full",
                )
            if disk.free - size < min(LEFT_FREE, LEFT_FREE_SHARE * disk.total):
                raise SpoolError(
                    f"the disk of the spool {self.folder} is nearly full: only {disk.free} bytes are free; publish "
                    f"its frames (seqsave flush {self.folder}), free some space, or use another folder",
                    reason="full",
                )
            self._used += size
            return list(self._known.get(frame, ()))

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
        for one in self.identities() if identity is None else [identity[:16]]:
            for name in self._names(one):
                path = self.folder / one / name
                try:
                    entries.append(read_header(path))
                except DamagedError as error:
                    damaged.append((str(path), str(error)))
                except FileNotFoundError:
                    continue  # it has just been published
                except OSError as error:
                    damaged.append((str(path), f"{path} cannot be read: {error.strerror or error}"))
        return Contents(tuple(entries), tuple(damaged))

    def newest(self, identity: str) -> Entry | None:
        """Return the last entry of this place, or None."""
        for name in reversed(self._names(identity)):
            with contextlib.suppress(DamagedError, OSError):
                return read_header(self.folder / identity[:16] / name)
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
        found = [name for name in _listed(self.folder / identity[:16]) if name.startswith(key)]
        return sorted((name for name in found if _ENTRY.fullmatch(name)), key=_stamp)

    def _subfolder(self, identity: str, *, make: bool) -> Path:
        folder = self.folder / identity[:16]
        if folder.is_dir():
            return folder
        if not make:
            raise SpoolError(f"the spool {self.folder} has nothing for this place")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            _flush(self.folder)
        except OSError as error:
            raise self._unusable(error) from error
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
