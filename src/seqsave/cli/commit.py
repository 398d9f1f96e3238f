"""``seqsave commit``: end a run over many machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seqsave import naming
from seqsave.cli.app import Command
from seqsave.cli.completion import urls
from seqsave.cli.output import Messages, print_json
from seqsave.cli.parameters import as_frames, as_run, folder_at, json_option, quiet_option, storage_option
from seqsave.errors import RunError
from seqsave.wording import counted

if TYPE_CHECKING:
    from seqsave.manifest import Manifest

__all__ = ["commit_command"]


@click.command(
    "commit",
    cls=Command,
    short_help="End a run that many machines have saved frames in.",
    examples=[
        "seqsave commit s3://renders/shot010 --run shot010",
        "seqsave commit s3://renders/shot010 --run shot010 --frames 1001-1100",
        "seqsave commit s3://renders/shot010 --run shot010 --abandon",
    ],
)
@click.argument("url", metavar="URL", shell_complete=urls)
@click.option("--run", metavar="JOB", required=True, callback=as_run, help="The name given to 'seqsave save --run'.")
@click.option(
    "--frames",
    metavar="FRAMES",
    callback=as_frames,
    help="The expected frames, as 0-99, 1-10x2 or 1,5,9; by default those that the tasks were to save.",
)
@click.option("--abandon", is_flag=True, help="Give the run up: remove its records, and keep its frames.")
@storage_option()
@quiet_option
@json_option("the result")
def commit_command(
    url: str,
    run: str,
    frames: tuple[range, ...] | None,
    abandon: bool,
    storage_option: dict[str, Any],
    quiet: bool,
    as_json: bool,
) -> int:
    """Put the frames that the tasks of a run have saved into the manifest, and remove the records of the tasks.

    Any machine may commit, and may repeat it. Exit status 1, with nothing changed, if frames are missing or were
    replaced: save them again under the same name, and commit again. With --json, "frames" lists them for --frames.
    """
    if abandon and frames is not None:
        raise click.UsageError("--abandon is for a whole run, and not with --frames", click.get_current_context())
    messages = Messages(quiet)
    with messages.catching():
        folder_at(url, storage_option)
        try:
            made = _ended(url, run, frames, abandon, storage_option or None)
        except RunError as error:
            if error.frames:
                shown = naming.format_ranges(error.frames, 20)
                error.aftermath = f"save them again with --frames {shown} --run {run}"
            if as_json:
                lacking = naming.format_ranges(error.frames) or None
                print_json({"run": run, "error": str(error), "reason": error.reason, "frames": lacking})
            raise
    if as_json:
        print_json({"run": run, "sequences": [_document(one) for one in made]})
    if abandon:
        messages.note(f"abandoned run {run}: its frames stay in {url}, and {_patterns(made)} is unfinished")
        return 0
    if not made:
        messages.note(f"run {run} was committed before: no records are left in {url}")
    for one in made:
        _report(messages, run, one, is_guess=frames is None)
    return 0


def _report(messages: Messages, run: str, made: Manifest, *, is_guess: bool) -> None:
    messages.note(_summary(run, made))
    if is_guess and made.complete:
        messages.note("not checked: tasks that left no record. With --frames FIRST-LAST, commit names what is missing")
    for obstacle in made.obstacles():
        messages.note(f"unfinished: {obstacle}")


def _ended(
    url: str, run: str, frames: tuple[range, ...] | None, abandon: bool, options: dict[str, Any] | None
) -> list[Manifest]:
    from seqsave.runs import abandon_run, commit_run

    if abandon:
        return abandon_run(url, run, storage_options=options)
    return commit_run(url, run, frames=frames, storage_options=options)


def _patterns(made: list[Manifest]) -> str:
    return ", ".join(map(_pattern, made)) or "the sequence"


def _summary(run: str, made: Manifest) -> str:
    numbers = naming.format_ranges(naming.to_ranges(sorted({frame.index for frame in made.frames})), 10)
    state = "complete" if made.complete else "unfinished"
    return f"committed run {run}: {_pattern(made)} {numbers} ({counted(len(made.frames), 'frame')}), {state}"


def _document(made: Manifest) -> dict[str, Any]:
    return {
        "pattern": _pattern(made),
        "frames": len(made.frames),
        "complete": made.complete,
        "obstacles": made.obstacles(),
    }


def _pattern(made: Manifest) -> str:
    return f"{made.prefix}{made.separator}{'#' * max(1, made.digits)}{made.tail}.{made.extension}"
