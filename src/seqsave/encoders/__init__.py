"""The declarations of the built-in encoders, whose code is imported at first use."""

from __future__ import annotations

from seqsave.specs import EncoderSpec, Option

__all__ = ["BUILTIN_SPECS"]

_PNG = EncoderSpec(
    filetype="png",
    extensions=("png",),
    encoder="seqsave.encoders.png.encoder:PngEncoder",
    dtypes=("uint8", "uint16"),
    channels=(1, 2, 3, 4),
    options={
        "compression": Option(
            type=str,
            default="fast",
            choices=("fast", "balanced", "small"),
            help="'balanced' is some per cent smaller and a few times slower; 'small' is the smallest, and a hundred "
            "times slower",
        ),
    },
    metadata="embed",
    content_type="image/png",
    lossless=True,
    holds=(
        *("color", "icc", "cicp", "gamma", "primaries", "pixel_aspect", "dpi", "light"),
        *("tags", "exif", "xmp", "iptc", "texts", "attributes"),
    ),
)

_JPEG_OPTIONS = {
    "quality": Option(type=int, default=95, min=1, max=100, help="1 is smallest, 100 is best"),
    "subsampling": Option(
        type=str,
        default="4:4:4",
        choices=("4:4:4", "4:2:2", "4:2:0"),
        help="resolution of the colour: full, half, or a quarter (smallest file)",
    ),
    "alpha": Option(
        type=str,
        default="drop",
        choices=("drop", "black", "white"),
        help="JPEG has no alpha: drop it and keep the colours, or composite over black or white",
    ),
    "progressive": Option(type=bool, default=False, help="coarse to fine while loading; slower to write"),
    "optimize": Option(type=bool, default=False, help="a few per cent smaller, slower to write"),
}


def _jpeg(filetype: str, *others: str) -> EncoderSpec:
    return EncoderSpec(
        filetype=filetype,
        extensions=(filetype, *others),
        encoder="seqsave.encoders.jpeg:JpegEncoder",
        dtypes=("uint8",),
        channels=(1, 2, 3, 4),
        options=_JPEG_OPTIONS,
        metadata="embed",
        content_type="image/jpeg",
        lossless=False,
        holds=("color", "icc", "pixel_aspect", "dpi", "tags", "exif", "xmp", "iptc", "texts"),
    )


BUILTIN_SPECS: tuple[EncoderSpec, ...] = (_PNG, _jpeg("jpg", "jpeg"), _jpeg("jpeg", "jpg"))
