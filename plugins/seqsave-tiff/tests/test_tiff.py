"""The conformance kit over TIFF, what only TIFF has, and files seen by programs that we did not write."""

from __future__ import annotations

import importlib.metadata
import io
import json
import re
import struct
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import readers
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from seqsave_tiff import TIF, TIFF
from seqsave_tiff.codec import TiffEncoder

import seqsave
from seqsave.metadata import ifd
from seqsave.pictures.color import COLOR_SPACES
from seqsave.sequences.header import picture_of
from seqsave.sequences.upright import orientation_of, upright
from seqsave.testing import EncoderSuite, outside

COMPRESSIONS = tuple(str(name) for name in TIFF.options["compression"].choices or ())
PREDICTED = ("deflate", "lzw", "zstd")


class TestTiff(EncoderSuite):
    spec = TIFF
    decoders = {"OpenImageIO": readers.openimageio}


def test_both_names_are_one_format() -> None:
    assert TIF.extensions == TIFF.extensions[::-1] == ("tif", "tiff")
    assert (TIF.encoder, TIF.options, TIF.dtypes) == (TIFF.encoder, TIFF.options, TIFF.dtypes)


def picture(height: int = 33, width: int = 65, channels: int = 3, dtype: str = "uint8", seed: int = 0) -> Any:
    """Noise: every integer may occur, and floats also outside of 0..1."""
    random = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return random.normal(0.5, 2.0, (height, width, channels)).astype(dtype)
    return random.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)


def encoded(image: Any, metadata: dict[str, str] | None = None, info: Any = None, **options: Any) -> seqsave.Encoded:
    checked = {name: option.default for name, option in TIFF.options.items()} | options
    info = info or frame()
    return TiffEncoder().encode(image, metadata=metadata or {}, options=checked, info=info)


def encode(image: Any, metadata: dict[str, str] | None = None, info: Any = None, **options: Any) -> bytes:
    return bytes(encoded(image, metadata, info, **options).data)


def decode(data: bytes, max_pixels: int = 1 << 24) -> seqsave.Decoded:
    return TiffEncoder().decode(data, max_pixels=max_pixels)


def frame(**known: Any) -> seqsave.FrameInfo:
    return seqsave.FrameInfo(index=17, name="frame_00017.tif", **known)


def described(data: bytes) -> Any:
    found = picture_of(data)
    return None if found is None else ((found.height, found.width, found.channels), found.dtype)


# --- values ----------------------------------------------------------------------------------------------------------

ways = pytest.mark.parametrize(
    ("compression", "predictor"),
    [(name, predictor) for name in COMPRESSIONS for predictor in ((True, False) if name in PREDICTED else (True,))],
)


@ways
@settings(max_examples=25)
@given(data=st.data())
def test_any_bits_come_back(compression: str, predictor: bool, data: st.DataObject) -> None:
    """Floats with every kind of NaN among them, and all integers; sizes of one strip and of several."""
    dtype = np.dtype(data.draw(st.sampled_from(TIFF.dtypes)))
    height, width, channels = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 60)), data.draw(st.integers(1, 4))
    if data.draw(st.booleans()):
        height *= 100
    size = height * width * channels * dtype.itemsize
    seed = data.draw(st.integers(0, 2**32 - 1))
    values = np.random.default_rng(seed).bytes(size)
    image = np.frombuffer(values, dtype).reshape(height, width, channels)
    back = decode(encode(image, compression=compression, predictor=predictor)).array
    assert back.dtype == dtype
    assert back.shape == image.shape
    assert back.tobytes() == values


@ways
@pytest.mark.parametrize("dtype", ["uint16", "float16"])
def test_every_value_of_16_bits(compression: str, predictor: bool, dtype: str) -> None:
    bits = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256, 1).repeat(3, 2)
    back = decode(encode(bits.view(dtype), compression=compression, predictor=predictor)).array
    assert (back.view(np.uint16) == bits).all()


@ways
@pytest.mark.parametrize("dtype", TIFF.dtypes)
@pytest.mark.parametrize("channels", [1, 4])  # the kit has the others
def test_libtiff_reads_the_same_values(compression: str, predictor: bool, dtype: str, channels: int) -> None:
    image = picture(400, 301, channels, dtype)  # several strips
    data = encode(image, compression=compression, predictor=predictor)
    seen = readers.openimageio(data)
    assert seen.dtype == image.dtype
    assert seen.tobytes() == image.tobytes()
    if dtype == "uint8" or (channels == 1 and dtype in ("uint16", "float32")):
        assert (readers.pillow(data).reshape(image.shape) == image).all()


