"""The conformance kit over JPEG XL, what only JPEG XL has, and files seen by programs that we did not write."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from PIL import Image
from seqsave_jxl import JXL, codestream, container, libjxl, light
from seqsave_jxl.codec import MAX_SIDE, JxlEncoder, distance_of
from seqsave_jxl.codestream import Depth

import seqsave
from seqsave.metadata import icc
from seqsave.pictures.color import COLOR_SPACES
from seqsave.testing import EncoderSuite, outside

DEBIAN = "apt-get install libjxl-tools"


def run(name: str, *arguments: str) -> str:
    command = [outside.program(name, DEBIAN), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def djxl(data: bytes, folder: Path) -> Any:
    """The reference decoder: integers by way of PNG, floats by way of npy."""
    (folder / "in.jxl").write_bytes(data)
    suffix = "npy" if codestream.read(container.codestream(data)).depth.exponent else "png"
    run("djxl", str(folder / "in.jxl"), str(folder / f"out.{suffix}"))
    if suffix == "npy":
        return np.load(folder / "out.npy")[0]
    array = imagecodecs.png_decode((folder / "out.png").read_bytes())
    return array if array.ndim == 3 else array[..., None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("djxl")


@pytest.fixture(params=["pyjpegxl", "imagecodecs"])
def build(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which build of libjxl makes pictures without loss."""
    if request.param == "imagecodecs":
        monkeypatch.setattr(libjxl, "quick", None)
    elif libjxl.quick is None:
        if sys.version_info < (3, 11):
            pytest.skip("only on Python 3.11 and newer, as pyjpegxl is")
        outside.missing("the package pyjpegxl", "pip install 'seqsave-jxl[fast]'")


class TestJxl(EncoderSuite):
    spec = JXL
    lossless_options = {"lossless": True}


class TestJxlWithOneBuild(TestJxl):
    @pytest.fixture(autouse=True)
    def _one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(libjxl, "quick", None)


def smooth(dtype: str, channels: int = 3, height: int = 33, width: int = 65) -> Any:
    y, x = np.mgrid[0:height, 0:width]
    planes = [0.5 + 0.4 * np.sin(x / (19 + 5 * c)) * np.cos(y / 31) for c in range(channels)]
    values = np.stack(planes, axis=-1)
    if dtype.startswith("float"):
        return values.astype(dtype)
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)


def noise(dtype: str, channels: int, seed: int = 0, size: tuple[int, int] = (33, 65)) -> Any:
    random = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return random.normal(0.5, 20, (*size, channels)).astype(dtype)
    return random.integers(0, np.iinfo(dtype).max, (*size, channels), dtype=dtype, endpoint=True)


def psnr(wanted: Any, got: Any, peak: float) -> float:
    error = float(np.mean((wanted.astype(float) - got.astype(float)) ** 2))
    return float("inf") if error == 0 else 10 * np.log10(peak**2 / error)


def encode(
    image: Any,
    metadata: dict[str, str] | None = None,
    color: str | None = None,
    tags: Any = None,
    dpi: float | None = None,
    **options: Any,
) -> bytes:
    checked = {name: option.default for name, option in JXL.options.items()} | options
    space = None if color is None else COLOR_SPACES[color]
    info = seqsave.FrameInfo(index=17, name="frame_00017.jxl", color=space, tags=tags or {}, dpi=dpi)
    return bytes(JxlEncoder().encode(image, metadata=metadata or {}, options=checked, info=info).data)


def decode(data: bytes, max_pixels: int = 1 << 24) -> seqsave.Decoded:
    return JxlEncoder().decode(data, max_pixels=max_pixels)


