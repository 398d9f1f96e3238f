"""Finding a long sequence costs one request for each page of names, and little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

import seqsave
from seqsave.sequences.verify import verify
from tests.cli.runner import seqsave as command
from tests.support.paged_s3 import PAGE, PagedS3

PAGES = 4
COUNT = PAGES * PAGE - 300
MOST_BYTES = 1000  # for each frame


@pytest.fixture
def server() -> Iterator[PagedS3]:
    with PagedS3() as server:
        yield server


def test_one_request_for_each_page(server: PagedS3) -> None:
    url, options = f"s3://bucket/{COUNT}", server.storage_options
    sequence = seqsave.open_sequence(url, storage_options=options)
    assert sequence.indices == tuple(range(COUNT))
    assert dict(server.requests) == {"LIST": PAGES}
    server.requests.clear()
    assert len(seqsave.open_sequence(f"{url}/frame_######.png", storage_options=options)) == COUNT
    assert server.requests["LIST"] == PAGES + 1  # one more shows that no folder has the name of the pattern
    server.requests.clear()
    (found,) = seqsave.find_sequences(url, storage_options=options)
    assert len(found) == COUNT
    assert dict(server.requests) == {"LIST": PAGES}
    server.requests.clear()
    assert verify(sequence).ok
    assert dict(server.requests) == {"GET": 1}  # of the manifest


def test_ls_lists_once(server: PagedS3) -> None:
    named = [word for name, value in server.storage_options.items() for word in ("--storage-option", f"{name}={value}")]
    assert f"({COUNT} frames)" in command("ls", f"s3://bucket/{COUNT}", *named).out
    assert dict(server.requests) == {"LIST": PAGES, "GET": 1}


def test_a_frame_takes_less_than_a_kilobyte(server: PagedS3) -> None:
    seqsave.open_sequence("s3://bucket/2", storage_options=server.storage_options)  # whatever is imported at first use
    tracemalloc.start()
    try:
        sequence = seqsave.open_sequence(f"s3://bucket/{COUNT}", storage_options=server.storage_options)
        assert len(sequence.indices) == COUNT
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept / COUNT < MOST_BYTES
