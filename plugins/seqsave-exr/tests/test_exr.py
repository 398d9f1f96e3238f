"""The conformance kit over EXR, what only EXR has, and files seen by programs that we did not write."""

from __future__ import annotations

import importlib.metadata
import io
import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
import readers
from hypothesis import given, settings
from hypothesis import strategies as st
from seqsave_exr import EXR
from seqsave_exr.channels import ordered
from seqsave_exr.codec import ExrEncoder, channel_names

import seqsave
from seqsave.pictures.color import COLOR_SPACES
from seqsave.sequences.header import picture_of
from seqsave.testing import EncoderSuite, outside

LOSSLESS = ("none", "rle", "zips", "zip", "piz", "htj2k256", "htj2k32", "zstd")
OLD = ("none", "rle", "zips", "zip", "piz")  # what FFmpeg and a libopenexr of 2022 read
LOSSY = ("pxr24", "b44", "b44a", "dwaa", "dwab", "lj2k")
COUNTS = (1, 2, 3, 4, 5, 64)


def ffmpeg(data: bytes) -> Any:
    own = decode(data).array
    return readers.ffmpeg(data) if own.shape[2] in (1, 3, 4) and own.dtype.kind == "f" else own  # what it knows


class TestExr(EncoderSuite):
    spec = EXR
    decoders = {"OpenImageIO": readers.openimageio, "FFmpeg": ffmpeg}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        self.spec = replace(EXR, channels=COUNTS)  # on this instance alone: some of the 64 counts stand for all
        super().pytest_generate_tests(metafunc)

    def picture(self, seed: int = 0, size: tuple[int, int] = (65, 33)) -> Any:
        return np.ascontiguousarray(super().picture(seed, size)[..., :5])


def picture(height: int = 33, width: int = 65, channels: int = 3, dtype: str = "float16", seed: int = 0) -> Any:
    """Soft noise, some of it far outside of 0..1."""
    values = np.random.default_rng(seed).normal(0.5, 2.0, (height, width, channels))
    return values.astype(dtype)


def encoded(image: Any, metadata: dict[str, str] | None = None, info: Any = None, **options: Any) -> seqsave.Encoded:
    checked = {name: option.default for name, option in EXR.options.items()} | options
    info = info or seqsave.FrameInfo(index=17, name="frame_00017.exr")
    return ExrEncoder().encode(image, metadata=metadata or {}, options=checked, info=info)


def encode(image: Any, metadata: dict[str, str] | None = None, info: Any = None, **options: Any) -> bytes:
    return bytes(encoded(image, metadata, info, **options).data)


def decode(data: bytes, max_pixels: int = 1 << 24) -> seqsave.Decoded:
    return ExrEncoder().decode(data, max_pixels=max_pixels)


def frame(index: int = 17, **known: Any) -> seqsave.FrameInfo:
    return seqsave.FrameInfo(index=index, name=f"frame_{index:05}.exr", **known)


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", LOSSLESS)
def test_every_half_there_is_comes_back_bit_by_bit(compression: str) -> None:
    bits = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256, 1).repeat(3, 2)
    back = decode(encode(bits.view(np.float16), compression=compression)).array
    assert back.dtype == np.float16
    assert (back.view(np.uint16) == bits).all()


@pytest.mark.parametrize("compression", LOSSLESS)
@settings(max_examples=30)
@given(data=st.data())
def test_any_bits_of_floats_come_back(compression: str, data: st.DataObject) -> None:
    height, width, channels = (data.draw(st.integers(1, most)) for most in (20, 40, 5))
    special = st.sampled_from([0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0x7F800000, 0xFF800000, 0x80000000, 1, 0x3F800000])
    seed = data.draw(st.integers(0, 2**32 - 1))
    bits = np.random.default_rng(seed).integers(0, 2**32, (height, width, channels), np.uint32)
    for place, value in data.draw(st.dictionaries(st.integers(0, bits.size - 1), special)).items():
        bits.reshape(-1)[place] = value
    back = decode(encode(bits.view(np.float32), compression=compression)).array
    assert back.dtype == np.float32
    assert (back.view(np.uint32) == bits).all()


