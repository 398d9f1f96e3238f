"""Directories of a TIFF structure, as Pillow reads and writes them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seqsave.metadata import ifd
from seqsave.metadata.ifd import ASCII, EXIF, GPS, LONG, RATIONAL, SHORT, UNDEFINED, Directory, Field

VALUES = st.builds(
    lambda text: Field(ASCII, len(text), text), st.binary(min_size=1, max_size=9).map(lambda text: text + b"\0")
)
INNER = st.dictionaries(st.integers(1, 0x7FFF), VALUES, min_size=1, max_size=4)
TREES = st.builds(
    lambda outer, inner, place: {**outer, EXIF: Field(LONG, 1, inner), GPS: Field(LONG, 1, place)}, INNER, INNER, INNER
)


@given(TREES, st.sampled_from("<>"))
def test_what_is_written_is_read(tree: Directory, order: str) -> None:
    data = ifd.written(tree, order)
    assert (ifd.read(data), ifd.order_of(data), ifd.size_of(tree)) == (tree, order, len(data))


@pytest.mark.parametrize("order", "<>")
def test_pillow_reads_what_is_written(order: str) -> None:
    unit = struct.pack(order + "H", 2)
    tree: Directory = {
        0x0110: Field(ASCII, 3, b"M1\0"),
        0x0128: Field(SHORT, 1, unit),
        EXIF: Field(LONG, 1, {0x9003: Field(ASCII, 20, b"2020:01:02 03:04:05\0")}),
    }
    foreign = Image.Exif()
    foreign.load(b"Exif\0\0" + ifd.written(tree, order))
    assert (foreign[0x0110], foreign[0x0128]) == ("M1", 2)
    assert foreign.get_ifd(EXIF) == {0x9003: "2020:01:02 03:04:05"}


def test_what_pillow_writes_is_read() -> None:
    foreign = Image.Exif()
    foreign[0x0110] = "M1"
    foreign[EXIF] = {0x829A: 0.5}
    found = ifd.read(foreign.tobytes().removeprefix(b"Exif\0\0"))
    assert found[0x0110] == Field(ASCII, 3, b"M1\0")
    assert isinstance(found[EXIF].value, dict)
    assert set(found[EXIF].value) == {0x829A}


NUMBERS = st.dictionaries(
    st.integers(0x9000, 0x9FFF),
    st.sampled_from([(SHORT, "H"), (LONG, "I"), (RATIONAL, "II"), (9, "i"), (12, "d"), (UNDEFINED, "4B")]),
    max_size=5,
)


@given(NUMBERS)
def test_numbers_in_another_byte_order_stay_the_same(kinds: dict[int, tuple[int, str]]) -> None:
    def written(order: str) -> Directory:
        values = {
            tag: struct.pack(order + letters, *[7] * struct.calcsize(letters))
            if letters == "4B"
            else struct.pack(order + letters, *[7] * len(letters))
            for tag, (_, letters) in kinds.items()
        }
        return {
            tag: Field(kinds[tag][0], 4 if kinds[tag][0] == UNDEFINED else 1, value) for tag, value in values.items()
        }

    one, other = ({0x0110: Field(ASCII, 3, b"M1\0"), EXIF: Field(LONG, 1, written(order))} for order in "<>")
    assert ifd.reordered(one, "<", ">") == other
    assert ifd.reordered(other, ">", "<") == one


@given(TREES, TREES, st.sampled_from("<>"))
def test_more_fields_in_a_structure(tree: Directory, more: Directory, order: str) -> None:
    made = ifd.extended(ifd.written(tree, order), more)
    assert ifd.read(made) == {**more, **tree}


def test_a_bigtiff_is_not_extended() -> None:
    assert ifd.extended(b"II+\0" + bytes(12), {1: Field(ASCII, 1, b"x")}) == b"II+\0" + bytes(12)


@given(st.binary(max_size=120), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_damaged_structures_never_raise(data: bytes, start: bytes) -> None:
    ifd.read(start + data)


def test_a_directory_that_points_to_itself_ends() -> None:
    data = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, EXIF, LONG, 1, 8) + bytes(4)
    assert ifd.read(data) == {}


def big(fields: Directory, order: str, pointing: int = 18, start: int = 16) -> bytes:
    """Return the directory of a BigTIFF structure with those that it points to; with the header if it is at 16."""
    mark = b"II+\0" if order == "<" else b"MM\0+"
    head = mark + struct.pack(order + "HHQ", 8, 0, start) if start == 16 else b""
    parts, bodies, offset = [struct.pack(order + "Q", len(fields))], b"", start + 16 + 20 * len(fields)
    for tag in sorted(fields):
        kind, number, value = fields[tag]
        body = value if isinstance(value, bytes) else big(value, order, pointing, offset)
        is_inline = isinstance(value, bytes) and len(value) <= 8
        kind = kind if isinstance(value, bytes) else pointing
        parts.append(struct.pack(order + "HHQ", tag, kind, number))
        parts.append(body.ljust(8, b"\0") if is_inline else struct.pack(order + "Q", offset))
        bodies += b"" if is_inline else body
        offset += 0 if is_inline else len(body)
    return b"".join([head, *parts, bytes(8), bodies])


@given(TREES, st.sampled_from("<>"), st.sampled_from([16, 18]))
def test_bigtiff_is_read(tree: Directory, order: str, pointing: int) -> None:
    data = big(tree, order, pointing)
    assert (ifd.read(data), ifd.order_of(data), ifd.is_big(data)) == (tree, order, True)
    assert ifd.extended(data, {1: Field(SHORT, 1, b"\1\0")}) == data


@given(TREES, st.sampled_from("<>"), st.data())
def test_a_damaged_bigtiff_is_no_error(tree: Directory, order: str, data: st.DataObject) -> None:
    whole = big(tree, order)
    assert isinstance(ifd.read(whole[: data.draw(st.integers(0, len(whole)))]), dict)
    place = data.draw(st.integers(8, len(whole) - 1))
    assert isinstance(ifd.read(whole[:place] + b"\xff" + whole[place + 1 :]), dict)


def test_a_directory_by_the_type_ifd_is_read() -> None:
    tree: Directory = {EXIF: Field(LONG, 1, {0x9003: Field(ASCII, 20, b"2020:01:02 03:04:05\0")})}
    data = bytearray(ifd.written(tree))
    struct.pack_into("<H", data, 8 + 2 + 2, 13)
    assert ifd.read(bytes(data)) == tree