@ways
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 4])
def test_libvips_reads_the_same_values(compression: str, predictor: bool, dtype: str, channels: int) -> None:
    image = picture(channels=channels, dtype=dtype)
    try:
        seen = readers.vips(encode(image, compression=compression, predictor=predictor), dtype)
    except Image.UnidentifiedImageError:
        assert dtype != "uint8"  # Pillow reads its size, but no colours of 16 bits or more
        return
    assert (seen == image).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_opencv_reads_the_same_values(dtype: str) -> None:
    cv2 = outside.package("cv2", "pip install opencv-python-headless")
    image = picture(dtype=dtype)
    for compression in COMPRESSIONS:
        if compression == "zstd":
            continue  # its libtiff is built without
        data = np.frombuffer(encode(image, compression=compression), np.uint8)
        assert (cv2.imdecode(data, cv2.IMREAD_UNCHANGED)[..., ::-1] == image).all()


def test_out_of_range_and_not_a_number_through_seqsave() -> None:
    image = picture(dtype="float32")
    image[0, :6, 0] = (np.nan, np.inf, -np.inf, -0.0, 65536.0, -7.5)
    assert seqsave.save(image[None], "memory://tiff/kept", filetype="tiff").warnings == ()
    back = seqsave.open_sequence("memory://tiff/kept")[0].read()
    assert back.tobytes() == image.tobytes()


@pytest.mark.parametrize("compression", ["deflate", "zstd"])
def test_levels(compression: str) -> None:
    soft = picture(20, 20).repeat(16, 0).repeat(16, 1)
    sizes = {level: len(encode(soft, compression=compression, level=level)) for level in range(1, 10)}
    assert sizes[9] < sizes[1]


@pytest.mark.parametrize("level", range(1, 10))
@pytest.mark.parametrize("dtype", TIFF.dtypes)
def test_noise_is_no_larger_than_zlib_would_make_it(dtype: str, level: int) -> None:
    """There are readers that make room for no more; see compressBound in zlib."""
    with tifffile.TiffFile(io.BytesIO(encode(picture(400, 301, 3, dtype), predictor=False, level=level))) as file:
        page = file.pages.first
        raw = page.rowsperstrip * 301 * 3 * np.dtype(dtype).itemsize
        assert len(page.databytecounts) > 1
        assert max(page.databytecounts) <= raw + (raw >> 12) + (raw >> 14) + 13


def test_the_predictor_pays() -> None:
    y, x = np.mgrid[0:200, 0:300]
    for dtype in TIFF.dtypes:
        waves = 0.5 + 0.4 * np.sin(x / 29) * np.cos(y / 31)
        image = (waves * (1 if dtype.startswith("float") else min(65535, np.iinfo(dtype).max))).astype(dtype)[..., None]
        assert len(encode(image)) < 0.9 * len(encode(image, predictor=False))


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"compression": "none"}, "Compression Scheme: None"),
        ({}, "Compression Scheme: AdobeDeflate\n"),
        ({"compression": "lzw"}, "Compression Scheme: LZW\n"),
        ({"compression": "packbits"}, "Compression Scheme: PackBits\n"),
        ({"compression": "zstd"}, "Compression Scheme: ZSTD\n"),
    ],
)
@pytest.mark.parametrize("dtype", TIFF.dtypes)
def test_tiffinfo(options: dict[str, Any], wanted: str, dtype: str) -> None:
    report = readers.run("tiffinfo", "{}", data=encode(picture(dtype=dtype), **options))
    assert wanted in report
    assert "Image Width: 65 Image Length: 33" in report
    assert f"Bits/Sample: {8 * np.dtype(dtype).itemsize}\n" in report
    assert ("Sample Format: IEEE floating point" in report) == dtype.startswith("float")
    is_float = np.dtype(dtype).kind == "f"
    predictor = "floating point predictor 3 (0x3)" if is_float else "horizontal differencing 2 (0x2)"
    predicted = options.get("compression", "deflate") in PREDICTED
    assert (f"Predictor: {predictor}" in report) == predicted


