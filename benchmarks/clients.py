"""The S3 clients that seqsave can publish through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import seqsave

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CLIENTS", "save_with"]

# Label to the storage options that choose it.
CLIENTS: dict[str, dict[str, Any]] = {"s3fs": {}}


def save_with(client: str, frames: Sequence[Any], new_url: Callable[[], str], options: dict[str, Any]) -> None:
    """Save the frames to a fresh place; an exception when one of them did not arrive."""
    chosen = {**options, **CLIENTS[client]}
    result = seqsave.save(frames, new_url(), filetype="png", storage_options=chosen)
    assert result.counts["saved"] == len(frames)
