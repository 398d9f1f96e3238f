from __future__ import annotations

import contextlib
import io
import json
import math
import os
import subprocess
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile
from PIL.IptcImagePlugin import getiptcinfo

import seqsave
from seqsave.encoders import BUILTIN_SPECS, jpeg
from seqsave.encoders.jpeg import JpegEncoder
from seqsave.errors import DecodeError, ImageError, SeqSaveWarning
from seqsave.metadata import exif
from seqsave.metadata.iptc import jpeg_segment
from seqsave.metadata.xmp import packet
from seqsave.pictures.color import COLOR_SPACES
from seqsave.types import FrameInfo, ImageInfo
from tests.encoders.pictures import kinds
from tests.support.clip import clip_frames
from tests.support.inks import CYAN_AS_SRGB, cmyk_profile
from tests.support.needs import needs_package, needs_program
from tests.support.patience import PATIENCE, wait_until

DEFAULTS = {
    name: option.default for name, option in next(s for s in BUILTIN_SPECS if s.filetype == "jpg").options.items()
}
NOISE = np.random.default_rng(0).integers(0, 2, (300, 400, 3), dtype=np.uint8) * 255


def encode(image: Any, metadata: dict[str, str] | None = None, info: FrameInfo | None = None, **options: Any) -> Any:
    info = info or FrameInfo(index=0)
    return JpegEncoder().encode(image, metadata=metadata or {}, options=DEFAULTS | options, info=info)


def opened(data: Any) -> Any:
    picture = Image.open(io.BytesIO(bytes(data)))
    picture.load()
    return picture


def psnr(one: Any, other: Any) -> float:
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


# --- pixels ---------------------------------------------------------------------------------------------------------


def test_real_frames_keep_40_decibels() -> None:
    cv2 = needs_package("cv2")
    needs_package("av")
    for frame in clip_frames(4, every=33):
        data = bytes(encode(frame).data)
        assert psnr(np.asarray(opened(data)), frame) >= 40
        assert psnr(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1], frame) >= 40
        assert psnr(JpegEncoder().decode(data, max_pixels=frame.size).array, frame) >= 40


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4)),
    st.integers(1, 100),
    st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    st.sampled_from(["drop", "black", "white"]),
    st.booleans(),
    st.booleans(),
)
def test_every_shape_with_every_option(
    shape: tuple[int, int, int], quality: int, subsampling: str, alpha: str, progressive: bool, optimize: bool
) -> None:
    image = np.random.default_rng(quality).integers(0, 256, shape, dtype=np.uint8)
    before = image.copy()
    encoded = encode(
        image, quality=quality, subsampling=subsampling, alpha=alpha, progressive=progressive, optimize=optimize
    )
    assert np.array_equal(image, before)
    height, width, channels = shape
    cv2 = needs_package("cv2")
    foreign = cv2.imdecode(np.frombuffer(bytes(encoded.data), np.uint8), cv2.IMREAD_UNCHANGED)
    assert foreign.shape == ((height, width) if channels < 3 else (height, width, 3))
    ours = JpegEncoder().decode(bytes(encoded.data), max_pixels=height * width).array
    assert ours.shape == (height, width, 1 if channels < 3 else 3)
    assert ours.dtype == np.uint8
    assert np.array_equal(ours, np.asarray(opened(encoded.data)).reshape(ours.shape))


def test_same_file_as_pillow_makes() -> None:
    for image, picture in [
        (NOISE, Image.fromarray(NOISE)),
        (NOISE[..., :1].copy(), Image.fromarray(NOISE[..., 0])),
        (np.dstack([NOISE, NOISE[..., 0]]), Image.fromarray(NOISE)),
    ]:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=95, subsampling="4:4:4")
        assert bytes(encode(image).data) == file.getvalue()


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_dropped_or_laid_over_a_colour(channels: int) -> None:
    colour, alpha = np.full((64, 64, channels - 1), 200, np.uint8), np.zeros((64, 64, 1), np.uint8)
    alpha[:, 32:] = 128
    image = np.concatenate([colour, alpha], axis=2)
    for choice, left, right in [("drop", 200, 200), ("black", 0, 100), ("white", 255, 227)]:
        array = np.asarray(opened(encode(image, alpha=choice).data))
        assert np.abs(array[:, :24].astype(int) - left).max() <= 1, choice
        assert np.abs(array[:, 40:].astype(int) - right).max() <= 1, choice


def test_alpha_that_is_dropped_is_named_unless_it_is_opaque() -> None:
    image = np.full((8, 8, 4), 255, np.uint8)
    assert encode(image).warnings == ()
    image[3, 3, 3] = 254
    (text,) = encode(image).warnings
    assert text.startswith("JPEG has no alpha: it was dropped")
    assert encode(image, alpha="black").warnings == ()


