"""Kill workers at named points, once for each order: an order is a file, and only one process can rename it."""

from __future__ import annotations

import functools
import os
import signal
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin
from seqsave_dask import tasks

from seqsave import targets

POINTS = ("publishing", "published", "recorded")
"""Before and after a frame's file is published, and once the records of its block are made but not yet sent."""


class Strikes(WorkerPlugin):
    """Lets workers obey the orders in a folder, and leave a file there for each block that they write.

    Workers that take the place of killed ones obey as well. kinds: URLs and options of the storages in question.
    """

    def __init__(self, folder: Path, kinds: list[tuple[str, Any]]) -> None:
        self.folder, self.kinds = folder, kinds

    def setup(self, worker: Any) -> None:
        for kind in {type(targets.resolve(url, options)) for url, options in self.kinds}:
            _around_publish(kind, self.folder)
        _around_block(self.folder)

    # --- in the test ---

    def order(self, point: str, index: int) -> None:
        (self.folder / f"{point}-{index}").touch()

    @property
    def orders(self) -> list[str]:
        """Those that no worker has obeyed yet."""
        return [path.name for path in self.folder.iterdir() if path.name.startswith(POINTS)]

    @property
    def written(self) -> list[int]:
        """The first frame of each block that was written, as often as it was."""
        return sorted(int(path.name.split("-")[1]) for path in self.folder.glob("written-*"))

    def clear(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()


def _reach(folder: Path, point: str, index: int) -> None:
    """Kill this process if there is an order for this point of this frame."""
    try:
        (folder / f"{point}-{index}").rename(folder / f"obeyed-{point}-{index}")
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _around_block(folder: Path) -> None:
    real = tasks.write_block

    @functools.wraps(real)
    def write_block(images: Any, numbers: Any, **given: Any) -> Any:
        indices = [int(index) for index in numbers.flat]
        (folder / f"written-{indices[0]}-{os.urandom(4).hex()}").touch()
        made = real(images, numbers, **given)
        for index in indices:
            _reach(folder, "recorded", index)
        return made

    tasks.write_block = write_block


def _around_publish(kind: Any, folder: Path) -> None:
    real = kind.publish

    @functools.wraps(real)
    def publish(self: Any, path: str, *given: Any, **more: Any) -> Any:
        index = int(path[6:11]) if path.startswith("frame_") else None
        if index is not None:
            _reach(folder, "publishing", index)
        made = real(self, path, *given, **more)
        if index is not None:
            _reach(folder, "published", index)
        return made

    kind.publish = publish
