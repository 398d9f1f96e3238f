"""The conformance kit over AVIF, what only AVIF has, and files seen by programs that we did not write."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any, ClassVar

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from PIL import Image
from seqsave_webp import AVIF
from seqsave_webp.avif import MAX_SIDE, AvifEncoder

import seqsave
from seqsave.metadata import exif
from seqsave.pictures.color import COLOR_SPACES
from seqsave.testing import EncoderSuite, outside

DEBIAN = "apt-get install libavif-bin"


def rounded(image: Any, depth: int) -> Any:
    """16 bits after a way through fewer."""
    if image.dtype == np.uint8:
        return image
    return np.rint(np.rint(image * ((2**depth - 1) / 65535)) * (65535 / (2**depth - 1))).astype(np.uint16)


def without_full_alpha(image: Any) -> Any:
    """libavif stores no alpha that is full everywhere."""
    full = image.shape[2] in (2, 4) and (image[..., -1] == np.iinfo(image.dtype).max).all()
    return image[..., :-1] if full else image


class TestAvif(EncoderSuite):
    spec = AVIF
    lossless_options = {"lossless": True}
    kept: ClassVar[int] = 10

    def expected(self, image: Any) -> Any:
        return without_full_alpha(rounded(image, self.kept))


def smooth(dtype: str = "uint8", channels: int = 3, height: int = 33, width: int = 65) -> Any:
    y, x = np.mgrid[0:height, 0:width]
    planes = [0.5 + 0.4 * np.sin(x / (19 + 5 * c)) * np.cos(y / 31) for c in range(channels)]
    return np.rint(np.stack(planes, axis=-1) * np.iinfo(dtype).max).astype(dtype)


def noise(dtype: str = "uint8", channels: int = 3, seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    return random.integers(0, np.iinfo(dtype).max, (33, 65, channels), dtype=dtype, endpoint=True)


def encoded(
    image: Any,
    metadata: dict[str, str] | None = None,
    color: str | None = None,
    tags: Any = None,
    dpi: float | None = None,
    **options: Any,
) -> seqsave.Encoded:
    checked = {name: option.default for name, option in AVIF.options.items()} | options
    space = None if color is None else COLOR_SPACES[color]
    info = seqsave.FrameInfo(index=17, name="frame_00017.avif", color=space, tags=tags or {}, dpi=dpi)
    return AvifEncoder().encode(image, metadata=metadata or {}, options=checked, info=info)


def encode(image: Any, *args: Any, **more: Any) -> bytes:
    return bytes(encoded(image, *args, **more).data)


def decode(data: bytes, max_pixels: int = 1 << 24) -> seqsave.Decoded:
    return AvifEncoder().decode(data, max_pixels=max_pixels)


def avifdec(data: bytes, folder: Path, depth: int = 16) -> Any:
    """libavif's own program, by way of PNG."""
    (folder / "a.avif").write_bytes(data)
    # Its grey pictures with alpha become RGB, to which a grey profile cannot be written.
    arguments = ["--depth", str(depth), "--ignore-icc", str(folder / "a.avif"), str(folder / "a.png")]
    subprocess.run([outside.program("avifdec", DEBIAN), *arguments], capture_output=True, check=True)
    return imagecodecs.png_decode((folder / "a.png").read_bytes())


def avifinfo(data: bytes, folder: Path) -> dict[str, str]:
    (folder / "a.avif").write_bytes(data)
    command = [outside.program("avifdec", DEBIAN), "--info", str(folder / "a.avif")]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.strip(" *").split(":", 1) for line in report.splitlines() if line.startswith(" * ")]
    return {row[0].strip(): row[1].strip() for row in rows if len(row) == 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("avifdec")


# --- lossless ---------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    data=st.data(),
    depth=st.sampled_from([8, 10, 12]),
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 4)),
    speed=st.integers(6, 10),
    color=st.sampled_from([None, *COLOR_SPACES]),
)
def test_lossless_keeps_every_bit(
    folder: Path, data: Any, depth: int, shape: tuple[int, int, int], speed: int, color: str | None
) -> None:
    """As libavif's program reads it, and the backend from the file as it stands; all values of that many bits."""
    top = 2**depth - 1
    samples = data.draw(nps.arrays("uint16", shape, elements=st.integers(0, top)))
    image = samples.astype(np.uint8) if depth == 8 else np.rint(samples * (65535 / top)).astype(np.uint16)
    made = encoded(image, lossless=True, depth=depth, speed=speed, color=color)
    assert not made.warnings
    file = bytes(made.data)
    image = without_full_alpha(image)
    assert np.array_equal(decode(file).array, image)
    assert (imagecodecs.avif_decode(file).reshape(image.shape) == samples[..., : image.shape[2]]).all()
    read = avifdec(file, folder, 8 if depth == 8 else 16)
    read = read if read.ndim == 3 else read[..., None]
    assert read.shape[2] in ({1: (1, 3), 2: (2, 4)}.get(image.shape[2]) or (image.shape[2],))
    colors = {(3, 1): [0], (4, 2): [0, 3]}.get((read.shape[2], image.shape[2]), slice(None))
    assert np.abs(read[..., colors].astype(int) - image).max() <= (
        0 if depth == 8 else 16
    )  # how it makes 16 bits of 10