# --- alpha, colour, statements about a picture -----------------------------------------------------------------------


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize(("alpha", "wanted"), [("straight", "unassoc-alpha"), ("premultiplied", "assoc-alpha")])
def test_alpha_is_as_stated(channels: int, alpha: str, wanted: str) -> None:
    image = picture(channels=channels)
    data = encode(image, alpha=alpha)
    assert f"Extra Samples: 1<{wanted}>" in readers.run("tiffinfo", "{}", data=data)
    assert (decode(data).array == image).all()
    assert "Extra Samples" not in readers.run("tiffinfo", "{}", data=encode(picture(), alpha=alpha))


@pytest.mark.parametrize("space", COLOR_SPACES.values(), ids=str)
@pytest.mark.parametrize("channels", TIFF.channels)
def test_the_profile(space: Any, channels: int) -> None:
    result = encoded(picture(channels=channels), info=frame(color=space))
    with Image.open(io.BytesIO(result.data)) as opened:
        block = opened.info.get("icc_profile")
    if space.transfer in ("pq", "hlg"):
        assert block is None
        assert space.name in result.warnings[0]
        return
    assert result.warnings == ()
    profile = ImageCms.ImageCmsProfile(io.BytesIO(block)).profile
    assert profile.profile_description == space.name
    assert profile.xcolor_space.strip() == ("GRAY" if channels < 3 else "RGB")


def test_nothing_is_stated_that_the_source_did_not_state() -> None:
    report = readers.run("exiftool", "-a", "-G1", "{}", data=encode(picture()))
    assert not re.search("ICC|Profile|Description|Software|Date/Time  |Artist|XMP", report.partition("MIME")[2])
    with tifffile.TiffFile(io.BytesIO(encode(picture()))) as file:
        names = {tag.name for tag in file.pages.first.tags}
    assert names == {
        *("ImageWidth", "ImageLength", "BitsPerSample", "Compression", "PhotometricInterpretation", "StripOffsets"),
        *("SamplesPerPixel", "RowsPerStrip", "StripByteCounts", "XResolution", "YResolution", "ResolutionUnit"),
        *("PlanarConfiguration", "Predictor"),
    }


def test_resolution() -> None:
    for dpi, wanted in ((300.0, "300, 300 pixels/inch"), (72.5, "72.5, 72.5 pixels/inch")):
        assert f"Resolution: {wanted}" in readers.run("tiffinfo", "{}", data=encode(picture(), info=frame(dpi=dpi)))
    with Image.open(io.BytesIO(encode(picture(), info=frame(dpi=300.0)))) as opened:
        assert opened.info["dpi"] == (300, 300)


def test_tags() -> None:
    tags = {"artist": "\u00c9", "copyright": "all", "description": "a <b>", "software": "x"}
    data = encode(picture(), info=frame(tags={**tags, "digital_source_type": "print"}))
    seen = json.loads(readers.run("exiftool", "-json", "-G0", "{}", data=data))[0]
    for name, text in (("Artist", "\u00c9"), ("Copyright", "all"), ("ImageDescription", "a <b>"), ("Software", "x")):
        assert seen[f"EXIF:{name}"] == text
    assert seen["XMP:DigitalSourceType"].endswith("digitalsourcetype/print")
    assert seen["XMP:Description"] == "a <b>"
    assert decode(data).metadata == {}


def test_metadata_as_other_programs_show_it() -> None:
    texts = {"prompt": '{"3": {}}', "workflow": '{"text": "\u00e9 \U0001f3ac"}', "nul": "a\0b", "half": "\ud83c"}
    data = encode(picture(), texts, frame(tags={"description": "seen"}))
    seen = json.loads(readers.run("exiftool", "-json", "-G0", "{}", data=data))[0]
    # Where the whole value is JSON, exiftool gives it as text.
    assert json.loads(seen["EXIF:ImageDescription"]) == texts
    assert seen["XMP:Description"] == "seen"
    assert "  ImageDescription: {" in readers.run("tiffinfo", "{}", data=data)
    assert decode(data).metadata == texts


# --- reading ---------------------------------------------------------------------------------------------------------


