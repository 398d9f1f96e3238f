"""WebP for seqsave: what the format is called and what it takes; its code is imported at first use."""

from __future__ import annotations

from seqsave import EncoderSpec, Option, hookimpl

__all__ = ["WEBP", "seqsave_encoders"]

WEBP = EncoderSpec(
    filetype="webp",
    extensions=("webp",),
    encoder="seqsave_webp.codec:WebpEncoder",
    dtypes=("uint8",),
    channels=(3, 4),  # the container knows no grey; seqsave replicates it
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
)


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    """The format that this distribution adds."""
    return [WEBP]
