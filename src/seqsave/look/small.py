"""Make the small pictures of a frame that are stored beside it: a thumbnail and a half, as the server makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqsave.look.proxies import encoded, width_of
from seqsave.pictures.display import reduced, show
from seqsave.pictures.packs import Proxy

if TYPE_CHECKING:
    from seqsave.types import ImageInfo

__all__ = ["make"]


def make(picture: Any, info: ImageInfo | None = None, *, extension: str = "") -> Proxy:
    """Return the small pictures of a frame. The arguments are those of ``display.show``. Raises ImageError."""
    whole = picture.shape[1] if info is None or info.display is None else info.display[2]
    half = show(picture, info, extension=extension, width=width_of(whole, "half"))
    thumb = reduced(half, width_of(whole, "thumb"))
    return Proxy(encoded(thumb, "thumb"), encoded(half, "half"))
