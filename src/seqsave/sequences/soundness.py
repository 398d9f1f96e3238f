"""Check that a frame's file is complete, without decoding its picture, as far as its format shows that."""

from __future__ import annotations

from collections.abc import Iterator

from isal.isal_zlib import crc32

__all__ = ["SCAN", "problem_of", "segments"]

Data = bytes | bytearray | memoryview

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_RIFF = b"RIFF"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# The first bytes of files, by their extensions.
_HEADS = {
    **dict.fromkeys(("png", "apng"), (_PNG,)),
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), (_JPEG,)),
    **dict.fromkeys(("tif", "tiff"), _TIFF),
    "webp": (_RIFF,),
    "exr": (b"\x76\x2f\x31\x01",),
    "jxl": (b"\xff\x0a", b"\0\0\0\x0cJXL "),
    "gif": (b"GIF8",),
    "bmp": (b"BM",),
}
_ALL_HEADS = tuple({head for heads in _HEADS.values() for head in heads})
_CUT_OFF = "is damaged: it ends before its picture does"
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
    if not head.startswith(_ALL_HEADS) and extension.lower() in _HEADS:
        return f"is damaged: it does not begin as a .{extension.lower()} file does"
    if head.startswith(_PNG):
        return _problem_of_png(view)
    is_webp = head.startswith(_RIFF) and head[8:12] == b"WEBP"
    if is_webp and int.from_bytes(head[4:8], "little") + 8 > view.nbytes:
        return _CUT_OFF
    if head.startswith(_JPEG) and not _has_end(view):
        return _CUT_OFF
    return ""


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


def _problem_of_png(view: memoryview) -> str:
    """Check each chunk: its length, its type, its data, and the CRC-32 of type and data (PNG 1.2, 3.2)."""
    at, size = len(_PNG), view.nbytes
    while at + 12 <= size:
        length = int.from_bytes(view[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > size:
            break
        name = bytes(view[at + 4 : at + 8])
        if crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            return f"is damaged: the checksum of its chunk {name.decode('ascii', 'replace')!r} is wrong"
        if name == b"IEND":
            return ""
        at = end + 4
    return _CUT_OFF
