"""Parameters that several commands share: options, and what their URLs mean.

An invalid URL or storage option is wrong usage (exit status 2) in every command.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seqsave import naming
from seqsave.cli.app import FAILED, WRONG_CALL, Failure
from seqsave.cli.completion import as_filetype, filetypes, urls
from seqsave.errors import FrameNameError, OptionError, TargetError
from seqsave.types import MAX_PIXELS

if TYPE_CHECKING:
    from fractions import Fraction

    from seqsave.sequences.reader import FrameSequence
    from seqsave.targets import Target

__all__ = [
    "as_frames",
    "as_pairs",
    "as_rate",
    "as_run",
    "file_at",
    "filetype_option",
    "folder_at",
    "frames_option",
    "height_option",
    "indices_of",
    "json_option",
    "max_pixels_option",
    "metadata_of",
    "one_sequence",
    "only_prefix_option",
    "quiet_option",
    "rate_option",
    "recursive_option",
    "sequence_at",
    "storage_option",
]

F = TypeVar("F", bound=Callable[..., Any])

# Credentials that look like a number are text all the same.
_ALWAYS_TEXT = frozenset(("key", "secret", "token", "password", "username", "user", "account_key"))


def as_pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Parse NAME=VALUE texts, split at the first ``=``; of equal names the last one counts.

    The message does not repeat the value, which may be a secret.
    """
    found = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter("must be NAME=VALUE", ctx, param)
        found[name.strip()] = rest
    return found