@pytest.mark.parametrize("compression", LOSSY)
@pytest.mark.parametrize("dtype", EXR.dtypes)
def test_lossy_compressions_stay_near(compression: str, dtype: str) -> None:
    y, x = np.mgrid[0:64, 0:64]
    image = np.stack([0.5 + 0.4 * np.sin(x / 29 + c) * np.cos(y / 31) for c in range(3)], -1).astype(dtype)
    back = decode(encode(image, compression=compression)).array
    assert back.dtype == image.dtype
    assert abs(back.astype(float) - image).max() < 0.02


def test_pxr24_is_lossless_for_half_and_b44_for_float() -> None:
    """As the help of the option says."""
    for compression, dtype in (("pxr24", "float16"), ("b44", "float32"), ("b44a", "float32")):
        image = picture(dtype=dtype)
        assert (decode(encode(image, compression=compression)).array == image).all()


def test_the_level_of_dwa() -> None:
    sizes = [len(encode(picture(128, 128), compression="dwaa", dwa_level=level)) for level in (0, 10, 45, 300)]
    assert sizes == sorted(set(sizes), reverse=True)
    assert len(encode(picture(), compression="zip", dwa_level=300)) == len(encode(picture(), compression="zip"))


@pytest.mark.parametrize("compression", EXR.options["compression"].choices or ())
def test_the_file_names_its_compression(compression: str) -> None:
    wanted = "NO" if compression == "none" else compression.upper()
    header = OpenEXR.File(io.BytesIO(encode(picture(), compression=str(compression))), header_only=True).header()
    assert header["compression"].name == f"{wanted}_COMPRESSION"


@pytest.mark.parametrize("compression", OLD)
@pytest.mark.parametrize("dtype", EXR.dtypes)
@pytest.mark.parametrize("channels", COUNTS)
def test_others_read_the_same_values(compression: str, dtype: str, channels: int) -> None:
    image = picture(channels=channels, dtype=dtype)
    data = encode(image, compression=compression)
    for read in (readers.openimageio, ffmpeg):
        seen = read(data)
        assert seen.dtype == image.dtype
        assert (seen.reshape(image.shape) == image).all()


def test_out_of_range_not_a_number_and_negative_zero_through_seqsave() -> None:
    """Conversion included: nothing is clipped on the way to a float format."""
    image = picture(dtype="float32")
    image[0, :6, 0] = (np.nan, np.inf, -np.inf, -0.0, 65536.0, -7.5)
    assert seqsave.save(image[None], "memory://exr/kept", filetype="exr").warnings == ()
    back = seqsave.open_sequence("memory://exr/kept")[0].read()
    assert back.tobytes() == image.tobytes()


# --- channels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (1, ("Y",)),
        (2, ("Y", "A")),
        (3, ("R", "G", "B")),
        (4, ("R", "G", "B", "A")),
        (6, ("R", "G", "B", "A", "channel04", "channel05")),
    ],
)
def test_usual_names(count: int, names: tuple[str, ...]) -> None:
    assert channel_names(encode(picture(channels=count))) == names


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("dtype", EXR.dtypes)
def test_channels_come_back_in_their_order(count: int, dtype: str) -> None:
    image = picture(channels=count, dtype=dtype)
    assert (decode(encode(image)).array == image).all()


@pytest.mark.parametrize(
    "names",
    [
        "R,G,B,A,depth.Z",
        "depth.Z,R,G,B,A",  # an order of one's own is kept
        "B,G,R",
        "diffuse.R, diffuse.G, diffuse.B, normal.X, normal.Y, normal.Z",
        "left.R,left.G,left.B,right.R,right.G,right.B,R,G,B",
        "\u00fcmlaut.Z,\U0001f3ac",
        "n" * 255,
    ],
)
def test_names_of_ones_own(names: str) -> None:
    wanted = tuple(name.strip() for name in names.split(","))
    image = picture(channels=len(wanted), dtype="float32")
    data = encode(image, channel_names=names)
    assert channel_names(data) == wanted
    assert (decode(data).array == image).all()
    header = readers.run("exrheader", "{}", data=data)
    for name in wanted:
        assert f"    {name}, 32-bit floating-point, sampling 1 1\n" in header


