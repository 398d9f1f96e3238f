"""An ICC profile of four inks, made by hand: all of them grey, so that the right values are easy to compute."""

from __future__ import annotations

import struct
from itertools import product

__all__ = ["CYAN_AS_SRGB", "cmyk_profile"]

# L* is 75 for one ink, so that its light is ((75 + 16) / 116) ** 3, and the value of sRGB 1.055 * that ** (1 / 2.4) -
# 0.055.
CYAN_AS_SRGB = 185


def cmyk_profile() -> bytes:
    """With a table from CMYK to Lab: each of three inks takes 25 from the lightness, and black all of it."""
    levels = bytes(range(256))
    corners = b"".join(
        bytes((round(255 * (0 if k else 100 - 25 * (c + m + y)) / 100), 128, 128))
        for c, m, y, k in product((0, 1), repeat=4)
    )
    table = struct.pack(">4sI4B9i", b"mft1", 0, 4, 3, 2, 0, *(65536 if i % 4 == 0 else 0 for i in range(9)))
    table += 4 * levels + corners + 3 * levels
    text = struct.pack(">4sII", b"text", 0, 0)[:8] + b"inks\0\0\0\0"
    white = struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061)
    desc = struct.pack(">4sII", b"desc", 0, 5) + b"inks\0" + bytes(79)
    tags = {b"A2B0": table, b"wtpt": white, b"cprt": text, b"desc": desc}
    place, listed, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        listed += struct.pack(">4sII", name, place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = place + len(body)
    head = struct.pack(">I4sI4s4s4s12s4s", size, bytes(4), 0x02400000, b"prtr", b"CMYK", b"Lab ", bytes(12), b"acsp")
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + listed + body
