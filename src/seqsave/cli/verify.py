"""``seqsave verify``: check whether a sequence is complete and intact, and list the frames to render again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import FAILED, Command, Failure
from seqsave.cli.output import Counter, Messages, print_json, print_line
from seqsave.cli.parameters import (
    frames_option,
    indices_of,
    json_option,
    max_pixels_option,
    one_sequence,
    quiet_option,
    sequence_at,
    storage_option,
)
from seqsave.errors import SequenceNotFoundError
from seqsave.runtime.progress import open_progress
from seqsave.types import MAX_PIXELS
from seqsave.wording import command, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqsave.sequences.verify import Finding, Verification

__all__ = ["verify_command"]

RUNS_SHOWN = 20
FINDINGS_SHOWN = 20
_UNREAD = "not decoded"
_NO_END = "its end is unknown, since it has no manifest: give the expected frames with --frames"


@click.command(
    "verify",
    cls=Command,
    short_help="Check that a sequence is complete and intact.",
    examples=[
        "seqsave verify s3://renders/shot010",
        "seqsave verify ./renders --frames 1001-1100 --deep",
        "seqsave verify s3://renders/shot010 --frames 17,40-52 --deep",
        "seqsave verify ./panorama --deep --max-pixels 1000000000",
    ],
)
@one_sequence
@frames_option(
    "The expected frames, as 0-119, 17,40-52 or 0-118x2: no others are looked at. By default those of the manifest, or "
    "from the first to the last one."
)
@click.option("--deep", is_flag=True, help="Read and decode every frame, and compare their sizes.")
@max_pixels_option("Needs --deep.", default=None)
@storage_option()
@quiet_option
@json_option("what was found")
def verify_command(
    url: str,
    prefix: str | None,
    filetype: str | None,
    frames: tuple[range, ...] | None,
    deep: bool,
    max_pixels: int | None,
    storage_option: dict[str, Any],
    quiet: bool,
    as_json: bool,
) -> int:
    """Check that a sequence is complete: no frame missing, empty or duplicate; with --deep, each one intact.

    With a manifest, the frames are compared with it: their numbers and sizes, and the checksums of those that were
    replaced or copied after they were recorded; with --deep the checksums of all.

    A run that was interrupted or failed leaves its sequence unfinished. Without a manifest, the last frame is not
    known: give the expected frames with --frames.

    Prints the frames to render again as ranges (17,40-52), also those that were never reached. A frame that cannot be
    judged here (no decoder of its file type is installed, the decoder does not read this kind of file, it is larger
    than --max-pixels, this user may not read it, or its recorded checksum is of an unknown algorithm) is named with the
    reason, and is not listed to render again.

    Exit status 1 if anything is wrong, the sequence is unfinished, or a frame cannot be judged; with --json,
    render_again and cannot_judge say which.
    """
    if max_pixels is not None and not deep:
        raise click.UsageError("--max-pixels needs --deep: without it no picture is decoded")
    from seqsave.sequences.lookup import is_pattern
    from seqsave.sequences.lost import lost_beside
    from seqsave.sequences.verify import verify
    from seqsave.sequences.waiting import waiting_at, waiting_for

    messages = Messages(quiet)
    with messages.catching():
        try:
            sequence = sequence_at(url, prefix, filetype, storage_option)
        except (Failure, SequenceNotFoundError):  # all of its frames may wait
            if waiting := waiting_at(url, storage_option):
                messages.warn(str(waiting))
            raise
        bar = open_progress(sequence.pattern, len(sequence), lines=True) if deep and not quiet else None
        with bar or nullcontext():
            limit = MAX_PIXELS if max_pixels is None else max_pixels
            found = verify(sequence, expected=indices_of(frames), deep=deep, max_pixels=limit, on_frame=Counter(bar))
        waiting = None if sequence.target is None else waiting_for(sequence.target, sequence.folder, sequence.name)
        if waiting is not None:
            messages.warn(str(waiting))
        if prefix is None and filetype is None and not is_pattern(url):
            for lost in lost_beside(sequence):
                messages.warn(f"beside it in {sequence.url}, {lost}")
    if as_json:
        print_json(_document(found))
    else:
        _print(found, url if prefix is None and filetype is None else f"{found.url}/{found.pattern}", storage_option)
    return 0 if found.ok else FAILED


def _print(found: Verification, url: str, options: Collection[str]) -> None:
    """Print the findings. url: of the sequence alone, for the advice. options: the names of the storage options."""
    from seqsave import naming

    looked = f"{found.decoded} decoded ({found.shape})" if found.decoded else "none decoded" if found.read else _UNREAD
    state = f"{found.progress}: " if found.progress.state in ("unfinished", "unconfirmed", "mixed") else ""
    head = f"{found.pattern} in {found.url}: {state}{counted(found.frames, 'frame')}, {looked}"
    if found.ok:
        print_line(f"{head}: {_verdict(found)}")
        _print_uncompared(found)
        return
    unjudged = [finding for finding in found.findings if finding.kind == "unjudged"]
    others = [finding for finding in found.findings if finding.kind != "unjudged"]
    counts = [counted(len(others), "problem")] if others else []
    counts += (
        [f"{counted(len({(one.index, one.batch) for one in unjudged}), 'frame')} cannot be judged"] if unjudged else []
    )
    print_line(": ".join(filter(None, (head, ", ".join(counts)))))
    for text in _obstacles(found, url, options):
        print_line(f"  {found.manifest}: {text}")
    for kind in dict.fromkeys(finding.kind for finding in others):
        print_line(f"  {kind}: {naming.format_ranges(naming.to_ranges(found.indices(kind)), RUNS_SHOWN)}")
    messages = [finding.message for finding in others if finding.message]
    for message in messages[:FINDINGS_SHOWN]:
        print_line(f"    {message}")
    if len(messages) > FINDINGS_SHOWN:
        print_line(f"    ... and {len(messages) - FINDINGS_SHOWN} more, see --json")
    _print_unjudged(unjudged)
    _print_uncompared(found)
    if found.expected is None and not found.manifest:
        print_line(f"  {_NO_END}")
    if found.indices():
        print_line(f"render again: {naming.format_ranges(naming.to_ranges(found.indices()))}")


def _obstacles(found: Verification, url: str, options: Collection[str]) -> Iterator[str]:
    """Yield why the manifest is not complete, with advice; without the missing frames if these are printed anyway."""
    from seqsave.manifest.intervals import covers, unite
    from seqsave.naming import format_ranges, to_ranges

    known = found.progress.known
    writers = known.writers if known is not None else ()
    missing = unite(*known.missing.values()) if known is not None else ()
    printed = covers(to_ranges(sorted({*found.indices("missing"), *found.indices("unreadable")})), missing)
    left_out = known.missing_clauses() if known is not None and printed else []
    for number, obstacle in enumerate(one for one in found.obstacles if one not in left_out):
        if number >= len(writers):
            yield obstacle
        elif job := writers[number].job:
            frames = format_ranges(found.expected) if found.expected else "FIRST-LAST"
            commit = command("seqsave", "commit", found.url, "--run", job, "--frames", frames, options=options)
            yield f"{obstacle}; when all of its tasks have ended: {commit}"
        else:
            release = command("seqsave", "manifest", url, "--release", options=options)
            yield f"{obstacle}; verify it again when that has ended. If it has died: {release}"


def _print_uncompared(found: Verification) -> None:
    """Print the frames that may have been copied, or replaced by files of the same size."""
    from seqsave import naming

    if found.uncompared:
        print_line(f"  not compared: {naming.format_ranges(found.uncompared, RUNS_SHOWN)}")
        print_line("    these are not the recorded files, but copies or others of the same size: --deep compares them")


def _print_unjudged(unjudged: Sequence[Finding]) -> None:
    """Print the frames that cannot be judged, and for each reason what to do."""
    from seqsave import naming

    for reason in dict.fromkeys(finding.reason for finding in unjudged):
        alike = [finding for finding in unjudged if finding.reason == reason]
        numbers = naming.format_ranges(naming.to_ranges(sorted({finding.index for finding in alike})), RUNS_SHOWN)
        more = f" ({len(alike) - 1} more are alike)" if len(alike) > 1 else ""
        print_line(f"  cannot judge: {numbers}")
        print_line(f"    {alike[0].message}{more}")
        print_line(f"    {_advice(alike)}")
        if all(finding.is_recorded for finding in alike):
            print_line("    the bytes are as recorded in the manifest")


def _advice(alike: Sequence[Finding]) -> str:
    pixels = max(finding.pixels for finding in alike)
    if alike[0].reason == "too large":
        return f"--max-pixels {pixels} decodes pictures of this size" if pixels else "verify them with more memory"
    if alike[0].reason == "no decoder":
        return "install a decoder of this file type (seqsave filetypes lists them), or check with another program"
    if alike[0].reason == "not permitted":
        return "verify them as a user who may read them"
    if alike[0].reason == "unknown checksum":
        return "their bytes cannot be compared: update seqsave, or if they are right, seqsave manifest URL --rebuild"
    return "check these files with a program that reads them"


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
        "cannot_judge": naming.format_ranges(naming.to_ranges(found.indices("unjudged"))),
        "not_compared": naming.format_ranges(found.uncompared),
        "render_again": naming.format_ranges(naming.to_ranges(found.indices())),
        "findings": [
            {
                "kind": finding.kind,
                "index": finding.index,
                "batch": finding.batch,
                "url": finding.url,
                "message": finding.message,
                **({} if finding.reason is None else {"reason": finding.reason}),
            }
            for finding in found.findings
        ],
    }
