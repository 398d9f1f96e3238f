"""The reports of targets about a published file."""

from __future__ import annotations

import array

from seqsave.targets.records import described


def test_size_is_counted_in_bytes_and_the_checksum_names_its_algorithm() -> None:
    made = described(memoryview(array.array("I", [1, 2, 3])), 0x9AE0DAAF)
    assert (made.size, made.checksum) == (array.array("I").itemsize * 3, "crc32:9ae0daaf")
    assert described(b"", None).checksum is None


def test_an_etag_is_the_version_unless_the_store_has_a_better_one() -> None:
    assert described(b"x", None, etag="e").version == "e"
    assert described(b"x", None, etag="e", version="v").version == "v"
    assert described(b"x", None).version is None
