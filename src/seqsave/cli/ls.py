"""``seqsave ls`` and ``seqsave workflow``: what lies in a storage, and what a frame carries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import FAILED, WRONG_CALL, Command, Failure
from seqsave.cli.output import Messages, complain, print_json, print_line
from seqsave.cli.parameters import file_at, folder_at, json_option, storage_option
from seqsave.errors import ManifestError, TargetError
from seqsave.runtime.progress import format_size
from seqsave.wording import counted, did_you_mean

if TYPE_CHECKING:
    from seqsave.sequences.reader import FrameSequence
    from seqsave.targets import Target

__all__ = ["ls_command", "workflow_command"]

# A gap list longer than this is cut for people; --json has all of it.
RUNS_SHOWN = 20


@click.command(
    "ls",
    cls=Command,
    short_help="List sequences, their gaps and sizes.",
    examples=[
        "seqsave ls ./renders",
        "seqsave ls s3://renders --recursive",
        "seqsave ls 'renders/shot.####.exr'",
    ],
)
@click.argument("url", metavar="URL")
@click.option("--recursive", "-r", is_flag=True, help="Search subfolders too.")
@click.option("--prefix", help="Only sequences of this prefix, as 'frame' or 'shots/frame'.")
@storage_option()
@json_option("the sequences")
def ls_command(url: str, recursive: bool, prefix: str | None, storage_option: dict[str, Any], as_json: bool) -> int:
    """List the sequences at URL, with gaps and sizes, and what their manifest says: complete, or unfinished.

    URL is a folder on any storage, or a pattern such as 'renders/frame_#####.png'.
    """
    with Messages().catching():
        target = folder_at(url, storage_option)
        found = list(_find(url, recursive, prefix, storage_option))
        problem = "" if found else _nothing(url, target, prefix, recursive, storage_option)
        documents = [_document(sequence) for sequence in found]
    if as_json:
        print_json({"sequences": documents})
    else:
        for sequence in found:
            print_line(_line(sequence))
    if problem:
        complain(problem)
        return FAILED
    return 0


def _find(url: str, recursive: bool, prefix: str | None, options: dict[str, Any]) -> Sequence[FrameSequence]:
    from seqsave import naming
    from seqsave.sequences import finder

    if prefix is None and naming.parse_pattern(url) is not None:
        return [finder.open_sequence(url, storage_options=options)]
    below = recursive or (prefix is not None and "/" in prefix)
    found = finder.find_sequences(url, recursive=below, storage_options=options)
    try:
        return [sequence for sequence in found if prefix in (None, sequence.prefix)]
    except TargetError as error:
        if isinstance(error.__cause__, NotADirectoryError):
            return []  # reported as on storages that list nothing for a file
        raise


def _line(sequence: FrameSequence) -> str:
    """``frame_#####.png 0-119 (119 frames, 1 missing: 17)  48.2 MB``."""
    indices = sequence.indices
    span = str(indices[0]) if indices[0] == indices[-1] else f"{indices[0]}-{indices[-1]}"
    facts = [counted(len(sequence), "frame")]
    batches = sequence.batches
    if batches:
        facts[0] += f" in {counted(len(batches), 'batch', 'batches')}: {_ranges(_runs(batches))}"
    missing = sequence.missing_ranges
    if missing:
        facts.append(f"{sum(map(len, missing))} missing: {_ranges(missing)}")
    state = {None: "", True: ", complete", False: ", unfinished"}[_state(sequence)]
    return f"{_shown(sequence)} {span} ({', '.join(facts)})  {format_size(sequence.size)}{state}"


def _state(sequence: FrameSequence) -> bool | None:
    """Whether its manifest says that it is complete; None without one that can be read."""
    try:
        known = sequence.manifest
    except (ManifestError, TargetError):
        return None
    return None if known is None else known.complete


def _shown(sequence: FrameSequence) -> str:
    folder = sequence.prefix.rpartition("/")[0]
    return f"{folder}/{sequence.pattern}" if folder else sequence.pattern


