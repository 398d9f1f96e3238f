"""``seqsave preview``: make a movie of a sequence, for a quick look, beside its frames or elsewhere."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import Command
from seqsave.cli.completion import colors
from seqsave.cli.options import setting_option
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
from seqsave.pictures.codecs import CODECS, HIGHEST_QUALITY
from seqsave.runtime.progress import open_progress
from seqsave.wording import counted, format_size

if TYPE_CHECKING:
    from fractions import Fraction

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
        "seqsave preview ./renders --codec prores --burn-in --to shot010.mov",
        "seqsave preview ./renders --codec h264 --quality 85 --color acescg --view 'ACES 1.0 - SDR Video'",
    ],
)
@one_sequence
@frames_option()
@click.option(
    "--to",
    metavar="URL",
    help="The file to write, .mp4, .webm or .mov. By default PREFIX.mp4, or the codec's, beside the frames.",
)
@rate_option
@height_option()
@click.option(
    "--codec",
    type=click.Choice(tuple(CODECS)),
    help="h264 (.mp4, .mov), av1 (.mp4, .webm), vp9 (.webm) or prores (.mov). By default a free one that the "
    "file holds; ProRes for .mov.",
)
@click.option(
    "--quality",
    type=click.IntRange(1, HIGHEST_QUALITY),
    help="1 to 100; by default enough for a quick look. For ProRes, 75 is 422 HQ, 50 is 422, 25 LT, less is Proxy.",
)
@click.option("--burn-in", is_flag=True, help="Draw the number of each frame into it.")
@click.option(
    "--color",
    metavar="SPACE",
    shell_complete=colors,
    help="The colour space of the values in the frames, such as linear-srgb; by default what they state.",
)
@click.option(
    "--background",
    metavar="COLOR",
    default="black",
    show_default=True,
    help="The colour below transparent pixels and around frames of another size: a name, or #rrggbb.",
)
@setting_option("ocio", text="The OpenColorIO config whose display and view show the frames.")
@setting_option("display")
@setting_option("view")
@setting_option("channels", text="The channels of the frames to show, by name, such as R,G,B or depth.Z.")
@setting_option("layer", text="The layer of the frames to show: beauty for the channels beauty.R, beauty.G, beauty.B.")
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
    rate: Fraction | None,
    max_pixels: int,
    storage_option: dict[str, Any],
    quiet: bool,
    as_json: bool,
    **look: Any,
) -> int:
    """Make a movie of a sequence for a quick look, with the workflow of its first frame in its tags.

    Colours are converted from what the frames state, and the movie states its own. It has the size of the first frame;
    others are fitted into it, with bars. Needs PyAV: pip install "seqsave[video]".
    """
    from seqsave.sequences.preview import make_preview
    from seqsave.sequences.selection import only

    messages = Messages(quiet)
    with messages.catching():
        sequence = sequence_at(url, prefix, filetype, storage_option)
        codec = look["codec"]
        target, path = _place(to, sequence, storage_option, "mp4" if codec is None else CODECS[codec].containers[0])
        if not path.lower().endswith((".mp4", ".webm", ".mov")):
            raise click.BadParameter(f"{to!r} is neither .mp4 nor .webm nor .mov", param_hint="'--to'")
        chosen = indices_of(frames)
        sequence = sequence if chosen is None else only(sequence, chosen)
        bar = open_progress(sequence.pattern, len(sequence.indices), lines=True) if not quiet else None
        with bar or nullcontext():
            made = make_preview(
                sequence,
                target,
                path,
                rate=rate,
                max_pixels=max_pixels,
                on_frame=Counter(bar),
                chosen=chosen is not None,
                keeps_others=to is None,
                **look,
            )
        for text in made.notes:
            messages.warn(spelled(text))
    where = target.url_of(path)
    if as_json:
        print_json({"url": where, "frames": made.frames, "size": made.size})
    else:
        print_line(f"{where}: {counted(made.frames, 'picture')}, {format_size(made.size)}")
    return 0


def _place(
    to: str | None, sequence: FrameSequence, storage_options: dict[str, Any], extension: str
) -> tuple[Target, str]:
    """Return the target and the name of the movie."""
    if to is not None:
        return file_at(to, storage_options)
    assert sequence.target is not None  # noqa: S101 - a sequence that was found lies somewhere
    return sequence.target, f"{sequence.prefix or 'preview'}.{extension}"
