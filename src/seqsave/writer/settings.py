"""The writer's settings as types, for functions that pass them on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, TypedDict

from seqsave.retry import RetryPolicy
from seqsave.types import Event

__all__ = ["AtEnd", "IfExists", "MetadataIn", "WriterSettings"]

AtEnd = Literal["stop output", "raise error", "keep going"]
IfExists = Literal["overwrite", "error", "skip", "skip valid", "skip same recipe"]

MetadataIn = Literal["each frame", "first frame", "sidecar", "none"]


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