def written(array: Any, **settings: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, metadata=None, **settings)
    return file.getvalue()


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", [*TIFF.dtypes, "float64"])
@pytest.mark.parametrize("settings", [{}, {"tile": (16, 32)}, {"compression": "zlib", "predictor": True}])
def test_files_of_another_writer(byteorder: str, dtype: str, settings: dict[str, Any]) -> None:
    image = picture(dtype=dtype)
    data = written(image, byteorder=byteorder, photometric="rgb", **settings)
    got = decode(data).array
    assert got.dtype == np.dtype(dtype)
    assert (got == image).all()


@pytest.mark.parametrize(
    ("array", "settings"),
    [
        *((picture(9, 7, 3, dtype), {"photometric": "rgb"}) for dtype in (*TIFF.dtypes, "int16", "int32", "float64")),
        (picture(9, 7, 3), {"photometric": "rgb", "bigtiff": True}),
        (picture(9, 7, 4, "uint16"), {"photometric": "rgb", "bigtiff": True, "byteorder": ">"}),
        (picture(9, 7, 3, "float32"), {"photometric": "rgb", "byteorder": ">", "tile": (16, 16)}),
        (picture(9, 7, 3)[..., 0], {"photometric": "miniswhite"}),
        (picture(9, 7, 3)[..., 0], {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}),
        (picture(9, 7, 3)[..., 0] > 9, {}),
        (picture(9, 7, 1, "uint8").view(np.int8)[..., 0], {}),
        (picture(9, 7, 1, "uint16").view(np.int16)[..., 0], {}),
        (np.moveaxis(picture(9, 7, 3), -1, 0), {"planarconfig": "separate", "photometric": "rgb"}),
        *((picture(9, 7, 3), {"photometric": "rgb", "extratags": [(274, 3, 1, turn, True)]}) for turn in range(1, 9)),
    ],
)
def test_seqsave_reads_from_the_header_what_is_decoded(array: Any, settings: dict[str, Any]) -> None:
    data = written(array, **settings)
    shown = upright(decode(data).array, orientation_of(data))
    assert described(data) == (shown.shape, shown.dtype)


@pytest.mark.parametrize("dtype", TIFF.dtypes)
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_the_header_of_its_own_files_states_what_is_decoded(channels: int, dtype: str) -> None:
    data = encode(picture(9, 7, channels, dtype))
    assert described(data) == ((9, 7, channels), np.dtype(dtype))
    assert all(described(data[:length]) in (None, described(data)) for length in range(len(data)))


def test_the_header_of_several_pictures_or_of_another_kind_states_nothing() -> None:
    both = io.BytesIO()
    with tifffile.TiffWriter(both) as file:
        file.write(picture(9, 7), photometric="rgb")
        file.write(picture(5, 5), photometric="rgb")
    for data in (
        both.getvalue(),
        written(picture(9, 7, 4), photometric="separated"),
        written(picture(9, 7, 70, "uint8"), photometric="minisblack", planarconfig="contig"),
        b"II*\0" + b"\xff" * 40,
    ):
        assert described(data) is None


