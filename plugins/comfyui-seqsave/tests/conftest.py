"""What tests share: one ComfyUI for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from server import ComfyServer, comfyui_folder


@pytest.fixture(scope="session")
def comfy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    if comfyui_folder() is None:
        pytest.skip("no ComfyUI here: tox -e comfyui")
    base = tmp_path_factory.mktemp("comfy")
    (base / "config.toml").write_text("")
    with ComfyServer(base, env={"SEQSAVE_CONFIG": str(base / "config.toml")}) as server:
        yield server
