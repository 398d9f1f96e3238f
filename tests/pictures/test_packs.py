"""The small pictures of a frame, and the bytes of a pack."""

from __future__ import annotations

from typing import Any

import pytest

from seqsave.pictures import packs
from seqsave.pictures.packs import Proxy, Source, pack, unpack, unpack_all


def source(index: int, **different: Any) -> Source:
    return Source(
        **{"index": index, "batch": None, "size": 9, "checksum": "crc32:00000001", "version": "v", **different}
    )


def test_a_pack_gives_back_what_it_got() -> None:
    frames = [
        (source(7, batch=3, version=None), Proxy(b"seven", b"SEVEN")),
        (source(-1, size=None, checksum=None), Proxy(b"minus", b"MINUS")),
    ]
    data = pack(frames)
    assert unpack_all(data) == sorted(frames, key=lambda one: one[0].index)
    assert [one.source.index for one in unpack(data[: packs.index_end(data)])] == [-1, 7]
    assert data.index(b"seven") < data.index(b"MINUS")  # thumbnails first, so that few requests read all of them


@pytest.mark.parametrize("cut", [0, 5, 20, 40])
def test_a_pack_that_was_cut_off_is_refused(cut: int) -> None:
    data = pack([(source(0), Proxy(b"a", b"b"))])
    with pytest.raises(ValueError, match="pack"):
        unpack_all(data[:cut])
    with pytest.raises(ValueError, match="picture"):
        unpack_all(data[:-1])


def test_another_file_and_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="not a pack"):
        unpack(b"\x89PNG" + bytes(100))
    data = bytearray(pack([(source(0), Proxy(b"a", b"b"))]))
    data[-1] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        unpack_all(bytes(data))
    huge = packs.MAGIC + (1 << 31).to_bytes(4, "little")
    with pytest.raises(ValueError, match="too long"):
        packs.index_end(huge)


@pytest.mark.parametrize(
    "index", [b"[]", b"{}", b'{"frames":[{}]}', b'{"frames":[{"index":"0"}]}', b"\xff", b"[" * 99999]
)
def test_a_damaged_index_is_refused(index: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(packs.MAGIC + len(index).to_bytes(4, "little") + index)


@pytest.mark.parametrize(
    ("slot", "cause"),
    [
        ("[0,1099511627776,0]", "it states a picture of 1099511627776 bytes, more than 256 MiB"),
        (
            "[1152921504606846976,1,0]",
            "it states a picture at byte 1152921504606846976, and no pack has more than 34359",
        ),
        ("[0,true,0]", "a value is of another type than it must be, or negative"),
        ("[0,-1,0]", "a value is of another type than it must be, or negative"),
        ("[0,1]", "TypeError"),
    ],
)
def test_an_index_that_states_impossible_pictures_is_refused(slot: str, cause: str) -> None:
    index = f'{{"frames":[{{"index":0,"thumb":[0,1,0],"half":{slot}}}]}}'.encode()
    with pytest.raises(ValueError, match=f"^the index of this pack is damaged: {cause}"):
        unpack(packs.MAGIC + len(index).to_bytes(4, "little") + index)
