"""``seqsave mv``: give a sequence other names, other numbers, or another place."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import FAILED, Command, help_of
from seqsave.cli.completion import urls
from seqsave.cli.output import Counter, Messages, complain, print_json, print_line
from seqsave.cli.parameters import filetype_option, folder_at, json_option, quiet_option, storage_option
from seqsave.runtime.progress import open_progress
from seqsave.wording import counted, format_size

if TYPE_CHECKING:
    from seqsave.sequences.moving import Move, Moved
    from seqsave.sequences.reader import FrameSequence

__all__ = ["mv_command"]


@click.command(
    "mv",
    cls=Command,
    short_help="Rename, renumber or move a sequence.",
    examples=[
        "seqsave mv 'renders/frame_#####.png' 'renders/shot010.####.png' --start 1001",
        "seqsave mv ./renders/shot010 s3://renders/shot010",
        "seqsave mv ./renders ./renders --offset 1",
    ],
)
@click.argument("source", metavar="SRC", shell_complete=urls)
@click.argument("destination", metavar="DEST", shell_complete=urls)
@click.option("--prefix", help="Which sequence of SRC, if there are several.")
@filetype_option
@click.option("--offset", type=int, help="Add this to each number; it may be negative.")
@click.option("--start", type=int, help="The number of the first frame; the others follow, gaps too.")
@click.option("--dry-run", "-n", is_flag=True, help="Only print what would be moved.")
@storage_option()
@storage_option("--source-storage-option", "SRC, where it differs")
@quiet_option
@json_option("what was moved")
def mv_command(
    source: str,
    destination: str,
    prefix: str | None,
    filetype: str | None,
    offset: int | None,
    start: int | None,
    dry_run: bool,
    storage_option: dict[str, Any],
    source_storage_option: dict[str, Any],
    quiet: bool,
    as_json: bool,
) -> int:
    """Move the sequence SRC to DEST: a folder, or a pattern for the new names of its files.

    Its metadata files, its preview, its page and its manifest go with it. No existing frame is ever replaced: where
    one has the name or the number of a frame that is to be moved, nothing is moved. The format stays: 'seqsave save'
    converts.

    On one file system the files are renamed. Elsewhere they are copied, the copies are compared, and only then the
    files of SRC are deleted. After a failure everything is put back.

    Exit status 1 if the sequence is not moved, or files are left at SRC.
    """
    from seqsave.sequences.destination import destination_of
    from seqsave.sequences.moving import move, plan_move
    from seqsave.sequences.opening import open_alone

    if offset is not None and start is not None:
        raise click.UsageError("--offset and --start mean the same: use one of them", click.get_current_context())
    messages = Messages(quiet)
    options = source_storage_option or (storage_option if _scheme(source) == _scheme(destination) else {})
    with messages.catching():
        folder_at(source, options)
        folder_at(destination, storage_option)
        sequence = open_alone(source, prefix, filetype, options)
        where = destination_of(destination, sequence, storage_option)
        plan = plan_move(sequence, where, _offset(sequence, offset, start))
        if dry_run:
            _print(plan, None, as_json)
            return 0
        bar = None if quiet else open_progress(str(plan.name), len(plan.frames), lines=True)
        with bar or nullcontext():
            moved = move(plan, Counter(bar))
    _print(plan, moved, as_json)
    if moved.error is None:
        return 0
    left = f"{counted(len(moved.left), 'file')} could not be removed"
    complain(f"all frames are moved, but {left}: {moved.error}", help_of(moved.error))
    return FAILED


def _offset(sequence: FrameSequence, offset: int | None, start: int | None) -> int:
    return start - sequence.indices[0] if start is not None else offset or 0


def _scheme(url: str) -> str:
    return url.partition("://")[0] if "://" in url else ""


def _print(plan: Move, moved: Moved | None, as_json: bool) -> None:
    from seqsave import naming

    ranges = plan.sequence.ranges
    old = naming.format_ranges(ranges, None if as_json else 10)
    shifted = tuple(range(run.start + plan.offset, run.stop + plan.offset) for run in ranges)
    new = naming.format_ranges(shifted, None if as_json else 10)
    if not as_json:
        done = "would move" if moved is None else "moved"
        size = f"{counted(len(plan.frames), 'frame')}, {format_size(plan.size)}"
        here, there = f"{plan.sequence.pattern} {old} in {plan.sequence.url}", f"{plan.name} {new} in {plan.target.url}"
        print_line(f"{done} {here} to {there} ({size})")
        return
    print_json(
        {
            "source": {"url": plan.sequence.url, "pattern": plan.sequence.pattern, "frames": old},
            "destination": {"url": plan.target.url, "pattern": str(plan.name), "frames": new},
            "count": len(plan.frames),
            "size": plan.size,
            "dry_run": moved is None,
            "left": [] if moved is None else list(moved.left),
            "error": None if moved is None or moved.error is None else str(moved.error),
        }
    )
