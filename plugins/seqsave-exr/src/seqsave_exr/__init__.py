"""OpenEXR for seqsave: the declaration of its encoder, whose code is imported at first use."""

from __future__ import annotations

from seqsave import EncoderSpec, Option, hookimpl

__all__ = ["EXR", "seqsave_encoders"]

EXR = EncoderSpec(
    filetype="exr",
    extensions=("exr",),
    encoder="seqsave_exr.codec:ExrEncoder",
    dtypes=("float16", "float32", "uint32"),
    channels=tuple(range(1, 65)),
    options={
        "compression": Option(
            type=str,
            default="zip",
            choices=(
                *("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"),
                *("htj2k256", "htj2k32", "zstd", "lj2k"),
            ),
            help="lossless: none rle zips zip piz; needs OpenEXR 3.4 to read: htj2k256 htj2k32, 3.5: zstd; "
            "lossy: pxr24 (float only), b44 b44a (half only), dwaa dwab, lj2k (3.5)",
        ),
        "dwa_level": Option(
            type=float, default=45.0, min=0, max=1000, help="dwaa and dwab: 0 keeps most, 45 is usual, more is smaller"
        ),
        "channel_names": Option(
            type=str,
            default="",
            help="one name for each channel, such as 'R,G,B,A,depth.Z'; empty: the source's, else Y, YA, RGB or RGBA, "
            "then channel04 ...",
        ),
        "alpha": Option(
            type=str,
            default="premultiplied",
            choices=("premultiplied", "straight"),
            help="what the pictures hold, unless their source states it; EXR holds premultiplied, so straight colours "
            "are multiplied by alpha",
        ),
        "drop_frame": Option(
            type=bool, default=False, help="time code that skips numbers to keep to the clock: 29.97 and 59.94 only"
        ),
    },
    metadata="embed",
    content_type="image/x-exr",
    lossless=True,  # with default options
    install_hint="pip install seqsave-exr",
    holds=(
        *("color", "primaries", "channels", "layer", "origin", "display", "pixel_aspect", "dpi", "rate", "tags"),
        *("exif", "xmp", "texts", "attributes"),
    ),
    alpha="stated",
)


@hookimpl
def seqsave_encoders() -> list[EncoderSpec]:
    """Return the declaration of ``exr``."""
    return [EXR]
