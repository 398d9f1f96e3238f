"""``seqsave rm``: remove a sequence, or some of its frames, and nothing else."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import FAILED, Command, Failure, help_of
from seqsave.cli.output import Counter, Messages, complain, print_json, print_line
from seqsave.cli.parameters import (
    folder_at,
    frames_option,
    indices_of,
    json_option,
    one_sequence,
    quiet_option,
    storage_option,
)
from seqsave.runtime.progress import open_progress
from seqsave.wording import counted, first_of, format_size

if TYPE_CHECKING:
    from seqsave.sequences.removal import Removal, Removed

__all__ = ["rm_command"]

RANGES_SHOWN = 20
OTHERS_SHOWN = 10


@click.command(
    "rm",
    cls=Command,
    short_help="Remove a sequence, or some of its frames.",
    examples=[
        "seqsave rm ./renders/shot010 --dry-run",
        "seqsave rm 'renders/shot.####.exr' --frames 17,40-52",
        "seqsave rm s3://renders --prefix shot010 --yes",
    ],
)
@one_sequence
@frames_option("Only these frames, as 0-119, 17,40-52 or 0-118x2. The rest stays.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", "-n", is_flag=True, help="Only print what would be removed.")
@storage_option()
@quiet_option
@json_option("what was removed")
def rm_command(
    url: str,
    prefix: str | None,
    filetype: str | None,
    frames: tuple[range, ...] | None,
    yes: bool,
    dry_run: bool,
    storage_option: dict[str, Any],
    quiet: bool,
    as_json: bool,
) -> int:
    """Remove one sequence with the files that belong to it: metadata files, manifest, preview, page.

    Prints what it is going to remove, and asks for confirmation. Of a sequence whose frames are gone, it removes what
    is left: its manifest, metadata files, preview and page. Only what seqsave made is a preview or page. Other files
    of the folder stay, and so does the folder. A manifest that also records other frames stays, without these.
    With --frames it stays and expects these frames: 'seqsave verify' lists them to be rendered again.

    Exit status 1 if something could not be removed, or the removal was not confirmed.
    """
    from seqsave.sequences.opening import open_alone
    from seqsave.sequences.removal import open_to_remove, plan_removal, remove

    messages = Messages(quiet)
    with messages.catching():
        folder_at(url, storage_option)
        opened = open_to_remove if frames is None else open_alone
        sequence = opened(url, prefix, filetype, storage_option)
        removal = plan_removal(sequence, indices_of(frames))
        if dry_run:
            _print(removal, None, as_json)
            return 0
        if not yes:
            _ask(removal)
        bar = None if quiet else open_progress(sequence.pattern, len(removal.frames), lines=True)
        with bar or nullcontext():
            removed = remove(removal, Counter(bar))
        if others := _others(removal):
            messages.warn(
                f"{first_of(others, OTHERS_SHOWN, '; ')} {'is' if len(others) == 1 else 'are'} left in "
                f"{removal.sequence.url}: only files are removed. Delete what is not wanted with another program"
            )
    _print(removal, removed, as_json)
    if removed.error is None:
        return 0
    complain(str(removed.error), help_of(removed.error))
    return FAILED


def _others(removal: Removal) -> list[str]:
    """Return what is named like these frames and is not a file, such as a link to a missing one."""
    from seqsave import naming

    chosen = None if removal.is_whole else {frame.index for frame in removal.frames}
    found = [one for one in removal.sequence.unreadable if chosen is None or one.index in chosen]
    folders = ["" if one.batch is None else f"{naming.batch_folder(one.batch)}/" for one in found]
    return [f"{folder}{one.name} ({one.problem})" for folder, one in zip(folders, found, strict=True)]


def _ask(removal: Removal) -> None:
    """Ask on the terminal. Raises UsageError without one, and Failure after a no."""
    context = click.get_current_context()
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"{_summary(removal)} would be removed, and there is no terminal to ask on: --yes removes without a "
            "question, --dry-run only prints what would be removed",
            context,
        )
    click.echo(_text(removal), err=True)
    if not click.confirm("Remove?", err=True):
        raise Failure("nothing was removed")


def _summary(removal: Removal) -> str:
    from seqsave import naming
    from seqsave.sequences.frame import name_below

    frames = removal.frames
    if not frames:
        return f"{removal.sequence.pattern} in {removal.sequence.url} (no frame left)"
    first, last = name_below(frames[0]), name_below(frames[-1])
    span = first if len(frames) == 1 else f"{first} to {last}"
    if not removal.is_whole and len(frames) > 1:
        span = naming.format_ranges(naming.to_ranges(sorted({frame.index for frame in frames})), RANGES_SHOWN)
    part = "" if removal.is_whole else "a part of "
    count = f"{counted(len(frames), 'frame')}, {format_size(removal.size)}: {span}"
    return f"{part}{removal.sequence.pattern} in {removal.sequence.url} ({count})"


def _text(removal: Removal) -> str:
    lines = [_summary(removal)]
    beside = []
    if removal.sidecars:
        beside.append(counted(len(removal.sidecars), "metadata file"))
    beside += [f"the {_kind(path)} {path.rpartition('/')[2]}" for path in removal.previews]
    if removal.takes_manifest:
        beside.append("its manifest")
    if beside:
        lines.append(f"  and {', '.join(beside)}")
    return "\n".join(lines)


def _kind(path: str) -> str:
    from seqsave.sequences.belongings import PAGE_EXTENSION

    return "page" if path.endswith(f".{PAGE_EXTENSION}") else "preview"


def _print(removal: Removal, removed: Removed | None, as_json: bool) -> None:
    if as_json:
        print_json(_document(removal, removed))
    elif removed is None:
        print_line(f"would remove {_text(removal)}")
    elif not removed.left:
        print_line(f"removed {_text(removal)}")
    else:
        from seqsave import naming

        left = naming.format_ranges(naming.to_ranges(sorted({frame.index for frame in removed.left})), 20)
        print_line(f"removed {len(removed.gone)} of {_summary(removal)}; left: {left}")


def _document(removal: Removal, removed: Removed | None) -> dict[str, Any]:
    from seqsave import naming
    from seqsave.sequences.frame import name_below

    def ranges(frames: Any) -> str:
        return naming.format_ranges(naming.to_ranges(sorted({frame.index for frame in frames})))

    return {
        "url": removal.sequence.url,
        "pattern": removal.sequence.pattern,
        "frames": ranges(removal.frames),
        "count": len(removal.frames),
        "size": removal.size,
        "first": name_below(removal.frames[0]) if removal.frames else None,
        "last": name_below(removal.frames[-1]) if removal.frames else None,
        "is_whole": removal.is_whole,
        "beside": [*removal.sidecars, *removal.previews, *([removal.manifest] if removal.takes_manifest else [])],
        "dry_run": removed is None,
        "removed": "" if removed is None else ranges(removed.gone),
        "not_files": _others(removal),
        "left": ranges(removal.frames if removed is None else removed.left),
        "error": None if removed is None or removed.error is None else str(removed.error),
    }