def test_laying_over_rounds_to_nearest() -> None:
    from seqsave.encoders.jpeg import _laid_over

    colour, alpha = np.meshgrid(np.arange(256), np.arange(256))
    pixels = np.stack([colour, alpha], -1).astype(np.uint8)
    for background in (0, 255):
        exact = (colour * alpha + background * (255 - alpha)) / 255
        assert np.array_equal(_laid_over(pixels, background)[..., 0], np.rint(exact))


PASSES = [{"progressive": True}, {"optimize": True}, {"progressive": True, "optimize": True}]
NOISIEST = [NOISE, NOISE[..., :1], np.dstack([NOISE, NOISE[..., :1]])]


@pytest.mark.parametrize("passes", PASSES)
def test_noise_fits_into_the_buffer(passes: dict[str, bool], capfd: pytest.CaptureFixture[str]) -> None:
    for image in NOISIEST:
        encoded = encode(image, quality=100, alpha="black", **passes)
        assert not encoded.warnings
        assert bool(opened(encoded.data).info.get("progressive")) == ("progressive" in passes)
        assert len(encoded.data) < len(encode(image, quality=100, alpha="black").data)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("passes", PASSES)
def test_a_picture_too_noisy_for_pillow_is_written_all_the_same(
    passes: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jpeg, "_MOST_ROOM", 0)
    monkeypatch.setattr(ImageFile, "MAXBLOCK", 65536)
    encoded = encode(NOISE, **passes)
    assert opened(encoded.data).size == (400, 300)
    assert len(encoded.warnings) == 1
    assert "written without " + " and ".join(passes) in encoded.warnings[0]
    soft = kinds(120, 160, 3)["soft"]
    assert not encode(soft, **passes).warnings
    assert len(encode(soft, **passes).data) < len(encode(soft).data)


def test_options_do_what_they_say() -> None:
    image = kinds(120, 160, 3)["cartoon, smooth edges"]
    sizes = [len(encode(image, quality=quality).data) for quality in (1, 50, 95, 100)]
    assert sizes == sorted(set(sizes))
    sizes = [len(encode(image, subsampling=one).data) for one in ("4:2:0", "4:2:2", "4:4:4")]
    assert sizes == sorted(set(sizes))
    assert opened(encode(image, progressive=True).data).info.get("progressive")
    assert not opened(encode(image).data).info.get("progressive")


@pytest.mark.parametrize("shape", [(1, 65501, 3), (65501, 1, 1)])
def test_sides_that_are_too_long(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ImageError, match=r"at most 65500 x 65500.*65501.*save it as png"):
        encode(np.zeros(shape, np.uint8))
    longest = tuple(min(side, 65500) for side in shape)
    assert opened(encode(np.zeros(longest, np.uint8)).data).size == longest[1::-1]


# --- where Pillow writes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["nothing", "memfd_create", "a place for files"])
def test_without_memory_files(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = bytes(encode(NOISE).data)

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError("not here")

    if missing != "nothing":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    if missing == "a place for files":
        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert bytes(encode(NOISE).data) == expected


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="files in memory are there on Linux only")
def test_no_file_descriptor_is_left_open() -> None:
    assert files_in_memory() == []
    for _ in range(5):
        encode(NOISE, progressive=True)
    assert files_in_memory() == []


def files_in_memory() -> list[str]:
    """The open ones of the encoder; other tests' files in this process may be closed at any time."""
    found = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(path.readlink()))
    return [one for one in found if "memfd:seqsave" in one]


