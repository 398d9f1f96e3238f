"""Metadata in files: JSON values, Exif, XMP, ICC profiles, ComfyUI graphs. exif, icc, xmp, parameters are public."""

from seqsave import _lazy

_HOMES = {
    "comfyui": "Withholding is_withheld",
    "parameters": "PARAMETERS parameters_of",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
