"""Texts that travel inside files: JSON values, Exif, XMP, ICC profiles, ComfyUI graphs. For format authors too."""
