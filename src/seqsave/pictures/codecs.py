"""The codecs of movies: their containers, the encoders of FFmpeg for them, and what a quality means to each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from seqsave.errors import EncoderUnavailableError, OptionError
from seqsave.wording import did_you_mean, first_of

__all__ = ["CODECS", "EXTENSIONS", "HIGHEST_QUALITY", "Choice", "Codec", "choose"]

EXTENSIONS = ("mp4", "webm", "mov")
HIGHEST_QUALITY = 100
# Bits for each pixel of a movie, where an encoder has no quality of its own: at quality 50, doubled by 20 more.
_BITS, _DOUBLED = 0.1, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One codec.

    containers: the extensions of files that hold it, the usual one first.
    encoders:   of FFmpeg, the preferred one first. asked: those that are used only if the codec is asked for by name,
                as their licence, or that of the movie's format, may matter to the caller.
    pixels:     the format of its pixels. deep: whether it has more than 8 bits.
    """

    containers: tuple[str, ...]
    encoders: tuple[str, ...]
    asked: tuple[str, ...] = ()
    pixels: str = "yuv420p"
    deep: bool = False


CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        "h264": Codec(
            containers=("mp4", "mov"),
            encoders=("libopenh264", "h264_videotoolbox", "h264_mf"),
            asked=("libx264",),
        ),
        "av1": Codec(containers=("mp4", "webm"), encoders=("libsvtav1", "libaom-av1")),
        "vp9": Codec(containers=("webm",), encoders=("libvpx-vp9",)),
        "prores": Codec(containers=("mov",), encoders=("prores_ks", "prores"), pixels="yuv422p10le", deep=True),
    }
)
"""Every codec by its name."""

# The codecs of an extension that is given alone.
_USUAL = {"mp4": ("h264", "av1"), "webm": ("vp9",), "mov": ("prores",)}
# For a quick look: speed matters more than size.
_QUICK: dict[str, dict[str, str]] = {
    "libsvtav1": {"preset": "10", "crf": "32"},
    "libaom-av1": {"cpu-used": "8", "crf": "32", "row-mt": "1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "32", "b": "0", "row-mt": "1"},
    "libx264": {"preset": "veryfast", "crf": "20"},
}
# For a movie of a given quality, with the factor that the quality loses to: crf = 6 + factor * (100 - quality).
_GOOD: dict[str, tuple[dict[str, str], float]] = {
    "libsvtav1": ({"preset": "7"}, 0.55),
    "libaom-av1": ({"cpu-used": "6", "row-mt": "1"}, 0.55),
    "libvpx-vp9": ({"deadline": "good", "cpu-used": "4", "b": "0", "row-mt": "1"}, 0.55),
    "libx264": ({"preset": "medium"}, 0.45),
}
_LEAST_CRF = 6
# The profiles of ProRes from these qualities on: 422 HQ, 422, LT, Proxy. Before FFmpeg 8 it is always HQ, as FFmpeg
# takes this option for another one of the same name.
_PROFILES = ((75, "3"), (50, "2"), (25, "1"), (0, "0"))


# Pictures per second: of an encoder, and of WebM, whose times are milliseconds.
_FASTEST = {"libsvtav1": 240}
_MOST_RATE = 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """The encoder of one movie, and its options. codec: the record of what it makes. av: PyAV."""

    av: Any
    codec: Codec
    encoder: str
    quality: int | None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def fastest(self) -> int:
        """Return the most pictures per second."""
        return _FASTEST.get(self.encoder, _MOST_RATE)

    def bits(self, width: int, height: int, rate: Fraction) -> int | None:
        """Return the bits per second of an encoder that has no quality of its own; None for the others."""
        if self.encoder in _GOOD or self.codec.deep:
            return None
        quality = 50 if self.quality is None else self.quality
        return round(_BITS * 2 ** ((quality - 50) / _DOUBLED) * width * height * rate)


def choose(extension: str, codec: str | None = None, quality: int | None = None) -> Choice:
    """Return the encoder for a movie with this extension.

    codec:   one of CODECS; None for the usual one of the extension.
    quality: 1 to 100; None for a quick look.

    Raises OptionError for another extension, codec or quality, and for a codec that such a file does not hold;
    EncoderUnavailableError without PyAV, or if it has no encoder for the codec.
    """
    if extension not in EXTENSIONS:
        raise OptionError(f"a preview is {', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}, not {extension!r}")
    if codec is not None and codec not in CODECS:
        raise OptionError(f"codec is {codec!r}{did_you_mean(codec, CODECS)}: it must be one of {', '.join(CODECS)}")
    if codec is not None and extension not in CODECS[codec].containers:
        fitting = " or ".join(f".{one}" for one in CODECS[codec].containers)
        raise OptionError(f"a .{extension} file does not hold {codec}: name it {fitting}")
    if quality is not None and (isinstance(quality, bool) or not 1 <= quality <= HIGHEST_QUALITY):
        raise OptionError(f"quality is {quality!r}: it must be a number from 1 to {HIGHEST_QUALITY}")
    av = _load()
    for name in (codec,) if codec is not None else _USUAL[extension]:
        known = CODECS[name]
        for encoder in known.encoders + (known.asked if codec is not None else ()):
            if _has(av, encoder):
                return Choice(av, known, encoder, quality, _options(encoder, quality))
    raise EncoderUnavailableError(_lacking(av, extension, codec))


def _options(encoder: str, quality: int | None) -> dict[str, str]:
    if encoder == "prores_ks":
        wanted = HIGHEST_QUALITY if quality is None else quality
        return {"profile": next(profile for least, profile in _PROFILES if wanted >= least), "vendor": "apl0"}
    if quality is None:
        return dict(_QUICK.get(encoder, {}))
    if encoder not in _GOOD:
        return {}
    options, factor = _GOOD[encoder]
    return {**options, "crf": str(round(_LEAST_CRF + factor * (HIGHEST_QUALITY - quality)))}


def _lacking(av: Any, extension: str, codec: str | None) -> str:
    wanted = (codec,) if codec is not None else _USUAL[extension]
    tried = ", ".join(one for name in wanted for one in (*CODECS[name].encoders, *CODECS[name].asked))
    there = [name for name, one in CODECS.items() if any(_has(av, each) for each in (*one.encoders, *one.asked))]
    others = f"it has encoders for {first_of(there, 8)}" if there else "it has none for any other codec"
    what = codec or extension
    return f"this PyAV ({av.__version__}) has no encoder for {what} ({tried}): {others}; or pip install --upgrade av"


def _load() -> Any:
    try:
        import av
    except ImportError as error:
        text = f"a preview needs PyAV ({error}): pip install 'seqsave[video]'"
        raise EncoderUnavailableError(text, topic="video-package") from error
    return av


def _has(av: Any, encoder: str) -> bool:
    try:
        av.codec.Codec(encoder, "w")
    except ValueError:
        return False
    return True
