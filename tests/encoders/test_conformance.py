"""The built-in encoders pass the kit that plugins have to pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqsave.encoders import BUILTIN_SPECS
from seqsave.testing import EncoderSuite
from tests.support.needs import needs_package

SPECS = {spec.filetype: spec for spec in BUILTIN_SPECS}


def opencv(data: bytes) -> Any:
    """A reader with its own order of channels. It widens grey with alpha to four channels."""
    cv2 = needs_package("cv2")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture.ndim == 2:
        return picture
    if data.startswith(b"\x89PNG") and data[25] == 4:
        return picture[..., [0, 3]]
    return picture[..., [2, 1, 0, 3][: picture.shape[2]]]


class BuiltIn(EncoderSuite):
    declarations = "seqsave.encoders"
    decoders = {"OpenCV": opencv}
    test_hook_returns_the_declaration = None  # type: ignore[assignment]  # built in: there is no hook


class TestPng(BuiltIn):
    spec = SPECS["png"]


class Jpeg(BuiltIn):
    def expected(self, image: Any) -> Any:
        return image[..., : {2: 1, 4: 3}.get(image.shape[2])]  # alpha is dropped unless an option says otherwise


class TestJpg(Jpeg):
    spec = SPECS["jpg"]


@pytest.mark.full  # the encoder of TestJpg under another name
class TestJpeg(Jpeg):
    spec = SPECS["jpeg"]