def test_the_right_values_have_the_right_name() -> None:
    image = picture(channels=5, dtype="float32")
    channels = OpenEXR.File(
        io.BytesIO(encode(image, channel_names="depth.Z,A,B,G,R")), separate_channels=True
    ).channels()
    for place, name in enumerate(("depth.Z", "A", "B", "G", "R")):
        assert (channels[name].pixels == image[..., place]).all()


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ("R,G", "one name for each channel of the picture (3), not 2"),
        ("R", "one name for each channel of the picture (3), not 1"),
        ("R,,B", "a name is empty"),
        ("R,G,R", "'R' occurs twice"),
        ("R,G,B\n2", "'B\\n2' has characters that cannot be printed"),
        ("R,G," + "\u00fc" * 128, "... is longer than 255 bytes"),
    ],
)
def test_names_that_do_not_fit(names: str, problem: str) -> None:
    with pytest.raises(seqsave.OptionError, match=re.escape(problem)):
        encode(picture(), channel_names=names)


def test_the_order_of_what_others_have_written() -> None:
    mixed = [
        "depth.Z",
        "B",
        "channel10",
        "G",
        "spec.A",
        "spec.B",
        "spec.G",
        "spec.R",
        "channel9",
        "A",
        "R",
        "N.Z",
        "N.X",
    ]
    assert ordered(mixed) == (
        *("R", "G", "B", "A", "channel9", "channel10", "N.X", "N.Z", "depth.Z"),
        *("spec.R", "spec.G", "spec.B", "spec.A"),
    )


def test_straight_colours_are_multiplied_layer_by_layer() -> None:
    names = "R,G,B,A,light.R,light.A,depth.Z"
    image = picture(channels=7, dtype="float32")
    back = decode(encode(image, channel_names=names, alpha="straight")).array
    assert (back[..., :3] == image[..., :3] * image[..., 3:4]).all()
    assert (back[..., 4] == image[..., 4] * image[..., 5]).all()
    assert (back[..., [3, 5, 6]] == image[..., [3, 5, 6]]).all()
    assert (decode(encode(image, channel_names=names)).array == image).all()
    grey = picture(channels=2)
    assert (decode(encode(grey, alpha="straight")).array[..., 0] == grey[..., 0] * grey[..., 1]).all()
    colours = picture()
    assert encode(colours, alpha="straight") == encode(colours)


# --- what a file says of its picture ---------------------------------------------------------------------------------


@pytest.mark.parametrize("space", COLOR_SPACES.values(), ids=str)
def test_chromaticities(space: Any) -> None:
    result = encoded(picture(), info=frame(color=space))
    header = readers.run("exrheader", "{}", data=bytes(result.data))
    seen = re.search(
        r"chromaticities .*\n +red +\((.*) (.*)\)\n +green \((.*) (.*)\)\n +blue +\((.*) (.*)\)\n +white \((.*) (.*)\)",
        header,
    )
    assert seen is not None
    wanted = [value for point in space.primaries for value in point]
    assert [float(value) for value in seen.groups()] == pytest.approx(wanted, abs=1e-5)
    assert len(result.warnings) == (space.transfer != "linear")
    known = OpenEXR.File(io.BytesIO(result.data), header_only=True).header().get("colorInteropID")
    # The names of the Color Interop Forum, and OpenColorIO's of BT.709; OpenEXR itself knows the linear ones.
    others = {
        "srgb": "srgb_rec709_scene",
        "display-p3": "srgb_p3d65_scene",
        "rec709": "ocio:itu709_rec709_scene",
        "rec2100-pq": "pq_rec2020_display",
        "rec2100-hlg": "hlg_rec2020_display",
    }
    if space.transfer == "linear":
        primaries = OpenEXR.colorInteropIDToChromaticities(known)
        assert primaries == pytest.approx(wanted, abs=1e-5)
    else:
        assert known == others[space.name]


def test_nothing_is_stated_that_the_source_did_not_state() -> None:
    header = readers.run("exrheader", "{}", data=encode(picture()))
    assert "chromaticities" not in header
    assert not re.search("framesPerSecond|timeCode|xDensity|capDate|owner|xmp", header)
    assert "imageCounter (type int): 17\n" in header