def test_16_bits_that_do_not_fit_are_reported() -> None:
    image = noise("uint16")
    for depth in (10, 12):
        made = encoded(image, lossless=True, depth=depth)
        assert made.warnings == (f"AVIF: values of 16 bits were rounded to {depth} bits, which are stored exactly",)
        assert (decode(bytes(made.data)).array == rounded(image, depth)).all()
    assert not encoded(image).warnings  # lossy is lossy


@settings(max_examples=10)
@given(depth=st.sampled_from([10, 12]))
def test_more_bits_for_8_bit_pictures_come_back_to_the_same_8(depth: int) -> None:
    image = noise()
    got = decode(encode(image, lossless=True, depth=depth)).array
    assert got.dtype == np.uint16
    assert (np.rint(got / 257).astype(np.uint8) == image).all()


# --- options ----------------------------------------------------------------------------------------------------------


def test_quality_speed_and_subsampling_do_what_they_say(tmp_path: Path) -> None:
    image = noise()
    sizes = [len(encode(image, quality=quality)) for quality in (0, 50, 90, 100)]
    assert sizes == sorted(set(sizes))
    assert len({encode(image, speed=speed) for speed in (6, 8, 10)}) == 3
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        made = encode(smooth(), subsampling=subsampling)
        assert avifinfo(made, tmp_path)["Format"] == "YUV" + subsampling.replace(":", "")
    assert (decode(encode(image, lossless=True)).array == image).all()
    assert (decode(encode(image, quality=100)).array != image).any()


def test_grey_and_alpha_are_kept_as_they_are() -> None:
    grey, both, color = noise(channels=1), noise(channels=2), noise(channels=4)
    assert (decode(encode(grey, quality=0)).array == grey).all()
    assert (decode(encode(both, quality=0)).array == both).all()
    assert (decode(encode(color, quality=0)).array[..., 3] == color[..., 3]).all()


@pytest.mark.parametrize("depth", [None, 8, 10, 12])
@pytest.mark.parametrize("dtype", AVIF.dtypes)
def test_avifdec_reads_depth_format_and_alpha(tmp_path: Path, dtype: str, depth: int | None) -> None:
    for channels, (kind, alpha) in {
        1: ("YUV400", "Absent"),
        2: ("YUV400", "Not premultiplied"),
        3: ("YUV444", "Absent"),
        4: ("YUV444", "Not premultiplied"),
    }.items():
        image = smooth(dtype, channels)
        found = avifinfo(encode(image, depth=depth), tmp_path)
        assert found["Resolution"] == "65x33"
        assert found["Bit Depth"] == str(depth or {"uint8": 8, "uint16": 10}[dtype])
        assert (found["Format"], found["Alpha"], found["Range"]) == (kind, alpha, "Full")


@pytest.mark.parametrize("dtype", AVIF.dtypes)
def test_a_lossy_picture_looks_the_same_everywhere(tmp_path: Path, dtype: str) -> None:
    image = smooth(dtype)
    made = encode(image)
    for read in (decode(made).array, avifdec(made, tmp_path, 8 * image.itemsize)):
        error = (read.astype(float) - image) / np.iinfo(dtype).max
        assert np.sqrt(np.mean(error**2)) < 0.01