def _runs(numbers: Sequence[int]) -> tuple[range, ...]:
    from seqsave import naming

    return naming.to_ranges(numbers)


def _ranges(runs: Sequence[range]) -> str:
    from seqsave import naming

    return naming.format_ranges(runs, RUNS_SHOWN)


def _document(sequence: FrameSequence) -> dict[str, Any]:
    from seqsave import naming

    indices = sequence.indices
    missing = sequence.missing_ranges
    return {
        "pattern": _shown(sequence),
        "url": sequence.url,
        "prefix": sequence.prefix,
        "digits": sequence.digits,
        "extension": sequence.extension,
        "filetype": sequence.filetype,
        "first": indices[0],
        "last": indices[-1],
        "count": len(sequence),
        "indices": naming.format_ranges(sequence.ranges),
        "missing": naming.format_ranges(missing),
        "missing_count": sum(map(len, missing)),
        "batches": list(sequence.batches),
        "size": sequence.size,
        "complete": _state(sequence),
    }


def _nothing(url: str, target: Target, prefix: str | None, recursive: bool, options: dict[str, Any]) -> str:
    """Say that there is no sequence, and what there is instead. Raises Failure where that is a file."""
    from seqsave.sources import describe_missing, kind_of

    kind = kind_of(url, options)
    if kind == "file":
        raise Failure(f"{target.url} is a file, not a folder: give the folder that it lies in", WRONG_CALL)
    if kind is None:
        return describe_missing(url, options)
    entries = [entry for entry in target.list("") if not entry.name.startswith(".")]
    folders = [entry.name for entry in entries if entry.is_folder]
    names = [entry.name for entry in entries if not entry.is_folder]
    where = f"no sequence {f'{prefix}_#### ' if prefix else ''}in {target.url}"
    if folders and not recursive:
        return f"{where}, but folders: {_some(folders)}; --recursive looks into them"
    if names:
        return f"{where}, only: {_some(names)}; frames are named as frame_00017.png"
    return f"{where} or the folders below it" if folders else f"{where}: the folder is empty"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


@click.command(
    "workflow",
    cls=Command,
    examples=[
        "seqsave workflow renders/frame_00018.png",
        "seqsave workflow s3://renders/shot010/frame_00018.png --key workflow > workflow.json",
    ],
)
@click.argument("url", metavar="URL")
@click.option("--key", help="Print this one alone: workflow, prompt, or whatever else the file holds.")
@storage_option()
def workflow_command(url: str, key: str | None, storage_option: dict[str, Any]) -> None:
    """Print the prompt and workflow of one frame, as JSON.

    Everything else that it carries is printed as well, also what the file could not hold and is kept beside it.
    """
    with Messages().catching():
        values = _read_metadata(url, storage_option)
    if key is None:
        print_json(values)
    elif key in values:
        print_json(values[key])
    else:
        raise Failure(f"no {key!r} in {url}{did_you_mean(key, values)}: there is {', '.join(map(repr, values))}")


def _read_metadata(url: str, options: dict[str, Any]) -> dict[str, Any]:
    from seqsave.sequences.reader import Files

    target, name = file_at(url, options)
    shown = target.url_of(name)
    if not target.exists(name):
        raise _no_file(url, shown, options)
    values = Files(target).frame(name, 0, 0).read_metadata()
    if not values:
        raise Failure(f"{shown} holds no workflow or other metadata")
    return values


def _no_file(url: str, shown: str, options: dict[str, Any]) -> Failure:
    from seqsave.sequences import finder
    from seqsave.sources import describe_missing, kind_of

    if kind_of(url, options) != "folder":
        return Failure(describe_missing(url, options))
    inside = next(iter(finder.find_sequences(url, storage_options=options)), None)
    example = f", as {inside[0].url}" if inside is not None else ""
    return Failure(f"{shown} is a folder: name one of its frames{example}", WRONG_CALL)
