"""``seqsave flush`` and ``seqsave spool``: publish or list the frames that wait in the spool."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seqsave.cli.app import FAILED, WRONG_CALL, Command, Failure
from seqsave.cli.output import Messages, complain, print_json, print_line, spelled
from seqsave.cli.parameters import folder_at, json_option, quiet_option, storage_option
from seqsave.errors import SeqSaveError
from seqsave.runtime.display import ProgressDisplay
from seqsave.runtime.progress import open_progress
from seqsave.spool.results import FlushedFrame, FlushResult
from seqsave.types import Event
from seqsave.wording import counted, did_you_mean, format_size, nearest

if TYPE_CHECKING:
    from seqsave.spool import Entry, Spool

__all__ = ["flush_command", "spool_command"]

RUNS_SHOWN = 20
# How many folders of similar names are looked into, for one that a user may have meant.
_MOST_OPENED = 5
F = TypeVar("F", "Entry", FlushedFrame)


def _spool_at(folder: str | None) -> Spool:
    from seqsave.spool import open_spool

    is_file = folder is not None and Path(folder).exists() and not Path(folder).is_dir()
    spool = None if is_file else open_spool(True if folder is None else folder)
    if spool is None:
        raise Failure(f"{folder} is not a folder: give the folder of a spool", WRONG_CALL)
    if folder is not None:
        _check_exists(spool.folder)
    return spool


def _check_exists(folder: Path) -> None:
    """Raise Failure for a path that is certainly misspelt.

    A spool that no save needed does not exist either, and has no waiting frames.
    """
    if folder.exists():
        return
    if not folder.parent.exists():
        raise Failure(f"the spool {folder} does not exist, and neither does {folder.parent}")
    # Names are compared before anything is opened: the folder may have many others, on a slow disk.
    near = nearest(folder.name, _folders(folder.parent), most=_MOST_OPENED)
    for name in near:
        if _has_frames(folder.parent / name):
            meant = did_you_mean(folder.name, [name])
            raise Failure(f"the spool {folder} does not exist{meant}: that one has waiting frames")


def _folders(parent: Path) -> list[str]:
    with suppress(OSError), os.scandir(parent) as entries:
        return [one.name for one in entries if one.is_dir()]
    return []


def _has_frames(folder: Path) -> bool:
    from seqsave.spool import open_spool

    with suppress(SeqSaveError, OSError):
        spool = open_spool(folder)
        return spool is not None and any(entry.is_frame for entry in spool.contents().entries)
    return False


def _missing(folder: Path) -> str:
    """Return the note about a spool that does not exist, because no save needed it."""
    return f"the spool {folder} does not exist{did_you_mean(folder.name, _folders(folder.parent))}"


# --- seqsave flush ---------------------------------------------------------------------------------------------------


@click.command(
    "flush",
    cls=Command,
    short_help="Publish the frames that wait in the spool.",
    examples=[
        "seqsave flush",
        "seqsave flush ./spool --target renders://shot010",
        "seqsave flush --storage-option profile=renderer",
    ],
)
@click.argument("folder", metavar="[DIR]", required=False)
@click.option("--target", "only", metavar="URL", help="Only frames for this URL or configured name, or below it.")
@click.option("--replace", is_flag=True, help="Also replace files that were written after the frames.")
@storage_option(what="the frames")
@click.option("--attempts", type=click.IntRange(1), help="Maximum requests per file, once the storage has answered.")
@quiet_option
@json_option("the outcome of each frame")
def flush_command(
    folder: str | None,
    only: str | None,
    replace: bool,
    storage_option: dict[str, Any],
    attempts: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Publish the frames in the spool DIR, which wait there because their storage was unavailable.

    By default DIR is the folder named by SEQSAVE_SPOOL or the configuration, or the usual one. Each frame is published
    to its target, compared, recorded in the manifest, and only then removed from DIR. A frame whose file was written by
    another program since is a conflict: both stay as they are, unless --replace is given. Exit status 1 if any is left.
    A spool that no save needed does not exist, and has no frames.
    """
    from seqsave.spool.flush import flush

    messages = Messages(quiet)
    with messages.catching():
        spool = _spool_at(folder)
        # An invalid URL is a wrong call.
        wanted = None if only is None else folder_at(only, storage_option).url
        counter = _Counter(None if quiet else open_progress("flush", len(spool.contents().entries), lines=True))
        with counter.bar or nullcontext():
            result = flush(
                folder,
                target=only,
                storage_options=storage_option,
                replace=replace,
                retry=_policy(attempts),
                on_frame=counter,
            )
    if as_json:
        print_json(_flushed_document(result))
    for line in _flushed_lines(result, wanted):
        messages.note(line)
    reported = [one for one in result.left if one.status != "waiting" or one.exception is not None]
    for message in dict.fromkeys(one.message for one in (*reported, *_of_status(result, "gone"))):
        messages.warn(spelled(message))
    if result.left:
        count = sum(one.index is not None or not one.path for one in result.left)
        what = counted(count, "frame") if count else "manifest updates are"
        complain(f"{what} left in the spool {result.spool}")
    return FAILED if result.left else 0


def _policy(attempts: int | None) -> Any:
    from seqsave.runtime.retry import RetryPolicy

    return RetryPolicy() if attempts is None else RetryPolicy(attempts=attempts)


class _Counter:
    """Update a progress bar, if there is one, for each frame."""

    def __init__(self, bar: ProgressDisplay | None) -> None:
        self.bar = bar
        self._done = self._bytes = 0
        self._started = time.monotonic()

    def __call__(self, frame: FlushedFrame) -> None:
        self._done += 1
        self._bytes += 0 if frame.is_left else frame.size
        if self.bar is not None:
            seconds = time.monotonic() - self._started
            self.bar(Event(kind="saved", done=self._done, bytes_done=self._bytes, seconds=seconds))


