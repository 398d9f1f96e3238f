"""Pictures of every make: decoded rightly, or passed on byte for byte where that is asked for and safe."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from seqsave.errors import SourceError
from seqsave.plugins import registry
from seqsave.sequences.frame import Frame
from seqsave.sources import Keep, SourceFrame, open_source
from tests.sources.pictures import WORKFLOW, encode, picture, png_with_workflow

PNG = Keep(spec=registry.resolve("png").spec)
PNG_BARE = Keep(spec=PNG.spec, bare=True)
JPG = Keep(spec=registry.resolve("jpg").spec)


def only(folder: Path, name: str, data: bytes, keep: Keep | None = None) -> tuple[SourceFrame, list[str]]:
    (folder / name).write_bytes(data)
    source = open_source(folder / name, keep=keep)
    (frame,) = source
    return frame, source.notes


@pytest.mark.parametrize("kind", ["png", "bmp", "gif", "tif", "webp", "ppm"])
def test_formats_without_loss(tmp_path: Path, kind: str) -> None:
    array = np.zeros((4, 6, 3), np.uint8)
    array[:, 3:] = (255, 128, 0)
    settings = {"lossless": True} if kind == "webp" else {}
    frame, notes = only(tmp_path, f"a.{kind}", encode(array, kind, **settings))
    assert np.array_equal(frame.image[..., :3], array)
    assert not notes


@pytest.mark.parametrize(
    ("mode", "channels", "dtype"),
    [
        ("1", 1, "bool"),
        ("L", 1, "uint8"),
        ("LA", 2, "uint8"),
        ("P", 3, "uint8"),
        ("RGBA", 4, "uint8"),
        ("I;16", 1, "uint16"),
    ],
)
def test_modes_of_pillow(tmp_path: Path, mode: str, channels: int, dtype: str) -> None:
    frame, _ = only(tmp_path, "a.tif", encode(Image.new(mode, (5, 3)), "tif"))
    assert frame.image.shape == (3, 5, channels)
    assert frame.image.dtype == dtype


def test_sixteen_bits_of_a_png_stay(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5001
    frame, _ = only(tmp_path, "a.png", encode(values))
    assert frame.image.dtype == np.uint16
    assert np.array_equal(frame.image[..., 0], values)


def test_jpeg_is_decoded(tmp_path: Path) -> None:
    flat = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    frame, _ = only(tmp_path, "a.jpeg", encode(flat, "jpg", quality=95))
    assert np.abs(frame.image.astype(int) - flat).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_pictures_are_turned_upright(tmp_path: Path, orientation: int, kind: str) -> None:
    from PIL import ImageOps

    array = np.zeros((16, 24, 3), np.uint8)
    array[:8, :8] = 255
    array[8:, 16:] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(array, kind, exif=exif, **({"quality": 100, "subsampling": 0} if kind == "jpg" else {}))
    frame, _ = only(tmp_path, f"a.{kind}", data)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert frame.image.shape == expected.shape
    assert np.abs(frame.image.astype(int) - expected).max() <= 8
    assert frame.size == (expected.shape[1], expected.shape[0])


# --- byte for byte -----------------------------------------------------------------------------------------------


def test_files_of_the_kept_format_are_not_touched(tmp_path: Path) -> None:
    data = png_with_workflow(picture())
    frame, _ = only(tmp_path, "frame_1.png", data, PNG)
    assert frame.data == data
    assert frame.image is None
    assert frame.size == (16, 12)


def test_files_of_the_kept_format_are_not_even_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Frame, "decode", None)
    assert only(tmp_path, "frame_1.png", encode(picture()), PNG)[0].data is not None


def test_jpg_and_jpeg_are_one_format(tmp_path: Path) -> None:
    data = encode(picture(), "jpg")
    assert only(tmp_path, "a.jpeg", data, JPG)[0].data == data


def test_other_formats_are_decoded(tmp_path: Path) -> None:
    frame, _ = only(tmp_path, "a.jpg", encode(picture(), "jpg"), PNG)
    assert frame.data is None
    assert frame.image.shape == (12, 16, 3)


def test_a_bare_format_loses_the_workflow(tmp_path: Path) -> None:
    frame, _ = only(tmp_path, "a.png", png_with_workflow(picture()), PNG_BARE)
    assert frame.data is None
    assert np.array_equal(frame.image, picture())


def test_a_bare_format_without_workflow_is_not_touched(tmp_path: Path) -> None:
    data = encode(picture())
    assert only(tmp_path, "a.png", data, PNG_BARE)[0].data == data


def test_a_wrong_name_is_reported_and_the_picture_decoded(tmp_path: Path) -> None:
    frame, notes = only(tmp_path, "a.png", encode(picture(), "bmp"), PNG)
    assert frame.data is None
    assert np.array_equal(frame.image, picture())
    assert notes == ["a.png contains image/bmp, in spite of its name"]


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]


@pytest.mark.parametrize("keep", [None, PNG, PNG_BARE])
@pytest.mark.parametrize("damage", [cut, flipped, lambda data: b"", lambda data: b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_a_damaged_png_is_an_error(tmp_path: Path, damage: Any, keep: Keep | None) -> None:
    with pytest.raises(SourceError, match=r"frame_00003\.png"):
        only(tmp_path, "frame_00003.png", damage(encode(picture(1, 40, 40))), keep)


@pytest.mark.parametrize("keep", [None, JPG])
@pytest.mark.parametrize("damage", [cut, lambda data: data[:30]])
def test_a_damaged_jpeg_is_an_error(tmp_path: Path, damage: Any, keep: Keep | None) -> None:
    with pytest.raises(SourceError, match=r"frame_00003\.jpg"):
        only(tmp_path, "frame_00003.jpg", damage(encode(picture(1, 200, 200), "jpg")), keep)


def test_the_damaged_one_of_many_is_named(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"frame_{number:05}.png").write_bytes(encode(picture(number)))
    (tmp_path / "frame_00007.png").write_bytes(cut(encode(picture(7))))
    got = []
    with pytest.raises(SourceError, match=r"frame_00007\.png"):
        got.extend(frame.index for frame in open_source(tmp_path))
    assert got == list(range(len(got)))
    assert len(got) <= 7


# --- what lies beside --------------------------------------------------------------------------------------------


def test_sidecars_come_with_their_frame(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"frame_{number:05}.jpg").write_bytes(encode(picture(), "jpg"))
    crc32 = f"{zlib.crc32(encode(picture(), 'jpg')):08x}"
    (tmp_path / ".seqsave").mkdir()
    (tmp_path / ".seqsave" / f"frame_00001.jpg.{crc32}.workflow.json").write_text('{"w":  1}')
    (tmp_path / ".seqsave" / f"frame_00001.jpg.{crc32}.my.key%20x.json").write_text("[1]")
    (tmp_path / ".seqsave" / "frame_00002.jpg.00000000.workflow.json").write_text('"of another file"')
    (tmp_path / ".seqsave" / f"frame_00009.jpg.{crc32}.workflow.json").write_text("{}")
    first, second = open_source(tmp_path)
    assert first.metadata == {"workflow": '{"w":  1}', "my.key x": "[1]"}
    assert second.metadata == {}
    kept, _ = open_source(tmp_path, keep=JPG)
    assert kept.data is not None
    assert kept.metadata == first.metadata


# --- animations --------------------------------------------------------------------------------------------------


def animation(kind: str, **settings: Any) -> bytes:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    first, *rest = [Image.new("RGB", (8, 6), colour) for colour in colours]
    buffer = io.BytesIO()
    first.save(buffer, kind, save_all=True, append_images=rest, duration=40, **settings)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "settings"), [("gif", {}), ("png", {}), ("webp", {"lossless": True})])
def test_an_animation_is_all_its_pictures(tmp_path: Path, kind: str, settings: dict[str, Any]) -> None:
    path = tmp_path / f"loop_5.{kind}"
    path.write_bytes(animation(kind, **settings))
    source = open_source(path)
    frames = list(source)
    assert source.total == len(frames) == 3
    assert [frame.index for frame in frames] == [None] * 3
    assert source.rate == 25
    assert [tuple(frame.image[0, 0, :3]) for frame in frames] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
@pytest.mark.parametrize(("times", "expected"), [((100, 1000, 100), "100 to 1000 ms"), ((100, 100, 100), None)])
def test_pictures_that_are_shown_for_different_times_are_named(
    tmp_path: Path, kind: str, times: tuple[int, ...], expected: str | None
) -> None:
    first, *others = (Image.new("RGB", (16, 16), (60 * place, 0, 0)) for place in range(3))
    path = tmp_path / f"a.{kind}"
    first.save(path, save_all=True, append_images=others, duration=list(times))
    source = open_source(path)
    for _ in range(2):
        assert len(list(source)) == 3
        assert [expected in note for note in source.notes if expected] == [True] * (expected is not None)
        assert len(source.notes) == (expected is not None)


def test_an_animation_among_pictures_gives_its_first_one(tmp_path: Path) -> None:
    (tmp_path / "a_1.gif").write_bytes(animation("gif"))
    (tmp_path / "a_2.gif").write_bytes(encode(picture(), "gif"))
    source = open_source(tmp_path)
    assert len(list(source)) == 2
    assert source.notes == ["a_1.gif contains several pictures: only the first one is read"]


def test_a_single_gif_is_a_picture(tmp_path: Path) -> None:
    assert only(tmp_path, "a_4.gif", encode(picture(), "gif"))[0].index == 4


def test_the_same_trouble_is_reported_once(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"a_{number}.png").write_bytes(encode(picture(), "bmp"))
    source = open_source(tmp_path)
    list(source)
    assert len(source.notes) == 1


def test_text_that_is_no_json_stays(tmp_path: Path) -> None:
    frame, _ = only(tmp_path, "a.png", png_with_workflow(picture(), "a cat, 8k"))
    assert frame.metadata == {"workflow": "a cat, 8k"}
    assert WORKFLOW  # the usual one is tested through the command


def test_an_animation_states_its_profile(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pictures = [Image.new("RGB", (4, 4), (shade, 0, 0)) for shade in (10, 200)]
    settings = {"save_all": True, "append_images": pictures[1:], "icc_profile": profile}
    pictures[0].save(tmp_path / "a.png", **settings)
    infos = [frame.info for frame in open_source(tmp_path / "a.png")]
    assert [info and info.icc for info in infos] == [profile, profile]
