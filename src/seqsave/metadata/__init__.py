"""Metadata in files: JSON values, Exif, XMP, ICC profiles, ComfyUI graphs. exif, icc, xmp, parameters are public."""
