from __future__ import annotations

import shlex
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from seqsave.cli import demo_scene
from tests.cli.runner import options, seqsave
from tests.cli.test_view import viewing
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    import numpy as np

    from tests.support.places import Place


@pytest.fixture
def rendered(pictures: list[np.ndarray[Any, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command saves the same pictures without drawing them again; tests/cli/test_process.py does that."""
    monkeypatch.setattr(demo_scene, "render", lambda: iter(pictures))


@pytest.mark.usefixtures("rendered")
def test_the_main_job_without_any_input(place: Place) -> None:
    result = seqsave("demo", place.url, "--json", *options(place))
    assert result.document["counts"]["saved"] == demo_scene.FRAMES
    assert place.frames() == [f"frame_{n:05}.png" for n in range(demo_scene.FRAMES)]
    found = seqsave("workflow", f"{place.url}/frame_00007.png", *options(place)).document
    assert found == demo_scene.metadata()


@pytest.mark.usefixtures("rendered")
def test_what_to_try_next_works(tmp_path: Path) -> None:
    url = tmp_path / "my demo"
    reported = seqsave("demo", url).err.splitlines()
    assert f"in {url}" in reported[0]
    assert reported[1] == "Next:"
    assert len(reported) == 6
    for line in reported[2:]:
        words = shlex.split(line.replace("./copy", str(tmp_path / "copy")))
        assert words.pop(0) == "seqsave"
        if words[0] == "view":
            with viewing(*words[1:]) as (_, page), urllib.request.urlopen(page, timeout=PATIENCE) as answer:
                assert b"seqsave view" in answer.read()
        else:
            assert "warning" not in seqsave(*words).err
    assert len(list((tmp_path / "copy").glob("frame_*.jpg"))) == demo_scene.FRAMES


@pytest.mark.usefixtures("rendered")
def test_without_an_embedding_filetype(tmp_path: Path) -> None:
    reported = seqsave("demo", tmp_path, "--filetype", "jpg").err
    assert "seqsave workflow" not in reported
    assert seqsave("workflow", tmp_path / "frame_00000.jpg", status=1).out == ""


@pytest.mark.usefixtures("rendered")
def test_memory_is_reported_as_short_lived(tmp_path: Path) -> None:
    assert "memory:// lasts as long as this command" in seqsave("demo", "memory://demo").err


def test_an_unknown_filetype() -> None:
    assert "did you mean 'jpg'" in seqsave("demo", "memory://demo", "--filetype", "jgp", status=2).err


@pytest.mark.usefixtures("rendered")
def test_the_pictures_open_elsewhere(tmp_path: Path) -> None:
    seqsave("demo", tmp_path, "-q")
    with Image.open(tmp_path / "frame_00024.png") as image:
        assert image.size == (640, 360)
        assert set(image.text) == {"prompt", "workflow"}  # type: ignore[attr-defined]
