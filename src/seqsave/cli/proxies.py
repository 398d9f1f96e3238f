"""``seqsave proxies``: store small pictures of a sequence beside its frames, for viewers."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import click

from seqsave.cli.app import FAILED, Command
from seqsave.cli.output import Counter, Messages, complain, print_json, print_line
from seqsave.cli.parameters import json_option, one_sequence, quiet_option, sequence_at, storage_option
from seqsave.runtime.progress import open_progress
from seqsave.wording import counted, format_size

__all__ = ["proxies_command"]


@click.command(
    "proxies",
    cls=Command,
    short_help="Store small pictures beside the frames.",
    examples=["seqsave proxies s3://renders/shot010", "seqsave proxies ./renders --prefix beauty"],
)
@one_sequence
@storage_option()
@quiet_option
@json_option("what was made")
def proxies_command(
    url: str, prefix: str | None, filetype: str | None, storage_option: dict[str, Any], quiet: bool, as_json: bool
) -> int:
    """Store small pictures of a sequence beside its frames, so that 'seqsave view' plays it from a bucket.

    They are JPEG files, half as wide and thumbnails, in .seqsave. Only frames without such pictures are read. 'seqsave
    save --proxies' makes them while it saves.

    Exit status 1 if a frame cannot be read or decoded; the others get theirs.
    """
    from seqsave.look.storing import make_proxies
    from seqsave.sequences.cells import problem_of

    messages = Messages(quiet)
    with messages.catching():
        sequence = sequence_at(url, prefix, filetype, storage_option)
        bar = None if quiet else open_progress(sequence.pattern, len(sequence), lines=True)
        with bar or nullcontext():
            made = make_proxies(sequence, on_frame=Counter(bar))
    if as_json:
        print_json(
            {
                "url": sequence.url,
                "pattern": sequence.pattern,
                "made": made.made,
                "kept": made.kept,
                "size": made.bytes,
                "removed": made.removed,
                "failed": [{"index": frame.index, "batch": frame.batch, "error": str(e)} for frame, e in made.failed],
            }
        )
    else:
        kept = f", {made.kept} had them" if made.kept else ""
        what = f"{counted(made.made, 'frame')} of {sequence.pattern} in {sequence.url}"
        print_line(f"stored proxies of {what} ({format_size(made.bytes)}{kept})")
        if made.removed:
            messages.note(f"deleted {counted(made.removed, 'file')} of proxies that belonged to no frame any more")
    if made.unbound:
        messages.warn(
            f"{counted(made.unbound, 'frame')} will not be shown from proxies: the sequence has no manifest, and its "
            "storage does not show when a file is replaced. 'seqsave manifest --rebuild' makes a manifest"
        )
    for frame, error in made.failed[:3]:
        complain(f"{frame.name} has no proxy: {problem_of(error, frame)}")
    if len(made.failed) > 3:
        complain(f"{len(made.failed)} frames have no proxies in all")
    return FAILED if made.failed else 0
