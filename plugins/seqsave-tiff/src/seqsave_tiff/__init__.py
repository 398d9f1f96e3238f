"""TIFF for seqsave: the declarations of its encoder, whose code is imported at first use."""

from __future__ import annotations

from seqsave import EncoderSpec, Option, hookimpl

__all__ = ["TIF", "TIFF", "seqsave_encoders"]

_OPTIONS = {
    "compression": Option(
        type=str,
        default="deflate",
        choices=("none", "deflate", "lzw", "packbits", "zstd"),
        help="all are lossless; zstd is fast and small, and not read by every program",
    ),
    "level": Option(type=int, default=1, min=1, max=9, help="deflate and zstd: 1 is fastest, 9 is smallest"),
    "predictor": Option(
        type=bool,
        default=True,
        help="compress differences of neighbours (deflate, lzw, zstd); off for drawings, and old readers",
    ),
    "alpha": Option(
        type=str,
        default="straight",
        choices=("straight", "premultiplied"),
        help="what the pictures hold, if their source does not say so; the file states it, and the values stay",
    ),
}


def _spec(filetype: str, other: str) -> EncoderSpec:
    return EncoderSpec(
        filetype=filetype,
        extensions=(filetype, other),
        encoder="seqsave_tiff.codec:TiffEncoder",
        dtypes=("uint8", "uint16", "float16", "float32", "uint32", "int16", "int32"),
        channels=(1, 2, 3, 4),
        options=_OPTIONS,
        metadata="embed",
        content_type="image/tiff",
        lossless=True,
        install_hint="pip install seqsave-tiff",
        holds=("color", "icc", "pixel_aspect", "dpi", "tags", "exif", "xmp", "iptc", "texts"),
        alpha="stated",
    )


TIF = _spec("tif", "tiff")
TIFF = _spec("tiff", "tif")


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    """Return the declarations of ``tiff`` and ``tif``, which differ in their extension only."""
    return [TIF, TIFF]
