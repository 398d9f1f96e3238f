"""From a picture to bytes: the errors of encoders."""

from __future__ import annotations

import pickle
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
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


@pytest.mark.parametrize("filetype", ["png", "jpg"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_manifest_states_the_channels_of_the_file(tmp_path: Path, filetype: str, channels: int) -> None:
    picture = np.full((4, 6, channels), 90, np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", seqsave.SeqSaveWarning)  # of the alpha that JPEG does not hold
        seqsave.save([picture], tmp_path, filetype=filetype, manifest=True)
    sequence = seqsave.open_sequence(tmp_path)
    assert sequence.manifest is not None
    stated = sequence.manifest.frames[0].picture
    assert stated is not None
    assert (stated.height, stated.width, stated.channels) == sequence[0].read().shape


def test_a_kept_frame_is_stated_as_it_is(tmp_path: Path) -> None:
    seqsave.save([RED], tmp_path, manifest=False)
    result = seqsave.save([np.zeros((4, 6, 4), np.uint8)], tmp_path, if_exists="skip valid", manifest=True)
    assert result.counts["skipped"] == 1
    manifest = seqsave.open_sequence(tmp_path).manifest
    assert manifest is not None
    assert manifest.frames[0].picture is not None
    assert manifest.frames[0].picture.channels == 3
