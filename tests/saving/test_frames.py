"""``save`` and ``open_writer``: what one call saves, and what stays when it raises."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import seqsave
from seqsave.settings.config import SETTINGS

RED = np.zeros((4, 4, 3), np.uint8)


def test_an_iterable_is_saved_in_order(tmp_path: Path) -> None:
    result = seqsave.save((np.full((4, 4, 3), value, np.uint8) for value in (1, 2, 3)), tmp_path)
    assert result.counts["saved"] == 3
    assert [int(picture[0, 0, 0]) for picture in seqsave.open_sequence(tmp_path).arrays()] == [1, 2, 3]


def test_a_single_frame_has_no_manifest_unless_it_is_asked_for(tmp_path: Path) -> None:
    seqsave.save([RED], tmp_path / "a")
    seqsave.save([RED], tmp_path / "b", manifest=True)
    assert not (tmp_path / "a/.seqsave").exists()
    assert (tmp_path / "b/.seqsave/frame.png.json").exists()


def test_frames_before_an_error_of_the_caller_stay_saved(tmp_path: Path) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield RED
        yield RED
        raise RuntimeError("the render failed")

    with pytest.raises(RuntimeError, match="the render failed"):
        seqsave.save(frames(), tmp_path)
    assert seqsave.open_sequence(tmp_path).indices == (0, 1)


def test_a_bad_image_says_how_many_are_saved(tmp_path: Path) -> None:
    with pytest.raises(seqsave.ImageError) as caught:
        seqsave.save([RED, RED, "no picture"], tmp_path)
    assert caught.value.saved == 2
    assert "the 2 frames saved before the error are kept" in str(caught.value)


@pytest.mark.parametrize("name", ["clip.mp4", "s3://b/renders", Path("renders")])
def test_the_name_of_a_file_is_refused_with_the_way_to_its_frames(name: str | Path, tmp_path: Path) -> None:
    with pytest.raises(seqsave.ImageError, match=r"seqsave\.open_sequence\(name\);.* `seqsave save clip\.mp4 URL`"):
        seqsave.save(name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("function", [seqsave.save, seqsave.open_writer])
def test_the_signature_shows_every_setting(function: object) -> None:
    parameters = inspect.signature(function).parameters  # type: ignore[arg-type]
    assert set(SETTINGS) <= set(parameters)
