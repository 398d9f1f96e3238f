"""``seqsave verify``: check whether a sequence is complete and intact, and list the frames to render again."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import FAILED, Command
from seqsave.cli.output import Counter, Messages, print_json, print_line
from seqsave.cli.parameters import frames_option, json_option, quiet_option, storage_option
from seqsave.runtime.progress import open_progress
from seqsave.wording import counted

if TYPE_CHECKING:
    from seqsave.sequences.verify import Verification

__all__ = ["verify_command"]

RUNS_SHOWN = 20
FINDINGS_SHOWN = 20
_NO_END = "its end is not known, since it has no manifest: --frames states what is expected"


@click.command(
    "verify",
    cls=Command,
    short_help="Check that a sequence is complete and intact.",
    examples=[
        "seqsave verify s3://renders/shot010",
        "seqsave verify ./renders --frames 1001-1100 --deep",
    ],
)
@click.argument("url", metavar="URL")
@click.option("--prefix", help="Which sequence, if there are several.")
@click.option("--filetype", help="Which file type of the sequence, if there are several.")
@frames_option(
    "The expected frames, as 0-119 or 0-118x2; by default those of the manifest, or from the first to the last one."
)
@click.option("--deep", is_flag=True, help="Read and decode every frame, and compare their sizes.")
@storage_option()
@quiet_option
@json_option("what was found")
def verify_command(
    url: str,
    prefix: str | None,
    filetype: str | None,
    frames: range | None,
    deep: bool,
    storage_option: dict[str, Any],
    quiet: bool,
    as_json: bool,
) -> int:
    """Check that a sequence is complete: no frame missing, empty or duplicate; with --deep, each one intact.

    With a manifest, the frames are compared with it: their numbers and sizes, and with --deep their checksums.

    A run that was interrupted or failed leaves its sequence unfinished. Without a manifest, the last frame is not
    known: --frames states what is expected.

    Prints the frames to render again as ranges (17,40-52), also those that were never reached. Exit status 1 if
    anything is wrong, or the sequence is unfinished.
    """
    from seqsave.sequences.finder import open_sequence
    from seqsave.sequences.verify import verify

    messages = Messages(quiet)
    with messages.catching():
        sequence = open_sequence(url, prefix, filetype, storage_option)
        bar = open_progress(sequence.pattern, len(sequence)) if deep and not quiet else None
        with bar or nullcontext():
            found = verify(sequence, expected=frames, deep=deep, on_frame=Counter(bar))
    if as_json:
        print_json(_document(found))
    else:
        _print(found)
    return 0 if found.ok else FAILED


def _print(found: Verification) -> None:
    from seqsave import naming

    looked = f"{found.decoded} decoded ({found.shape})" if found.decoded else "not decoded"
    state = f"{found.progress}: " if found.progress.state in ("unfinished", "unconfirmed") else ""
    head = f"{found.pattern} in {found.url}: {state}{counted(found.frames, 'frame')}, {looked}"
    if found.ok:
        print_line(f"{head}: {_verdict(found)}")
        return
    print_line(f"{head}: {counted(len(found.findings), 'problem')}")
    for obstacle in found.obstacles:
        print_line(f"  {found.manifest}: {obstacle}")
    if found.has_writers:
        print_line("    (if that run has died, seqsave manifest --release removes it)")
    for kind in dict.fromkeys(finding.kind for finding in found.findings):
        print_line(f"  {kind}: {naming.format_ranges(naming.to_ranges(found.indices(kind)), RUNS_SHOWN)}")
    messages = [finding.message for finding in found.findings if finding.message]
    for message in messages[:FINDINGS_SHOWN]:
        print_line(f"    {message}")
    if len(messages) > FINDINGS_SHOWN:
        print_line(f"    ... and {len(messages) - FINDINGS_SHOWN} more, see --json")
    if found.expected is None and not found.manifest:
        print_line(f"  {_NO_END}")
    if found.indices():
        print_line(f"render again: {naming.format_ranges(naming.to_ranges(found.indices()))}")


def _verdict(found: Verification) -> str:
    """Return the verdict on a sequence without a problem: it is complete, if its end is known."""
    intact = " and intact" if found.decoded else ""
    if found.manifest:
        return f"complete{intact}, as recorded in its manifest"
    if found.expected is not None:
        return f"complete{intact}"
    return f"no gap{intact and ', each frame is intact'}, but {_NO_END}"


def _document(found: Verification) -> dict[str, Any]:
    from seqsave import naming

    return {
        "url": found.url,
        "pattern": found.pattern,
        "ok": found.ok,
        "frames": found.frames,
        "decoded": found.decoded,
        "shape": found.shape,
        "manifest": found.manifest,
        "progress": found.progress.as_document(),
        "expected": None if found.expected is None else naming.format_ranges(found.expected),
        "obstacles": list(found.obstacles),
        "render_again": naming.format_ranges(naming.to_ranges(found.indices())),
        "findings": [
            {
                "kind": finding.kind,
                "index": finding.index,
                "batch": finding.batch,
                "url": finding.url,
                "message": finding.message,
            }
            for finding in found.findings
        ],
    }
