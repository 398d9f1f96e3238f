"""Options that are made from the declarations of the writer's settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from seqsave.cli.completion import as_filetype, colors, filetypes, one_of
from seqsave.cli.parameters import as_pairs
from seqsave.settings.config import SETTINGS
from seqsave.settings.table import Setting

__all__ = ["WholeNumber", "setting_option", "settings_options"]

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}
_COMPLETED: Mapping[str, Mapping[str, Any]] = {
    "filetype": {"shell_complete": filetypes, "callback": as_filetype},
    "color": {"shell_complete": colors},
    "convert_to": {"shell_complete": colors},
}


class WholeNumber(click.IntRange):
    """A whole number between two limits, called an integer in messages."""

    name = "integer"


def as_size(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Parse a size such as ``500MB``, ``1.5GiB`` or ``1000000`` into bytes."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMG]I?|)B?", value.strip().upper())
    if found is None:
        raise click.BadParameter(f"{value!r} is not a size: use bytes, or a unit as in 500MB or 2GiB", ctx, param)
    return int(float(found[1]) * _UNITS[found[2]])


def _one_of(choices: tuple[str, ...]) -> Callable[[click.Context, click.Parameter, str], str]:
    """Return a callback for choices of several words, which may be joined by dashes: ``stop-output``."""

    def chosen(ctx: click.Context, param: click.Parameter, value: str) -> str:
        words = value.replace("-", " ")
        if words not in choices:
            raise click.BadParameter(f"{value!r} is not one of {', '.join(map(repr, choices))}", ctx, param)
        return words

    return chosen


def setting_option(name: str, *, text: str = "", note: str = "", **different: Any) -> Callable[[F], F]:
    """Return the option for a setting of the writer, as it is declared.

    text:      a sentence in place of the declared one. note: one that follows it.
    different: arguments of ``click.option`` in which it differs.
    """
    one = SETTINGS[name]
    made: dict[str, Any] = {"metavar": one.metavar, "default": one.default, **_kind(one)}
    made |= {**_COMPLETED.get(name, {}), **different}
    made["show_default"] = made["default"] not in (None, [])
    help_text = " ".join(
        filter(None, (text or one.help, note, _joined(one), "Repeatable." if made.get("multiple") else ""))
    )
    flag = f"{one.option}/--no-{one.option[2:]}" if one.type == "bool" else one.option
    return click.option(flag, name, help=help_text, **made)


def settings_options(different: Mapping[str, Mapping[str, Any]]) -> Callable[[F], F]:
    """Return the options for all settings that have one. different: arguments of ``setting_option``, by setting."""

    def decorate(command: F) -> F:
        for name, one in reversed(list(SETTINGS.items())):
            if one.option:
                command = setting_option(name, **different.get(name, {}))(command)
        return command

    return decorate


def _joined(one: Setting) -> str:
    """Return a sentence on how choices of several words are typed without quotes; ``""`` where there are none."""
    long = next((choice for choice in one.choices if " " in choice), "")
    return long and f"Words may be joined: {long.replace(' ', '-')}."


def _kind(one: Setting) -> dict[str, Any]:
    """Return the arguments of ``click.option`` for the type of a setting."""
    kind = one.type.partition(" | None")[0]
    if _joined(one):
        complete = one_of(one.choices)
        return {"metavar": f"[{'|'.join(one.choices)}]", "callback": _one_of(one.choices), "shell_complete": complete}
    if one.choices:
        return {"type": click.Choice(one.choices)}
    if one.metavar == "SIZE":
        return {"callback": as_size}
    if kind == "int":
        return {"type": WholeNumber(_whole(one.min), _whole(one.max))}
    if kind == "float":
        return {"type": click.FloatRange(one.min, one.max)}
    if kind.startswith("Mapping"):
        return {"multiple": True, "default": [], "callback": as_pairs}
    return {"multiple": True, "default": []} if kind.startswith("Sequence") else {}


def _whole(limit: float | None) -> int | None:
    return None if limit is None else int(limit)