def as_storage_options(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """Parse storage options: values that are JSON become JSON, except credentials made of digits; others stay text."""
    return {name: _value(name, text) for name, text in as_pairs(ctx, param, values).items()}


def _value(name: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if name in _ALWAYS_TEXT and isinstance(value, int | float) else value


def as_frames(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[range, ...] | None:
    """Parse frames as render managers write them: ``0-99``, ``1-10x2``, ``1,5,9``."""
    try:
        return None if value is None else naming.parse_frames(value)
    except FrameNameError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def indices_of(frames: tuple[range, ...] | None) -> range | frozenset[int] | None:
    """Return the numbers in the result of ``as_frames``."""
    if frames is None:
        return None
    return frames[0] if len(frames) == 1 else frozenset(index for run in frames for index in run)


def as_rate(ctx: click.Context, param: click.Parameter, value: str | None) -> Fraction | None:
    """Parse frames per second: ``24``, ``29.97``, ``24000/1001``."""
    from seqsave.settings.rates import exact_rate

    try:
        return None if value is None else exact_rate(value)
    except OptionError:
        raise click.BadParameter(f"{value!r} is not a rate: use 24, 29.97 or 24000/1001", ctx, param) from None


def as_run(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Check the name of a run over many tasks."""
    if value is None:
        return None
    from seqsave.runs.run import check_id

    try:
        return check_id(value)
    except OptionError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def json_or_text(text: str) -> Any:
    """Parse JSON; return text that is not JSON unchanged."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def storage_option(name: str = "--storage-option", what: str = "URL") -> Callable[[F], F]:
    """Return the option for storage options of ``what``."""
    return click.option(
        name,
        metavar="NAME=VALUE",
        multiple=True,
        callback=as_storage_options,
        help=f"For the storage of {what}, as endpoint_url=https://objects.example; values may be JSON. Repeatable. "
        "Credentials are better kept in the environment, a profile or a configured target.",
    )


def json_option(what: str) -> Callable[[F], F]:
    """Return the option ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as one JSON document.")


def max_pixels_option(note: str = "", **different: Any) -> Callable[[F], F]:
    """Return the option ``--max-pixels``. note: a sentence before its own. different: arguments of ``click.option``."""
    text = f"Width x height of the largest picture that is decoded; {MAX_PIXELS} (16K x 16K) by default."
    made = {"default": MAX_PIXELS, **different}
    return click.option(
        "--max-pixels", metavar="NUMBER", type=click.IntRange(1), help=" ".join(filter(None, (note, text))), **made
    )


def frames_option(
    text: str = "Only these frames, as 0-119, 17,40-52 or 0-118x2; by default all.",
) -> Callable[[F], F]:
    """Return the option ``--frames``, which takes numbers of frames."""
    return click.option("--frames", metavar="FRAMES", callback=as_frames, help=text)


def one_sequence(command: F) -> F:
    """Return what names one sequence: the argument ``URL``, ``--prefix`` and ``--filetype``."""
    prefix = click.option("--prefix", help="Which sequence, if there are several.")
    return click.argument("url", metavar="URL", shell_complete=urls)(prefix(filetype_option(command)))


def only_prefix_option(command: F) -> F:
    """Return the option ``--prefix`` of commands that take all sequences at a place."""
    return click.option("--prefix", help="Only sequences of this prefix, as 'frame' or 'shots/frame'.")(command)


def recursive_option(command: F) -> F:
    """Return the option ``--recursive`` of commands that take all sequences at a place."""
    return click.option("--recursive", "-r", is_flag=True, help="Search subfolders too.")(command)


def rate_option(command: F) -> F:
    """Return the option ``--rate`` of commands that make a movie."""
    text = "Frames per second, such as 24000/1001. By default the manifest's rate, or 24."
    return click.option("--rate", metavar="FPS", callback=as_rate, help=text)(command)


def height_option(note: str = "", **different: Any) -> Callable[[F], F]:
    """Return the option ``--height`` of commands that make a movie. note, different: as of ``max_pixels_option``."""
    made = {"default": 720, "show_default": True, **different}
    text = " ".join(filter(None, ("Maximum height of the movie in pixels.", note)))
    return click.option("--height", type=click.IntRange(2, 8192), help=text, **made)


def filetype_option(command: F) -> F:
    """Return the option ``--filetype`` of commands that look for one sequence."""
    text = "Which file type of the sequence, if there are several."
    return click.option("--filetype", shell_complete=filetypes, callback=as_filetype, help=text)(command)


def quiet_option(command: F) -> F:
    """Return the option ``--quiet``."""
    return click.option("--quiet", "-q", is_flag=True, help="Only warnings and errors.")(command)


def metadata_of(given: Mapping[str, str], workflow: str | None) -> Mapping[str, Any]:
    """Merge the values of ``--workflow`` and ``--metadata``; the latter wins."""
    values = workflow_file(workflow) if workflow is not None else {}
    return {**values, **{name: json_or_text(text) for name, text in given.items()}}


def workflow_file(path: str) -> dict[str, Any]:
    """Read a workflow or an API prompt from a JSON file (``-`` is standard input), under the name that ComfyUI uses."""
    try:
        with click.open_file(path, encoding="utf-8-sig") as file:
            value = json.load(file)
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror or error}", param_hint="'--workflow'") from error
    except ValueError as error:
        raise click.BadParameter(f"{path} is not a JSON file: {error}", param_hint="'--workflow'") from error
    except RecursionError:
        raise click.BadParameter(f"{path} is nested too deeply", param_hint="'--workflow'") from None
    if not isinstance(value, dict):
        raise click.BadParameter(f"{path} is not a workflow: it must be a JSON object", param_hint="'--workflow'")
    is_prompt = bool(value) and all(isinstance(node, dict) and "class_type" in node for node in value.values())
    return {"prompt" if is_prompt else "workflow": value}


def folder_at(url: str, storage_options: Mapping[str, Any]) -> Target:
    """Return the target of a folder, as ``targets.resolve``. Raises Failure."""
    from seqsave import targets

    with _understood():
        return targets.resolve(url, storage_options)


def sequence_at(
    url: str, prefix: str | None, filetype: str | None, storage_options: Mapping[str, Any]
) -> FrameSequence:
    """Return the sequence at a URL, as ``open_sequence``. Raises Failure for a URL that means no place."""
    from seqsave.sequences.opening import open_sequence

    folder_at(url, storage_options)
    return open_sequence(url, prefix, filetype, storage_options)


def file_at(url: str, storage_options: Mapping[str, Any]) -> tuple[Target, str]:
    """Return the target of a file's folder, and the file's name, as ``targets.resolve_file``. Raises Failure."""
    from seqsave import targets

    with _understood():
        return targets.resolve_file(url, storage_options)


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except TargetError as error:
        # Some drivers connect as soon as they are made: that a server does not answer is not the caller's fault.
        raise Failure(str(error), FAILED if error.transient else WRONG_CALL) from error
