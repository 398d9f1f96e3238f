"""``seqsave save``: save a video, folder, glob, array or sequence to a folder, a bucket or memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from seqsave.cli.app import Command
from seqsave.cli.completion import urls
from seqsave.cli.options import settings_options
from seqsave.cli.output import Messages
from seqsave.cli.parameters import (
    as_rate,
    as_run,
    as_storage_options,
    folder_at,
    frames_option,
    json_option,
    max_pixels_option,
    quiet_option,
    storage_option,
)
from seqsave.cli.saving import SaveTask
from seqsave.settings.config import SETTINGS
from seqsave.wording import counted, first_of

__all__ = ["save_command"]

# Help of options that differ from the writer's settings.
_DIFFERENT: Mapping[str, Mapping[str, Any]] = {
    "filetype": {
        "multiple": True,
        "default": [],
        "note": f"By default that of the sequence, otherwise {SETTINGS['filetype'].default}. See 'seqsave filetypes'.",
    },
    "options": {"note": "For example quality=92."},
    "metadata": {"note": "Anything that is not JSON is stored as text."},
    "withhold": {"note": "For example 'Note.*' or '*.api_key'."},
    "max_bytes": {"note": "For example 500MB or 2GiB."},
    "prefix": {"default": None, "note": "By default the prefix of the sequence, otherwise frame."},
    "separator": {"default": None, "note": "By default the separator of the sequence, otherwise '_'."},
    "digits": {"default": None, "note": "By default the width in the sequence, otherwise 5."},
    "start": {"default": None, "note": "Numbers of a sequence move with it, gaps stay. By default they are kept."},
    "step": {"default": None, "note": "With it the frames get new numbers, without gaps."},
    "storage_options": {"callback": as_storage_options, "note": "Values may be JSON."},
    "spool": {"note": "'default' is the usual folder; 'seqsave flush' publishes the frames that are left there."},
}


@click.command(
    "save",
    cls=Command,
    examples=[
        "seqsave save clip.mp4 s3://renders/shot010 --filetype jpg --option quality=92",
        "seqsave save ./renders s3://renders/shot010 --if-exists skip",
        "seqsave save 'old/*.tif' new --prefix shot --start 1001 --filetype png",
        "seqsave save s3://renders/shot010 ./local",
        "seqsave save s3://renders/shot010 ./local --frames 17,40-52 --filetype jpg",
        "seqsave save ./shots s3://renders/shots --recursive --keep-going",
        "seqsave save clip.mp4 'out/shot.####.exr' --start 1001",
        "seqsave save ./renders s3://renders/shot010 --frames 0-99 --run shot010",
        "seqsave save ./renders ./out --filetype png --filetype jpg --tag 'copyright=© 2026 Studio' --preview mp4",
    ],
)
@click.argument("paths", metavar="SOURCE URL", nargs=-1, shell_complete=urls)
@settings_options(_DIFFERENT)
@storage_option("--source-storage-option", "SOURCE")
@click.option("--workflow", metavar="FILE", help="Embed a workflow or API prompt from a JSON file; '-' reads stdin.")
@click.option("--attempts", type=click.IntRange(1), help="Maximum requests per file.  [default: 30]")
@click.option(
    "--deadline",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Seconds to keep retrying a file; 10 if the storage was never reached.  [default: 120]",
)
@frames_option("Only these frames of SOURCE, by their numbers: 0-99, 1-10x2, 1,5,9. A video's are counted from 0.")
@click.option(
    "--offset",
    type=int,
    metavar="N",
    help="Add N, which may be negative, to the number of each frame; gaps stay.",
)
@max_pixels_option()
@click.option(
    "--stream",
    type=click.IntRange(0),
    metavar="N",
    help="The video stream of SOURCE to read, counted from 0.  [default: the one with the largest picture]",
)
@click.option(
    "--resample",
    metavar="FPS",
    callback=as_rate,
    help="Bring a video or an animation to this constant rate: pictures are repeated or left out by their times.",
)
@click.option("--recursive", "-r", is_flag=True, help="Save each sequence in SOURCE and in the folders below it.")
@click.option("--keep-going", is_flag=True, help="Continue after frames that cannot be read, and name them at the end.")
@click.option(
    "--run",
    metavar="JOB",
    callback=as_run,
    help="Save as one task of a run of this name, which many machines may take part in; 'seqsave commit' ends the run.",
)
@quiet_option
@json_option("the result")
def save_command(paths: tuple[str, ...], quiet: bool, as_json: bool, recursive: bool, **given: Any) -> int:
    """Save SOURCE as an image sequence at URL.

    SOURCE is a video, a .npy array with the axes T,H,W,C, a picture, a folder, a glob ('shots/*.png'), or a sequence
    to copy or convert: its folder, or a pattern ('frame_#####.png', 'frame_%05d.png'). URL is a folder, or a pattern
    that names the files and their file type ('out/shot.####.exr'). Both may be local paths or fsspec URLs
    (s3://bucket/shot010, memory://shot), or names of configured targets.

    A sequence keeps its file type, names, numbers and gaps: its files are copied byte for byte, also those without an
    installed decoder, unless another file type, or an option for pixels or metadata, needs new files.
    """
    from seqsave.sources import open_source

    source, url = _source_and_url(paths)
    _check_numbers({**given, "recursive": recursive})
    messages = Messages(quiet)
    with messages.catching():
        if recursive:
            from seqsave.cli.tree import save_tree

            return save_tree(source, url, given, messages, as_json)
        folder_at(source, given["source_storage_option"])
        opened = open_source(
            source,
            given["source_storage_option"],
            max_pixels=given["max_pixels"],
            stream=given["stream"],
            pages=given["pages"],
            resample=given["resample"],
        )
        return SaveTask.prepare(opened, url, given, messages).job(as_json).run()


def _check_numbers(given: Mapping[str, Any]) -> None:
    """Raise UsageError for options that contradict each other."""
    other = next((name for name in ("start", "step") if given[name] is not None), None)
    if given["offset"] is not None and other is not None:
        raise click.UsageError(
            f"--offset and --{other} contradict each other: give one of them", click.get_current_context()
        )
    if given["resample"] is not None and given["recursive"]:
        raise click.UsageError("--resample is for one video, and not with --recursive", click.get_current_context())


def _source_and_url(paths: tuple[str, ...]) -> tuple[str, str]:
    """Return SOURCE and URL. More than two paths come from a glob that the shell expanded."""
    context = click.get_current_context()
    if len(paths) < 2:
        raise click.UsageError(f"SOURCE and URL are needed: {'URL' if paths else 'SOURCE'} is missing", context)
    if len(paths) > 2:
        some = first_of(paths, 3)
        raise click.UsageError(
            f"expected one SOURCE and one URL, but got {counted(len(paths), 'path')}: {some}. "
            "Put a glob in quotes, as 'renders/*.png'",
            context,
        )
    return paths[0], paths[1]
