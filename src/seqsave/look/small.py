"""Make the small pictures of a frame that are stored beside it: a thumbnail and a half, as the server makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqsave.look.proxies import encoded_image, width_of
from seqsave.pictures.display import show
from seqsave.pictures.packs import Proxy

if TYPE_CHECKING:
    from seqsave.types import ImageInfo

__all__ = ["make"]


def make(picture: Any, info: ImageInfo | None = None, *, extension: str = "") -> Proxy:
    """Return the small pictures of a frame. The arguments are those of ``display.show``. Raises ImageError."""
    from PIL import Image  # here, as few programs make proxies

    whole = picture.shape[1] if info is None or info.display is None else info.display[2]
    half = Image.fromarray(show(picture, info, extension=extension, width=width_of(whole, "half")))
    width = width_of(half.width, "thumb")
    thumb = half.resize(
        (width, max(1, round(half.height * width / half.width))), Image.Resampling.BOX, reducing_gap=1.0
    )
    return Proxy(encoded_image(thumb, "thumb"), encoded_image(half, "half"))
