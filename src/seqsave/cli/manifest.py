"""``seqsave manifest``: print the manifest of a sequence, or rebuild it from the frames."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import FAILED, Command, Failure
from seqsave.cli.output import Counter, Messages, print_json
from seqsave.cli.parameters import frames_option, indices_of, one_sequence, quiet_option, sequence_at, storage_option
from seqsave.runtime.progress import open_progress

if TYPE_CHECKING:
    from seqsave.manifest import Manifest
    from seqsave.sequences.reader import FrameSequence

__all__ = ["manifest_command"]


@click.command(
    "manifest",
    cls=Command,
    short_help="Print or rebuild the manifest of a sequence.",
    examples=[
        "seqsave manifest s3://renders/shot010",
        "seqsave manifest ./renders --rebuild --frames 1001-1100",
    ],
)
@one_sequence
@click.option("--rebuild", is_flag=True, help="Read every frame and write a new manifest.")
@click.option("--release", is_flag=True, help="Remove runs still listed as active; use it only if they are dead.")
@frames_option(
    "For --rebuild: the expected frames, as 0-119, 17,40-52 or 0-118x2; by default those of the existing manifest."
)
@storage_option()
@quiet_option
def manifest_command(
    url: str,
    prefix: str | None,
    filetype: str | None,
    rebuild: bool,
    release: bool,
    frames: tuple[range, ...] | None,
    storage_option: dict[str, Any],
    quiet: bool,
) -> int:
    """Print the manifest of a sequence as JSON: its frames, their sizes and checksums, and which runs are active.

    Runs of several frames write it. Exit status 1 if there is no manifest, or if the rebuilt one is not complete.
    """
    from seqsave.sequences.progress import progress_of

    if rebuild and release:
        message = "--rebuild removes the runs too that --release removes: use one of them"
        raise click.UsageError(message, click.get_current_context())
    if frames is not None and not rebuild:
        raise click.UsageError("--frames is for --rebuild", click.get_current_context())
    messages = Messages(quiet)
    with messages.catching():
        sequence = sequence_at(url, prefix, filetype, storage_option)
        found = _found(sequence, rebuild, release, frames, quiet)
    if found is None:
        raise Failure(
            f"{sequence.pattern} in {sequence.url} has no manifest: runs of several frames write one, and --rebuild"
        )
    print_json(_document(found))
    for obstacle in found.obstacles() if rebuild or release else progress_of(sequence).obstacles:
        messages.note(f"unfinished: {obstacle}")
    return FAILED if rebuild and not found.complete else 0


def _found(
    sequence: FrameSequence, rebuild: bool, release: bool, frames: tuple[range, ...] | None, quiet: bool
) -> Manifest | None:
    from seqsave.sequences import repair as making

    if rebuild:
        bar = None if quiet else open_progress(sequence.pattern, len(sequence), lines=True)
        with bar or nullcontext():
            return making.rebuild(sequence, expected=indices_of(frames), on_frame=Counter(bar))
    return making.release(sequence) if release else sequence.manifest


def _document(found: Manifest) -> Any:
    from seqsave.manifest import dump

    return json.loads(dump(found))
