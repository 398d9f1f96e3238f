"""Load Frames takes the pictures of one animated file for frames, and pictures of any format that Pillow reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from comfyui_seqsave import animations
from comfyui_seqsave.access import RefusedError
from comfyui_seqsave.nodes.frames import LoadFrames
from comfyui_seqsave.nodes.loader import ImageSequenceLoader
from comfyui_seqsave.objects import FrameCounter
from PIL import Image

import seqsave

if TYPE_CHECKING:
    import torch
    from comfyui_seqsave import host

LEVELS = [0, 40, 80, 120, 160]


def load(directory: str, start: int = -1, count: int = 0, step: int = 1, missing: str = "error") -> Any:
    return LoadFrames().load(directory, "", start, count, step, missing)["result"]


def levels(images: torch.Tensor) -> list[int]:
    return [round(float(image[0, 0, 0]) * 255) for image in images]


@pytest.fixture(params=["gif", "webp", "png"])
def animation(request: pytest.FixtureRequest, folders: host.Folders) -> str:
    kind = str(request.param)
    first, *others = [Image.new("RGB", (8, 6), (level, 0, 255 - level)) for level in LEVELS]
    more = {"lossless": True} if kind == "webp" else {}
    first.save(f"{folders.output}/anim.{kind}", save_all=True, append_images=others, duration=40, **more)
    return f"anim.{kind}"


def test_pictures_of_one_file_are_frames(animation: str, folders: host.Folders) -> None:
    for name in (animation, f"{folders.output}/{animation}"):
        images, mask, count = load(name)
        assert images.shape == (5, 6, 8, 3)
        assert (levels(images), count, float(mask.max())) == (LEVELS, 5, 0.0)
    assert LoadFrames.VALIDATE_INPUTS(animation) is True


@pytest.mark.parametrize(
    ("start", "count", "step", "missing", "wanted"),
    [
        (1, 2, 1, "error", [40, 80]),
        (0, 3, 2, "error", [0, 80, 160]),
        (3, 5, 1, "skip", [120, 160]),
        (3, 4, 1, "repeat previous", [120, 160, 160, 160]),
    ],
)
def test_ranges(animation: str, start: int, count: int, step: int, missing: str, wanted: list[int]) -> None:
    images, _, length = load(animation, start, count, step, missing)
    assert (levels(images), length) == (wanted, len(wanted))


@pytest.mark.parametrize(("start", "count"), [(3, 5), (5, 0), (9, 1)])
def test_what_lies_after_the_end_is_an_error(animation: str, start: int, count: int) -> None:
    with pytest.raises(seqsave.SequenceNotFoundError, match="has the pictures 0 to 4"):
        load(animation, start, count)
    with pytest.raises(seqsave.FrameNameError):
        load(animation, 0, 10**7, 1, "repeat previous")


def test_it_is_loaded_again_when_it_has_changed(animation: str, folders: host.Folders) -> None:
    before = LoadFrames.IS_CHANGED(animation, "")
    assert LoadFrames.IS_CHANGED(animation, "") == before
    Image.new("RGB", (8, 6)).save(Path(folders.output, animation))
    assert LoadFrames.IS_CHANGED(animation, "") != before
    assert load(animation)[2] == 1


def test_transparency_becomes_the_mask(folders: host.Folders) -> None:
    frames = [Image.new("RGBA", (4, 4), (255, 0, 0, alpha)) for alpha in (255, 0)]
    frames[0].save(Path(folders.output, "a.png"), save_all=True, append_images=frames[1:], duration=40)
    assert load("a.png")[1][:, 0, 0].tolist() == [0.0, 1.0]


def test_a_folder_may_be_called_like_a_file(folders: host.Folders) -> None:
    Path(folders.output, "shot.png").mkdir()
    seqsave.save(np.zeros((2, 4, 4, 3), np.uint8), Path(folders.output, "shot.png"), prefix="frame")
    assert load("shot.png")[2] == 2


def test_frames_that_no_encoder_reads(folders: host.Folders) -> None:
    for number, level in enumerate(LEVELS):
        picture = Image.new("RGB", (8, 6), (level, 0, 0))
        picture.save(Path(folders.output, f"ComfyUI_{number + 1:05d}_.gif"))
    assert levels(load("")[0]) == LEVELS
    image, name = ImageSequenceLoader().result(FrameCounter(3, 9, 24.0), "", "*", "numeric")
    assert (levels(image), name) == ([80], "ComfyUI_00003_.gif")


def test_a_damaged_file_is_one_clear_error(animation: str, folders: host.Folders) -> None:
    path = Path(folders.output, animation)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(seqsave.DecodeError, match=animation):
        load(animation)
    Path(folders.output, "x_1.gif").write_bytes(b"GIF89a SECRET")
    with pytest.raises(seqsave.DecodeError) as caught:
        load("x_1.gif")
    assert "SECRET" not in str(caught.value)


def test_turned_pictures_are_upright(folders: host.Folders) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(2):
        Image.new("RGB", (12, 8)).save(Path(folders.output, f"frame_{number}.jpg"), exif=exif)
    assert load("")[0].shape == (2, 12, 8, 3)
    image, _ = ImageSequenceLoader().result(FrameCounter(0, 2, 24.0), "", "*", "numeric")
    assert image.shape == (1, 12, 8, 3)


@pytest.mark.parametrize("path", ["{outside}/a.gif", "../a.gif", "link.gif", "s3://bucket/a.gif"])
def test_no_file_outside_of_the_allowed_folders(folders: host.Folders, tmp_path: Path, path: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.new("RGB", (4, 4)).save(outside / "a.gif")
    Path(folders.output, "link.gif").symlink_to(outside / "a.gif")
    for call in (load, lambda text: LoadFrames.IS_CHANGED(text, "")):
        with pytest.raises(RefusedError):
            call(path.format(outside=outside))


def test_no_program_is_run_for_a_postscript_file_under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_, **__: ran.append(1))
    data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"
    for read in (animations.decode, lambda name, some: [*animations.Animation(name, some).pictures(range(1))]):
        with pytest.raises(seqsave.DecodeError, match="PostScript"):
            read("a.gif", data)
    assert ran == []