# --- what the file says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("color", [None, *COLOR_SPACES])
@pytest.mark.parametrize("lossless", [False, True])
def test_the_colour_space_is_stated(tmp_path: Path, color: str | None, lossless: bool) -> None:
    """In numbers where there are some, as a profile where there are none, not at all when nothing was stated."""
    for channels in (1, 3, 4):
        made = encode(smooth("uint16", channels), color=color, lossless=lossless)
        found = avifinfo(made, tmp_path)
        cicp = None if color is None else COLOR_SPACES[color].cicp
        assert (int(found["Color Primaries"]), int(found["Transfer Char."])) == (cicp or (2, 2))
        profile = color is not None and cicp is None
        assert found["ICC Profile"].startswith("Present") == profile
        assert (decode(made).array == decode(encode(smooth("uint16", channels), lossless=lossless)).array).all()


def test_a_profile_is_one_that_others_can_use() -> None:
    pillow_writes()
    from PIL import ImageCms

    with Image.open(io.BytesIO(encode(smooth(), color="acescg"))) as picture:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        assert ImageCms.getProfileDescription(profile).strip() == "acescg"


def exiftool(data: bytes, folder: Path) -> dict[str, Any]:
    (folder / "picture.avif").write_bytes(data)
    program = outside.program("exiftool", "apt-get install libimage-exiftool-perl")
    command = [program, "-j", "-n", "-G1", str(folder / "picture.avif")]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]
    return found


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_exiftool_reads_workflow_and_tags(tmp_path: Path, channels: int) -> None:
    texts = {"prompt": '{"3": {}}', "workflow": json.dumps({"text": "\u00e9 \U0001f3ac"}), "seed": "7"}
    tags = {"artist": "Zo\u00eb", "copyright": "CC0", "digital_source_type": "trainedAlgorithmicMedia"}
    made = encode(smooth(channels=channels), texts, tags=tags, dpi=300, color="acescg")
    found = exiftool(made, tmp_path)
    assert found["IFD0:Model"] == f"prompt:{texts['prompt']}"
    assert found["IFD0:Make"] == f"workflow:{texts['workflow']}"
    assert found["IFD0:XResolution"] == 300
    assert found["XMP-dc:Creator"] == "Zo\u00eb"
    assert found["XMP-iptcExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert found["ICC_Profile:ProfileDescription"] == "acescg"
    assert decode(made).metadata == texts
    shown = avifinfo(made, tmp_path)
    assert (shown["Exif Metadata"][:7], shown["XMP Metadata"][:7]) == ("Present", "Present")


def test_texts_change_no_pixel() -> None:
    for channels in (3, 4):
        image = noise(channels=channels)
        plain, annotated = encode(image), encode(image, {"workflow": "w" * 10**6}, tags={"artist": "A"})
        assert (decode(plain).array == decode(annotated).array).all()
        assert plain[-500:] in annotated


def test_ffprobe_reads_it(tmp_path: Path) -> None:
    program = outside.program("ffprobe", "apt-get install ffmpeg")
    (tmp_path / "a.avif").write_bytes(encode(smooth("uint16"), {"workflow": "{}"}, color="rec2100-pq"))
    command = [program, "-v", "error", "-show_streams", "-of", "json", str(tmp_path / "a.avif")]
    stream = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["streams"][0]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("av1", 65, 33)
    assert stream["pix_fmt"] == "yuv444p10le"
    if hasattr(imagecodecs.AVIF, "COLOR_PRIMARIES"):
        assert (stream["color_primaries"], stream["color_transfer"]) == ("bt2020", "smpte2084")


# --- files of others, and damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["-d", "8"], ["-d", "10"], ["-d", "12"], ["-l"], ["--grid", "2x2"]])
def test_files_of_another_writer(tmp_path: Path, arguments: list[str]) -> None:
    """From avifenc, in all depths, without loss, and cut into four."""
    image = smooth(height=128, width=256)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(image))
    command = [outside.program("avifenc", DEBIAN), *arguments, str(tmp_path / "a.png"), str(tmp_path / "a.avif")]
    subprocess.run(command, capture_output=True, check=True)
    data = (tmp_path / "a.avif").read_bytes()
    got = decode(data).array
    assert got.shape == image.shape
    assert np.abs(got.astype(int) - image * (1 if got.dtype == np.uint8 else 257.0)).max() < got.max() / 8
    with pytest.raises(seqsave.DecodeError, match="256x128 pixels: at most 32767 are allowed"):
        decode(data, max_pixels=256 * 128 - 1)


