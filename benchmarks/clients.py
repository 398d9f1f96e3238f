"""The S3 clients that seqsave can publish through."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import seqsave

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CLIENTS", "save_with"]

CLIENTS = ("s3fs", "obstore") if find_spec("seqsave_obstore") else ("s3fs",)


def save_with(client: str, frames: Sequence[Any], new_url: Callable[[], str], options: dict[str, Any]) -> None:
    """Save the frames to a new prefix. Raises an exception if one of them did not arrive."""
    result = seqsave.save(frames, new_url(), filetype="png", storage_options={**options, "client": client})
    assert result.counts["saved"] == len(frames)
