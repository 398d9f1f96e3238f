"""Declare settings, and derive from the declarations: the table, the check of names, signatures, docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from seqsave.errors import OptionError
from seqsave.wording import did_you_mean

__all__ = ["Setting", "check_names", "setting", "show_settings", "table"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The declaration of one setting.

    group:    the field of WriterConfig that it belongs to.
    type:     the annotation, as text.
    choices:  every value that it can have; empty where it is not a choice.
    offered:  values that are worth offering where others are possible too, or depend on other settings.
    min, max: the limits of a number, inclusive.
    help:     what it means, in one short sentence for every reader.
    details:  further sentences for the documentation.
    example:  a value as Python code, where the default shows none.
    page:     the page of the documentation that explains it.
    flag:     the option of the command where its name is another one; None where the command has none.
    metavar:  the name of the value in the command's help.
    widget:   whether the nodes have a widget for it: always shown, or hidden until it is asked for.
    """

    name: str
    group: str
    type: str
    default: Any
    choices: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    help: str
    details: str = ""
    example: str = ""
    page: str = ""
    flag: str | None = ""
    metavar: str | None = None
    widget: Literal["", "shown", "advanced"] = ""

    @property
    def option(self) -> str:
        """The option of the command, ``""`` where it has none."""
        return "" if self.flag is None else self.flag or f"--{self.name.replace('_', '-')}"


def setting(default: Any, *, secret: bool = False, **declared: Any) -> Any:
    """Declare a field of a group. declared: the other fields of Setting. secret: leave the value out of ``repr``."""
    return field(default=default, repr=not secret, metadata=declared)


def table(groups: Mapping[str, type[Any]]) -> Mapping[str, Setting]:
    """Return every setting that the groups declare, by its name. groups: dataclasses, by the names of the groups."""
    return MappingProxyType(
        {
            one.name: Setting(name=one.name, group=group, type=str(one.type), default=one.default, **one.metadata)
            for group, members in groups.items()
            for one in fields(members)
            if one.init
        }
    )


def check_names(names: Iterable[str], known: Mapping[str, Setting]) -> None:
    """Raise OptionError, with a hint at the nearest name, for an unknown name."""
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            raise OptionError(f"unknown setting {name!r}{near}: the settings are {', '.join(known)}")


def show_settings(known: Mapping[str, Setting]) -> Callable[[F], F]:
    """Decorate a function so that its signature and its docstring show every setting in place of ``**settings``."""

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        shown = [
            inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type)
            for one in known.values()
        ]
        function.__signature__ = signature.replace(parameters=[*own, *shown])  # type: ignore[attr-defined]
        function.__doc__ = f"{inspect.getdoc(function)}\n\n{describe(known)}"
        return function

    return decorate


def describe(known: Mapping[str, Setting]) -> str:
    """Return a line for each setting, with everything that is declared of its meaning."""
    return "\n".join(f"{one.name}: {' '.join(filter(None, (one.help, one.details)))}" for one in known.values())