def pillow_writes() -> None:
    Image.init()
    if "AVIF" not in Image.SAVE:
        outside.missing("a Pillow that writes AVIF", "pip install 'pillow>=11.3'")


def test_metadata_of_another_writer() -> None:
    pillow_writes()
    block = exif.pack({"workflow": "{}"})[0]
    file = io.BytesIO()
    Image.fromarray(noise()).save(file, "AVIF", exif=block, xmp=b"<x/>")
    assert decode(file.getvalue()).metadata == {"workflow": "{}"}


def test_an_animation_is_no_picture() -> None:
    pillow_writes()
    file = io.BytesIO()
    frames = [Image.fromarray(noise(seed=seed)) for seed in range(3)]
    frames[0].save(file, "AVIF", save_all=True, append_images=frames[1:])
    with pytest.raises(seqsave.DecodeError, match="an AVIF animation: only still pictures are read"):
        decode(file.getvalue())


@pytest.mark.parametrize(("height", "width"), [(MAX_SIDE + 1, 1), (1, MAX_SIDE + 1)])
def test_a_side_that_is_too_long(height: int, width: int) -> None:
    with pytest.raises(seqsave.ImageError, match=f"frame_00017.avif is {width}x{height} pixels: an AVIF side has"):
        encode(np.zeros((height, width, 3), np.uint8))


def test_what_libavif_refuses_is_an_encode_error() -> None:
    with pytest.raises(seqsave.EncodeError, match="libavif cannot encode this picture of 0x33 pixels"):
        encode(np.zeros((33, 0, 3), np.uint8))


@settings(max_examples=200)
@given(st.data())
def test_damage_is_a_decode_error_or_a_picture(data: Any) -> None:
    texts = {"workflow": "{}"}
    sound = bytearray(encode(smooth(channels=4, height=12, width=12), texts, color="acescg", tags={"artist": "A"}))
    for _ in range(data.draw(st.integers(1, 4))):
        sound[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(sound)))
    for damaged in (bytes(sound), bytes(sound[:cut])):
        try:
            array = decode(damaged, max_pixels=1000).array
        except seqsave.DecodeError:
            continue
        assert array.shape[0] * array.shape[1] <= 1000


@given(st.binary(max_size=80), st.sampled_from([b"\0\0\0\x10ftypavif\0\0\0\0", b""]))
def test_random_bytes_are_a_decode_error(data: bytes, start: bytes) -> None:
    with pytest.raises(seqsave.DecodeError):
        decode(start + data)


# --- as a plugin ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", AVIF.dtypes)
def test_a_sequence_there_and_back(tmp_path: Path, dtype: str) -> None:
    if "avif" not in seqsave.filetypes():
        outside.missing("this plugin to be installed", "pip install .")
    frames = np.stack([rounded(noise(dtype, seed=seed), 12) for seed in range(3)])
    seqsave.save(
        frames,
        tmp_path,
        filetype="avif with embedded workflow",
        options={"lossless": True, "depth": 12 if dtype == "uint16" else 8},
        metadata={"workflow": {"nodes": []}},
    )
    sequence = seqsave.open_sequence(tmp_path)
    assert (np.stack([frame.read() for frame in sequence]) == frames).all()
    assert sequence[0].read_metadata() == {"workflow": {"nodes": []}}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_read_upright(tmp_path: Path, orientation: int) -> None:
    """libavif writes Exif's orientation as the properties irot and imir, which count."""
    picture = Image.fromarray(np.kron(np.arange(0, 240, 10, np.uint8).reshape(4, 6), np.ones((8, 8), np.uint8)))
    block = Image.Exif()
    block[0x0112] = orientation
    file = io.BytesIO()
    picture.convert("RGB").save(file, "AVIF", quality=100, exif=block.tobytes())
    (tmp_path / "a_0001.avif").write_bytes(file.getvalue())
    ways = [None, 0, 3, 1, 5, 4, 6, 2]
    turn = ways[orientation - 1]
    wanted = np.asarray(picture if turn is None else picture.transpose(Image.Transpose(turn)))
    (frame,) = seqsave.open_sequence(tmp_path)
    got = frame.read()
    assert got.shape[:2] == wanted.shape
    assert np.abs(got[..., 0].astype(int) - wanted).max() <= 6
