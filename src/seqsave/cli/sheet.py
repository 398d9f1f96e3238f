"""``seqsave sheet``: save a contact sheet of a sequence as one picture."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import Command
from seqsave.cli.completion import urls
from seqsave.cli.output import Counter, Messages, print_json, print_line
from seqsave.cli.parameters import (
    file_at,
    frames_option,
    indices_of,
    json_option,
    max_pixels_option,
    one_sequence,
    quiet_option,
    sequence_at,
    storage_option,
)
from seqsave.runtime.progress import open_progress
from seqsave.wording import format_size

if TYPE_CHECKING:
    from seqsave.sequences.frame import Frame

__all__ = ["sheet_command"]


@click.command(
    "sheet",
    cls=Command,
    short_help="Save a contact sheet of a sequence as one picture.",
    examples=[
        "seqsave sheet ./renders/shot010 shot010.png",
        "seqsave sheet s3://renders/shot010 s3://renders/sheets/shot010.jpg",
        "seqsave sheet 'renders/shot.####.exr' shot.webp --cells 24 --columns 6 --width 2400",
        "seqsave sheet ./renders --frames 1001-1048 cut.png",
    ],
)
@one_sequence
@click.argument("out", metavar="OUT", shell_complete=urls)
@frames_option()
@click.option(
    "--cells", type=click.IntRange(1, 10_000), default=48, show_default=True, help="How many there are at most."
)
@click.option(
    "--columns", type=click.IntRange(1), help="How many cells are side by side; by default a number that suits them."
)
@click.option("--width", type=click.IntRange(64, 16_384), default=1600, show_default=True, help="Width in pixels.")
@max_pixels_option()
@storage_option()
@quiet_option
@json_option("what was made")
def sheet_command(
    url: str,
    out: str,
    prefix: str | None,
    filetype: str | None,
    frames: tuple[range, ...] | None,
    cells: int,
    columns: int | None,
    width: int,
    max_pixels: int,
    storage_option: dict[str, Any],
    quiet: bool,
    as_json: bool,
) -> int:
    """Save a contact sheet of a sequence to OUT, a .png, .jpg or .webp on any storage.

    Frames at equal distances, each with its number. Frames that are missing between two of them have a cell of their
    own, hatched in red, and so have frames that cannot be shown. Only the frames on the sheet are read. Colours are
    converted from what the frames state to sRGB; light brighter than white is cut off.
    """
    from seqsave.look.sheet import save_sheet
    from seqsave.sequences.selection import only

    messages = Messages(quiet)
    with messages.catching():
        sequence = sequence_at(url, prefix, filetype, storage_option)
        target, path = file_at(out, storage_option)
        chosen = indices_of(frames)
        sequence = sequence if chosen is None else only(sequence, chosen)
        problems: list[dict[str, Any]] = []

        def report(frame: Frame, problem: str) -> None:
            problems.append({"index": frame.index, "url": frame.url, "problem": problem})
            messages.warn(f"frame {frame.index} cannot be shown: {problem}")

        bar = None if quiet else open_progress(sequence.pattern, min(cells, len(sequence.indices)), lines=True)
        with bar or nullcontext():
            made = save_sheet(
                sequence,
                target,
                path,
                cells=cells,
                columns=columns,
                width=width,
                max_pixels=max_pixels,
                gaps=chosen is None,
                on_frame=Counter(bar),
                on_problem=report,
            )
    where = target.url_of(path)
    if as_json:
        size = {"width": made.width, "height": made.height, "size": made.size}
        print_json({"url": where, **size, "problems": problems})
    else:
        print_line(f"{where}: {made.width}x{made.height} pixels, {format_size(made.size)}")
    return 0