def test_threads_do_not_meet() -> None:
    encoder = JpegEncoder()
    images = [np.roll(NOISE[:100, :100], number, axis=2) for number in range(3)]
    expected = [bytes(encode(image).data) for image in images]
    results: list[bool] = []

    def work(number: int) -> None:
        for _ in range(20):
            done = encoder.encode(images[number], metadata={}, options=DEFAULTS, info=FrameInfo(index=0))
            results.append(bytes(done.data) == expected[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 60


# --- texts ----------------------------------------------------------------------------------------------------------


def test_prompt_and_workflow_are_where_others_look() -> None:
    texts = {"prompt": json.dumps({"seed": 7}), "workflow": json.dumps({"title": "🎬"}), "note": "日本"}
    encoded = encode(NOISE, texts)
    assert not encoded.leftover
    found = opened(encoded.data).getexif()
    assert found[0x0110] == "prompt:" + texts["prompt"]
    assert found[0x010F] == "workflow:" + texts["workflow"]
    assert JpegEncoder().decode(bytes(encoded.data), max_pixels=NOISE.size).metadata == texts


@pytest.mark.parametrize("extra", [{}, {"progressive": True}, {"optimize": True, "quality": 10}])
@pytest.mark.parametrize("over", [-2, -1, 1, 2, 10**6])
def test_texts_at_the_limit_of_a_segment(over: int, extra: dict[str, Any]) -> None:
    overhead = len(exif.pack({"workflow": ""}, None)[0])
    texts = {"workflow": "w" * (exif.JPEG_LIMIT - overhead + over), "prompt": "p" * 100}
    image = kinds(16, 16, 3)["soft"]
    encoded = encode(image, texts, **extra)
    inside = dict(JpegEncoder().decode(bytes(encoded.data), max_pixels=256).metadata)
    assert inside | encoded.leftover == texts
    assert ("workflow" in inside) == (over <= 0)
    assert ("prompt" in inside) == (over > 0)


# --- statements about the picture ------------------------------------------------------------------------------------

TAGS = {"artist": "Zo\u00eb", "copyright": "CC0 & more", "digital_source_type": "trainedAlgorithmicMedia"}
RDF = b"http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def exiftool(data: Any, folder: Path) -> dict[str, Any]:
    (folder / "picture.jpg").write_bytes(bytes(data))
    command = [needs_program("exiftool", "apt-get install libimage-exiftool-perl"), "-j", "-n", "-G1"]
    done = subprocess.run([*command, str(folder / "picture.jpg")], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


@pytest.mark.parametrize("options", [{}, {"progressive": True, "optimize": True}])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_exiftool_reads_tags_density_and_profile(channels: int, options: dict[str, Any], tmp_path: Path) -> None:
    image = kinds(48, 64, channels)["soft"]
    info = FrameInfo(index=0, color=COLOR_SPACES["display-p3"], dpi=299.5, tags=TAGS)
    encoded = encode(image, {"workflow": "{}"}, info, **options)
    assert not encoded.warnings
    found = exiftool(encoded.data, tmp_path)
    assert found["IFD0:Make"] == "workflow:{}"
    assert (found["JFIF:XResolution"], found["JFIF:YResolution"], found["JFIF:ResolutionUnit"]) == (300, 300, 1)
    assert (found["IFD0:XResolution"], found["IFD0:YResolution"], found["IFD0:ResolutionUnit"]) == (299.5, 299.5, 2)
    assert found["XMP-dc:Creator"] == TAGS["artist"]
    assert found["XMP-dc:Rights"] == TAGS["copyright"]
    assert found["XMP-iptcExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert found["ICC_Profile:ProfileDescription"] == "display-p3"
    assert found["ICC-header:ColorSpaceData"].strip() == ("GRAY" if channels < 3 else "RGB")
    assert found["File:ColorComponents"] == (1 if channels < 3 else 3)
    assert not [name for name in found if name.endswith(("Warning", "Error"))]
    assert np.array_equal(opened(encoded.data), opened(encode(image, **options).data))
    assert JpegEncoder().decode(bytes(encoded.data), max_pixels=48 * 64).metadata == {"workflow": "{}"}


@pytest.mark.parametrize("color", COLOR_SPACES)
def test_a_space_is_a_profile_or_a_warning(color: str) -> None:
    encoded = encode(NOISE, info=FrameInfo(index=0, color=COLOR_SPACES[color]))
    hdr = color in ("rec2100-pq", "rec2100-hlg")
    warning = (f"JPEG: the file does not state the colour space {color}, because an ICC profile cannot",)
    assert encoded.warnings == (warning if hdr else ())
    assert ("icc_profile" in opened(encoded.data).info) == (not hdr)


@pytest.mark.parametrize(("dpi", "stated"), [(0.01, 1), (72.4, 72), (1e6, 65_535)])
def test_density_in_jfif_is_as_near_as_it_can_be(dpi: float, stated: int) -> None:
    assert opened(encode(NOISE, info=FrameInfo(index=0, dpi=dpi)).data).info["jfif_density"] == (stated, stated)


def test_texts_at_the_limit_leave_room_for_the_density() -> None:
    overhead = len(exif.pack({"workflow": ""}, dpi=72)[0])
    info = FrameInfo(index=0, dpi=72, tags={"description": "&" * 2000, "artist": "&" * 2000})
    for over in (0, 1, 2):
        texts = {"workflow": "w" * (exif.JPEG_LIMIT - overhead + over - 1)}
        encoded = encode(NOISE, texts, info)
        assert JpegEncoder().decode(bytes(encoded.data), max_pixels=NOISE.size).metadata | encoded.leftover == texts
    assert encoded.leftover


def test_statements_longer_than_a_segment_are_left_out_with_a_warning() -> None:
    def stated(size: int) -> ImageInfo:
        block = Image.Exif()
        block[0x010F] = "x" * size
        held = packet({"artist": "A"}).replace(
            b"<rdf:Description ", b'<rdf:Description xmlns:q="q:" q:a="%s" ' % (b"x" * size)
        )
        return ImageInfo(exif=block.tobytes().removeprefix(b"Exif\0\0"), xmp=held, texts={"comment": "x" * size})

    def seen(size: int) -> tuple[set[str], int]:
        info = FrameInfo(index=0, dpi=300, tags={"artist": "B"}, image=stated(size))
        found = encode(NOISE, {"workflow": "{}"}, info)
        read = JpegEncoder().decode(bytes(found.data), max_pixels=120_000)
        assert read.metadata["workflow"] == "{}"
        assert (read.info.dpi, read.info.tags) == (300, {"artist": "B"})
        assert sum("of a JPEG file holds" in text for text in found.warnings) == len(found.warnings)
        return set(read.info.stated) & {"exif", "xmp", "texts"}, len(found.warnings)

    assert seen(60_000) == ({"exif", "xmp", "texts"}, 0)
    assert seen(70_000) == (set(), 3)
    for size in range(64_500, 65_600, 61):  # whatever the last byte is, the file is written
        kept, lost = seen(size)
        assert len(kept) + lost == 3


# --- reading --------------------------------------------------------------------------------------------------------


def test_files_of_others() -> None:
    cv2 = needs_package("cv2")
    soft = kinds(60, 70, 3)["soft"]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(soft[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 98])
    assert done
    assert psnr(JpegEncoder().decode(data.tobytes(), max_pixels=4200).array, soft) > 35
    file = io.BytesIO()
    Image.fromarray(soft).convert("CMYK").save(file, "JPEG", quality=98)
    array = JpegEncoder().decode(file.getvalue(), max_pixels=4200).array
    assert array.shape == (60, 70, 3)
    array[0, 0] = 1


def test_a_profile_of_cmyk_is_named_when_it_is_lost_and_iptc_is_kept(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    picture = Image.new("CMYK", (6, 4))
    picture.save(file, "JPEG", icc_profile=profile[:16] + b"CMYK" + profile[20:])
    iptc = b"\x1c\x02\x78\0\5hello"
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(iptc).to_bytes(4, "big") + iptc
    segment = b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block
    (tmp_path / "a_0001.jpg").write_bytes(b"\xff\xd8" + segment + file.getvalue()[2:])

    with pytest.warns(SeqSaveWarning, match="do not hold it: .*") as caught:
        seqsave.save(seqsave.open_sequence(tmp_path), tmp_path / "out", filetype="png")

    lost = [str(one.message).partition("do not hold it: ")[2] for one in caught]
    assert lost == ["attributes ICC profile of CMYK"]
    assert seqsave.open_sequence(tmp_path / "out")[0].decode().info.iptc == iptc
    assert seqsave.open_sequence(tmp_path)[0].decode().info.icc is None


def test_iptc_is_kept_from_file_to_file(tmp_path: Path) -> None:
    file = io.BytesIO()
    records = b"\x1c\x02\x78\0\5hello"
    Image.new("RGB", (6, 4)).save(file, "JPEG", extra=jpeg_segment(records))
    (tmp_path / "a_0001.jpg").write_bytes(file.getvalue())
    seqsave.save(seqsave.open_sequence(tmp_path), tmp_path / "out", filetype="jpg", options={"quality": 90})
    data = seqsave.open_sequence(tmp_path / "out")[0].read_bytes()
    with Image.open(io.BytesIO(data)) as picture:
        assert getiptcinfo(picture) == {(2, 120): b"hello"}

    info = FrameInfo(index=0, image=ImageInfo(iptc=records * 9000))
    warnings = encode(NOISE, info=info).warnings
    assert warnings == ("left out, as a part of a JPEG file holds 65533 bytes at most: IPTC data",)


def test_inks_become_srgb_by_their_profile() -> None:
    file = io.BytesIO()
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(file, "JPEG", icc_profile=cmyk_profile(), quality=100)
    found = JpegEncoder().decode(file.getvalue(), max_pixels=256)
    assert np.abs(found.array.astype(int) - CYAN_AS_SRGB).max() <= 2
    assert (found.info.color, found.info.attributes) == (COLOR_SPACES["srgb"], {})


def test_pixels_beyond_the_limit_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(encode(NOISE).data)
    with pytest.raises(DecodeError, match="400 x 300 pixels, more than the allowed 119999"):
        JpegEncoder().decode(data, max_pixels=119_999)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow's own limit is not ours
    assert JpegEncoder().decode(data, max_pixels=120_000).array.shape == (300, 400, 3)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", bytes(encode(NOISE).data)[:-5000], b"rubbish" * 100]
)
def test_files_that_are_not_sound(data: bytes) -> None:
    with pytest.raises(DecodeError, match="this JPEG is damaged, or is not a JPEG"):
        JpegEncoder().decode(data, max_pixels=10**6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 255), st.binary(max_size=8))
def test_damage_is_a_decode_error_or_nothing(place: int, value: int, inserted: bytes) -> None:
    data = bytearray(encode(kinds(16, 16, 3)["cartoon"], {"prompt": "{}"}).data)
    data[place % len(data)] = value
    data[place % 97 : place % 97] = inserted
    with contextlib.suppress(DecodeError):
        JpegEncoder().decode(bytes(data), max_pixels=10**6)


@pytest.mark.parametrize(("width", "height"), [(4000, 5), (4000, 1), (16, 4000), (1, 1)])
def test_thin_pictures_are_reduced(width: int, height: int) -> None:
    data = bytes(encode(np.zeros((height, width, 3), np.uint8)).data)
    decoded = JpegEncoder().decode_reduced(data, max_pixels=1 << 24, least_width=lambda _: min(160, width))
    assert decoded.array.shape[1] >= min(160, width)
    assert decoded.array.shape[1] <= width
    assert decoded.array.shape[0] >= 1


def test_a_bomb_of_scans_is_refused_before_it_is_decoded() -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    bomb = data[:last] + data[last:-2] * 1001 + data[-2:]
    with pytest.raises(DecodeError, match="more than the allowed 1000 scans"):
        JpegEncoder().decode(bomb, max_pixels=10**9)
    assert JpegEncoder().decode(data, max_pixels=10**9).array.shape == (64, 64, 3)


@pytest.mark.parametrize("name", ["artist", "copyright", "description", "software"])
@pytest.mark.parametrize("further", [False, True])
def test_a_tag_that_is_longer_than_a_segment_is_named(name: str, further: bool, tmp_path: Path) -> None:
    """As a source has it whose format has no such limit; the frame is saved with its other tags."""
    others = packet({}, b'<r:RDF xmlns:r="%s"><r:Description xmlns:a="b:" a:c="d"/></r:RDF>' % RDF) if further else None
    info = ImageInfo(tags={"artist": "Ann", "copyright": "CC0", name: "&" * 20_000}, xmp=others)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with seqsave.open_writer(tmp_path, filetype="jpg", tags={"digital_source_type": "print"}) as writer:
            for _ in range(2):
                writer.write(NOISE, info=info)
    (message,) = [str(one.message) for one in caught]
    assert message.endswith(f"left out, as a part of a JPEG file holds 65533 bytes at most: tag {name}")
    found = seqsave.open_sequence(tmp_path)[1].decode().info
    kept = {"artist": "Ann", "copyright": "CC0", "digital_source_type": "print"}
    assert found.tags == {one: text for one, text in kept.items() if one != name}
    assert (found.xmp is not None) == further


def test_tags_that_together_are_longer_than_a_segment() -> None:
    tags = {"artist": "a" * 30_000, "copyright": "c" * 40_000, "software": "s"}
    encoded = encode(NOISE, info=FrameInfo(index=0, tags=tags, image=ImageInfo(tags=tags)))
    assert encoded.warnings == ("left out, as a part of a JPEG file holds 65533 bytes at most: tag copyright",)
    assert tags["artist"].encode() in bytes(encoded.data)


def test_the_room_for_a_large_header_only_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's setting is one of the whole process: a thread that needs less takes back nothing from another one."""

    class Setting:
        def __init__(self) -> None:
            self.value = 65536
            self.second = threading.Event()
            self.readers = 0

        @property
        def MAXBLOCK(self) -> int:
            value = self.value
            self.readers += 1
            if self.readers == 1:
                self.second.wait(1)  # for a thread that changes it at the same time, if one can
            return value

        @MAXBLOCK.setter
        def MAXBLOCK(self, value: int) -> None:
            self.value = value
            self.second.set()

    setting = Setting()
    monkeypatch.setattr(jpeg, "ImageFile", setting)
    small = threading.Thread(target=jpeg._make_room, args=(100_000, None))
    small.start()
    wait_until(lambda: setting.readers == 1)
    jpeg._make_room(200_000, None)
    small.join(PATIENCE)
    assert setting.value > 200_000
