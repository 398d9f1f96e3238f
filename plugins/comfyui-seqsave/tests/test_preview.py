"""What the front end gets to show."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from comfyui_seqsave import host, preview
from PIL import Image

from seqsave import SavedFrame


def saved(url: str, status: str = "saved") -> SavedFrame:
    return SavedFrame(index=0, batch=None, filetype="png", url=url, size=1, checksum=None, etag=None, status=status)


def pictures(count: int, height: int = 4, width: int = 6) -> torch.Tensor:
    return torch.rand(count, height, width, 3)


def test_files_in_own_folders_are_shown_themselves(folders: host.Folders) -> None:
    frames = [
        saved(f"{folders.output}/frame_0.png"),
        saved(f"{folders.output}/a/batch_0000/frame_0.jpg", "skipped"),
        saved(f"{folders.input}/x.webp"),
        saved(f"{folders.temp}/y/z.PNG"),
    ]
    assert preview.images_of([frames], pictures(4)) == [
        {"filename": "frame_0.png", "subfolder": "", "type": "output"},
        {"filename": "frame_0.jpg", "subfolder": "a/batch_0000", "type": "output"},
        {"filename": "x.webp", "subfolder": "", "type": "input"},
        {"filename": "z.PNG", "subfolder": "y", "type": "temp"},
    ]
    assert not list(Path(folders.temp).iterdir()), "no copies"


@pytest.mark.parametrize(
    "url",
    [
        *("s3://b/frame_0.png", "/elsewhere/frame_0.png", "{output}x/frame_0.png", "{output}/../x.png"),
        *("{output}/a.tif", "{output}/a.jxl", "s3://b/frame_0.exr"),
    ],
)
def test_what_browsers_cannot_reach_or_draw_is_copied(folders: host.Folders, url: str) -> None:
    (entry,) = preview.images_of([[saved(url.format(output=folders.output))]], pictures(1, 1500, 900))
    assert entry["type"] == "temp"
    with Image.open(Path(folders.temp, entry["subfolder"], entry["filename"])) as image:
        assert image.size == (307, 512)
        assert image.format == "JPEG"


def test_frames_that_were_not_saved_are_not_shown(folders: host.Folders) -> None:
    frames = [saved("s3://b/frame_0.png", "stopped")]
    assert preview.images_of([frames], pictures(1)) == []
    assert preview.images_of([[]], pictures(0)) == []


@pytest.mark.parametrize(("count", "copies"), [(1, 1), (8, 8), (9, 5), (81, 8), (1000, 8)])
def test_few_copies(folders: host.Folders, count: int, copies: int) -> None:
    assert len(preview.images_of([[saved("s3://b/x.png")] * count], pictures(count))) == copies
    assert len(list(Path(folders.temp).glob("seqsave_*/*.jpg"))) == copies


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_copies_look_like_the_picture(folders: host.Folders, channels: int) -> None:
    picture = torch.full((1, 16, 16, channels), 0.5)
    (entry,) = preview.images_of([[saved("s3://b/x.png")]], picture)
    with Image.open(Path(folders.temp, entry["subfolder"], entry["filename"])) as image:
        assert np.abs(np.asarray(image).astype(int) - 127).max() <= 2


def test_temp_folder_is_made(folders: host.Folders) -> None:
    Path(folders.temp).rmdir()
    assert len(preview.images_of([[saved("s3://b/x.png")]], pictures(1))) == 1


def test_of_several_file_types_the_one_that_can_be_drawn_is_shown(folders: host.Folders) -> None:
    files = [[saved(f"{folders.output}/frame_{number}.{kind}") for number in range(2)] for kind in ("exr", "png")]
    assert [entry["filename"] for entry in preview.images_of(files, pictures(2))] == ["frame_0.png", "frame_1.png"]
    assert not list(Path(folders.temp).iterdir())


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="other rights on Windows")
def test_copies_are_private(folders: host.Folders) -> None:
    before = os.umask(0)
    try:
        for _ in range(2):
            (entry,) = preview.images_of([[saved("s3://b/x.png")]], pictures(1))
    finally:
        os.umask(before)
    folder = Path(folders.temp, entry["subfolder"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()] == [0o600] * 2
    assert [path.name for path in Path(folders.temp).iterdir()] == [entry["subfolder"]]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="other rights on Windows")
@pytest.mark.parametrize("planted", ["link", "open folder", "nothing"])
def test_copies_go_into_no_folder_of_others(folders: host.Folders, tmp_path: Path, planted: str) -> None:
    (entry,) = preview.images_of([[saved("s3://b/x.png")]], pictures(1))
    own = Path(folders.temp, entry["subfolder"])
    shutil.rmtree(own)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    if planted == "link":
        own.symlink_to(tmp_path / "elsewhere")
    elif planted == "open folder":
        own.mkdir()
        own.chmod(0o777)
    (entry,) = preview.images_of([[saved("s3://b/x.png")]], pictures(1))
    assert entry["subfolder"] != own.name
    assert Path(folders.temp, entry["subfolder"], entry["filename"]).is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(("version", "viewed"), [((1, 58, 1), 2), ((1, 45, 0), 2), ((1, 44, 9), 0), ((), 0)])
def test_files_for_the_viewer_come_with_copies(
    folders: host.Folders, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], viewed: int
) -> None:
    """Newer front ends have a viewer for EXR files, but classic nodes draw none."""
    monkeypatch.setattr(host, "front_end_version", lambda: version)
    files = [[saved(f"{folders.output}/shot/frame_{number}.{kind}") for number in range(2)] for kind in ("tif", "exr")]
    entries = preview.images_of(files, pictures(2))
    assert [entry["type"] for entry in entries] == ["output"] * viewed + ["temp"] * 2
    expected = [{"filename": f"frame_{number}.exr", "subfolder": "shot", "type": "output"} for number in range(viewed)]
    assert entries[:viewed] == expected


def test_the_version_of_the_front_end() -> None:
    from importlib.metadata import version

    host.front_end_version.cache_clear()
    assert ".".join(map(str, host.front_end_version())) == version("comfyui-frontend-package")
