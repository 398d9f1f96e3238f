"""Names of packs, and which of them belong to no frame any more."""

from __future__ import annotations

import pytest

from seqsave.manifest import FrameEntry
from seqsave.manifest.packs import Numbers, PackName, folder_of, unneeded


@pytest.mark.parametrize(
    ("index", "batch", "start", "step", "name"),
    [
        (0, None, 0, 1, "0_63.x.pack"),
        (63, None, 0, 1, "0_63.x.pack"),
        (64, None, 0, 1, "64_127.x.pack"),
        (1001, None, 1001, 1, "1001_1064.x.pack"),
        (-1, None, 0, 1, "-64_-1.x.pack"),
        (130, 3, 10, 2, "batch_0003.10_136.x.pack"),
    ],
)
def test_packs_divide_a_sequence_evenly(index: int, batch: int | None, start: int, step: int, name: str) -> None:
    made = PackName.around((index, batch), start, step, "x")
    assert str(made) == name
    assert PackName.parse(name) == made
    assert Numbers([(index, batch)]).meet(made)
    assert not Numbers([(index, 7)]).meet(made)
    assert not Numbers([(made.first - 1, batch), (made.last + 1, batch)]).meet(made)


@pytest.mark.parametrize("name", ["frame_00000.png", "0_63.pack", "0_63.x.pack.tmp", "a_b.x.pack", "0_63.x/y.pack"])
def test_other_files_are_no_packs(name: str) -> None:
    assert PackName.parse(name) is None


def test_the_folder_lies_beside_the_manifest() -> None:
    assert folder_of("shots/.seqsave/frame.png.json") == "shots/.seqsave/frame.png.proxies"


def test_a_pack_is_needed_while_a_frame_names_it_or_may_be_in_it() -> None:
    packs = ["0_63.a-0.pack", "0_63.b-0.pack", "64_127.a-1.pack", "128_191.me-0.pack", "notes.txt"]
    entry = FrameEntry(index=3, batch=None, name="f", size=1, checksum="crc32:00000000", proxy="0_63.b-0.pack")
    assert unneeded(packs, [entry], [], own="me") == ["0_63.a-0.pack", "64_127.a-1.pack"]
    assert unneeded(packs, [entry], [(70, None)], own="me") == ["0_63.a-0.pack"]
    assert unneeded(packs, [], [], own="") == packs[:4]
