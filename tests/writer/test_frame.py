"""The files of a frame on its way."""

from __future__ import annotations

import zlib

import pytest

from seqsave.writer.frame import FileToPublish


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_file_carries_the_checksum_and_size_of_its_bytes(kind: type) -> None:
    data = b"frame" * 100
    file = FileToPublish.of("frame_00000.png", kind(data), "image/png", create=True)
    assert (file.crc32, file.size, file.create) == (zlib.crc32(data), len(data), True)