def test_a_copy_records_the_size_of_the_picture(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in range(2):
        (tmp_path / "a" / f"shot.{number:04}.tif").write_bytes(encode(picture(9, 7, 4, "uint16")))
    seqsave.save(seqsave.open_sequence(tmp_path / "a"), tmp_path / "b")
    manifest = seqsave.open_sequence(tmp_path / "b").manifest
    assert manifest is not None
    assert {(one.picture.width, one.picture.height, one.picture.dtype) for one in manifest.frames if one.picture} == {
        (7, 9, "uint16")
    }


def test_planes_one_after_the_other() -> None:
    image = picture(dtype="uint16")
    data = written(np.moveaxis(image, -1, 0), photometric="rgb", planarconfig="separate")
    assert (decode(data).array == image).all()


def test_white_is_zero() -> None:
    image = picture(channels=1)
    got = decode(written(image[..., 0], photometric="miniswhite")).array
    assert (got == 255 - image).all()


def test_palettes_and_single_bits() -> None:
    file = io.BytesIO()
    colours = Image.fromarray(picture()).quantize(16)
    colours.save(file, "TIFF")
    assert (decode(file.getvalue()).array >> 8 == np.asarray(colours.convert("RGB"))).all()
    file = io.BytesIO()
    bits = picture(channels=1)[..., 0] > 99
    Image.fromarray(bits).save(file, "TIFF", compression="packbits")
    assert (decode(file.getvalue()).array[..., 0] == bits * 255).all()


def test_several_pictures_are_refused_and_never_just_the_first_read() -> None:
    file = io.BytesIO()
    first = Image.fromarray(picture())
    first.save(file, "TIFF", save_all=True, append_images=[Image.fromarray(picture(5, 6))])
    with pytest.raises(seqsave.DecodeError, match="a TIFF file of 2 pictures") as caught:
        decode(file.getvalue())
    assert caught.value.reason == "unsupported"


def test_a_smaller_copy_of_the_picture_is_not_counted() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(picture(), photometric="rgb")
        writer.write(picture(5, 6), photometric="rgb", subfiletype=1)
    assert (decode(file.getvalue()).array == picture()).all()


@pytest.mark.parametrize("alpha", ["assocalpha", "unassalpha"])
def test_statements_come_back(alpha: str) -> None:
    data = written(
        picture(channels=4),
        photometric="rgb",
        extrasamples=[alpha],
        resolution=(300, 300),
        resolutionunit=2,
        software=False,
    )
    info = decode(data).info
    assert (info.alpha, info.dpi) == ({"assocalpha": "associated", "unassalpha": "straight"}[alpha], 300)
    again = encode(decode(data).array, info=frame(image=info, dpi=info.dpi))
    assert decode(again).info == info


@pytest.mark.parametrize(
    ("array", "settings", "problem"),
    [
        (picture(dtype="uint16").astype("uint64"), {"photometric": "rgb"}, r"a TIFF picture of 64 bits \(uint64\)"),
        (picture(channels=1).astype("int64")[..., 0], {}, r"a TIFF picture of 64 bits \(int64\)"),
        (picture(channels=4), {"photometric": "separated"}, "a TIFF picture of kind SEPARATED"),
        (
            np.zeros((5, 6, 65), "u1"),
            {"photometric": "minisblack", "planarconfig": "contig"},
            "65 channels: at most 64",
        ),
    ],
)
def test_pictures_of_other_kinds(array: Any, settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(seqsave.DecodeError, match=problem):
        decode(written(array, **settings))


@pytest.mark.parametrize(("stored", "read"), [("int8", "int16"), ("int16",) * 2, ("int32",) * 2, ("uint32",) * 2])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_integers_with_a_sign_or_32_bits_keep_their_values(stored: str, read: str, photometric: str) -> None:
    info = np.iinfo(stored)
    values = np.array([[info.min, info.max, 1], [0, 5, 100]], stored)
    got = decode(written(values, photometric=photometric)).array
    # White is the smallest number only where there is one.
    wanted = info.max - values if photometric == "miniswhite" and info.min == 0 else values
    assert (got.dtype.name, got[..., 0].tolist()) == (read, wanted.tolist())


@pytest.mark.parametrize(
    ("extra", "names", "alpha"),
    [
        (["unspecified"], ("R", "G", "B", "extra1"), None),
        (["unspecified", "unassalpha"], ("R", "G", "B", "extra1", "A"), "straight"),
        (["assocalpha", "unspecified"], ("R", "G", "B", "A", "extra2"), "associated"),
        (["unassalpha"], (), "straight"),
    ],
)
def test_a_sample_of_an_unspecified_meaning_is_no_alpha(extra: list[str], names: tuple[str, ...], alpha: Any) -> None:
    values = np.random.default_rng(4).integers(0, 256, (5, 6, 3 + len(extra)), np.uint8)
    decoded = decode(written(values, photometric="rgb", extrasamples=extra))
    assert (decoded.info.channels, decoded.info.alpha) == (names, alpha)
    assert np.array_equal(decoded.array, values)


def test_an_unspecified_sample_does_not_make_a_png_transparent(tmp_path: Any) -> None:
    values = np.random.default_rng(4).integers(0, 256, (5, 6, 4), np.uint8)
    (tmp_path / "a_0001.tif").write_bytes(written(values, photometric="rgb", extrasamples=["unspecified"]))
    with pytest.warns(seqsave.SeqSaveWarning, match="png files do not hold them: channels extra1"):
        seqsave.save(seqsave.open_sequence(tmp_path), tmp_path / "out", filetype="png", drop=["tags"])
    assert np.array_equal(seqsave.open_sequence(tmp_path / "out")[0].read(), values[..., :3])


@pytest.mark.parametrize(
    ("tag", "kind", "data", "records"),
    [
        (33723, 7, b"\x1c\x02\x78\0\5hello", b"\x1c\x02\x78\0\5hello"),
        (33723, 4, b"\x1c\x02\x78\0\3abc", b"\x1c\x02\x78\0\3abc"),
        (34377, 7, b"8BIM\x04\x04\0\0\0\0\0\x08\x1c\x02\x78\0\3abc", b"\x1c\x02\x78\0\3abc"),
        (34377, 7, b"8BIM\x03\xed\0\0\0\0\0\x02ab", None),
    ],
)
def test_iptc_is_kept(tag: int, kind: int, data: bytes, records: bytes | None, tmp_path: Path) -> None:
    count = len(data) // (4 if kind == 4 else 1)
    made = written(picture(4, 5), photometric="rgb", extratags=[(tag, kind, count, data, True)])
    (tmp_path / "a_0001.tif").write_bytes(made)
    assert decode(made).info.iptc == records
    assert decode(encode(picture(4, 5), info=frame(image=decode(made).info))).info.iptc == records
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        seqsave.save(seqsave.open_sequence(tmp_path), tmp_path / "out", filetype="png")
    assert not [one for one in found if "left out" in str(one.message)]
    assert seqsave.open_sequence(tmp_path / "out")[0].decode().info.iptc == records


def camera(order: str) -> bytes:
    """What a camera states, in either byte order."""

    def number(letters: str, *values: int) -> bytes:
        return struct.pack(order + letters, *values)

    inner = {
        0x829D: ifd.Field(ifd.RATIONAL, 1, number("II", 28, 10)),
        0x8827: ifd.Field(ifd.SHORT, 1, number("H", 400)),
        0x9003: ifd.Field(ifd.ASCII, 20, b"2020:01:02 03:04:05\0"),
        0x9204: ifd.Field(10, 1, number("ii", -1, 3)),
    }
    place = {1: ifd.Field(ifd.ASCII, 2, b"N\0"), 2: ifd.Field(ifd.RATIONAL, 3, number("6I", 47, 1, 6, 1, 0, 1))}
    fields = {0x0110: ifd.Field(ifd.ASCII, 3, b"M1\0"), 0x8769: ifd.Field(4, 1, inner), 0x8825: ifd.Field(4, 1, place)}
    return ifd.written(fields, order)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", ["none", "deflate"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_exif_of_a_camera_is_kept(tmp_path: Path, order: str, compression: str, channels: int) -> None:
    values = picture(33, 41, channels)
    image = seqsave.ImageInfo(exif=camera(order), texts={"UserComment": "a note \u00e9"}, iptc=b"\x1c\x02\x50\0\3Ada")
    data = encode(values, {"workflow": "{}"}, frame(image=image, dpi=300), compression=compression)
    (tmp_path / "a.tif").write_bytes(data)
    program = outside.program("exiftool", "apt-get install libimage-exiftool-perl")
    command = [program, "-j", "-n", "-G1", "-EXIF:all", "-IPTC:all", str(tmp_path / "a.tif")]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]
    wanted = {
        "IFD0:Model": "M1",
        "IFD0:XResolution": 300,
        "ExifIFD:FNumber": 2.8,
        "ExifIFD:ISO": 400,
        "ExifIFD:DateTimeOriginal": "2020:01:02 03:04:05",
        "ExifIFD:UserComment": "a note \u00e9",
        "GPS:GPSLatitudeRef": "N",
        "GPS:GPSLatitude": 47.1,
        "IPTC:By-line": "Ada",
    }
    assert {name: found.get(name) for name in wanted} == wanted
    assert found["ExifIFD:ExposureCompensation"] == pytest.approx(-1 / 3, abs=0.001)
    with Image.open(tmp_path / "a.tif") as seen:
        assert np.array_equal(np.asarray(seen).reshape(values.shape), values)
        assert seen.getexif().get_ifd(0x8769)[0x8827] == 400
    decoded = decode(data)
    assert np.array_equal(decoded.array, values)
    assert decoded.metadata == {"workflow": "{}"}
    again = decode(encode(decoded.array, decoded.metadata, frame(image=decoded.info, dpi=decoded.info.dpi)))
    assert again.info == decoded.info


def test_tiffinfo_reads_the_directories_without_a_complaint(tmp_path: Path) -> None:
    image = seqsave.ImageInfo(exif=camera("<"), iptc=b"\x1c\x02\x50\0\3Ada")
    (tmp_path / "a.tif").write_bytes(encode(picture(), info=frame(image=image)))
    program = outside.program("tiffinfo", "apt-get install libtiff-tools")
    seen = subprocess.run([program, str(tmp_path / "a.tif")], capture_output=True, text=True, check=True)
    assert ("EXIF directory" in seen.stdout, "GPS directory" in seen.stdout, seen.stderr) == (True, True, "")


def test_generation_parameters_in_a_comment_are_metadata() -> None:
    text = "a cat\nSteps: 20, Seed: 1"
    data = encode(picture(), info=frame(image=seqsave.ImageInfo(texts={"UserComment": text})))
    assert (decode(data).metadata, decode(data).info.texts) == ({"parameters": text}, {})


def test_a_large_picture_is_refused_before_it_is_decoded() -> None:
    data = encode(np.zeros((400, 300, 3), np.uint8))
    with pytest.raises(seqsave.DecodeError, match="300x400 pixels: at most 119999 are allowed"):
        decode(data, max_pixels=119_999)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_strips_that_are_not_there_are_no_picture(compression: str) -> None:
    """A tile that tifffile would read as black; also one whose offset is after the end of the file."""
    data = encode(picture(400, 301), compression=compression)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        counts = file.pages.first.tags["StripByteCounts"]
        first = file.pages.first.databytecounts[0]
    start = counts.valueoffset
    size = 2 if counts.dtype == 3 else 4
    assert int.from_bytes(data[start : start + size], "little") == first
    for wrong in (0, 1 << (8 * size - 1)):
        changed = data[:start] + wrong.to_bytes(size, "little") + data[start + size :]
        with pytest.raises(seqsave.DecodeError, match="it ends before its last pixel"):
            decode(changed)


@settings(max_examples=600)
@given(data=st.data())
def test_damage_is_a_decode_error_or_a_picture(data: st.DataObject) -> None:
    compression = data.draw(st.sampled_from(COMPRESSIONS))
    damaged = bytearray(encode(picture(9, 20, 4, "float32"), {"workflow": "{}"}, compression=compression))
    places = st.integers(0, len(damaged) - 1) | st.integers(0, 300)
    for place, value in data.draw(st.dictionaries(places, st.integers(0, 255), max_size=5)).items():
        if place < len(damaged):
            damaged[place] = value
    cut = data.draw(st.none() | st.integers(0, len(damaged)))
    try:
        array = decode(bytes(damaged[:cut]), 1 << 14).array
    except seqsave.DecodeError:
        return
    assert array.shape[0] * array.shape[1] <= 1 << 14


@given(data=st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    for start in (b"", b"II*\0\x08\0\0\0"):
        with pytest.raises(seqsave.DecodeError):
            decode(start + data)


# --- as a plugin -----------------------------------------------------------------------------------------------------


def installed() -> None:
    try:
        importlib.metadata.distribution("seqsave-tiff")
    except importlib.metadata.PackageNotFoundError:
        outside.missing("this plugin to be installed", "pip install .")


def test_seqsave_finds_the_plugin() -> None:
    installed()
    assert {"tif", "tif with embedded workflow", "tiff", "tiff with embedded workflow"} <= set(seqsave.filetypes())
    origins = {row.filetype: row.origin for row in seqsave.describe_filetypes()}
    assert origins["tiff"] == "seqsave-tiff"


@pytest.mark.parametrize("url", ["memory://renders/tiff", "folder"])
@pytest.mark.parametrize("dtype", TIFF.dtypes)
def test_a_sequence_there_and_back(tmp_path: Path, url: str, dtype: str) -> None:
    installed()
    target = str(tmp_path / url) if url == "folder" else f"{url}/{dtype}"
    frames = np.stack([picture(channels=4, dtype=dtype, seed=seed) for seed in range(3)])
    workflow = {"nodes": [], "note": "\u00e9 \U0001f3ac"}
    result = seqsave.save(frames, target, filetype="tiff with embedded workflow", metadata={"workflow": workflow})
    assert result.urls[0].endswith("/frame_00000.tiff")
    sequence = seqsave.open_sequence(target)
    assert sequence.indices == (0, 1, 2)
    assert (np.stack([one.read() for one in sequence]) == frames).all()
    assert sequence[0].read_metadata() == {"workflow": workflow}
    result = seqsave.save(frames, target, prefix="short", filetype="tif")
    assert result.urls[0].endswith("/short_00000.tif")
    assert (seqsave.open_sequence(target, prefix="short")[2].read() == frames[2]).all()


def test_the_command_knows_it() -> None:
    installed()
    command = [sys.executable, "-m", "seqsave", "filetypes", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "seqsave-tiff" in done.stdout
    assert "packbits" in done.stdout


# --- README ----------------------------------------------------------------------------------------------------------

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed()
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec", dont_inherit=True), {})  # noqa: S102 - our own page
    assert seqsave.open_sequence("renders/shot020").indices == (0, 1, 2)


def test_the_table_of_options_is_complete() -> None:
    first = README.partition("## ")[0]
    table = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", first, re.MULTILINE))
    assert list(table) == list(TIFF.options)
    for name, option in TIFF.options.items():
        default = str(option.default).lower()
        assert f"default {default}" in table[name] or f"{default} (default)" in table[name]
        for choice in option.choices or ():
            assert re.search(rf"\b{choice}\b", table[name])


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])  # Pillow reads the last one
def test_a_damaged_profile_is_named(mode: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new(mode, (6, 4)).save(tmp_path / "in" / "a_1.tif", icc_profile=b"x" * 200)
    with pytest.warns(seqsave.SeqSaveWarning) as caught:
        seqsave.save(seqsave.open_sequence(tmp_path / "in"), tmp_path / "out", filetype="png")
    assert [str(one.message).partition(": ")[2] for one in caught] == ["left out, as it is damaged: ICC profile"]


@pytest.mark.parametrize("order", "<>")
def test_exif_of_a_bigtiff_file_is_kept(order: str, tmp_path: Path) -> None:
    """Model and IPTC's records are in its first directory, ISO and the date in another one at the end."""
    values, date, records = picture(4, 5), b"2020:01:02 03:04:05\0", b"\x1c\x02\x50\0\5Ada L"

    def made(place: int) -> bytes:
        own = [(0x0110, 2, 0, b"M1\0", True), (33723, 7, len(records), records, True), (0x8768, 16, 1, place, True)]
        file = io.BytesIO()
        tifffile.imwrite(file, values, bigtiff=True, byteorder=order, photometric="RGB", metadata=None, extratags=own)
        # tifffile refuses to write the tag of Exif itself.
        old, new = (struct.pack(order + "HH", *numbers) for numbers in ((0x8768, 16), (0x8769, 18)))
        assert file.getvalue().count(old) == 1
        return file.getvalue().replace(old, new) + bytes(len(file.getvalue()) % 2)

    place = len(made(0))
    inner = struct.pack(order + "Q HHQH6x", 2, 0x8827, 3, 1, 400)
    inner += struct.pack(order + "HHQQ Q", 0x9003, 2, len(date), place + 56, 0) + date
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a_1.tif").write_bytes(made(place) + inner)

    decoded = decode(made(place) + inner)
    assert (decoded.info.iptc, np.array_equal(decoded.array, values)) == (records, True)
    seqsave.save(seqsave.open_sequence(tmp_path / "in"), tmp_path / "out", filetype="jpg")
    program = outside.program("exiftool", "apt-get install libimage-exiftool-perl")
    for path in (tmp_path / "in" / "a_1.tif", tmp_path / "out" / "a_1.jpg"):
        command = [program, "-j", "-n", "-G0", str(path)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]
        wanted = {"EXIF:Model": "M1", "EXIF:ISO": 400, "EXIF:DateTimeOriginal": date[:-1].decode()}
        assert {name: found.get(name) for name in wanted} == wanted
        assert found["IPTC:By-line"] == "Ada L"


@pytest.mark.parametrize("big", [False, True])
def test_only_a_bigtiff_file_cannot_be_given_exif(big: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    write = tifffile.imwrite
    monkeypatch.setattr(tifffile, "imwrite", lambda *args, **named: write(*args, **named, bigtiff=big))
    made = encoded(picture(), info=frame(image=seqsave.ImageInfo(exif=camera("<"))))
    lost = "left out, as TIFF files of more than 4 GB do not hold it: Exif data, comments and IPTC data"
    assert made.warnings == ((lost,) if big else ())
    assert (decode(bytes(made.data)).info.exif is None) == big
