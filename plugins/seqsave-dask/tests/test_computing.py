"""Clusters whose machines do not have the same packages: each is a process of dask with other paths."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import distributed
import numpy as np
import pytest
from distributed import Client, LocalCluster
from seqsave_dask import to_sequence
from test_writing import blocks, judge, pictures
from tests.support.machines import dask_worker, in_namespace
from tests.support.patience import PATIENCE
from tests.support.places import Place

import seqsave

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
]


@contextlib.contextmanager
def cluster(*python: str, paths: Path) -> Iterator[None]:
    """Run one worker with this interpreter and these paths before its own, and a client of its cluster."""
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None, silence_logs=50) as running,
        Client(running) as client,
        dask.config.set(scheduler=None),
    ):
        _, *arguments = dask_worker(running.scheduler_address)
        worker = subprocess.Popen(
            [*python, *arguments, "--no-nanny"], env={**os.environ, "PYTHONPATH": str(paths)}, stderr=subprocess.DEVNULL
        )
        try:
            client.wait_for_workers(1, PATIENCE)
            yield
        finally:
            worker.kill()
            worker.wait()


def test_a_worker_without_the_package_is_named_before_anything_is_written(tmp_path: Path) -> None:
    """Otherwise it ends at its first task, and the driver waits for another worker without end."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(distributed.__file__).parents[1].iterdir():
        if not entry.name.startswith("seqsave"):
            (packages / entry.name).symlink_to(entry)
    with (
        cluster(sys.executable, "-S", paths=packages),  # -S: without the folder of packages of its own
        pytest.raises(seqsave.OptionError, match=r"^seqsave is not installed on tcp://127\.0\.0\.1:\d+: install"),
    ):
        to_sequence(blocks(pictures(4)), tmp_path / "shot")
    assert not (tmp_path / "shot").exists()


def test_a_worker_with_another_version_is_named(tmp_path: Path) -> None:
    """The versions are read from the metadata of the package; older versions of distributed ask the module."""
    packages, place = tmp_path / "packages", Place("local", str(tmp_path / "shot"))
    metadata = packages / "seqsave-9.9.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: seqsave\nVersion: 9.9\n")
    (packages / "sitecustomize.py").write_text("import seqsave\nseqsave.__version__ = '9.9'\n")
    frames = pictures(4)
    with (
        cluster(sys.executable, paths=packages),
        pytest.warns(seqsave.SeqSaveWarning, match=r"^seqsave is 0\.\S+ here, and 9\.9 on tcp://127\.0\.0\.1:\d+: "),
    ):
        to_sequence(blocks(frames), place.url)
    judge(place, frames)


def test_an_error_names_the_machine(tmp_path: Path) -> None:
    def spoil(block: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.zeros((*block.shape[:3], 7), block.dtype)

    spoiled = blocks(pictures(4)).map_blocks(spoil, dtype=np.uint8, meta=np.empty((0, 0, 0, 0), np.uint8))
    named = [*in_namespace(), "--uts", "sh", "-c", 'hostname other && exec "$@"', "sh", sys.executable]
    with (
        cluster(*named, paths=tmp_path),
        pytest.raises(seqsave.SaveError, match=r"frame \d: .*7 channels.* \(on the machine other; call to_sequence"),
    ):
        to_sequence(spoiled, tmp_path / "shot")
