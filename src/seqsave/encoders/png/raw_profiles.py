"""Read and write the texts "Raw profile type exif" and others of PNG files by ImageMagick and exiftool.

Such a text is a line with the kind, one with the number of bytes, and the bytes in hexadecimal digits. PNG has chunks
for all kinds except IPTC's records, which exiftool writes in this form.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from seqsave.metadata import icc, iptc

__all__ = ["Found", "iptc_chunk", "taken"]

_PREFIX: Final = "Raw profile type "
_FORM: Final = re.compile(r"\n[^\n]*\n *(\d+)\n([0-9A-Fa-f\s]*)\Z")
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_ORDERS: Final = (b"II*\0", b"MM\0*")
_LINE: Final = 72  # digits, as other programs write them


class Found(NamedTuple):
    """The profiles of a file: an ICC profile, an Exif block without a header, an XMP packet and IPTC's records."""

    profile: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""


def taken(texts: Mapping[str, str], chunks: Found) -> tuple[dict[str, str], Found]:
    """Return the texts that are no profiles, and the profiles of chunks and texts.

    chunks: what the chunks of the file state, which goes before a text. A text that states something else than a chunk
        stays a text, and a damaged one too.
    """
    if not any(name.startswith(_PREFIX) for name in texts):
        return dict(texts), chunks
    kept, found = {}, chunks
    for name, text in texts.items():
        read = _read(name, text)
        here = None if read is None else getattr(found, read[0])
        if read is None or here not in (b"", read[1]):
            kept[name] = text
        else:
            found = found._replace(**{read[0]: read[1]})
    return kept, found


def iptc_chunk(records: bytes) -> bytes:
    """Return the content of a chunk zTXt with IPTC's records, in a block of Photoshop's as exiftool writes it."""
    block = iptc.block_of(records)
    digits = block.hex()
    lines = [digits[start : start + _LINE] for start in range(0, len(digits), _LINE)]
    text = "\n".join(("", "IPTC profile", f"{len(block):8}", *lines, ""))
    return f"{_PREFIX}iptc".encode() + b"\0\0" + zlib.compress(text.encode(), 9)


def _read(name: str, text: str) -> tuple[str, bytes] | None:
    """Return the field of ``Found`` and the bytes of a text; None for one that is not a sound profile."""
    found = _FORM.match(text) if name.startswith(_PREFIX) else None
    if found is None:
        return None
    digits = "".join(found[2].split())
    if len(digits) != 2 * int(found[1]):
        return None
    field = _field(name.removeprefix(_PREFIX).lower(), bytes.fromhex(digits))
    return field if field is not None and field[1] else None


def _field(kind: str, data: bytes) -> tuple[str, bytes] | None:
    if kind in ("icc", "icm"):
        return ("profile", data) if icc.is_profile(data) else None
    if kind in ("iptc", "8bim"):
        return "iptc", iptc.records_of(data) or b""
    if kind in ("exif", "app1", "xmp"):
        block = data.removeprefix(_EXIF)
        if block.startswith(_ORDERS):
            return "exif", block
        packet = data.removeprefix(_XMP)
        return ("xmp", packet) if packet.lstrip().startswith((b"<?xpacket", b"<x:xmpmeta", b"<rdf:RDF")) else None
    return None
