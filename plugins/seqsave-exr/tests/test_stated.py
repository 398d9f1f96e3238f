"""What the header of an EXR file states: read from files of the OpenEXR library, and written again."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from seqsave_exr import EXR
from seqsave_exr.codec import ExrEncoder

import seqsave
from seqsave.metadata import ifd

NAMES = st.text("ABGRXYZabcdn.", min_size=1, max_size=6).filter(lambda name: name not in ("RGB", "RGBA", "RY", "BY"))


def made(channels: dict[str, Any], **header: Any) -> bytes:
    file = io.BytesIO()
    about = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(about, channels, 0).write(file)
    return file.getvalue()


def corners(left: int, top: int, right: int, bottom: int) -> Any:
    return np.array((left, top), np.int32), np.array((right, bottom), np.int32)


def again(data: bytes, **options: Any) -> tuple[seqsave.Decoded, Any]:
    """Decode a file, and encode it again with what it states. Return that, as the library reads it."""
    decoded = ExrEncoder().decode(data, max_pixels=1 << 20)
    given = {name: option.default for name, option in EXR.options.items()} | {"compression": "piz"} | options
    info = seqsave.FrameInfo(
        index=7,
        rate=decoded.info.rate,
        color=decoded.info.color,
        dpi=decoded.info.dpi,
        tags=decoded.info.tags,
        image=decoded.info,
    )
    array = decoded.array if decoded.array.dtype != np.float64 else decoded.array.astype(np.float32)
    encoded = ExrEncoder().encode(array, metadata={}, options=given, info=info)
    return decoded, OpenEXR.File(io.BytesIO(bytes(encoded.data)))


ATTRIBUTES = {
    "reelName": "A001",
    "my/text": "x",
    "capDate": "2026:01:01 00:00:00",
    "isoSpeed": 400.0,
    "my int": -3,
    "double": np.array([2.5]),
    "v2i": np.array((1, 2), np.int32),
    "v3f": np.array((1, 2, 3), np.float32),
    "worldToCamera": np.eye(4, dtype=np.float32),
    "m33d": np.eye(3) * 2,
    "multiView": ["left", "right"],
    "levels": [1.0, 0.5],
    "box": corners(1, 2, 3, 4),
    "expTime": 0.02,
    "ratio": Fraction(-1, 3),
    "timeCode": OpenEXR.TimeCode(13, 59, 58, 23, *[True, False] * 3, *range(8)),
    "keyCode": OpenEXR.KeyCode(1, 2, 3, 4, 5, 4, 64),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_are_kept(name: str) -> None:
    data = made({"RGB": np.zeros((4, 4, 3), np.float16)}, **{name: ATTRIBUTES[name]})

    _, file = again(data)

    before, after = OpenEXR.File(io.BytesIO(data)).header()[name], file.header()[name]
    assert repr(after) == repr(before)


def test_standard_facts_have_fields_of_their_own() -> None:
    primaries = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
    data = made(
        {"RGBA": np.ones((4, 4, 4), np.float16)},
        chromaticities=primaries,
        framesPerSecond=Fraction(24000, 1001),
        pixelAspectRatio=2.0,
        owner="me",
        xDensity=300.0,
    )

    decoded, file = again(data)

    info = decoded.info
    assert (info.color, info.rate) == (seqsave.COLOR_SPACES["acescg"], Fraction(24000, 1001))
    assert (info.pixel_aspect, info.dpi, info.tags) == (2.0, 300.0, {"copyright": "me"})
    assert (info.alpha, info.channels, info.display) == ("associated", (), None)
    assert np.allclose(file.header()["chromaticities"], primaries)
    assert [file.header()[name] for name in ("framesPerSecond", "pixelAspectRatio", "owner")] == [info.rate, 2.0, "me"]


def test_other_primaries_are_kept_as_numbers() -> None:
    points = (0.7, 0.3, 0.2, 0.7, 0.1, 0.05, 0.3, 0.3)
    decoded, file = again(made({"RGB": np.zeros((2, 2, 3), np.float16)}, chromaticities=points))

    assert decoded.info.color is None
    assert np.allclose(decoded.info.primaries, np.reshape(points, (4, 2)))
    assert np.allclose(file.header()["chromaticities"], points)


BT709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("srgb_rec709_display", "srgb"),
        ("lin_rec709_scene", "linear-srgb"),
        ("unknown", "linear-srgb"),
        ("g24_rec709_display", None),
        ("studio:log_rec709", None),
    ],
)
def test_a_space_that_is_not_linear_is_not_called_linear(name: str, space: str | None) -> None:
    decoded, file = again(made({"RGB": np.zeros((2, 2, 3), np.float16)}, chromaticities=BT709, colorInteropID=name))

    color = decoded.info.color
    assert (None if color is None else color.name) == space
    if space is None:
        assert file.header()["colorInteropID"] == name
        assert np.allclose(file.header()["chromaticities"], BT709)


@given(
    names=st.lists(NAMES, min_size=1, max_size=6, unique=True),
    kinds=st.lists(st.sampled_from((np.float16, np.float32, np.uint32)), min_size=6, max_size=6),
    corner=st.tuples(st.integers(-50, 50), st.integers(-50, 50)),
    display=st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 30), st.integers(0, 30)),
)
def test_channels_types_and_windows_are_kept(
    names: list[str], kinds: list[Any], corner: tuple[int, int], display: tuple[int, int, int, int]
) -> None:
    planes = {name: np.full((3, 5), 7 + place, kinds[place]) for place, name in enumerate(names)}
    window = corners(corner[0], corner[1], corner[0] + 4, corner[1] + 2)
    whole = corners(display[0], display[1], display[0] + display[2], display[1] + display[3])
    data = made(dict(planes), dataWindow=window, displayWindow=whole)

    decoded, file = again(data)

    assert sorted(file.channels()) == sorted(names)
    for name in names:
        kept = file.channels()[name].pixels
        assert (kept.dtype, kept[0, 0]) == (planes[name].dtype, planes[name][0, 0])
    assert decoded.info.channels or decoded.array.shape[2] <= 4
    for key, before in (("dataWindow", window), ("displayWindow", whole)):
        assert [corner.tolist() for corner in file.header()[key]] == [corner.tolist() for corner in before]


def test_straight_pictures_are_multiplied() -> None:
    image = np.full((2, 2, 4), (0.8, 0.4, 0.2, 0.5), np.float32)
    options = {name: option.default for name, option in EXR.options.items()}
    info = seqsave.FrameInfo(index=0, image=seqsave.ImageInfo(alpha="straight"))

    data = bytes(ExrEncoder().encode(image, metadata={}, options=options, info=info).data)

    assert ExrEncoder().decode(data, max_pixels=10).array[0, 0].tolist() == pytest.approx([0.4, 0.2, 0.1, 0.5])


def test_workflows_are_metadata_and_not_attributes() -> None:
    decoded, _ = again(made({"RGB": np.zeros((2, 2, 3), np.float16)}, workflow='{"a": 1}', note="hand-held"))

    assert decoded.metadata == {"workflow": '{"a": 1}', "note": "hand-held"}
    assert dict(decoded.info.attributes) == {"note": "hand-held"}


@pytest.mark.parametrize(
    "names", ["r g b a", "Red Green Blue Alpha", "red green blue alpha", "d.red d.green d.blue d.A"]
)
def test_colours_of_any_spelling_are_in_order_and_multiplied(names: str) -> None:
    values = dict(zip(names.split(), (0.5, 0.25, 0.125, 0.5), strict=True))
    data = made({name: np.full((2, 2), value, np.float32) for name, value in values.items()})
    decoded = ExrEncoder().decode(data, max_pixels=100)
    assert decoded.info.channels == tuple(values)
    assert decoded.array[0, 0].tolist() == list(values.values())
    assert decoded.info.alpha == "associated"


def test_the_rate_of_the_header_reaches_the_manifest(tmp_path: Any) -> None:
    data = made({"Y": np.zeros((2, 2), np.float32)}, framesPerSecond=Fraction(30000, 1001))
    (tmp_path / "a.0001.exr").write_bytes(data)
    sequence = seqsave.open_sequence(tmp_path)
    for number, settings in enumerate(({}, {"options": {"compression": "piz"}}, {"rate": 12})):
        seqsave.save(sequence, tmp_path / str(number), filetype="exr", **settings)
        manifest = seqsave.open_sequence(tmp_path / str(number)).manifest
        assert manifest is not None
        assert manifest.rate == settings.get("rate", Fraction(30000, 1001))


def test_texts_of_the_header_are_no_metadata_that_is_lost(tmp_path: Any) -> None:
    (tmp_path / "a.0001.exr").write_bytes(made({"Y": np.zeros((2, 2), np.float32)}, scene="12 b"))
    sequence = seqsave.open_sequence(tmp_path)
    for filetype in ("exr", "exr with embedded workflow"):
        result = seqsave.save(
            sequence, tmp_path / (filetype[4:] or "bare"), filetype=filetype, options={"compression": "piz"}
        )
        assert result.warnings == ()
        (copied,) = (tmp_path / (filetype[4:] or "bare")).glob("*.exr")
        assert ExrEncoder().decode(copied.read_bytes(), max_pixels=100).metadata == {"scene": "12 b"}


def test_the_first_of_several_views_is_a_layer() -> None:
    channels = {name: np.zeros((2, 2), np.float32) for name in ("R", "G", "B", "right.R", "right.G", "right.B")}
    decoded, written = again(made(channels, multiView=["left", "right"]))
    assert decoded.info.layer == "left"
    assert "name" not in written.header()


def test_exif_is_a_blob_as_darktable_and_gimp_write_it() -> None:
    camera = ifd.written({0x0110: ifd.Field(ifd.ASCII, 3, b"M1\0")})
    stated = seqsave.ImageInfo(exif=camera, texts={"UserComment": "a note"})
    array = np.random.default_rng(3).random((5, 7, 3), dtype=np.float32)
    options = {name: option.default for name, option in EXR.options.items()}
    info = seqsave.FrameInfo(index=1, image=stated)
    data = bytes(ExrEncoder().encode(array, metadata={}, options=options, info=info).data)
    start = data.index(b"exif\0blob\0") + 10
    size, length = struct.unpack_from("<iI", data, start)
    assert size == length + 4
    seen = Image.Exif()
    seen.load(b"Exif\0\0" + data[start + 8 : start + 8 + length])
    assert seen[0x0110] == "M1"

    found = ExrEncoder().decode(data, max_pixels=100)
    assert np.array_equal(found.array, array)
    assert (found.info.exif, dict(found.info.texts), found.info.attributes) == (camera, {"UserComment": "a note"}, {})
    older = data.replace(b"exif\0blob\0" + data[start : start + 8], b"exif\0text\0" + data[start : start + 8])
    assert ExrEncoder().decode(older, max_pixels=100).info.exif is None


@pytest.mark.parametrize(
    ("text", "rate", "stated"),
    [
        ("01:02:03:04", Fraction(25), (1, 2, 3, 4, False, False)),
        ("23:59:59;29", Fraction(30000, 1001), (23, 59, 59, 29, True, False)),
        ("00:00:01:59", Fraction(60), (0, 0, 1, 29, False, True)),
        ("later", Fraction(25), None),
        ("25:00:00:00", Fraction(25), None),
    ],
)
def test_the_time_code_of_a_video_is_that_of_the_file(text: str, rate: Fraction, stated: Any) -> None:
    array = np.zeros((2, 3, 3), np.float32)
    options = {name: option.default for name, option in EXR.options.items()}
    info = seqsave.FrameInfo(index=7, rate=rate, image=seqsave.ImageInfo(texts={"timecode": text}))
    data = bytes(ExrEncoder().encode(array, metadata={}, options=options, info=info).data)
    code = OpenEXR.File(io.BytesIO(data), header_only=True).header()["timeCode"]
    found = (code.hours, code.minutes, code.seconds, code.frame, code.dropFrame, code.fieldPhase)
    decoded = ExrEncoder().decode(data, max_pixels=100)
    # The code of its number, if the source has none that is one.
    assert found == (stated or (0, 0, 0, 7, False, False))
    assert dict(decoded.info.texts) == ({} if stated else {"UserComment": text})
