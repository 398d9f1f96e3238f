"""Packs are filled with frames that are near each other, in whatever order they come."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from seqsave.look import packing
from seqsave.look.packing import Pack, Packer
from seqsave.pictures.packs import Proxy, Source, unpack_all

if TYPE_CHECKING:
    import pytest


def add(packer: Packer, index: int, batch: int | None = None, size: int = 10) -> tuple[str, Pack | None]:
    source = Source(index=index, batch=batch, size=1, checksum=None, version=None)
    return packer.add(source, Proxy(b"t", bytes(size)))


def test_64_frames_make_a_pack_in_any_order() -> None:
    packer, full = Packer(0, 1, "run"), []
    order = list(range(200))
    random.Random(3).shuffle(order)
    names = {}
    for index in order:
        names[index], ready = add(packer, index)
        full += [] if ready is None else [ready]
    rest = packer.rest()
    assert {one.name for one in full} <= {one.name for one in rest}  # they are kept until they are published
    assert sorted(len(one.frames) for one in rest) == [8, 64, 64, 64]
    for one in rest:
        assert {names[source.index] for source, _ in unpack_all(one.data)} == {one.name}


def test_published_packs_are_forgotten_and_late_frames_get_another_one() -> None:
    packer = Packer(0, 1, "run")
    ready = [add(packer, index)[1] for index in range(64)]
    assert ready[-1] is not None
    packer.note_published(ready[-1])
    name, _ = add(packer, 5)
    assert name != ready[-1].name
    assert [one.name for one in packer.rest()] == [name]


def test_batches_have_packs_of_their_own() -> None:
    packer = Packer(0, 1, "run")
    assert add(packer, 0, batch=0)[0] != add(packer, 0, batch=1)[0] != add(packer, 0)[0]


def test_open_packs_hold_a_bounded_number_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MOST_BYTES", 1000)
    packer, published = Packer(0, 1, "run"), 0
    for index in range(0, 640, 64):
        for number in range(3):
            _, ready = add(packer, index + number, size=100)
            if ready is not None:
                packer.note_published(ready)
                published += len(ready.frames)
    assert published >= 30 - 10
    assert published + sum(len(one.frames) for one in packer.rest()) == 30
