"""Fixtures for the tests of the command."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsave.cli import demo_scene
from tests.sources.pictures import picture, png_with_workflow


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray[Any, Any]]:
    return list(demo_scene.render())


@pytest.fixture
def renders(tmp_path: Path) -> Path:
    """frame_00003.png, frame_00004.png, frame_00006.png, with a workflow inside."""
    folder = tmp_path / "old"
    folder.mkdir()
    for number in (3, 4, 6):
        (folder / f"frame_{number:05}.png").write_bytes(png_with_workflow(picture(number)))
    return folder
