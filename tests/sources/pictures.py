"""Pictures and files made without seqsave, as tests of sources need them."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

WORKFLOW = {"nodes": [{"id": 1, "type": "Note"}], "links": [], "note": "Grüße, 東京"}


def picture(seed: int = 0, height: int = 12, width: int = 16, channels: int = 3) -> np.ndarray[Any, Any]:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def encode(array: np.ndarray[Any, Any] | Image.Image, kind: str = "png", **settings: Any) -> bytes:
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    buffer = io.BytesIO()
    image.save(buffer, {"jpg": "JPEG", "jpeg": "JPEG", "tif": "TIFF"}.get(kind, kind.upper()), **settings)
    return buffer.getvalue()


def png_with_workflow(array: np.ndarray[Any, Any], text: str | None = None) -> bytes:
    info = PngInfo()
    info.add_text("workflow", json.dumps(WORKFLOW) if text is None else text)
    return encode(array, pnginfo=info)


def npy(array: np.ndarray[Any, Any], **settings: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **settings)
    return buffer.getvalue()
