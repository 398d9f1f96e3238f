"""The records of a frame on its way: its numbers and path, its files, and what is known before it is encoded."""

from __future__ import annotations

import zlib

import pytest

from seqsave.writer.frame import FileToPublish, FrameKey


@pytest.mark.parametrize(
    ("path", "folder", "name", "beside"),
    [
        ("frame_00017.png", "", "frame_00017.png", "x.json"),
        ("shots/batch_0003/f_1.png", "shots/batch_0003", "f_1.png", "shots/batch_0003/x.json"),
    ],
)
def test_a_key_knows_its_folder_and_name(path: str, folder: str, name: str, beside: str) -> None:
    key = FrameKey(17, 3, path)
    assert (key.numbers, key.folder, key.name, key.beside("x.json")) == ((17, 3), folder, name, beside)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_file_carries_the_checksum_and_size_of_its_bytes(kind: type) -> None:
    data = b"frame" * 100
    file = FileToPublish.of("frame_00000.png", kind(data), "image/png", create=True)
    assert (file.crc32, file.size, file.create) == (zlib.crc32(data), len(data), True)
