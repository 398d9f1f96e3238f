"""From a picture to bytes: the errors of encoders."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import seqsave

RED = np.zeros((4, 6, 3), np.uint8)


class PaletteError(seqsave.EncodeError):
    """A plugin's own error, which is not made from one text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class _Refusing:
    def encode(self, image: Any, *, metadata: Any, options: Any, info: Any) -> seqsave.Encoded:
        raise PaletteError(7, "too many colours")


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    module = types.ModuleType("refusing_plugin")
    module.Refusing = _Refusing  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "refusing_plugin", module)
    seqsave.register_encoder(
        seqsave.EncoderSpec(
            filetype="palette", extensions=("pal",), encoder="refusing_plugin:Refusing", dtypes=("uint8",)
        )
    )
    yield "palette"
    seqsave.unregister_encoder("palette")


def test_an_error_of_an_encoder_keeps_its_class_and_names_the_frame(refusing: str) -> None:
    with pytest.raises(seqsave.SaveError) as failed:
        seqsave.save([RED, RED], "memory://renders/encode", filetype=refusing, start=5, concurrency=1)
    error = failed.value.__cause__
    assert isinstance(error, PaletteError)
    assert (error.code, error.frame, str(error)) == (7, 5, "frame 5: 7: too many colours")
    assert "frame 5: 7: too many colours" in str(failed.value)


def test_the_frame_of_an_error_survives_pickling() -> None:
    error = seqsave.EncodeError("it failed")
    error.frame = 3
    assert str(pickle.loads(pickle.dumps(error))) == "frame 3: it failed"  # noqa: S301
