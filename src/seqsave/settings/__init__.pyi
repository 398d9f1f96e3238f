# Made by: python -m tests.stubs

import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from seqsave.runtime.retry import RetryPolicy
from seqsave.settings.config import SETTINGS, WriterConfig
from seqsave.settings.formats import Format
from seqsave.settings.groups import AtEnd, IfExists, MetadataIn
from seqsave.settings.table import Setting
from seqsave.types import Event

__all__ = [
    "SETTINGS",
    "AtEnd",
    "Format",
    "IfExists",
    "MetadataIn",
    "Setting",
    "WriterConfig",
    "check_settings",
]

def check_settings(
    *,
    prefix: str = "frame",
    separator: str = "_",
    digits: int = 5,
    start: int = 0,
    step: int = 1,
    total: int | None = None,
    at_end: AtEnd = "stop output",
    filetype: str | Sequence[str] = "png with embedded workflow",
    options: Mapping[str, Any] | None = None,
    dtype: str | None = None,
    color: str | None = None,
    convert_to: str | None = None,
    ocio: str | None = None,
    display: str | None = None,
    view: str | None = None,
    channels: str | None = None,
    layer: str | None = None,
    pages: str | None = None,
    drop: Sequence[str] | None = None,
    rate: Fraction | float | None = None,
    dpi: float | None = None,
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    metadata_in: MetadataIn = "each frame",
    withhold: Sequence[str] | None = None,
    if_exists: IfExists = "overwrite",
    manifest: bool = True,
    recipe: str | None = None,
    preview: str | None = None,
    proxies: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    retry: RetryPolicy | None = None,
    spool: str | os.PathLike[str] | bool | None = None,
    publish_behind: bool = False,
    concurrency: int | None = None,
    max_bytes: int | None = None,
    progress: bool = False,
    on_event: Callable[[Event], None] | None = None,
) -> WriterConfig: ...
