"""JPEG XL for seqsave: the declaration of its encoder, whose code is imported at first use."""

from __future__ import annotations

from seqsave import EncoderSpec, Option, hookimpl

__all__ = ["JXL", "seqsave_encoders"]

JXL = EncoderSpec(
    filetype="jxl",
    extensions=("jxl",),
    encoder="seqsave_jxl.codec:JxlEncoder",
    dtypes=("uint8", "uint16", "float16", "float32"),
    channels=(1, 2, 3, 4),
    options={
        "lossless": Option(type=bool, default=False, help="keep every value as it is"),
        "quality": Option(type=int, default=90, min=0, max=100, help="lossy: 0 is smallest, 100 is best"),
        "distance": Option(
            type=float,
            min=0.01,
            max=25.0,
            help="lossy, in place of quality: 1.0 looks like the original (quality 90), more is smaller",
        ),
        "effort": Option(type=int, default=4, min=1, max=9, help="1 is fastest, 9 is slowest and smallest"),
    },
    metadata="embed",
    content_type="image/jxl",
    lossless=False,  # with default options
    install_hint="pip install seqsave-jxl",
    default_color="srgb",
    holds=("color", "icc", "cicp", "gamma", "primaries", "pixel_aspect", "dpi", "tags", "exif", "xmp", "texts"),
)


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    """Return the declaration of ``jxl``."""
    return [JXL]
