"""The choice of a codec and its encoder."""

from __future__ import annotations

import sys
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from seqsave.errors import EncoderUnavailableError, OptionError
from seqsave.pictures import codecs
from seqsave.pictures.codecs import CODECS, choose


class Installed:
    """A PyAV that has these encoders."""

    __version__ = "99.0"

    def __init__(self, *encoders: str) -> None:
        def codec(name: str, mode: str) -> None:
            if name not in encoders:
                raise ValueError(name)

        self.codec = SimpleNamespace(Codec=codec)


def chosen(monkeypatch: pytest.MonkeyPatch, encoders: str, *given: Any) -> str:
    monkeypatch.setattr(codecs, "_load", lambda: Installed(*encoders.split()))
    return choose(*given).encoder


def test_the_extension_chooses_a_codec_and_the_library_an_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    every = "libx264 libsvtav1 libaom-av1 libvpx-vp9 prores_ks"
    assert chosen(monkeypatch, f"libopenh264 {every}", "mp4") == "libopenh264"
    assert chosen(monkeypatch, every, "mp4") == "libsvtav1"
    assert chosen(monkeypatch, every, "webm") == "libvpx-vp9"
    assert chosen(monkeypatch, every, "mov") == "prores_ks"
    assert chosen(monkeypatch, every, "webm", "av1") == "libsvtav1"


def test_an_encoder_whose_licence_may_matter_is_used_only_for_a_codec_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert chosen(monkeypatch, "libx264", "mp4", "h264") == "libx264"
    assert chosen(monkeypatch, "libx264 libopenh264", "mov", "h264") == "libopenh264"
    with pytest.raises(EncoderUnavailableError):
        chosen(monkeypatch, "libx264", "mp4")


@pytest.mark.parametrize("codec", list(CODECS))
@pytest.mark.parametrize("extension", codecs.EXTENSIONS)
def test_a_file_that_does_not_hold_the_codec_is_an_error_that_names_one(
    codec: str, extension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "_has", lambda *_: True)
    if extension in CODECS[codec].containers:
        assert choose(extension, codec).codec is CODECS[codec]
        return
    with pytest.raises(OptionError, match=rf"a \.{extension} file does not hold {codec}: name it \."):
        choose(extension, codec)


def test_a_codec_that_is_not_installed_names_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EncoderUnavailableError) as caught:
        chosen(monkeypatch, "libvpx-vp9 prores_ks", "mp4", "h264")
    assert str(caught.value) == (
        "this PyAV (99.0) has no encoder for h264 (libopenh264, h264_videotoolbox, h264_mf, libx264): it has encoders "
        "for vp9, prores; or pip install --upgrade av"
    )
    with pytest.raises(EncoderUnavailableError, match="it has none for any other codec"):
        chosen(monkeypatch, "", "webm")


def test_without_pyav_the_error_ends_with_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(EncoderUnavailableError, match=r"pip install 'seqsave\[video\]'(\n|$)"):
        choose("mp4")


@pytest.mark.parametrize("quality", [0, 101, True, -5])
def test_a_quality_is_1_to_100(quality: int) -> None:
    with pytest.raises(OptionError, match="quality is"):
        choose("webm", None, quality)


@pytest.mark.parametrize("encoder", ["libx264", "libvpx-vp9", "libsvtav1", "libopenh264", "prores_ks"])
def test_a_higher_quality_never_asks_for_less(encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = next(name for name, one in CODECS.items() if encoder in (*one.encoders, *one.asked))
    monkeypatch.setattr(codecs, "_has", lambda _, name: name == encoder)
    asked = []
    for quality in range(1, 101):
        choice = choose(CODECS[codec].containers[0], codec, quality)
        bits = choice.bits(640, 360, Fraction(24))
        crf, profile = choice.options.get("crf"), choice.options.get("profile")
        asked.append(float(bits if bits is not None else -int(crf) if crf else int(profile or 0)))
    assert asked == sorted(asked)
    assert asked[0] < asked[-1]
    assert all(one >= -51 for one in asked) or encoder != "libx264"
