"""The fixtures of the project's own tests, and one Ray for all tests, on two cores and on loopback."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import ray
from tests.support.machines import RAY_SETTINGS
from tests.support.of_plugins import *  # noqa: F403
from tests.support.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.s3 import S3Server

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]

SETTINGS = {
    **RAY_SETTINGS,
    "RAY_enable_export_api_write": "1",  # what it exports is searched for secrets too
}


@pytest.fixture(scope="session")
def ray_folder() -> Iterator[Path]:
    """The folder of Ray's session: a short path, since sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="sr-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _ray(running_s3_server: S3Server | None, ray_folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith(("AWS_", "SEQSAVE_"))]:
            patched.delenv(name)
        own = {} if running_s3_server is None else running_s3_server.environment
        paths = os.pathsep.join([str(HERE), str(PROJECT)])
        for name, value in {**SETTINGS, **own, "HOME": str(ray_folder), "PYTHONPATH": paths}.items():
            patched.setenv(name, value)
        ray.init(
            num_cpus=2,
            object_store_memory=300_000_000,
            include_dashboard=False,
            log_to_driver=False,
            _node_ip_address="127.0.0.1",
            _temp_dir=str(ray_folder),
        )
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def environment(_ray: None, ray_folder: Path) -> dict[str, str]:
    """The variables of programs and nodes that join this Ray."""
    paths = os.pathsep.join([str(HERE), str(PROJECT)])
    return {**os.environ, **SETTINGS, "HOME": str(ray_folder), "PYTHONPATH": paths}


@pytest.fixture
def engine(_ray: None) -> Any:
    """Ray, on two cores, whose workers have credentials for the S3 server in their environment."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    return ray.data


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A folder, or a bucket for which the driver and the workers have credentials in their environment."""
    if request.param == "local":
        return Place("local", str(tmp_path / "renders" / "shot"))
    server: S3Server = request.getfixturevalue("s3_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return Place("s3", server.new_prefix(), {}, server)


sys.path.insert(0, str(HERE))
