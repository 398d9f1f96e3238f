"""The reader of stored small pictures: few requests, bounded memory, and never another frame's picture."""

from __future__ import annotations

import json
import pickle
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.look import stored
from seqsave.look.stored import StoredProxies
from seqsave.manifest import path_of
from seqsave.manifest.packs import folder_of
from seqsave.pictures.packs import Proxy as Pictures
from seqsave.pictures.packs import Source, index_end, index_start, pack, unpack_all
from tests.cli.runner import seqsave as command
from tests.look.proxied import grey, opened, packs, picture, shown
from tests.support.patience import PATIENCE, wait_until
from tests.support.places import Place
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

NOISE = np.random.default_rng(4).integers(0, 256, (8, 720, 1280, 3), "uint8")


def of_parts(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Let each request read so many bytes of a pack."""
    monkeypatch.setattr(stored, "CHUNK", size)
    monkeypatch.setattr(stored, "HEAD", size)


def save(place: Place, values: range, **more: Any) -> None:
    frames = [picture(value) for value in values]
    seqsave.save(frames, place.url, proxies=True, storage_options=place.storage_options, **more)


def test_a_sequence_is_read_with_few_requests(s3_server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    url = s3_server.new_prefix()
    seqsave.save([picture(value) for value in range(64)], url, proxies=True, storage_options=s3_server.storage_options)
    sequence = seqsave.open_sequence(url, storage_options=options)
    reader = StoredProxies(sequence)
    proxy.requests.clear()
    for size in ("thumb", "half"):
        assert [grey(reader.jpeg(frame, size)) for frame in sequence] == list(range(64))
    manifest, pack_read = proxy.requests
    assert manifest.path.endswith(".json")
    assert pack_read.path.endswith(".pack")
    assert pack_read.headers["range"] == f"bytes=0-{stored.HEAD - 1}"


def test_a_jump_reads_a_part_of_a_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_parts(monkeypatch, 100_000)
    seqsave.save(NOISE, tmp_path, proxies=True)
    (file,) = tmp_path.glob(".seqsave/*/*.pack")
    sequence = seqsave.open_sequence(tmp_path)
    read: list[int] = []
    target = sequence.target
    assert target is not None
    whole = type(target).read_range

    def counting(self: Any, path: str, start: int, stop: int) -> bytes:
        data = whole(self, path, start, stop)
        read.append(len(data))
        return data

    monkeypatch.setattr(type(target), "read_range", counting)
    reader = StoredProxies(sequence, max_bytes=300_000)
    half = reader.jpeg(sequence[7], "half")
    assert half is not None
    assert sum(read) < file.stat().st_size / 2
    assert len(half) > 100_000  # over the border of a part
    for frame in sequence:
        assert reader.jpeg(frame, "half") is not None
    assert len(reader._chunks) <= 3


def test_threads_that_need_the_same_part_read_it_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    save(place, range(8))
    sequence = opened(place)
    reader, reads, together = StoredProxies(sequence), [], threading.Barrier(8)
    target = sequence.target
    assert target is not None
    whole = type(target).read_range

    def counting(self: Any, path: str, start: int, stop: int) -> bytes:
        reads.append(path)
        return whole(self, path, start, stop)

    monkeypatch.setattr(type(target), "read_range", counting)

    def read(number: int) -> Any:
        together.wait()
        return grey(reader.jpeg(sequence[number], "half"))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == list(range(8))
    assert len(reads) == 1


def test_a_newer_listing_shows_newer_pictures(place: Place) -> None:
    save(place, range(3))
    reader = StoredProxies(opened(place))
    frame = opened(place).frame(1)
    assert grey(reader.jpeg(frame, "thumb")) == 1
    save(place, range(100, 103))
    assert grey(reader.jpeg(opened(place).frame(1), "thumb")) in (None, 101)  # never the old one
    reader.update(opened(place))
    assert grey(reader.jpeg(opened(place).frame(1), "thumb")) == 101


def test_a_pack_that_was_made_again_is_not_read_with_its_old_index(place: Place) -> None:
    save(place, range(3))
    sequence = opened(place)
    reader = StoredProxies(sequence)
    assert reader.has(sequence[2])  # the index is known
    (name,) = packs(place)
    frames = unpack_all(place.read(name))
    for kind in (reader._chunks,):
        kind.clear()
    place.write(name, pack([(frames[1][0], frames[1][1])]))
    assert grey(reader.jpeg(sequence[1], "half")) in (None, 1)
    assert reader.jpeg(sequence[2], "half") is None


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "other file", "mixed up"])
def test_damaged_packs_show_nothing(place: Place, damage: str) -> None:
    save(place, range(3))
    (name,) = packs(place)
    data = place.read(name)
    if damage == "gone":
        target = opened(place).target
        assert target is not None
        target.delete(name)
    elif damage == "mixed up":  # pictures of frames with other checksums
        place.write(name, pack([(Source(index=one.index, batch=None, size=one.size, checksum="crc32:00000000",
                                        version="x"), two) for one, two in unpack_all(data)]))  # fmt: skip
    else:
        place.write(name, {"empty": b"", "cut": data[:-40], "other file": place.read("frame_00000.png")}[damage])
    found = shown(place)
    assert found[2, None][1] is None
    assert {value for pair in found.values() for value in pair} <= {None, 0, 1, 2}


def test_an_index_that_states_large_pictures_costs_no_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place("local", str(tmp_path))
    save(place, range(3))
    (name,) = packs(place)
    data = place.read(name)
    start, end = index_start(), index_end(data)
    document = json.loads(data[start:end])
    for one in document["frames"]:
        one["half"][1] = 1 << 28
    index = json.dumps(document).encode()
    place.write(name, data[: start - 4] + len(index).to_bytes(4, "little") + index + data[end:])
    sequence = opened(place)
    asked: list[int] = []
    target = type(sequence.target)
    real = target.read_range  # type: ignore[union-attr]

    def note(self: Any, path: str, start: int, stop: int) -> bytes:
        asked.append(stop)
        return bytes(real(self, path, start, stop))  # type: ignore[arg-type]

    monkeypatch.setattr(target, "read_range", note)
    monkeypatch.setattr(stored, "CHUNK", 64)
    monkeypatch.setattr(stored, "HEAD", 96)
    assert StoredProxies(sequence).jpeg(sequence[0], "half") is None
    assert max(asked) <= len(index) + len(data) + 2 * 64


def test_equal_checksums_are_not_mistaken(tmp_path: Path) -> None:
    """Two frames of equal size and checksum, with new numbers after a move: which is which is not known."""
    seqsave.save([picture(value) for value in range(2)], tmp_path, proxies=True)
    sequence = seqsave.open_sequence(tmp_path)
    known = sequence.manifest
    assert known is not None
    folder = tmp_path / folder_of(path_of("", sequence.name))
    (file,) = folder.iterdir()
    entry = known.frame(1)
    assert entry is not None
    alike = [
        (Source(index=number, batch=None, size=entry.size, checksum=entry.checksum, version=None), Pictures(b"t", b"h"))
        for number in (10, 11)
    ]
    file.write_bytes(pack(alike))
    assert StoredProxies(sequence).jpeg(sequence[1], "half") is None


@pytest.mark.parametrize("offset", [10, 1000])
def test_frames_with_other_numbers_are_found_by_their_checksums_alone(tmp_path: Path, offset: int) -> None:
    """No manifest names their packs: it was lost, and made again."""
    seqsave.save([picture(value) for value in range(140)], tmp_path / "a", proxies=True)
    for path in sorted((tmp_path / "a").glob("*.png"), reverse=True):
        path.rename(path.with_name(f"frame_{int(path.stem[-5:]) + offset:05d}.png"))
    (tmp_path / "a" / path_of("", seqsave.open_sequence(tmp_path / "a").name)).unlink()
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)  # the versions are others
    command("manifest", tmp_path / "b", "--rebuild")
    sequence = seqsave.open_sequence(tmp_path / "b")
    assert sequence.manifest is not None
    assert not any(entry.proxy for entry in sequence.manifest.frames)
    reader = StoredProxies(sequence)
    assert [grey(reader.jpeg(frame, "thumb")) for frame in sequence] == list(range(140))


def test_a_search_among_packs_of_other_frames_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST_SEARCHED", 2)
    seqsave.save([picture(value) for value in range(200)], tmp_path, proxies=True)
    for entry in tmp_path.glob(".seqsave/*.json"):
        entry.unlink()
    with pytest.warns(seqsave.SeqSaveWarning, match="frames that no run recorded lie beside"):
        seqsave.save([picture(value) for value in range(200, 203)], tmp_path, start=1000)
    sequence = seqsave.open_sequence(tmp_path)
    reader = StoredProxies(sequence)
    assert [reader.jpeg(frame, "thumb") for frame in sequence if frame.index >= 1000] == [None] * 3
    assert len(reader._indexes) == 2


def test_what_has_no_proxies_says_so(place: Place) -> None:
    seqsave.save([picture(1)], place.url, storage_options=place.storage_options)
    sequence = opened(place)
    assert not StoredProxies(sequence).exist()
    assert not StoredProxies(sequence).has(sequence[0])
    save(place, range(1))
    assert StoredProxies(opened(place)).exist()


def test_a_sequence_from_a_pickle_has_them(place: Place) -> None:
    save(place, range(2))
    sequence = pickle.loads(pickle.dumps(opened(place)))  # noqa: S301 - made here
    assert grey(StoredProxies(sequence).jpeg(sequence[1], "half")) == 1


class Read:
    """The parts of packs that were read: (the name's numbers, which part)."""

    def __init__(self, sequence: seqsave.FrameSequence, size: int) -> None:
        assert sequence.target is not None
        self.parts: list[tuple[str, int]] = []
        self._read, self._size = sequence.target.read_range, size
        sequence.target.read_range = self._noted  # type: ignore[method-assign]

    def _noted(self, path: str, start: int, stop: int) -> bytes:
        self.parts.append((path.rpartition("/")[2].partition(".")[0], start // self._size))
        return self._read(path, start, stop)

    def wait(self, pack: str, number: int, what: str) -> None:
        wait_until(lambda: (pack, number) in self.parts, what)


def part_of(reader: StoredProxies, index: int, *, end: bool = False) -> int:
    """Return in which part of its pack a half begins, or ends. The pack's index is known."""
    start, slot = next(
        (start, one.slots["half"])
        for start, packed in reader._indexes.values()
        for one in packed
        if one.source.index == index
    )
    return stored._chunk_at(start + slot.offset + (slot.size - 1 if end else 0))


def test_what_follows_is_read_ahead(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a sequence plays, the first picture is the only one that is waited for."""
    of_parts(monkeypatch, 4096)
    save(place, range(70))
    sequence = opened(place)
    read, reader = Read(sequence, 4096), StoredProxies(sequence)
    assert reader.jpeg(sequence[20], "half") is not None
    read.wait("0_63", part_of(reader, 20, end=True) + 1, "the next part")
    assert reader.jpeg(sequence[63], "half") is not None
    read.wait("64_127", 0, "the next pack")
    assert reader.jpeg(sequence[69], "half") is not None
    assert len(read.parts) == len(set(read.parts)), "each part once"


def test_played_backwards_what_is_before_is_read_ahead(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    of_parts(monkeypatch, 4096)
    save(place, range(130))
    sequence = opened(place)
    read, reader = Read(sequence, 4096), StoredProxies(sequence)
    assert reader.jpeg(sequence[40], "half") is not None
    read.wait("0_63", part_of(reader, 40, end=True) + 1, "the next part")
    for index in (31, 30, 32):  # as they come if several are asked for at once
        assert reader.jpeg(sequence[index], "half") is not None
    read.wait("0_63", part_of(reader, 30) - 1, "the part before")
    assert reader.jpeg(sequence[0], "half") is not None
    assert {pack for pack, _ in read.parts} == {"0_63"}, "nothing is before the first frame"
    other = StoredProxies(sequence)
    read.parts.clear()
    for index in (74, 64):
        assert other.jpeg(sequence[index], "half") is not None
    read.wait("0_63", 0, "the index of the pack before")
    read.wait("0_63", part_of(reader, 63, end=True), "its last part")


def test_pictures_that_come_with_the_index_last_until_the_next_ones(tmp_path: Path) -> None:
    """Played from the first frame, its pack's next part is asked for only then: as many halves are there as in it."""
    seqsave.save(np.concatenate([NOISE] * 3), tmp_path, proxies=True)
    sequence, may_come = seqsave.open_sequence(tmp_path), threading.Event()
    assert sequence.target is not None
    reading = sequence.target.read_range

    def held(path: str, start: int, stop: int) -> bytes:
        assert start == 0 or may_come.wait(PATIENCE)
        return reading(path, start, stop)

    sequence.target.read_range = held  # type: ignore[method-assign]
    reader, shown = StoredProxies(sequence), 0
    try:
        with ThreadPoolExecutor(1) as pool:
            for frame in sequence:
                half = pool.submit(reader.jpeg, frame, "half").result(PATIENCE)
                assert half is not None
                shown += len(half)
                if shown > stored.CHUNK - len(half):
                    return
            raise AssertionError("the pack is too small")
    finally:
        may_come.set()
