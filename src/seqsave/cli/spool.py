"""``seqsave flush`` and ``seqsave spool``: publish or list the frames that wait in the spool."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import FAILED, WRONG_CALL, Command, Failure
from seqsave.cli.output import Messages, complain, print_json, print_line, spelled
from seqsave.cli.parameters import folder_at, json_option, quiet_option, storage_option
from seqsave.runtime.progress import ProgressBar, format_size, open_progress
from seqsave.types import Event
from seqsave.wording import counted

if TYPE_CHECKING:
    from seqsave.spool import Entry, Outcome, Spool

__all__ = ["flush_command", "spool_command"]

RUNS_SHOWN = 20


def _spool_at(folder: str | None) -> Spool:
    from seqsave.spool import open_spool

    spool = open_spool(True if folder is None else folder)
    if spool is None or (spool.folder.exists() and not spool.folder.is_dir()):
        raise Failure(f"{folder} is not a folder: give the folder of a spool", WRONG_CALL)
    return spool


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
@storage_option(what="the frames")
@click.option("--attempts", type=click.IntRange(1), help="Maximum requests per file, once the storage has answered.")
@quiet_option
@json_option("what became of each frame")
def flush_command(
    folder: str | None,
    only: str | None,
    storage_option: dict[str, Any],
    attempts: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Publish the frames in the spool DIR, which wait there because their storage was unavailable.

    By default DIR is the folder named by SEQSAVE_SPOOL or the configuration, or the usual one. Each frame is published
    to its target, compared, recorded in the manifest, and only then removed from DIR. Exit status 1 if any is left.
    """
    from seqsave.spool import flush_spool
    from seqsave.targets import resolve
    from seqsave.writer.deferred import DeferredUpdates

    messages = Messages(quiet)
    with messages.catching():
        spool = _spool_at(folder)
        wanted = _wanted(only, storage_option)
        counter = _Counter(None if quiet else open_progress("flush", len(spool.contents().entries)))
        with counter.bar or nullcontext():
            outcomes = flush_spool(
                spool,
                lambda url: resolve(url, storage_option),
                records=DeferredUpdates(spool),
                policy=_policy(attempts),
                wanted=wanted,
                on_outcome=counter,
            )
    # A manifest update is not a frame; it is shown only if it could not be published.
    outcomes = [one for one in outcomes if one.entry is None or one.entry.is_frame or one.is_left]
    if as_json:
        print_json(_flushed_document(spool, outcomes))
    left = [outcome for outcome in outcomes if outcome.is_left]
    for line in _flushed_lines(spool, outcomes):
        messages.note(line)
    for message in dict.fromkeys(outcome.message for outcome in left if outcome.status != "waiting" or outcome.error):
        messages.warn(spelled(message))
    if left:
        count = sum(outcome.entry is None or outcome.entry.is_frame for outcome in left)
        what = counted(count, "frame") if count else "manifest updates are"
        complain(f"{what} left in the spool {spool.folder}")
    return FAILED if left else 0


def _policy(attempts: int | None) -> Any:
    from seqsave.runtime.retry import RetryPolicy

    return RetryPolicy() if attempts is None else RetryPolicy(attempts=attempts)


def _wanted(only: str | None, options: Mapping[str, Any]) -> Any:
    from seqsave.spool import overlaps

    if only is None:
        return lambda _: True
    place = folder_at(only, options).identity()
    return lambda entry: overlaps(place, entry.place) and len(entry.place["root"]) >= len(place["root"])


class _Counter:
    """Update a progress bar, if there is one, for each entry."""

    def __init__(self, bar: ProgressBar | None) -> None:
        self.bar = bar
        self._done = self._bytes = 0
        self._started = time.monotonic()

    def __call__(self, outcome: Outcome) -> None:
        self._done += 1
        self._bytes += outcome.entry.size if outcome.entry is not None and not outcome.is_left else 0
        if self.bar is not None:
            seconds = time.monotonic() - self._started
            self.bar(Event(kind="saved", done=self._done, bytes_done=self._bytes, seconds=seconds))


def _flushed_lines(spool: Spool, outcomes: Sequence[Outcome]) -> Iterator[str]:
    done = [outcome.entry for outcome in outcomes if outcome.status == "published" and outcome.entry is not None]
    if not outcomes:
        unmade = "" if spool.folder.exists() else ", which does not exist"
        yield f"nothing waits in the spool {spool.folder}{unmade}"
    for (target, pattern), entries in _grouped(done).items():
        frames = counted(len(entries), "frame")
        yield f"published {frames} ({_size(entries)}): {pattern} {_indices(entries)} in {target}"
    unseen = sum(outcome.status == "published" and not outcome.verified for outcome in outcomes)
    if unseen:
        yield f"{counted(unseen, 'frame')} could not be read back to compare: the credentials do not allow it"


def _flushed_document(spool: Spool, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    statuses = [outcome.status for outcome in outcomes]
    return {
        "spool": str(spool.folder),
        "counts": {status: statuses.count(status) for status in dict.fromkeys(statuses)},
        "left": sum(outcome.is_left for outcome in outcomes),
        "frames": [
            {
                **({} if outcome.entry is None else _entry_document(outcome.entry)),
                "status": outcome.status,
                "message": spelled(outcome.message) or None,
                "verified": outcome.verified,
            }
            for outcome in outcomes
        ],
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
                "put_aside": aside,
            }
        )
        return 0
    limit = format_size(spool.max_bytes)
    print_line(f"{spool.folder}: {counted(len(frames), 'frame')} waiting ({_size(frames)} of {limit})")
    for (target, pattern), entries in _grouped(frames).items():
        since, why = min(entry.time for entry in entries), entries[-1].why
        reason = f": {spelled(why)}" if why else ""
        print_line(f"  {pattern} {_indices(entries)} for {target} ({_size(entries)}, since {since}){reason}")
    for name, why in found.damaged:
        print_line(f"  damaged: {why if name in why else f'{name}: {why}'}")
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


def _grouped(entries: Sequence[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Group entries by target and sequence."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.target, _pattern(entry)), []).append(entry)
    return groups


def _pattern(entry: Entry) -> str:
    from seqsave import naming

    path = Path(entry.path)
    parsed = naming.split_name(path.name)
    if parsed is None:
        return entry.path
    name, index = parsed
    digits = name.digits if name.digits > len(str(abs(index))) else 1
    folder = path.parent if entry.batch is None else path.parent.parent
    return (folder / f"{name.head}{'#' * digits}{name.ending}").as_posix()


def _indices(entries: Sequence[Entry]) -> str:
    from seqsave import naming

    return naming.format_ranges(naming.to_ranges(sorted({entry.index for entry in entries})), RUNS_SHOWN)


def _size(entries: Sequence[Entry]) -> str:
    return format_size(sum(entry.size for entry in entries))
