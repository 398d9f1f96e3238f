"""Streams that the extension unpacks are what zlib unpacks them to; all that are not sound are left to others."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqsave_native import _kernel

from pictures import photograph
from seqsave.encoders.png import decoder, native
from seqsave.encoders.png.encoder import PngEncoder
from seqsave.errors import DecodeError
from seqsave.types import FrameInfo

STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED)

pytestmark = pytest.mark.usefixtures("level")


def unpacked(stream: Any, size: int) -> bytes | None:
    """Return what the extension makes of any stream; None if it is left to others."""
    out = bytearray(size)
    return bytes(out) if _kernel.inflate(stream, out, True) else None


def is_taken(stream: bytes, content: bytes) -> bool:
    """Return whether the extension chooses to unpack a stream; check what it makes of it."""
    out = bytearray(len(content))
    found = _kernel.inflate(stream, out)
    assert not found or out == content
    return found


PHOTOGRAPH = (255 * photograph(300, 900, 11)).astype(np.uint8)
FILTERED = np.diff(PHOTOGRAPH.reshape(300, -1).astype(np.int16), axis=0, prepend=0).astype(np.uint8).tobytes()


@st.composite
def contents(draw: Any) -> bytes:
    """Bytes with and without repeated strings, from none to 2 MB."""
    size = draw(st.one_of(st.integers(0, 300), st.integers(0, 50_000), st.integers(0, 2_000_000)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["few", "many", "filtered", "runs", "strings", "mixed"]))
    if kind == "filtered":
        start = draw(st.integers(0, len(FILTERED) // 2))
        return (FILTERED * 3)[start : start + size]
    if kind == "strings":
        words = [random.bytes(int(length)) for length in random.integers(1, 90, 30)]
        return b"".join(words[which] for which in random.integers(0, 30, size // 40))
    if kind == "mixed":
        half = random.integers(0, 256, size // 2, np.uint8).tobytes()
        return FILTERED[: size - len(half)] + half + half[: draw(st.integers(0, 2000))]
    values = {"few": 4, "many": 256, "runs": 2}[kind]
    made = np.minimum(random.geometric(draw(st.sampled_from([0.05, 0.3, 0.7])), size) - 1, values - 1).astype(np.uint8)
    return made.repeat(random.integers(1, 60, size))[:size].tobytes() if kind == "runs" else made.tobytes()


class Packed(NamedTuple):
    stream: bytes
    content: bytes

    def __repr__(self) -> str:
        return f"a stream of {len(self.stream)} bytes for {len(self.content)}"


@st.composite
def streams(draw: Any) -> Packed:
    """What zlib makes of contents with any of its settings, in pieces; and the contents."""
    content = draw(contents())
    packer = zlib.compressobj(
        draw(st.integers(0, 9)),
        zlib.DEFLATED,
        draw(st.integers(9, 15)),
        draw(st.integers(1, 9)),
        draw(st.sampled_from(STRATEGIES)),
    )
    pieces, start = [], 0
    for end in sorted(draw(st.lists(st.integers(0, len(content)), max_size=6))):
        pieces.append(packer.compress(content[start:end]))
        pieces.append(packer.flush(draw(st.sampled_from([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_PARTIAL_FLUSH]))))
        start = end
    return Packed(b"".join((*pieces, packer.compress(content[start:]), packer.flush())), content)


@settings(max_examples=300)
@given(streams(), st.binary(max_size=20))
def test_every_stream_of_zlib(made: Packed, behind: bytes) -> None:
    packed, content = made
    assert unpacked(packed, len(content)) == content
    assert unpacked(packed + behind, len(content)) == content
    is_taken(packed, content)


@settings(max_examples=200)
@given(streams(), st.data())
def test_streams_that_are_not_sound_are_left(made: Packed, data: Any) -> None:
    packed, content = made
    assert unpacked(packed, len(content) + 1) is None
    assert unpacked(packed, max(len(content) - 1, 0)) == (None if content else b"")
    assert unpacked(packed[: data.draw(st.integers(0, len(packed) - 1))], len(content)) is None
    wrong = bytearray(packed)
    wrong[-data.draw(st.integers(1, 4))] ^= 1 << data.draw(st.integers(0, 7))
    assert unpacked(bytes(wrong), len(content)) is None


@settings(max_examples=300)
@given(streams(), st.data())
def test_changed_streams_are_accepted_only_as_zlib_accepts_them(made: Packed, data: Any) -> None:
    packed, content = made
    changed = bytearray(packed)
    for place in data.draw(st.lists(st.integers(0, len(packed) - 1), min_size=1, max_size=3)):
        changed[place] ^= data.draw(st.integers(1, 255))
    inflater = zlib.decompressobj()
    try:
        expected = inflater.decompress(bytes(changed), len(content) + 1)
    except zlib.error:
        expected = b""
    found = unpacked(bytes(changed), len(content))
    assert found is None or (found == expected and inflater.eof)


def wrapped(blocks: str, content: bytes, head: bytes = b"\x78\x01") -> bytes:
    """A stream of these bits, the first one first, and the checksum of what they should make."""
    padded = blocks + "0" * (-len(blocks) % 8)
    packed = bytes(int(padded[at : at + 8][::-1], 2) for at in range(0, len(padded), 8))
    return head + packed + zlib.adler32(content).to_bytes(4, "big")


def bits(value: int, count: int) -> str:
    return format(value, f"0{count}b")[::-1]


def dynamic(orders: dict[int, int], lengths: list[int], codes: dict[int, str], distances: int = 1) -> str:
    """The head of a last block with codes of codes, and the lengths as these."""
    places = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    head = "1" + bits(2, 2) + bits(len(lengths) - distances - 257, 5) + bits(distances - 1, 5) + bits(15, 4)
    return head + "".join(bits(orders.get(one, 0), 3) for one in places) + "".join(codes[one] for one in lengths)


# Two lengths of codes, 0 and 1 or 2: "0" is none, "1" the other.
NONE_OR_ONE, NONE_OR_TWO = ({0: 1, 1: 1}, {0: "0", 1: "1"}), ({0: 1, 2: 1}, {0: "0", 2: "1"})
LETTER_A = [0] * 65 + [1] + [0] * 190 + [1]  # the code of "A" is 0, that of the end is 1


def with_codes(lengths: list[int], which: Any = NONE_OR_ONE, distances: int = 1, tokens: str = "001") -> str:
    return dynamic(which[0], lengths, which[1], distances) + tokens


FIXED_A = "01110001"  # "A" is 48 + 65
SOUND = {
    "fixed codes": ("110" + FIXED_A * 3 + "0000000", b"AAA"),
    "a match at distance 1": ("110" + FIXED_A + "0000001" + "00000" + "0000000", b"AAAA"),
    "no distance": (with_codes([*LETTER_A, 0]), b"AA"),
    "one distance of one bit": (with_codes([*LETTER_A, 1]), b"AA"),
    "two distances": (with_codes([*LETTER_A, 1, 1], distances=2), b"AA"),
}
THREE_ORDERS = ({0: 1, 1: 2, 2: 2}, {0: "0", 1: "10", 2: "11"})
UNSOUND = {
    "a block of a kind that does not exist": ("111" + "0" * 40, b""),
    "a stored block whose sizes differ": ("100" + "0" * 5 + bits(1, 16) + bits(0xFFFF, 16) + bits(65, 8), b"A"),
    "no end": ("110" + FIXED_A * 3, b"AAA"),
    "a distance before the start": ("110" + FIXED_A + "0000001" + "00001" + "0000000", b"AAAA"),
    "a distance that does not exist": ("110" + FIXED_A + "0000001" + "11110" + "0000000", b"AAAA"),
    "a length that does not exist": ("110" + FIXED_A + "11000110" + "00000" + "0000000", b"AAAA"),
    "too many codes": (with_codes([*LETTER_A[:66], 1, *LETTER_A[67:], 0]), b"AA"),
    "too few codes": (with_codes([*LETTER_A[:65], 2, *LETTER_A[66:256], 2, 0], NONE_OR_TWO), b"AA"),
    "no code for the end": (with_codes([1, 1, *[0] * 255, 0], tokens="00"), b"\0\0"),
    "too many distances": (with_codes([*LETTER_A, 1, 1, 1], distances=3), b"AA"),
    "one distance of two bits": (with_codes([*LETTER_A, 2], THREE_ORDERS), b"AA"),
    "two distances of two bits": (with_codes([*LETTER_A, 2, 2], THREE_ORDERS, 2), b"AA"),
    "a match without a distance": (
        with_codes([*LETTER_A[:256], 2, 2, 0], THREE_ORDERS, tokens="011" + "0" * 9 + "10"),
        b"AAAA",
    ),
    "287 letters": (with_codes([*LETTER_A, *[0] * 30, 0]), b"AA"),
    "31 distances": (with_codes([*LETTER_A, *[0] * 31], distances=31), b"AA"),
    "too many codes of codes": (with_codes([*LETTER_A, 0], ({0: 1, 1: 1, 2: 1}, NONE_OR_ONE[1])), b"AA"),
    "too few codes of codes": (with_codes([*LETTER_A, 0], ({0: 2, 1: 2}, {0: "00", 1: "01"})), b"AA"),
    "one code of codes": (with_codes([0] * 258, ({0: 1}, {0: "0"})), b""),
    "a repetition of nothing": (with_codes([16, *[0] * 257], ({0: 1, 16: 1}, {0: "0", 16: "100"})), b""),
    "a repetition behind the last": (with_codes([*[0] * 257, 16], ({0: 1, 16: 1}, {0: "0", 16: "100"})), b""),
}


@pytest.mark.parametrize("name", SOUND)
def test_small_sound_streams(name: str) -> None:
    blocks, content = SOUND[name]
    stream = wrapped(blocks, content)
    assert zlib.decompress(stream) == content
    assert unpacked(stream, len(content)) == content


@pytest.mark.parametrize("name", UNSOUND)
def test_small_unsound_streams(name: str) -> None:
    blocks, content = UNSOUND[name]
    stream = wrapped(blocks, content)
    with pytest.raises(zlib.error):
        zlib.decompress(stream)
    assert unpacked(stream, len(content)) is None


def test_one_letter_is_left() -> None:
    """Its code leaves places, which zlib allows for the end alone; no program writes it."""
    stream = wrapped(with_codes([*[0] * 256, 1, 0], tokens="0"), b"")
    assert zlib.decompress(stream) == b""
    assert unpacked(stream, 0) is None


def test_a_distance_beyond_the_window_of_the_header_is_left() -> None:
    random = np.random.default_rng(3).bytes(1000)
    content = random * 2
    packed = zlib.compress(content, 9)
    assert unpacked(packed, len(content)) == content
    assert unpacked(b"\x28\x15" + packed[2:], len(content)) == content  # 1024
    assert unpacked(b"\x18\x19" + packed[2:], len(content)) is None  # 512


@pytest.mark.parametrize("head", [b"\x78\xbb", b"\x78\x02", b"\x79\x1f", b"\x88\x1c", b"\x78", b""])
def test_heads_that_are_not_for_it(head: bytes) -> None:
    """With a dictionary, a wrong check, another method, too large a window, and cut short."""
    content = bytes(range(100))
    packed = zlib.compress(content)
    assert unpacked(packed, 100) == content
    assert unpacked(head + packed[2:] if len(head) == 2 else head, 100) is None


def test_any_bytes_are_left() -> None:
    random = np.random.default_rng(4)
    for length in range(300):
        assert unpacked(b"\x78\x01" + random.bytes(length), int(random.integers(0, 5000))) is None


def test_streams_that_cannot_be_read() -> None:
    with pytest.raises(TypeError):
        _kernel.inflate("text", bytearray(4))  # type: ignore[arg-type]
    with pytest.raises((ValueError, TypeError, BufferError)):
        _kernel.inflate(np.zeros((4, 4), np.uint8)[:, ::2], bytearray(4))
    with pytest.raises((TypeError, BufferError)):
        _kernel.inflate(zlib.compress(b"four"), b"four")


# --- files -----------------------------------------------------------------------------------------------------------


def written(picture: Any) -> bytes:
    return bytes(
        PngEncoder().encode(picture, metadata={}, options={"compression": "fast"}, info=FrameInfo(index=0)).data
    )


@pytest.mark.parametrize("scale", [255, 65535])
def test_photographs_of_seqsave_are_unpacked_by_the_extension(scale: int, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = (scale * photograph(400, 500, 12)).astype(np.uint8 if scale == 255 else np.uint16)
    data = written(picture)
    monkeypatch.setattr(decoder.isal_zlib, "decompressobj", lambda: pytest.fail("the extension left it to igzip"))
    np.testing.assert_array_equal(decoder.decode(data, max_pixels=10**6).array, picture)


@pytest.mark.parametrize("kind", ["strings", "fixed codes", "small blocks", "small"])
def test_what_others_unpack_as_fast_is_left(kind: str) -> None:
    content = FILTERED[:30_000] if kind == "small" else FILTERED
    packer = zlib.compressobj(6, strategy=zlib.Z_FIXED if kind == "fixed codes" else zlib.Z_HUFFMAN_ONLY)
    if kind == "strings":
        content = b"".join(FILTERED[at : at + 50] * 3 for at in range(0, 300_000, 50))
        packer = zlib.compressobj(6)
    pieces = [content]
    if kind == "small blocks":
        pieces = [content[at : at + 5000] for at in range(0, len(content), 5000)]
    packed = b"".join(packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in pieces) + packer.flush()
    assert unpacked(packed, len(content)) == content
    assert not is_taken(packed, content)


def outcome(data: bytes) -> Any:
    try:
        return decoder.decode(data, max_pixels=10**6).array.tobytes()
    except DecodeError as error:
        return str(error)


FILE = written((255 * photograph(180, 240, 13)).astype(np.uint8))
START, END = FILE.index(b"IDAT") + 4, len(FILE) - 16


def with_stream(stream: bytes) -> bytes:
    chunk = b"IDAT" + stream
    return (
        FILE[: START - 8] + len(stream).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") + FILE[-12:]
    )


@settings(max_examples=200)
@given(st.data())
def test_damaged_files_as_without_the_extension(data: Any) -> None:
    """Changed, cut short, longer than the pixels, with bytes behind the stream; the checksums of chunks are right."""
    stream = bytearray(FILE[START:END])
    how = data.draw(st.sampled_from(["changed", "changed at its ends", "cut", "longer", "shorter", "behind"]))
    if how.startswith("changed"):
        for _ in range(data.draw(st.integers(1, 3))):
            most = len(stream) - 1 if how == "changed" else 40
            stream[data.draw(st.integers(-40, most))] ^= data.draw(st.integers(1, 255))
    elif how == "cut":
        del stream[data.draw(st.integers(1, len(stream))) :]
    elif how == "behind":
        stream += data.draw(st.binary(min_size=1, max_size=9))
    else:
        lines = zlib.decompress(stream)
        cut = data.draw(st.integers(1, 3000))
        stream = bytearray(zlib.compress(lines + bytes(cut) if how == "longer" else lines[:-cut], 1))
    file = with_stream(bytes(stream))
    found = outcome(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoder, "kernel", lambda: None)
        assert found == outcome(file)


def test_the_file_itself_is_one_for_the_extension() -> None:
    assert _kernel.inflate(FILE[START:END], bytearray(180 * 721))
    assert native.kernel() is _kernel
    assert with_stream(FILE[START:END]) == FILE


def test_threads_at_the_same_time() -> None:
    content = FILTERED * 2
    packed = zlib.compress(content, 1)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: unpacked(packed, len(content)), range(16))) == {content}


def test_a_stream_that_another_thread_changes_does_no_harm() -> None:
    stream = np.frombuffer(zlib.compress(FILTERED, 1), np.uint8).copy()
    sound = stream.copy()
    random = np.random.default_rng(5)

    def change() -> None:
        for _ in range(300):
            stream[random.integers(0, len(stream), 20)] = random.integers(0, 256, 20)
            stream[:] = sound

    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        while not changing.done():
            assert unpacked(stream, len(FILTERED)) in (None, FILTERED)
