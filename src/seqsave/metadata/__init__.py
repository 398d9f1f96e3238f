"""Metadata in files: JSON values, Exif, XMP, ICC profiles, ComfyUI graphs. exif, icc and xmp are public."""
