"""Types and groups of options that several commands take."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

__all__ = [
    "as_pairs",
    "as_size",
    "frames_option",
    "json_option",
    "metadata_of",
    "one_of",
    "quiet_option",
    "storage_option",
]

F = TypeVar("F", bound=Callable[..., Any])

_FRAMES = re.compile(r"(\d+)-(\d+)(?:x(\d+))?")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}
# Credentials that look like a number are text all the same.
_ALWAYS_TEXT = frozenset(("key", "secret", "token", "password", "username", "user", "account_key"))


def as_pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE, split at the first ``=``; the last one of each name counts.

    The message does not repeat the value, which may be a secret.
    """
    found = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter("must be NAME=VALUE", ctx, param)
        found[name.strip()] = rest
    return found


def as_size(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Bytes of ``500MB``, ``1.5GiB`` or ``1000000``."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMG]I?|)B?", value.strip().upper())
    if found is None:
        raise click.BadParameter(f"{value!r} is no size: use bytes, or a unit as in 500MB or 2GiB", ctx, param)
    return int(float(found[1]) * _UNITS[found[2]])


def one_of(choices: tuple[str, ...]) -> Callable[[click.Context, click.Parameter, str], str]:
    """Choices of several words, which may also be joined by dashes, so that they need no quotes: ``stop-output``."""

    def chosen(ctx: click.Context, param: click.Parameter, value: str) -> str:
        words = value.replace("-", " ")
        if words not in choices:
            raise click.BadParameter(f"{value!r} is not one of {', '.join(map(repr, choices))}", ctx, param)
        return words

    return chosen


def as_storage_options(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """Values are JSON where they are JSON, otherwise text; credentials of digits stay text."""
    return {name: _value(name, text) for name, text in as_pairs(ctx, param, values).items()}


def _value(name: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if name in _ALWAYS_TEXT and isinstance(value, int | float) else value


def as_range(ctx: click.Context, param: click.Parameter, value: str | None) -> range | None:
    """``0-119`` or ``0-118x2``."""
    found = None if value is None else _FRAMES.fullmatch(value)
    if value is None:
        return None
    if found is None or int(found[1]) > int(found[2]) or found[3] == "0":
        raise click.BadParameter(f"{value!r} is no range of frames: write 0-119, or 0-118x2 for every second one")
    return range(int(found[1]), int(found[2]) + 1, int(found[3] or 1))


def json_or_text(text: str) -> Any:
    """JSON where it is JSON, otherwise the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def storage_option(name: str = "--storage-option", what: str = "URL") -> Callable[[F], F]:
    """The option that hands settings to the storage behind ``what``."""
    return click.option(
        name,
        metavar="NAME=VALUE",
        multiple=True,
        callback=as_storage_options,
        help=f"For the storage of {what}, as endpoint_url=https://objects.example; values may be JSON. Repeatable. "
        "Credentials are better kept in the environment, a profile or a configured target.",
    )


def json_option(what: str) -> Callable[[F], F]:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as one JSON document.")


def frames_option(text: str) -> Callable[[F], F]:
    """``--frames``: those that there should be."""
    return click.option("--frames", metavar="FIRST-LAST", callback=as_range, help=text)


def quiet_option(command: F) -> F:
    """``--quiet``."""
    return click.option("--quiet", "-q", is_flag=True, help="Only warnings and errors.")(command)


def metadata_of(given: Mapping[str, str], workflow: str | None) -> Mapping[str, Any]:
    """What ``--workflow`` and ``--metadata`` say together; the latter wins."""
    values = workflow_file(workflow) if workflow is not None else {}
    return {**values, **{name: json_or_text(text) for name, text in given.items()}}


def workflow_file(path: str) -> dict[str, Any]:
    """A workflow or an API prompt out of a JSON file (``-`` is standard input), under the name that ComfyUI uses."""
    try:
        with click.open_file(path, encoding="utf-8-sig") as file:
            value = json.load(file)
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror or error}", param_hint="'--workflow'") from error
    except ValueError as error:
        raise click.BadParameter(f"{path} is no JSON file: {error}", param_hint="'--workflow'") from error
    if not isinstance(value, dict):
        raise click.BadParameter(f"{path} holds no workflow: it must be a JSON object", param_hint="'--workflow'")
    is_prompt = bool(value) and all(isinstance(node, dict) and "class_type" in node for node in value.values())
    return {"prompt" if is_prompt else "workflow": value}
