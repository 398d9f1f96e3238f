"""Datasets of known pictures, a judge that uses nothing of the plugin, and a sink that kills its worker."""

from __future__ import annotations

import io
import json
import os
import signal
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import ray.data
from PIL import Image
from seqsave_ray import SequenceDatasink

if TYPE_CHECKING:
    from seqsave_ray.rows import Row
    from tests.support.places import Place

MANIFEST = ".seqsave/frame.png.json"


def picture(index: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Noise of 16 x 24 pixels."""
    return np.random.default_rng([seed, index + 1000]).integers(0, 256, (16, 24, 3), dtype=np.uint8)


def rendered(count: int, tasks: int, change: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> Any:
    """Return a dataset of ``count`` pictures in ``tasks`` blocks, which its workers make. change: of each row."""

    def render(row: dict[str, Any]) -> dict[str, Any]:
        made = {"image": picture(row["id"]), "index": row["id"]}
        return made if change is None else change(made)

    return ray.data.range(count, override_num_blocks=tasks).map(render)


def written(place: Place) -> dict[str, Any]:
    return dict(json.loads(place.read(MANIFEST)))


def pixels(place: Place, name: str) -> Any:
    with Image.open(io.BytesIO(place.read(name))) as found:
        return np.asarray(found)


def judge(place: Place, frames: Iterable[int], *, seed: int = 0) -> None:
    """Compare names, pixels and manifest with the pictures."""
    wanted = sorted(frames)
    assert place.frames() == [f"frame_{index:05d}.png" for index in wanted]
    for index in wanted:
        assert np.array_equal(pixels(place, f"frame_{index:05d}.png"), picture(index, seed))
    manifest = written(place)
    assert (manifest["complete"], manifest["writers"]) == (True, [])
    assert [frame["index"] for frame in manifest["frames"]] == wanted
    for frame in manifest["frames"]:
        data = place.read(frame["name"])
        assert (frame["size"], frame["checksum"]) == (len(data), f"crc32:{zlib.crc32(data):08x}")
    assert {name for name in place.names() if ".seqsave" in name} <= {MANIFEST, f"{MANIFEST}.lock"}


def is_given_up(place: Place) -> bool:
    """Return whether the manifest says that the sequence is unfinished, and lists no active run."""
    manifest = written(place)
    return not manifest["complete"] and not manifest["writers"]


class Strikes:
    """Points at which a worker is killed with SIGKILL: ``before-17``, ``after-17`` (its frame is published)."""

    def __init__(self, folder: Path, *points: str, times: int = 1) -> None:
        self.folder = folder
        folder.mkdir()
        for point in points:
            for number in range(times):
                (folder / f"{point}.{number}").touch()

    def reach(self, point: str) -> None:
        """Kill this process if the point is still armed."""
        for armed in sorted(self.folder.glob(f"{point}.[0-9]*")):
            try:
                armed.rename(armed.with_name(f"struck-{armed.name}"))
            except FileNotFoundError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)

    @property
    def struck(self) -> list[str]:
        return sorted(path.name.removeprefix("struck-") for path in self.folder.glob("struck-*"))


class StrikingSink(SequenceDatasink):
    """A sink whose workers are killed at the points of ``strikes``."""

    def __init__(self, strikes: Strikes, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.strikes = strikes

    def _rows(self, blocks: Iterable[Any]) -> Iterator[Row]:
        for row in super()._rows(blocks):
            self.strikes.reach(f"before-{row.index}")
            yield row
            self.strikes.reach(f"after-{row.index}")
