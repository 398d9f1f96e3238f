"""``seqsave page``: make one HTML file that shows a whole sequence, for people without seqsave."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import Command
from seqsave.cli.completion import urls
from seqsave.cli.output import Counter, Messages, print_json, print_line, spelled
from seqsave.cli.parameters import (
    file_at,
    frames_option,
    height_option,
    indices_of,
    json_option,
    max_pixels_option,
    one_sequence,
    quiet_option,
    rate_option,
    sequence_at,
    storage_option,
)
from seqsave.runtime.progress import open_progress
from seqsave.wording import counted, format_size

if TYPE_CHECKING:
    from fractions import Fraction

    from seqsave.look.page import MadePage

__all__ = ["page_command"]


@click.command(
    "page",
    cls=Command,
    short_help="Make one HTML file that shows a sequence.",
    examples=[
        "seqsave page s3://renders/shot010",
        "seqsave page ./renders/shot010 shot010.html --workflow",
        "seqsave page 'renders/shot.####.exr' s3://reviews/shot.html --rate 24000/1001 --height 720",
    ],
)
@one_sequence
@click.argument("out", metavar="[OUT]", required=False, shell_complete=urls)
@frames_option()
@rate_option
@height_option("By default 720, or that of stored proxies.", default=None, show_default=False)
@click.option("--workflow", is_flag=True, help="Put prompt, workflow and other texts of the first frame into it.")
@max_pixels_option()
@storage_option()
@quiet_option
@json_option("what was made")
def page_command(
    url: str,
    out: str | None,
    prefix: str | None,
    filetype: str | None,
    frames: tuple[range, ...] | None,
    rate: Fraction | None,
    height: int | None,
    workflow: bool,
    max_pixels: int,
    storage_option: dict[str, Any],
    quiet: bool,
    as_json: bool,
) -> int:
    """Make one HTML file with a movie, a contact sheet and the gaps of a sequence; by default PREFIX.html beside it.

    It plays in a browser without a server, and loads nothing from elsewhere; 'page.html#f=1060' opens it at a frame. It
    names neither the place of the frames nor, without --workflow, their metadata. Without PyAV (pip install
    "seqsave[video]") it holds small pictures in place of a movie. If most frames have proxies, it is made from those,
    unless --height asks for more lines than they have. 'seqsave rm' removes the page with the sequence.
    """
    from seqsave.look.page import save_page
    from seqsave.sequences.belongings import PAGE_EXTENSION, own_path
    from seqsave.sequences.selection import only

    messages = Messages(quiet)
    with messages.catching():
        sequence = sequence_at(url, prefix, filetype, storage_option)
        if out is not None:
            target, path = file_at(out, storage_option)
        else:
            assert sequence.target is not None  # noqa: S101 - a sequence that was found lies somewhere
            target = sequence.target
            path = own_path(target, f"{sequence.prefix or 'preview'}.{PAGE_EXTENSION}")
        chosen = indices_of(frames)
        sequence = sequence if chosen is None else only(sequence, chosen)
        bar = None if quiet else open_progress(sequence.pattern, len(sequence.indices), lines=True)
        with bar or nullcontext():
            made = save_page(
                sequence,
                target,
                path,
                rate=rate,
                height=height,
                workflow=workflow,
                max_pixels=max_pixels,
                gaps=chosen is None,
                on_frame=Counter(bar),
            )
        for index, problem in sorted(made.broken.items()):
            messages.warn(f"frame {index} cannot be shown: {problem}")
        for text in made.notes:
            messages.warn(spelled(text))
    _print(target.url_of(path), made, as_json)
    return 0


def _print(where: str, made: MadePage, as_json: bool) -> None:
    if as_json:
        problems = [{"index": index, "problem": text} for index, text in sorted(made.broken.items())]
        print_json(
            {
                "url": where,
                "frames": made.frames,
                "size": made.size,
                "share": made.share,
                "proxies": made.stored,
                "problems": problems,
            }
        )
        return
    percent = 100 * (made.share or 0)
    share = "" if made.share is None else f", {percent:{'.2g' if percent < 10 else '.0f'}} % of the frames' bytes"
    stored = f" ({made.stored} from proxies)" if made.stored else ""
    print_line(f"{where}: {counted(made.frames, 'frame')}{stored}, {format_size(made.size)}{share}")
