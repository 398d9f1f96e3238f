"""WebP and AVIF for seqsave: the declarations of their encoders, whose code is imported at first use."""

from __future__ import annotations

from seqsave import EncoderSpec, Option, hookimpl

__all__ = ["AVIF", "WEBP", "seqsave_encoders"]

WEBP = EncoderSpec(
    filetype="webp",
    extensions=("webp",),
    encoder="seqsave_webp.codec:WebpEncoder",
    dtypes=("uint8",),
    channels=(3, 4),  # the format has no grey; seqsave replicates it
    options={
        "lossless": Option(type=bool, default=False, help="keep every pixel as it is"),
        "quality": Option(
            type=int,
            default=90,
            min=0,
            max=100,
            help="lossy: 0 is smallest, 100 is best; lossless: 0 is fastest, 100 is smallest",
        ),
        "method": Option(type=int, default=4, min=0, max=6, help="0 is fastest, 6 is slowest and smallest"),
        "exact": Option(type=bool, default=True, help="keep the colours of fully transparent pixels"),
        "alpha_quality": Option(type=int, default=100, min=0, max=100, help="lossy only: 100 keeps alpha as it is"),
    },
    metadata="embed",
    content_type="image/webp",
    lossless=False,  # with default options
    install_hint="pip install seqsave-webp",
    holds=("color", "icc", "pixel_aspect", "dpi", "tags", "exif", "xmp", "texts"),
)

AVIF = EncoderSpec(
    filetype="avif",
    extensions=("avif",),
    encoder="seqsave_webp.avif:AvifEncoder",
    dtypes=("uint8", "uint16"),
    channels=(1, 2, 3, 4),
    options={
        "lossless": Option(type=bool, default=False, help="keep every value of depth bits as it is"),
        "quality": Option(
            type=int, default=90, min=0, max=100, help="0 is smallest, 100 is best; grey and alpha are kept as they are"
        ),
        "speed": Option(type=int, default=8, min=0, max=10, help="0 is slowest and smallest, 10 is fastest"),
        "subsampling": Option(
            type=str,
            default="4:4:4",
            choices=("4:4:4", "4:2:2", "4:2:0"),
            help="lossy: resolution of the colour: full, half, or a quarter (smallest file)",
        ),
        "depth": Option(
            type=int, choices=(8, 10, 12), help="bits of a value; if not given 8 for 8-bit pictures, 10 for 16-bit ones"
        ),
    },
    metadata="embed",
    content_type="image/avif",
    lossless=False,  # with default options
    install_hint="pip install seqsave-webp",
    holds=("color", "cicp", "light", "icc", "pixel_aspect", "dpi", "tags", "exif", "xmp", "texts"),
)


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    """Return the declarations of ``webp`` and ``avif``."""
    return [WEBP, AVIF]
