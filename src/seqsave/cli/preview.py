"""``seqsave preview``: make a movie of a sequence, for a quick look, beside its frames or elsewhere."""

from __future__ import annotations

from contextlib import nullcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import Command
from seqsave.cli.completion import urls
from seqsave.cli.output import Counter, Messages, print_json, print_line
from seqsave.cli.parameters import (
    file_at,
    filetype_option,
    frames_option,
    indices_of,
    json_option,
    max_pixels_option,
    quiet_option,
    sequence_at,
    storage_option,
)
from seqsave.runtime.progress import format_size, open_progress

if TYPE_CHECKING:
    from seqsave.sequences.reader import FrameSequence
    from seqsave.targets import Target

__all__ = ["preview_command"]


@click.command(
    "preview",
    cls=Command,
    short_help="Make a movie of a sequence for a quick look.",
    examples=[
        "seqsave preview s3://renders/shot010",
        "seqsave preview ./renders --frames 1001-1048 --to cut.mp4",
        "seqsave preview ./renders --rate 24000/1001 --height 1080 --to shot010.webm",
    ],
)
@click.argument("url", metavar="URL", shell_complete=urls)
@click.option("--prefix", help="Which sequence, if there are several.")
@filetype_option
@frames_option("Only these frames, as 0-119, 17,40-52 or 0-118x2; by default all.")
@click.option("--to", metavar="URL", help="The file to write, .mp4 or .webm. By default PREFIX.mp4 beside the frames.")
@click.option(
    "--rate", metavar="FPS", help="Frames per second, such as 24000/1001. By default the manifest's rate, or 24."
)
@click.option(
    "--height", type=click.IntRange(2, 8192), default=720, show_default=True, help="Maximum height in pixels."
)
@max_pixels_option()
@storage_option()
@quiet_option
@json_option("what was made")
def preview_command(
    url: str,
    prefix: str | None,
    filetype: str | None,
    frames: tuple[range, ...] | None,
    to: str | None,
    rate: str | None,
    height: int,
    max_pixels: int,
    storage_option: dict[str, Any],
    quiet: bool,
    as_json: bool,
) -> int:
    """Make a movie of a sequence for a quick look, with the workflow of its first frame in its tags.

    Needs PyAV: pip install "seqsave[video]".
    """
    from seqsave.sequences.preview import make_preview
    from seqsave.sequences.selection import only

    messages = Messages(quiet)
    with messages.catching():
        sequence = sequence_at(url, prefix, filetype, storage_option)
        target, path = _place(to, sequence, storage_option)
        if not path.lower().endswith((".mp4", ".webm")):
            raise click.BadParameter(f"{to!r} is neither .mp4 nor .webm", param_hint="'--to'")
        chosen = indices_of(frames)
        sequence = sequence if chosen is None else only(sequence, chosen)
        bar = open_progress(sequence.pattern, len(sequence.indices), lines=True) if not quiet else None
        with bar or nullcontext():
            made = make_preview(
                sequence,
                target,
                path,
                rate=_rate(rate),
                height=height,
                max_pixels=max_pixels,
                on_frame=Counter(bar),
            )
    where = target.url_of(path)
    if as_json:
        print_json({"url": where, "frames": made.frames, "size": made.size})
    else:
        print_line(f"{where}: {made.frames} pictures, {format_size(made.size)}")
    return 0


def _place(to: str | None, sequence: FrameSequence, storage_options: dict[str, Any]) -> tuple[Target, str]:
    """Return the target and the name of the movie."""
    if to is not None:
        return file_at(to, storage_options)
    assert sequence.target is not None  # noqa: S101 - a sequence that was found lies somewhere
    return sequence.target, f"{sequence.prefix or 'preview'}.mp4"


def _rate(given: str | None) -> Fraction | None:
    if given is None:
        return None
    try:
        rate = Fraction(given)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise click.BadParameter(f"{given!r} is not a rate: use 24, 29.97 or 24000/1001", param_hint="'--rate'")
    return rate.limit_denominator(1_001_000)