NTSC, FILM, DOUBLE = Fraction(30000, 1001), Fraction(24), Fraction(60000, 1001)


@pytest.mark.parametrize(
    ("index", "rate", "drop", "code", "phase"),
    [
        (0, FILM, False, "00:00:00:00", 0),
        (1001, FILM, False, "00:00:41:17", 0),
        (24 * 86400 - 1, FILM, False, "23:59:59:23", 0),
        (24 * 86400, FILM, False, "00:00:00:00", 0),
        (25 * 60, Fraction(25), False, "00:01:00:00", 0),
        (1800, NTSC, False, "00:01:00:00", 0),
        (1799, NTSC, True, "00:00:59:29", 0),
        (1800, NTSC, True, "00:01:00:02", 0),
        (17981, NTSC, True, "00:09:59:29", 0),
        (17982, NTSC, True, "00:10:00:00", 0),
        (107892, NTSC, True, "01:00:00:00", 0),
        (2589408, NTSC, True, "00:00:00:00", 0),
        (101, Fraction(50), False, "00:00:02:00", 1),
        (119, Fraction(60), False, "00:00:01:29", 1),
        (3600, DOUBLE, True, "00:01:00:02", 0),
        (3601, DOUBLE, True, "00:01:00:02", 1),
        (47, Fraction(48000, 1001), False, "00:00:00:23", 1),
    ],
)
def test_time_code(index: int, rate: Fraction, drop: bool, code: str, phase: int) -> None:
    header = readers.run("exrheader", "{}", data=encode(picture(), info=frame(index, rate=rate), drop_frame=drop))
    assert f"    time {code}\n    drop frame {int(drop)}, color frame 0, field/phase {phase}\n" in header
    assert f"framesPerSecond (type rational): {rate.numerator}/{rate.denominator} (" in header
    assert f"imageCounter (type int): {index}\n" in header


def test_drop_frame_numbers_as_they_are_defined() -> None:
    """Counted, not computed: two hours of frames, skipping 0 and 1 of every minute but each tenth."""
    from seqsave_exr.timecode import time_code

    index = 0
    for minute in range(120):
        for second in range(60):
            for number in range(2 if second == 0 and minute % 10 else 0, 30):
                found = time_code(index, NTSC, True)
                assert found is not None
                assert found[:4] == (minute // 60, minute % 60, second, number)
                index += 1


@pytest.mark.parametrize("rate", [Fraction(25, 2), Fraction(72), Fraction(120), Fraction(2997, 100), Fraction(45)])
def test_rates_without_a_time_code(rate: Fraction) -> None:
    header = readers.run("exrheader", "{}", data=encode(picture(), info=frame(rate=rate)))
    assert "timeCode" not in header
    assert f"framesPerSecond (type rational): {rate.numerator}/{rate.denominator} (" in header


@pytest.mark.parametrize("rate", [FILM, Fraction(30), Fraction(60), Fraction(2997, 100)])
def test_drop_frame_where_there_is_none(rate: Fraction) -> None:
    with pytest.raises(seqsave.OptionError, match=r"'drop_frame' is True at .* only 29\.97"):
        encode(picture(), info=frame(rate=rate), drop_frame=True)


def test_numbers_that_do_not_fit_are_left_out() -> None:
    info = frame(1 << 40, rate=Fraction(2**32 + 1, 2**27))
    header = readers.run("exrheader", "{}", data=encode(picture(), info=info))
    assert "imageCounter" not in header
    assert "framesPerSecond" not in header


def test_tags_and_density() -> None:
    tags = {
        "artist": "\u00c9",
        "copyright": "all",
        "description": "a <b>",
        "software": "x",
        "digital_source_type": "print",
    }
    data = encode(picture(), info=frame(tags=tags, dpi=300.0))
    header = readers.run("exrheader", "{}", data=data)
    for line in (
        *('Artist (type string): "\u00c9"', 'owner (type string): "all"', 'comments (type string): "a <b>"'),
        *(
            'Software (type string): "x"',
            "xDensity (type float): 300",
            "http://cv.iptc.org/newscodes/digitalsourcetype/print",
        ),
    ):
        assert line in header
    assert decode(data).metadata == {}


def test_metadata_as_other_programs_show_it() -> None:
    texts = {
        "prompt": '{"3": {}}',
        "workflow": '{"text": "\u00e9 \U0001f3ac"}',
        "a name of more than 31 characters": "7",
    }
    data = encode(picture(), texts)
    header = readers.run("exrheader", "{}", data=data)
    info = readers.run("exrinfo", "-v", "{}", data=data)
    for name, text in texts.items():
        assert f'{name} (type string): "{text}"' in header
        assert f"{name}: string '{text}'" in info
    assert "Workflow" in readers.run("exiftool", "{}", data=data)
    assert decode(data).metadata == texts


def test_what_is_no_string_attribute_is_left_over() -> None:
    texts = {"timeCode": "1", "channels": "2", "": "3", "n\0": "4", "x" * 256: "5", "half": "\ud83c", "version": "6"}
    assert encoded(picture(), texts).leftover == texts


# --- reading ---------------------------------------------------------------------------------------------------------


def written(header: dict[str, Any], channels: dict[str, Any]) -> bytes:
    """By the library, in ways in which our encoder does not write."""
    file = io.BytesIO()
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}, channels).write(
        file
    )
    return file.getvalue()