# --- lossless --------------------------------------------------------------------------------------------------------


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    dtype=st.sampled_from(JXL.dtypes),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4)),
    effort=st.integers(1, 5),
    color=st.sampled_from([None, *COLOR_SPACES]),
)
def test_lossless_keeps_every_bit(
    build: None, data: Any, dtype: str, shape: tuple[int, int, int], effort: int, color: str | None
) -> None:
    """Any bit pattern at all, also of floats; read by ours, and by the backend from the file as it stands."""
    bits = data.draw(nps.arrays(f"u{np.dtype(dtype).itemsize}", shape))
    image = bits.view(dtype)
    made = encode(image, lossless=True, effort=effort, color=color)
    assert decode(made).array.tobytes() == image.tobytes()
    foreign = imagecodecs.jpegxl_decode(made).reshape(shape)
    assert foreign.dtype == image.dtype
    finite = np.isfinite(image)
    assert (foreign[finite] == image[finite]).all()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    image=nps.arrays(
        st.sampled_from(["uint8", "uint16"]),
        st.tuples(st.integers(1, 30), st.integers(1, 30), st.sampled_from([1, 3, 4])),
    ),
    effort=st.integers(1, 9),
)
def test_the_reference_decoder_sees_every_bit(build: None, folder: Path, image: Any, effort: int) -> None:
    assert (djxl(encode(image, lossless=True, effort=effort), folder) == image).all()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_reference_decoder_sees_every_float(folder: Path, dtype: str, channels: int) -> None:
    """Far outside of 0..1, in the colour space in which it was stated."""
    image = noise(dtype, channels)
    assert (djxl(encode(image, lossless=True, color="linear-srgb"), folder) == image.astype("float32")).all()


def test_every_half_there_is() -> None:
    image = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(256, 256, 1)
    for channels in (1, 2, 3, 4):
        picture = np.ascontiguousarray(np.roll(image.repeat(channels, 2), 77, 0))
        assert decode(encode(picture, lossless=True)).array.tobytes() == picture.tobytes()


# --- lossy -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("color", [None, *COLOR_SPACES])
@pytest.mark.parametrize("dtype", JXL.dtypes)
def test_a_lossy_picture_shows_the_stated_colours(folder: Path, dtype: str, color: str | None) -> None:
    """What is kept is light; a reader turns it back into values of the stated space, as the reference decoder does."""
    peak = 1.0 if dtype.startswith("float") else np.iinfo(dtype).max
    for channels in (1, 2, 3, 4):
        image = smooth(dtype, channels)
        made = encode(image, color=color)
        got = decode(made).array
        assert got.dtype == image.dtype
        assert psnr(image, got, peak) > 38, channels
        if channels in (1, 3):
            assert psnr(got, djxl(made, folder), peak) > 50, channels


@pytest.mark.parametrize("color", ["srgb", "linear-p3", "rec2100-pq"])
def test_alpha_is_kept_as_it_is(color: str) -> None:
    for dtype in ("uint8", "uint16", "float32"):
        image = smooth(dtype, 4)
        got = decode(encode(image, color=color, quality=10)).array
        assert (got[..., 3] == image[..., 3]).all(), dtype
        assert (got[..., :3] != image[..., :3]).any()


