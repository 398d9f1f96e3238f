"""Pictures and streams that are compared."""

from typing import Any

from seqsave.encoders.png.encoder import PngEncoder
from seqsave.types import FrameInfo

COMPRESSIONS = ("fast", "balanced", "small")


def encode(image: Any, compression: str = "fast", **metadata: str) -> Any:
    options = {"compression": compression}
    return PngEncoder().encode(image, metadata=metadata, options=options, info=FrameInfo(index=0))
