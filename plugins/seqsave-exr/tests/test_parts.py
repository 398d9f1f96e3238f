"""Files of several parts, as the OpenEXR library writes them: every part is read, and a damaged one is refused."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import OpenEXR
import pytest
from seqsave_exr import EXR
from seqsave_exr.codec import ExrEncoder, channel_names
from seqsave_exr.parts import parts_of

import seqsave

SCAN_LINES, TILED = OpenEXR.scanlineimage, OpenEXR.tiledimage


def flat(value: float, shape: tuple[int, int] = (4, 6), dtype: str = "float32") -> Any:
    return np.full(shape, value, dtype)


def part(name: str, channels: dict[str, Any], **header: Any) -> Any:
    about = {"name": name, "compression": OpenEXR.ZIP_COMPRESSION, "type": SCAN_LINES, **header}
    return OpenEXR.Part(about, channels)


def made(*parts: Any) -> bytes:
    file = io.BytesIO()
    OpenEXR.File(list(parts)).write(file)
    return file.getvalue()


def corners(left: int, top: int, right: int, bottom: int) -> Any:
    return np.array((left, top), np.int32), np.array((right, bottom), np.int32)


def usual() -> bytes:
    beauty = {name: flat(value, dtype="float16") for name, value in zip("RGBA", (0.5, 0.25, 0.125, 0.5), strict=True)}
    return made(
        part("beauty", beauty, owner="me"),
        part("normal", {name: flat(0.75) for name in "XYZ"}, owner="you"),
        part("depth", {"depth.Z": flat(9.0), "id": np.full((4, 6), 2**24 + 1, np.uint32)}),
    )


def decode(data: bytes, max_pixels: int = 1 << 20) -> seqsave.Decoded:
    return ExrEncoder().decode(data, max_pixels=max_pixels)


def encode(decoded: seqsave.Decoded) -> Any:
    options = {name: option.default for name, option in EXR.options.items()}
    array = decoded.array if decoded.array.dtype != np.float64 else decoded.array.astype(np.float32)
    info = seqsave.FrameInfo(index=1, tags=decoded.info.tags, image=decoded.info)
    data = bytes(ExrEncoder().encode(array, metadata={}, options=options, info=info).data)
    return OpenEXR.File(io.BytesIO(data), separate_channels=True)


def test_the_first_part_has_its_own_names_and_the_others_are_layers() -> None:
    decoded = decode(usual())
    wanted = ("R", "G", "B", "A", "normal.X", "normal.Y", "normal.Z", "depth.id", "depth.Z")
    assert decoded.info.channels == channel_names(usual()) == wanted
    assert decoded.info.layer == "beauty"
    assert decoded.info.alpha == "associated"
    assert decoded.array[0, 0].tolist() == [0.5, 0.25, 0.125, 0.5, 0.75, 0.75, 0.75, 2**24 + 1, 9.0]


def test_attributes_of_other_parts_are_kept_under_their_name() -> None:
    written = encode(decode(usual()))
    assert written.header()["owner"] == "me"
    assert written.header()["normal.owner"] == "you"
    assert "depth.name" not in written.header()


def test_types_and_large_integers_of_the_parts_are_kept() -> None:
    channels = encode(decode(usual())).channels()
    assert channels["R"].pixels.dtype == np.float16
    assert channels["normal.X"].pixels.dtype == np.float32
    assert channels["depth.id"].pixels.dtype == np.uint32
    assert (channels["depth.id"].pixels == 2**24 + 1).all()


def test_windows_of_parts_are_put_into_one_around_them() -> None:
    display = corners(0, 0, 9, 9)
    data = made(
        part("a", {"Y": flat(1.0, (2, 2))}, dataWindow=corners(1, 1, 2, 2), displayWindow=display),
        part("b", {"Y": flat(2.0, (1, 3))}, dataWindow=corners(-1, 2, 1, 2), displayWindow=display),
    )
    decoded = decode(data)
    assert decoded.array[..., 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1]]
    assert decoded.array[..., 1].tolist() == [[0, 0, 0, 0], [2, 2, 2, 0]]
    assert (decoded.info.origin, decoded.info.display) == ((-1, 1), (0, 0, 10, 10))


def test_a_window_around_parts_that_is_too_large_is_refused() -> None:
    far = {"displayWindow": corners(0, 0, 1, 1)}
    data = made(
        part("a", {"Y": flat(1.0, (2, 2))}, dataWindow=corners(0, 0, 1, 1), **far),
        part("b", {"Y": flat(2.0, (2, 2))}, dataWindow=corners(5000, 5000, 5001, 5001), **far),
    )
    with pytest.raises(seqsave.DecodeError, match="5002x5002 pixels: at most 1048576 are allowed") as caught:
        decode(data)
    assert caught.value.reason == "too large"


def test_tiled_parts_are_read() -> None:
    values = np.random.default_rng(1).random((40, 50), dtype=np.float32)
    tiles = OpenEXR.TileDescription()
    tiles.xSize = tiles.ySize = 16
    data = made(part("a", {"Y": values}), part("b", {"Y": values * 2}, type=TILED, tiles=tiles))
    assert np.array_equal(decode(data).array, np.stack((values, values * 2), -1))


def test_a_layer_of_a_file_is_chosen_by_the_name_of_its_part(tmp_path: Any) -> None:
    (tmp_path / "a.0001.exr").write_bytes(usual())
    sequence = seqsave.open_sequence(tmp_path)
    with pytest.warns(seqsave.SeqSaveWarning, match=r"left out, .*: attributes normal\.owner"):
        seqsave.save(sequence, tmp_path / "beauty", filetype="png", layer="beauty", drop=["tags"], color="srgb")
    assert seqsave.open_sequence(tmp_path / "beauty")[0].read()[0, 0].tolist() == [255, 127, 63, 127]
    seqsave.save(sequence, tmp_path / "normal", filetype="exr", layer="normal")
    assert seqsave.open_sequence(tmp_path / "normal")[0].decode().info.channels == ("normal.X", "normal.Y", "normal.Z")
    with pytest.raises(seqsave.ImageError, match="no layer 'none': its layers are beauty, depth, normal"):
        seqsave.save(sequence, tmp_path / "none", filetype="exr", layer="none")


def test_damaged_parts_are_refused() -> None:
    data = usual()
    assert len(parts_of(data)) == 3
    for end in range(8, len(data), 7):
        with pytest.raises(seqsave.DecodeError):
            decode(data[:end])
    at = data.index(b"chunkCount\0int\0") + 15 + 4
    for count in (-1, 0, 1 << 30):
        with pytest.raises(seqsave.DecodeError, match="damaged EXR file"):
            decode(data[:at] + struct.pack("<i", count) + data[at + 4 :])


def test_a_deep_part_is_refused() -> None:
    data = usual().replace(b"type\0string\0\x0d\0\0\0scanlineimage", b"type\0string\0\x0d\0\0\0deepscanlines", 1)
    with pytest.raises(seqsave.DecodeError, match="the deep part 'beauty'") as caught:
        decode(data)
    assert caught.value.reason == "unsupported"