@pytest.mark.parametrize("color", ["srgb", "linear-p3", "rec2100-hlg"])
@pytest.mark.parametrize("dtype", JXL.dtypes)
def test_the_light_of_a_large_picture_is_that_of_its_rows(dtype: str, color: str) -> None:
    """Large pictures are converted in blocks of rows: here of several, of one, and a last one with fewer."""
    space = COLOR_SPACES[color]
    for channels, width in ((3, 2000), (4, 7000), (1, 70_000)):
        row = np.tile(smooth(dtype, channels)[0], (width // 64, 1))
        image = np.stack([row, row[::-1]] * 12 + [row])
        alone = [light.linear(image[number : number + 1], space) for number in (0, 1)]
        expected = np.concatenate([*alone * 12, alone[0]])
        assert np.array_equal(light.linear(image, space), expected), channels


def test_light_beyond_white_survives() -> None:
    image = smooth("float32") * 20
    got = decode(encode(image, color="linear-srgb")).array
    assert got.max() > 15
    assert psnr(image, got, 20) > 38


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_values_that_are_not_finite_are_reported(dtype: str) -> None:
    image = smooth(dtype, 4)
    image[10, 10] = np.nan
    image[20, 20] = np.inf
    checked = {name: option.default for name, option in JXL.options.items()}
    for lossless, warnings in ((False, 1), (True, 0)):
        options = checked | {"lossless": lossless}
        done = JxlEncoder().encode(image, metadata={}, options=options, info=seqsave.FrameInfo(index=0))
        assert len(done.warnings) == warnings
        got = decode(bytes(done.data)).array
        if lossless:
            assert got.tobytes() == image.tobytes()
        else:
            assert np.isfinite(got).all()
            assert psnr(image[25:, 25:, :3], got[25:, 25:, :3], 1) > 38


def test_quality_distance_and_effort_do_what_they_say() -> None:
    image = smooth("uint8", height=200, width=300)
    image[::7] //= 2
    sizes = [len(encode(image, quality=quality)) for quality in (0, 30, 60, 90, 100)]
    assert sizes == sorted(set(sizes))
    sizes = [len(encode(image, distance=distance)) for distance in (25.0, 4.0, 1.0, 0.01)]
    assert sizes == sorted(set(sizes))
    assert encode(image, distance=1.0) == encode(image, quality=90) == encode(image)
    assert len({encode(image, effort=effort) for effort in (1, 4, 7)}) == 3
    assert [round(distance_of(quality), 2) for quality in (100, 90, 30, 0)] == [0.1, 1.0, 6.4, 25.0]


# --- what the file says ----------------------------------------------------------------------------------------------

SPACES = {
    "srgb": "sRGB primaries, sRGB transfer function",
    "linear-srgb": "sRGB primaries, Linear transfer function",
    "rec709": "sRGB primaries, 709 transfer function",
    "display-p3": "P3 primaries, sRGB transfer function",
    "linear-p3": "P3 primaries, Linear transfer function",
    "linear-rec2020": "Rec.2100 primaries, Linear transfer function",
    "rec2100-pq": "Rec.2100 primaries, PQ transfer function",
    "rec2100-hlg": "Rec.2100 primaries, HLG transfer function",
    "acescg": "red(x=0.713000,y=0.293000),  green(x=0.165000,y=0.830000),  blue(x=0.128000,y=0.044000)",
    "aces2065-1": "red(x=0.734700,y=0.265300),  green(x=0.000000,y=1.000000),  blue(x=0.000100,y=-0.077000)",
}
GREY = {color: words.rpartition(", ")[2] for color, words in SPACES.items()}
GREY |= dict.fromkeys(("acescg", "aces2065-1"), "white_point(x=0.321680,y=0.337670), Linear transfer function")
DEPTHS = {
    "uint8": "8-bit",
    "uint16": "16-bit",
    "float16": "16-bit float (5 exponent bits)",
    "float32": "32-bit float (8 exponent bits)",
}


@pytest.mark.parametrize("color", [None, *COLOR_SPACES])
@pytest.mark.parametrize("lossless", [False, True])
def test_jxlinfo_reads_depth_and_colour(build: None, tmp_path: Path, color: str | None, lossless: bool) -> None:
    for dtype in JXL.dtypes:
        for channels, kind in {1: "Grayscale", 2: "Grayscale+Alpha", 3: "RGB", 4: "RGBA"}.items():
            (tmp_path / "a.jxl").write_bytes(encode(smooth(dtype, channels), color=color, lossless=lossless))
            report = run("jxlinfo", "-v", str(tmp_path / "a.jxl"))
            assert f"65x33, {'(possibly) lossless' if lossless else 'lossy'}, {DEPTHS[dtype]} {kind}\n" in report
            wanted = GREY[color or "srgb"], SPACES[color or "srgb"]
            assert wanted[channels > 2] in report


def test_brightness_is_stated_for_hdr() -> None:
    """ITU-R BT.2100: 10,000 and 1,000 candela per square metre; half floats, right behind the colour encoding."""
    for color, nits in (("rec2100-pq", 10_000.0), ("rec2100-hlg", 1_000.0)):
        made = container.codestream(encode(smooth("uint16"), color=color, lossless=True))
        head = codestream.read(made)
        value = int.from_bytes(made[:64], "little") >> (head.end - 2 - 33 - 16) & 0xFFFF
        assert np.array([value], np.uint16).view(np.float16)[0] == nits


# --- colours of other programs ----------------------------------------------------------------------------------------


def foreign(image: Any, **options: Any) -> Any:
    """A picture with what its source states."""
    fields = {name: options.pop(name) for name in ("icc", "cicp", "gamma", "primaries") if name in options}
    checked = {name: option.default for name, option in JXL.options.items()} | options
    info = seqsave.FrameInfo(index=0, image=seqsave.ImageInfo(**fields))
    return JxlEncoder().encode(image, metadata={}, options=checked, info=info)


def other_profile(grey: bool = False, size: int = 0) -> bytes:
    """Of Display P3, but not seqsave's own; with ``size`` bytes more."""
    made = icc.profile(COLOR_SPACES["display-p3"], grey=grey)
    assert made is not None
    renamed = made.replace("display-p3".encode("utf-16-be"), "display-q3".encode("utf-16-be"))
    longer = renamed + np.random.default_rng(size).bytes(size)
    return len(longer).to_bytes(4, "big") + longer[4:]


@pytest.mark.parametrize("size", [0, 100, 70_000])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_reference_decoder_finds_the_profile(build: None, tmp_path: Path, channels: int, size: int) -> None:
    data = other_profile(grey=channels < 3, size=size)
    for dtype in ("uint8", "uint16", "float32"):
        image = noise(dtype, channels)
        made = foreign(image, icc=data, lossless=True)
        assert made.warnings == ()
        (tmp_path / "a.jxl").write_bytes(made.data)
        run("djxl", str(tmp_path / "a.jxl"), str(tmp_path / "a.npy"), f"--orig_icc_out={tmp_path / 'a.icc'}")
        assert (tmp_path / "a.icc").read_bytes() == data
        found = decode(made.data)
        assert np.array_equal(found.array, image)
        assert (found.info.icc, found.info.color, found.info.attributes) == (data, None, {})


@given(
    data=st.binary(max_size=3000),
    platform=st.sampled_from([b"APPL", b"MSFT", b"SGI ", b"SUNW", b"S\0\0\0", b"none"]),
    kind=st.binary(min_size=4, max_size=4),
)
def test_any_profile_is_read_as_it_was_written(data: bytes, platform: bytes, kind: bytes) -> None:
    whole = other_profile() + data
    whole = whole[:4] + kind + whole[8:40] + platform + whole[44:]
    made = codestream.relabelled(
        container.codestream(encode(smooth("uint8", 1, 4, 4))), Depth(8), Depth(8), profile=whole
    )
    joined = memoryview(b"".join(made))
    assert codestream.profile_in(joined, codestream.read(joined)) == whole


@pytest.mark.parametrize("dtype", JXL.dtypes)
def test_a_lossy_picture_states_the_primaries_of_its_profile(tmp_path: Path, dtype: str) -> None:
    peak = 1.0 if dtype.startswith("float") else np.iinfo(dtype).max
    for channels in (1, 3, 4):
        image = smooth(dtype, channels)
        made = foreign(image, icc=other_profile(grey=channels < 3), quality=97)
        (tmp_path / "a.jxl").write_bytes(made.data)
        assert (made.warnings, "sRGB transfer function" in run("jxlinfo", str(tmp_path / "a.jxl"))) == ((), True)
        found = decode(made.data)
        assert (found.info.icc, found.info.color.name) == (None, "srgb" if channels < 3 else "display-p3")
        assert psnr(image, found.array, peak) > 38
        if channels == 3:
            assert psnr(image, djxl(bytes(made.data), tmp_path), peak) > 38


def test_a_profile_with_tables_is_left_out_of_lossy_files_with_a_warning() -> None:
    with_tables = other_profile().replace(b"rXYZ", b"A2B0")
    made = foreign(smooth("uint8"), icc=with_tables)
    assert [text for text in made.warnings if "an ICC profile with tables" in text]
    assert decode(made.data).info.color == COLOR_SPACES["srgb"]
    kept = foreign(smooth("uint8"), icc=with_tables, lossless=True)
    assert (kept.warnings, decode(kept.data).info.icc) == ((), with_tables)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize(
    ("stated", "words", "read"),
    [
        ({"cicp": (12, 16)}, "P3 primaries, PQ transfer function", {"cicp": (12, 16)}),
        ({"cicp": (6, 6)}, "blue(x=0.155000,y=0.070000)709 transfer function", {"cicp": (6, 1)}),
        ({"cicp": (1, 4)}, "gamma(0.454545) transfer function", {"gamma": 0.4545455}),
        ({"gamma": 0.5}, "gamma(0.500000) transfer function", {"gamma": 0.5}),
        ({"primaries": COLOR_SPACES["display-p3"].primaries}, "red(x=0.680000,y=0.320000)", {"color": "display-p3"}),
    ],
)
def test_a_space_in_numbers_is_stated(tmp_path: Path, stated: Any, words: str, read: Any, lossless: bool) -> None:
    image = smooth("uint16")
    made = foreign(image, **stated, lossless=lossless, **({} if lossless else {"quality": 97}))
    (tmp_path / "a.jxl").write_bytes(made.data)
    report = run("jxlinfo", "-v", str(tmp_path / "a.jxl"))
    assert words in report
    found = decode(made.data)
    info = {"cicp": found.info.cicp, "gamma": found.info.gamma, "color": found.info.color and found.info.color.name}
    assert {name: info[name] for name in read} == read
    for seen in (found.array, djxl(bytes(made.data), tmp_path)):
        assert np.array_equal(seen, image) if lossless else psnr(image, seen, 65535) > 38


def test_floats_of_a_file_without_a_colour_space_are_linear(tmp_path: Path) -> None:
    image = smooth("float32")
    with (
        pytest.warns(seqsave.SeqSaveWarning, match="this one states linear-srgb; `color='srgb'`"),
        seqsave.open_writer(tmp_path, filetype="jxl", options={"quality": 97}) as writer,
    ):
        writer.write(image, info=seqsave.ImageInfo(channels=("R", "G", "B")))
    report = run("jxlinfo", "-v", str(tmp_path / "frame_00000.jxl"))
    assert "sRGB primaries, Linear transfer function" in report
    assert psnr(image, djxl((tmp_path / "frame_00000.jxl").read_bytes(), tmp_path), 1) > 38


def exiftool(data: bytes, folder: Path, *arguments: str) -> dict[str, Any]:
    (folder / "picture.jxl").write_bytes(data)
    program = outside.program("exiftool", "apt-get install libimage-exiftool-perl")
    command = [program, "-j", "-n", *arguments, str(folder / "picture.jxl")]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]
    return found


def test_exiftool_reads_workflow_and_tags(tmp_path: Path) -> None:
    texts = {"prompt": '{"3": {}}', "workflow": json.dumps({"text": "\u00e9 \U0001f3ac"})}
    tags = {"artist": "Zo\u00eb", "copyright": "CC0", "digital_source_type": "trainedAlgorithmicMedia"}
    made = encode(smooth("uint8"), texts, tags=tags, dpi=299.5)
    found = exiftool(made, tmp_path, "-G1")
    assert found["IFD0:Model"] == f"prompt:{texts['prompt']}"
    assert found["IFD0:Make"] == f"workflow:{texts['workflow']}"
    assert (found["IFD0:XResolution"], found["IFD0:YResolution"], found["IFD0:ResolutionUnit"]) == (299.5, 299.5, 2)
    assert found["XMP-dc:Creator"] == "Zo\u00eb"
    assert found["XMP-dc:Rights"] == "CC0"
    assert found["XMP-iptcExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert decode(made).metadata == texts


def test_without_texts_there_are_no_boxes() -> None:
    assert [kind for kind, _ in container.boxes(encode(smooth("uint8")))] == [b"ftyp", b"jxlc"]


def test_a_level_that_readers_need_is_stated() -> None:
    assert container.content(encode(noise("uint16", 3), lossless=True), b"jxll") == b"\x0a"


# --- files of others, and damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["-d", "0"], ["-d", "1"], ["-d", "1", "-p"], ["-d", "0", "--container=1"]])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_files_of_another_writer(tmp_path: Path, arguments: list[str], channels: int) -> None:
    """From cjxl: bare codestreams and containers, with sizes of every kind."""
    for height, width in ((33, 65), (64, 128), (1, 1), (300, 400)):
        image = smooth("uint8", channels, height, width)
        (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(image))
        run("cjxl", str(tmp_path / "a.png"), str(tmp_path / "a.jxl"), *arguments)
        data = (tmp_path / "a.jxl").read_bytes()
        head = codestream.read(container.codestream(data))
        assert (head.width, head.height, head.channels, head.alpha) == (width, height, min(channels, 3), channels == 4)
        assert psnr(image, decode(data).array, 255) > 36
        with pytest.raises(seqsave.DecodeError, match="at most"):
            decode(data, max_pixels=width * height - 1)


def test_an_animation_is_no_picture(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise("uint8", 3, seed)) for seed in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=40)
    run("cjxl", str(tmp_path / "a.gif"), str(tmp_path / "a.jxl"))
    with pytest.raises(seqsave.DecodeError, match="a JPEG XL animation: only still pictures are read"):
        decode((tmp_path / "a.jxl").read_bytes())


def test_a_large_picture_is_refused_before_it_is_decoded() -> None:
    data = encode(np.zeros((400, 300, 3), np.uint8), {"workflow": "{}"})
    start = data.index(b"jxlc") + 4
    with pytest.raises(seqsave.DecodeError, match="300x400 pixels: at most 119999 are allowed"):
        decode(data[: start + 12], max_pixels=119_999)


def test_a_side_that_is_too_long() -> None:
    image = np.lib.stride_tricks.as_strided(np.zeros(3, np.uint8), (1, MAX_SIDE + 1, 3), (0, 0, 1))
    with pytest.raises(seqsave.ImageError, match=f"frame_00017.jxl is {MAX_SIDE + 1}x1 pixels"):
        encode(image)


@pytest.mark.parametrize("lossless", [False, True])
def test_what_libjxl_refuses_is_an_encode_error(build: None, lossless: bool) -> None:
    with pytest.raises(seqsave.EncodeError, match="libjxl cannot encode this picture of 0x33 pixels"):
        encode(np.zeros((33, 0, 3), np.uint8), lossless=lossless)


def test_each_build_is_used_and_says_the_same(build: None) -> None:
    """All boxes but that of the pixels are the same to the byte; of those, what the head says."""
    stated = {"metadata": {"workflow": "{}"}, "tags": {"artist": "Ada"}, "color": "display-p3", "dpi": 300}
    for dtype in ("uint8", "uint16"):
        made, quick = encode(smooth(dtype), lossless=True, **stated), libjxl.quick
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(libjxl, "quick", None)
            usual = encode(smooth(dtype), lossless=True, **stated)
        assert (made == usual) == (quick is None), "effort 4 is not the same in both"
        rest, usual_rest = ([box for box in container.boxes(one) if box[0] != b"jxlc"] for one in (made, usual))
        assert rest == usual_rest
        head, usual_head = (codestream.read(container.codestream(one)) for one in (made, usual))
        assert head == usual_head


@pytest.mark.parametrize(("before", "after"), [(0, 1), (3, 3)])
def test_a_chosen_number_of_threads_is_left_alone(before: int, after: int) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("only on Python 3.11 and newer, as pyjpegxl is")
    outside.package("pyjpegxl", "pip install 'seqsave-jxl[fast]'")
    code = f"import pyjpegxl; pyjpegxl.set_num_threads({before}); import seqsave_jxl.codec; "
    done = subprocess.run(
        [sys.executable, "-c", f"{code}print(pyjpegxl.get_num_threads())"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(after)


@settings(max_examples=150)
@given(st.data())
def test_damage_is_a_decode_error_or_a_picture(data: Any) -> None:
    dtype = data.draw(st.sampled_from(JXL.dtypes))
    sound = bytearray(encode(smooth(dtype, 4, 12, 12), {"workflow": "{}"}, lossless=True, color="rec2100-pq"))
    for _ in range(data.draw(st.integers(1, 4))):
        sound[data.draw(st.integers(0, min(len(sound) - 1, 200)))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(sound)))
    for damaged in (bytes(sound), bytes(sound[:cut])):
        try:
            array = decode(damaged, max_pixels=1000).array
        except seqsave.DecodeError:
            continue
        assert array.shape[0] * array.shape[1] <= 1000


@given(st.binary(max_size=60), st.sampled_from([b"\xff\x0a", container.SIGNATURE, b""]))
def test_random_bytes_are_a_decode_error(data: bytes, start: bytes) -> None:
    with pytest.raises(seqsave.DecodeError):
        decode(start + data)


# --- as a plugin -----------------------------------------------------------------------------------------------------


def installed() -> None:
    try:
        importlib.metadata.distribution("seqsave-jxl")
    except importlib.metadata.PackageNotFoundError:
        outside.missing("this plugin to be installed", "pip install .")


def test_seqsave_finds_the_plugin() -> None:
    installed()
    assert {"jxl", "jxl with embedded workflow"} <= set(seqsave.filetypes())


@pytest.mark.parametrize("url", ["memory://renders/jxl", "folder"])
def test_a_sequence_there_and_back(tmp_path: Path, url: str) -> None:
    installed()
    target = str(tmp_path / url) if url == "folder" else url
    frames = np.stack([noise("uint16", 3, seed) for seed in range(3)])
    workflow = {"nodes": [], "note": "\u00e9 \U0001f3ac"}
    seqsave.save(
        frames,
        target,
        filetype="jxl with embedded workflow",
        options={"lossless": True},
        metadata={"workflow": workflow},
    )
    sequence = seqsave.open_sequence(target)
    assert (np.stack([frame.read() for frame in sequence]) == frames).all()
    assert sequence[0].read_metadata() == {"workflow": workflow}


def test_the_command_knows_it() -> None:
    installed()
    command = [sys.executable, "-m", "seqsave", "filetypes", "--json"]
    assert "seqsave-jxl" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


# --- README ----------------------------------------------------------------------------------------------------------

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed()
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec", dont_inherit=True), {})  # noqa: S102 - our own page
    assert seqsave.open_sequence("renders/shot020").indices == (0, 1, 2)


def test_the_table_of_options_is_complete() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", README, re.MULTILINE))
    assert list(table) == list(JXL.options)
    for name, option in JXL.options.items():
        default = str(option.default).lower()
        assert option.default is None or f"default {default}" in table[name] or f"{default} (default)" in table[name]


def test_depths_are_read_back() -> None:
    for dtype, depth in {"uint8": Depth(8), "float16": Depth(16, 5), "float32": Depth(32, 8)}.items():
        assert codestream.read(container.codestream(encode(smooth(dtype)))).depth == depth
