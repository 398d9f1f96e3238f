"""The writer's settings as types, for functions that pass them on; and what plain ones may be."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, TypedDict

from seqsave.errors import OptionError
from seqsave.runtime.retry import RetryPolicy
from seqsave.types import Event

__all__ = [
    "AT_END",
    "IF_EXISTS",
    "AtEnd",
    "IfExists",
    "MetadataIn",
    "WriterSettings",
    "at_least_one",
    "checked_recipe",
]

AtEnd = Literal["stop output", "raise error", "keep going"]
IfExists = Literal["overwrite", "error", "skip", "skip valid", "skip same recipe"]

MetadataIn = Literal["each frame", "first frame", "sidecar", "none"]

AT_END: tuple[AtEnd, ...] = ("stop output", "raise error", "keep going")
IF_EXISTS: tuple[IfExists, ...] = ("overwrite", "error", "skip", "skip valid", "skip same recipe")
LONGEST_RECIPE = 1000


class WriterSettings(TypedDict, total=False):
    """The keyword arguments of ``SequenceWriter``, which explains them."""

    prefix: str
    digits: int
    filetype: str | Sequence[str]
    start: int
    step: int
    total: int | None
    at_end: AtEnd
    if_exists: IfExists
    metadata: Mapping[str, Any] | None
    options: Mapping[str, Any] | None
    storage_options: Mapping[str, Any] | None
    concurrency: int | None
    max_bytes: int | None
    progress: bool
    on_event: Callable[[Event], None] | None
    rate: Fraction | float | None
    dtype: str | None
    color: str | None
    convert_to: str | None
    dpi: float | None
    tags: Mapping[str, str] | None
    metadata_in: MetadataIn
    withhold: Sequence[str] | None
    preview: str | None
    retry: RetryPolicy | None
    manifest: bool
    recipe: str | None
    spool: str | os.PathLike[str] | bool | None
    publish_behind: bool


def at_least_one(name: str, value: int) -> int:
    """The value. Raises OptionError, which calls it ``name``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(f"{name} is {value!r}: it must be a whole number, 1 or more")
    return value


def checked_recipe(recipe: Any) -> str | None:
    """The recipe, if there is one. Raises OptionError."""
    if recipe is not None and not (isinstance(recipe, str) and 0 < len(recipe) <= LONGEST_RECIPE):
        raise OptionError(
            f"recipe is {recipe!r:.80}: it must be text of 1 to {LONGEST_RECIPE} characters, as a hash is"
        )
    return recipe
