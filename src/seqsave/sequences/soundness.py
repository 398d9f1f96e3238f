"""Check that a frame's file is complete, without decoding its picture, as far as its format shows that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from isal.isal_zlib import crc32

__all__ = ["SCAN", "is_truncated", "problem_of", "segments"]

Data = bytes | bytearray | memoryview

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_RIFF = b"RIFF"
_EXR = b"\x76\x2f\x31\x01"
_JXL = b"\0\0\0\x0cJXL "
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# The first bytes of files, by their extensions.
_HEADS = {
    **dict.fromkeys(("png", "apng"), (_PNG,)),
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), (_JPEG,)),
    **dict.fromkeys(("tif", "tiff"), _TIFF),
    "webp": (_RIFF,),
    "exr": (_EXR,),
    "jxl": (b"\xff\x0a", _JXL),
    "gif": (b"GIF8",),
    "bmp": (b"BM",),
}
_ALL_HEADS = tuple({head for heads in _HEADS.values() for head in heads})
_CUT_OFF = "is damaged: it ends before its picture does"
_LEAST_EXR = 128  # bytes; its header alone has eight attributes
_MARKER = 0xFF
# ITU T.81 B.1.1.3: End Of Image and Start Of Scan. Phones put a movie or a second picture behind the end.
_JPEG_END, SCAN = b"\xff\xd9", 0xDA


def problem_of(data: Data, extension: str = "") -> str:
    """Return the fault of a damaged file, as the rest of a sentence; ``""`` if none is found.

    A PNG has an end and a checksum of each part, a WebP a length, a JPEG an end. Of most other formats only the
    beginning is checked. A sound picture under the extension of another format has no fault.

    extension: of the file's name, in any case.
    """
    view = memoryview(data).cast("B")
    if not view.nbytes:
        return "is empty"
    head = bytes(view[:16])
    if is_truncated(view):
        return _CUT_OFF
    if not head.startswith(_ALL_HEADS) and extension.lower() in _HEADS:
        return f"is damaged: it does not begin as a .{extension.lower()} file does"
    return _problem_of_png(view) if head.startswith(_PNG) else ""


def is_truncated(data: Data) -> bool:
    """Return True for a file that ends before its picture does, as far as its format shows that."""
    view = memoryview(data).cast("B")
    head, size = bytes(view[:16]), view.nbytes
    if any(known.startswith(head) and size < len(known) for known in _ALL_HEADS):
        return size > 0
    if head.startswith(_PNG):
        return b"IEND" not in (bytes(view[at + 4 : at + 8]) for at, _ in _chunks(view))
    if head.startswith(_JPEG):
        return not _has_end(view)
    if head.startswith(_RIFF):
        is_webp = b"WEBP".startswith(head[8:12])
        return is_webp and (size < 12 or int.from_bytes(head[4:8], "little") + 8 > size)
    if head.startswith(_TIFF):
        return _ends_before_its_tags(view)
    if head.startswith(_JXL):
        return _ends_before_its_stream(view)
    return head.startswith(_EXR) and size < _LEAST_EXR


def _has_end(view: memoryview) -> bool:
    """Return True if a JPEG's end comes after its first scan; one in a thumbnail or a profile comes before it."""
    scan = next((at for kind, at in segments(view) if kind == SCAN), None)
    return scan is not None and _JPEG_END in bytes(view[scan:])


def segments(view: memoryview) -> Iterator[tuple[int, int]]:
    """Yield the marker of each segment, up to the first scan, and where it begins."""
    at = 2
    while at + 9 <= view.nbytes and view[at] == _MARKER:
        kind = view[at + 1]
        if kind == _MARKER:  # fill bytes before a marker
            at += 1
            continue
        yield kind, at
        if kind == SCAN:
            return
        at += 2 + int.from_bytes(view[at + 2 : at + 4], "big")


def _ends_before_its_tags(view: memoryview) -> bool:
    """Return True for a TIFF file that ends before its first directory does (TIFF 6.0, section 2; BigTIFF)."""
    order: Literal["little", "big"] = "little" if view[0] == ord("I") else "big"
    start, count, each = (8, 8, 20) if 43 in view[2:4] else (4, 2, 12)
    first = int.from_bytes(view[start : 2 * start], order)
    entries = int.from_bytes(view[first : first + count], order)
    return view.nbytes < 2 * start or first + count + each * entries > view.nbytes


def _ends_before_its_stream(view: memoryview) -> bool:
    """Return True for a JPEG XL file that ends before its first box with a picture does (ISO/IEC 18181-2)."""
    at, size = 0, view.nbytes
    while at + 8 <= size:
        length, kind = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        if length == 1:
            length = int.from_bytes(view[at + 8 : at + 16], "big")
        end = at + length if length else size
        if end > size or kind in (b"jxlc", b"jxlp"):
            return end > size
        if end < at + 8:
            return False
        at = end
    return True


def _chunks(view: memoryview) -> Iterator[tuple[int, int]]:
    """Yield where each whole chunk of a PNG begins and ends, up to its last one."""
    at, size = len(_PNG), view.nbytes
    while at + 12 <= size:
        end = at + 12 + int.from_bytes(view[at : at + 4], "big")
        if end > size:
            return
        yield at, end
        if bytes(view[at + 4 : at + 8]) == b"IEND":
            return
        at = end


def _problem_of_png(view: memoryview) -> str:
    """Check the CRC-32 of each chunk's type and data (PNG 1.2, 3.2)."""
    for at, end in _chunks(view):
        if crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            name = bytes(view[at + 4 : at + 8]).decode("ascii", "replace")
            return f"is damaged: the checksum of its chunk {name!r} is wrong"
    return ""