def plane(dtype: str = "float32", seed: int = 0) -> Any:
    return np.ascontiguousarray(picture(channels=1, seed=seed).astype(dtype)[..., 0])


def test_channels_of_several_types() -> None:
    half, single = plane("float16"), plane("float32", 1)
    got = decode(written({}, {"R": half, "depth.Z": single})).array
    assert got.dtype == np.float32
    assert (got == np.stack([half, single], -1)).all()
    ids = np.arange(33 * 65, dtype=np.uint32).reshape(33, 65) + np.uint32(0xFFFF0000)
    got = decode(written({}, {"R": single, "id": ids})).array
    assert got.dtype == np.float64
    assert (got[..., 1] == ids).all()


def test_tiles_and_windows_that_do_not_begin_at_zero() -> None:
    image = picture(dtype="float32")
    description = OpenEXR.TileDescription()
    description.xSize = description.ySize = 16
    tiled = written({"type": OpenEXR.tiledimage, "tiles": description}, {"RGB": image})
    assert (decode(tiled).array == image).all()
    window = (np.array([-5, 7], "i4"), np.array([-5 + 64, 7 + 32], "i4"))
    moved = written({"dataWindow": window, "displayWindow": window}, {"RGB": image})
    assert (decode(moved).array == image).all()


def test_texts_in_another_encoding() -> None:
    data = written({"note": "abc"}, {"Y": plane()}).replace(b"abc", b"a\xe9c")
    assert decode(data).metadata == {"note": "a\u00e9c"}
    assert (decode(data).array[..., 0] == plane()).all()


def test_deep_files_are_refused() -> None:
    data = bytearray(encode(picture()))
    data[5] |= 8
    with pytest.raises(seqsave.DecodeError, match="deep pixels"):
        decode(bytes(data))


def test_a_cropped_picture_states_the_size_of_the_whole() -> None:
    window = {"displayWindow": (np.array([0, 0], np.int32), np.array([63, 47], np.int32))}
    assert decode(written(window, {"Y": plane()})).canvas == (64, 48)
    assert decode(written({}, {"Y": plane()})).canvas is None


def test_a_large_picture_is_refused_before_it_is_decoded() -> None:
    data = encode(np.zeros((400, 300, 3), np.float16))
    with pytest.raises(seqsave.DecodeError, match="300x400 pixels: at most 119999 are allowed"):
        decode(data[:400], max_pixels=119_999)