def _of_status(result: FlushResult, status: str) -> list[FlushedFrame]:
    return [one for one in result.outcomes if one.status == status]


def _flushed_lines(result: FlushResult, wanted: str | None) -> Iterator[str]:
    if not result.outcomes:
        only = "" if wanted is None else f" for {wanted}"
        folder = Path(result.spool)
        yield f"the spool {folder} has no waiting frames{only}" if folder.exists() else _missing(folder)
    for (target, pattern), frames in _grouped(result.frames).items():
        count = counted(len(frames), "frame")
        yield f"published {count} ({_size(frames)}): {pattern} {_indices(frames)} in {target}"
    kept = [one for one in _of_status(result, "superseded") if one.reason == "exists"]
    for (target, pattern), frames in _grouped(kept).items():
        count = counted(len(frames), "frame")
        yield f"left out {count}, kept what exists (--if-exists skip): {pattern} {_indices(frames)} in {target}"
    unseen = sum(not one.verified for one in result.frames)
    if unseen:
        yield f"{counted(unseen, 'frame')} could not be read back and compared: the credentials do not allow it"


def _flushed_document(result: FlushResult) -> dict[str, Any]:
    return {
        "spool": result.spool,
        "counts": {status: count for status, count in result.counts.items() if count},
        "left": len(result.left),
        "frames": [
            {
                **(_frame_document(one) if one.path else {"file": one.file}),
                "status": one.status,
                "reason": one.reason or None,
                "message": spelled(one.message) or None,
                "verified": one.verified,
            }
            for one in result.outcomes
        ],
    }


def _frame_document(frame: FlushedFrame) -> dict[str, Any]:
    return {
        "target": frame.target,
        "place": dict(frame.place),
        "path": frame.path,
        "index": frame.index,
        "batch": frame.batch,
        "size": frame.size,
        "files": list(frame.files),
        "time": frame.time,
        "why": spelled(frame.why) or None,
        "file": frame.file,
    }


# --- seqsave spool ---------------------------------------------------------------------------------------------------


@click.command(
    "spool",
    cls=Command,
    short_help="List the frames that wait in the spool.",
    examples=["seqsave spool", "seqsave spool ./spool --json"],
)
@click.argument("folder", metavar="[DIR]", required=False)
@json_option("every frame in it")
def spool_command(folder: str | None, as_json: bool) -> int:
    """List the frames that wait in the spool DIR: their targets, since when, and why.

    By default DIR is the folder named by SEQSAVE_SPOOL or the configuration, or the usual one. Does not contact the
    storage.
    """
    with Messages().catching():
        spool = _spool_at(folder)
        found = spool.contents()
        frames = [entry for entry in found.entries if entry.is_frame]
        aside = spool.aside()
    if as_json:
        print_json(
            {
                "spool": str(spool.folder),
                "size": sum(entry.size for entry in frames),
                "max_bytes": spool.max_bytes,
                "frames": [_entry_document(entry) for entry in frames],
                "damaged": [{"file": name, "message": why} for name, why in found.damaged],
                "unread": [{"file": name, "message": why} for name, why in found.unread],
                "put_aside": aside,
            }
        )
        return 0
    if folder is not None and not spool.folder.exists():
        Messages().note(_missing(spool.folder))
    limit = format_size(spool.max_bytes)
    print_line(f"{spool.folder}: {counted(len(frames), 'frame')} waiting ({_size(frames)} of {limit})")
    for (target, pattern), entries in _grouped(frames).items():
        since, why = min(entry.time for entry in entries), entries[-1].why
        reason = f": {spelled(why)}" if why else ""
        print_line(f"  {pattern} {_indices(entries)} for {target} ({_size(entries)}, since {since}){reason}")
    for name, why in found.damaged:
        print_line(f"  damaged: {why if name in why else f'{name}: {why}'}")
    for _, why in found.unread:
        print_line(f"  not read: {why}")
    for name in aside:
        print_line(f"  damaged, moved aside: {name}")
    return 0


def _entry_document(entry: Entry) -> dict[str, Any]:
    return {
        "target": entry.target,
        "place": dict(entry.place),
        "path": entry.path,
        "index": entry.index,
        "batch": entry.batch,
        "size": entry.size,
        "files": [file.path for file in entry.files],
        "time": entry.time,
        "why": spelled(entry.why) or None,
        "file": entry.name,
    }


def _grouped(entries: Sequence[F]) -> dict[tuple[str, str], list[F]]:
    """Group frames by target and sequence."""
    groups: dict[tuple[str, str], list[F]] = {}
    for entry in entries:
        groups.setdefault((entry.target, _pattern(entry)), []).append(entry)
    return groups


def _pattern(entry: Entry | FlushedFrame) -> str:
    from seqsave import naming

    path = Path(entry.path)
    parsed = naming.split_name(path.name)
    if parsed is None:
        return entry.path
    name, index = parsed
    digits = name.digits if name.digits > len(str(abs(index))) else 1
    folder = path.parent if entry.batch is None else path.parent.parent
    return (folder / f"{name.head}{'#' * digits}{name.ending}").as_posix()


def _indices(entries: Sequence[Entry | FlushedFrame]) -> str:
    from seqsave import naming

    return naming.format_ranges(
        naming.to_ranges(sorted({entry.index for entry in entries if entry.index is not None})), RUNS_SHOWN
    )


def _size(entries: Sequence[Entry | FlushedFrame]) -> str:
    return format_size(sum(entry.size for entry in entries))
