"""Write an ICC profile into the header of a codestream, and read those that were written here.

The library behind imagecodecs cannot be given a profile. It lies between the header and the first frame, and no frame
depends on it. It is written in the simplest of the forms that the format allows: each byte as a code of eight bits.
Source: ISO/IEC 18181-1, annexes C (entropy coding) and E.4.
"""

from __future__ import annotations

from typing import Any

__all__ = ["put_profile", "take_profile"]

_HEADER = 128  # bytes of a profile's header, which the format predicts
_INSERT = 1
_BYTES = 256
_REVERSED = tuple(int(f"{number:08b}"[::-1], 2) for number in range(_BYTES))
_PLACES = {value: number for number, value in enumerate(_REVERSED)}
# No repetitions; one code for all contexts; prefix codes; whole numbers below 256 are their own tokens; 256 tokens,
# all of them with codes of 8 bits.
_TOKENS = ((0, 1), (1, 1), (0, 2), (1, 1), (8, 4), (0, 4), (0, 4), (1, 1), (7, 4), (127, 7), (0, 2))
_EIGHT = 10  # the place of the length 8 in the order of lengths
_CODES = tuple((1 if place == _EIGHT else 0, 2) for place in range(18))
_PREAMBLE = _TOKENS + _CODES
# U64 of 18181-1 B.2.4, for sizes below 2 ** 16: the first part has 12 bits, each further one eight.
_FORM, _FIRST, _NEXT = 3, 12, 8
_MOST = 1 << 28


def put_profile(new: Any, profile: bytes) -> None:
    """Write the profile. new: a writer of bits, which is at the end of the header."""
    coded = _predicted(profile)
    new.put(_FORM, 2)
    size = len(coded)
    new.put(size & 0xFFF, _FIRST)
    size >>= _FIRST
    while size:
        new.put(1, 1)
        new.put(size & 0xFF, _NEXT)
        size >>= _NEXT
    new.put(0, 1)
    for value, count in _PREAMBLE:
        new.put(value, count)
    body = bytes(map(_REVERSED.__getitem__, coded))
    new.put(int.from_bytes(body, "little"), 8 * len(body))


def take_profile(bits: Any) -> bytes | None:
    """Return the profile that ``put_profile`` wrote; None for one in another form.

    bits: a reader of bits, which is at the end of the header.
    """
    if bits.take(2) != _FORM:
        return None
    size, place = bits.take(_FIRST), _FIRST
    while bits.take(1):
        size |= bits.take(_NEXT) << place
        place += _NEXT
        if size > _MOST:
            return None
    if any(bits.take(count) != value for value, count in _PREAMBLE):
        return None
    body = bits.take(8 * size).to_bytes(size, "little")
    return _restored(bytes(map(_PLACES.__getitem__, body)))


def _predicted(profile: bytes) -> bytes:
    """Return the profile in the form that is coded: sizes, commands, differences of the header, and the rest."""
    rest = profile[_HEADER:]
    commands = b"\0" + bytes((_INSERT,)) + _number(len(rest))  # no list of tags
    wanted = _prediction(profile)
    header = bytes((found - value) % _BYTES for found, value in zip(profile, wanted, strict=False))
    return _number(len(profile)) + _number(len(commands)) + commands + header + rest


def _restored(coded: bytes) -> bytes | None:
    size, place = _number_at(coded, 0)
    length, place = _number_at(coded, place)
    start = place + length
    header, rest = coded[start : start + _HEADER], coded[start + _HEADER :]
    if len(header) < _HEADER or coded[place:start] != b"\0" + bytes((_INSERT,)) + _number(len(rest)):
        return None
    made = bytearray()
    for number, value in enumerate(header):
        made.append((value + _prediction(bytes(made).ljust(_HEADER, b"\0"), size)[number]) % _BYTES)
    return bytes(made) + rest


def _prediction(profile: bytes, size: int | None = None) -> bytes:
    """Return the header that the format predicts. size: of the whole profile, where only its beginning is known."""
    made = bytearray(_HEADER)
    made[0:4] = (len(profile) if size is None else size).to_bytes(4, "big")
    made[8] = 4
    made[12:24] = b"mntrRGB XYZ "
    made[36:40] = b"acsp"
    made[70:72], made[73], made[78:80] = b"\xf6\xd6", 1, b"\xd3\x2d"
    made[80:84] = profile[4:8]
    platform = profile[40:41]
    if platform in (b"A", b"M"):
        made[41:44] = {b"A": b"PPL", b"M": b"SFT"}[platform]
    if profile[40:42] in (b"SG", b"SU"):
        made[42:44] = {b"SG": b"I ", b"SU": b"NW"}[profile[40:42]]
    return bytes(made)


def _number(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes((*made, value))


def _number_at(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data):
        value |= (data[place] & 127) << shift
        shift, place = shift + 7, place + 1
        if not data[place - 1] & 128:
            break
    return value, place