@settings(max_examples=400)
@given(data=st.data())
def test_damage_is_a_decode_error_or_a_picture(data: st.DataObject) -> None:
    compression = data.draw(st.sampled_from([str(name) for name in EXR.options["compression"].choices or ()]))
    damaged = bytearray(encode(picture(9, 20, 4, seed=1), {"workflow": "{}"}, compression=compression))
    places = st.integers(0, len(damaged) - 1) | st.integers(0, 500)
    for place, value in data.draw(st.dictionaries(places, st.integers(0, 255), max_size=5)).items():
        if place < len(damaged):
            damaged[place] = value
    cut = data.draw(st.none() | st.integers(0, len(damaged)))
    try:
        array = decode(bytes(damaged[:cut]), 1 << 14).array
    except seqsave.DecodeError:
        return
    assert array.shape[0] * array.shape[1] <= 1 << 14


@pytest.mark.parametrize("compression", ["zip", "pxr24", "dwaa"])
def test_damaged_pixels_are_reported_and_nothing_is_printed(
    compression: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(encode(picture(64, 64, 4), compression=compression))
    data[-200:-100] = b"\xff" * 100
    with pytest.raises(seqsave.DecodeError, match="damaged EXR file: "):
        decode(bytes(data))
    assert capfd.readouterr().out == ""  # the document of --json stands there alone


@given(data=st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    for start in (b"", b"v/1\x01\x02\0\0\0"):
        with pytest.raises(seqsave.DecodeError):
            decode(start + data)


# --- as a plugin -----------------------------------------------------------------------------------------------------


def installed() -> None:
    try:
        importlib.metadata.distribution("seqsave-exr")
    except importlib.metadata.PackageNotFoundError:
        outside.missing("this plugin to be installed", "pip install .")


def test_seqsave_finds_the_plugin() -> None:
    installed()
    assert {"exr", "exr with embedded workflow"} <= set(seqsave.filetypes())
    origins = {row.filetype: row.origin for row in seqsave.describe_filetypes()}
    assert origins["exr"] == "seqsave-exr"


@pytest.mark.parametrize("url", ["memory://renders/exr", "folder"])
def test_a_sequence_there_and_back(tmp_path: Path, url: str) -> None:
    installed()
    target = str(tmp_path / url) if url == "folder" else url
    frames = np.stack([picture(channels=7, dtype="float32", seed=seed) for seed in range(3)])
    workflow = {"nodes": [], "note": "\u00e9 \U0001f3ac"}
    options = {"channel_names": "R,G,B,A,N.X,N.Y,N.Z", "compression": "piz"}
    seqsave.save(
        frames,
        target,
        filetype="exr with embedded workflow",
        options=options,
        metadata={"workflow": workflow},
    )
    sequence = seqsave.open_sequence(target)
    assert sequence.indices == (0, 1, 2)
    assert (np.stack([one.read() for one in sequence]) == frames).all()
    assert sequence[0].read_metadata() == {"workflow": workflow}


def test_the_command_knows_it() -> None:
    installed()
    command = [sys.executable, "-m", "seqsave", "filetypes", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "seqsave-exr" in done.stdout
    assert "dwa_level" in done.stdout


# --- README ----------------------------------------------------------------------------------------------------------

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed()
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert examples
    names: dict[str, Any] = {}
    for example in examples:
        exec(compile(example, "README.md", "exec", dont_inherit=True), names)  # noqa: S102 - our own page


def test_the_table_of_options_is_complete() -> None:
    first = README.partition("## Values")[0]
    table = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", first, re.MULTILINE))
    assert list(table) == list(EXR.options)
    for name, option in EXR.options.items():
        default = str(option.default).lower() or "empty"
        assert f"default {default}" in table[name] or f"{default} (default)" in table[name]
        for choice in option.choices or ():
            assert re.search(rf"\b{choice}\b", table[name])


# --- the header alone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("channels", COUNTS)
def test_seqsave_reads_from_the_header_what_is_decoded(channels: int, dtype: str) -> None:
    data = encode(picture(channels=channels, dtype=dtype))
    found, array = picture_of(data), decode(data).array
    assert found is not None
    assert ((found.height, found.width, found.channels), found.dtype) == (array.shape, array.dtype)


def test_seqsave_reads_the_size_of_the_whole_of_a_cropped_picture() -> None:
    window = {"displayWindow": (np.array([0, 0], np.int32), np.array([63, 47], np.int32))}
    found = picture_of(written(window, {"Y": plane()}))
    assert found is not None
    assert (found.width, found.height) == (64, 48)
