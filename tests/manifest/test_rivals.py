"""On a storage whose answer to a PUT states no version, runs at the same time find out whose file exists."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, ClassVar

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import seqsave
from seqsave.manifest import Manifest
from tests.support.patience import PATIENCE

URL = "stamped://folder"

pytestmark = pytest.mark.filterwarnings("ignore:. saved frames? w:seqsave.SeqSaveWarning")


class Stamped(MemoryFileSystem):  # type: ignore[misc] # fsspec has no types
    """As SFTP: listings show when a file was changed, the answer to a PUT does not. It counts the reads."""

    protocol = "stamped"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    reads: ClassVar[list[str]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        path = path.removeprefix("stamped://").strip("/")
        return f"/{path}" if path else ""

    def ls(self, path: str, detail: bool = True, **more: Any) -> Any:
        found = [self._stamped(one) for one in super().ls(path, detail=True, **more)]
        return found if detail else [one["name"] for one in found]

    def info(self, path: str, **more: Any) -> Any:
        return self._stamped(super().info(path, **more))

    def cat_file(self, path: str, *args: Any, **more: Any) -> Any:
        if path.endswith(".png"):
            self.reads.append(path)
        return super().cat_file(path, *args, **more)

    def _stamped(self, item: dict[str, Any]) -> dict[str, Any]:
        # Each PUT makes an object of its own; times could be equal.
        return item if item["type"] != "file" else {**item, "mtime": id(self.store[item["name"]])}


@pytest.fixture(autouse=True)
def driver() -> Iterator[type[Stamped]]:
    fsspec.register_implementation("stamped", Stamped, clobber=True)
    Stamped.store.clear()
    Stamped.reads.clear()
    yield Stamped
    Stamped.store.clear()


def picture(seed: int) -> np.ndarray[Any, Any]:
    """Noise, so that all files have the same size."""
    return np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def open_writer(**more: Any) -> seqsave.SequenceWriter:
    return seqsave.open_writer(URL, filetype="png", **{"total": 2, **more})


def write(writer: seqsave.SequenceWriter, seed: int, *indices: int) -> None:
    for index in indices or (0, 1):
        writer.write(picture(seed), index=index).result(PATIENCE)


def found() -> Manifest:
    made = seqsave.open_sequence(URL).manifest
    assert made is not None
    return made


def lies(made: Manifest) -> list[str]:
    data = {frame.name: Stamped.store[f"/folder/{frame.name}"].getvalue() for frame in made.frames}
    return [one.name for one in made.frames if one.checksum not in (None, f"crc32:{zlib.crc32(data[one.name]):08x}")]


@pytest.mark.parametrize("order", ["one other", "other one"])
@pytest.mark.parametrize("last", ["one", "other"])
def test_frames_of_runs_at_the_same_time_are_read(order: str, last: str) -> None:
    writers = {"one": open_writer(), "other": open_writer()}
    for seed, name in enumerate(order.split()):
        write(writers[name], seed)
    for name in sorted(writers, key=lambda one: one == last):
        writers[name].close()
        assert lies(found()) == []
    assert found().complete  # the frames of one run, whichever of the two ended first
    assert all(frame.checksum for frame in found().frames)
    assert len({len(Stamped.store[f"/folder/{frame.name}"].getvalue()) for frame in found().frames}) == 1


def test_a_run_that_is_alone_reads_nothing() -> None:
    for seed in (1, 2):
        with open_writer() as writer:
            write(writer, seed)
        assert found().complete
    assert Stamped.reads == []


def test_runs_over_other_frames_are_no_rivals() -> None:
    one, other = open_writer(), open_writer(start=2)
    write(one, 1, 0, 1)
    write(other, 2, 2, 3)
    one.close()
    other.close()
    assert found().complete
    assert Stamped.reads == []


def test_a_frame_that_a_later_run_replaced_before_the_commit() -> None:
    run = seqsave.open_run(URL, total=2, filetype="png")
    run.begin()
    records = [run.write(picture(1), index=index) for index in range(2)]
    with open_writer() as other:
        write(other, 2, 1)
    with pytest.raises(seqsave.RunError, match="other bytes than their records: 1") as caught:
        run.commit(records)
    assert caught.value.frames == (range(1, 2),)
    assert not found().complete
    assert run.commit([records[0], run.write(picture(3), index=1)]).complete
    assert lies(found()) == []


def test_a_frame_that_was_replaced_by_a_run_without_a_manifest_then() -> None:
    """A run that began without a manifest, and merges its frames at its end."""
    late = seqsave.open_writer(URL, filetype="png", manifest=False)
    write(late, 1)
    with open_writer() as other:
        write(other, 2)
    late.close()
    assert lies(found()) == []
