"""Values for the shell's completion of arguments and options: URLs, file types, choices, colour spaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from seqsave.errors import SeqSaveError
from seqsave.types import EMBED_SUFFIX

__all__ = ["Complete", "as_filetype", "colors", "filetypes", "one_of", "urls"]

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def urls(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of configured targets. If none fits, the shell completes local files."""
    found = _starting(incomplete, (f"{name}://" for name in _configured()))
    if not found:
        return [CompletionItem(incomplete, type="file")]
    return [*found, *_starting(incomplete, _here())]


def filetypes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the file types with dashes between their words, since shells split at spaces."""
    from seqsave.plugins import registry

    return _starting(incomplete, (name.replace(" ", "-") for name in registry.filetypes()))


def as_filetype(
    ctx: click.Context, param: click.Parameter, value: str | tuple[str, ...] | None
) -> str | tuple[str, ...] | None:
    """Return file types whose words may be joined by dashes: ``png-with-embedded-workflow``."""
    if value is None or isinstance(value, str):
        return value and value.replace(EMBED_SUFFIX.replace(" ", "-"), EMBED_SUFFIX)
    return tuple(one.replace(EMBED_SUFFIX.replace(" ", "-"), EMBED_SUFFIX) for one in value)


def colors(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of the colour spaces."""
    from seqsave.pictures.color import COLOR_SPACES

    return _starting(incomplete, COLOR_SPACES)


def one_of(choices: Iterable[str]) -> Complete:
    """Return a function that completes choices of several words, joined by dashes."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _starting(incomplete, (choice.replace(" ", "-") for choice in choices))

    return complete


def _starting(incomplete: str, values: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(value) for value in values if value.startswith(incomplete)]


def _configured() -> list[str]:
    """Return the names of the configured targets; none if the configuration cannot be read."""
    from seqsave.targets import configured_targets

    try:
        return sorted(configured_targets())
    except SeqSaveError:
        return []


def _here() -> list[str]:
    try:
        return sorted(f"{one.name}/" if one.is_dir() else one.name for one in Path().iterdir())
    except OSError:
        return []
