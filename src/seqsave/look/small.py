"""Make the small pictures of a frame that are stored beside it: a thumbnail and a half, as the server makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL.Image import Resampling

from seqsave.look.proxies import encoded_image, width_of
from seqsave.pictures.display import show_small
from seqsave.pictures.packs import Proxy

if TYPE_CHECKING:
    from seqsave.types import ImageInfo

__all__ = ["make"]


def make(picture: Any, info: ImageInfo | None = None, *, extension: str = "") -> Proxy:
    """Return the small pictures of a frame. The arguments are those of ``display.show``. Raises ImageError."""
    half = show_small(picture, info, extension=extension, width_of=lambda whole: width_of(whole, "half"))
    width = width_of(half.width, "thumb")
    high = max(1, round(half.height * width / half.width))
    thumb = half.resize((width, high), Resampling.BOX, reducing_gap=1.0)
    return Proxy(encoded_image(thumb, "thumb"), encoded_image(half, "half"))
