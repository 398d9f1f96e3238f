"""Records of frames as a writer ends with them."""

from __future__ import annotations

from seqsave.types import FailedFrame, SavedFrame


def saved(index: int, status: str = "saved") -> SavedFrame:
    return SavedFrame(
        index=index,
        batch=None,
        url=f"memory://x/{index}.png",
        size=10,
        checksum=None,
        etag=None,
        status=status,  # type: ignore[arg-type]
        filetype="png",
    )


def failed(index: int, error: Exception) -> FailedFrame:
    url = f"memory://x/{index}.png"
    return FailedFrame(index=index, batch=None, url=url, error=str(error), exception=error, filetype="png")
