"""The conformance kit over WebP, what only WebP has, and files seen by programs that we did not write."""

from __future__ import annotations

import base64
import importlib.metadata
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps, ImageSequence
from seqsave_webp import AVIF, WEBP
from seqsave_webp.codec import MAX_SIDE, WebpEncoder

import seqsave
from seqsave.pictures.color import COLOR_SPACES
from seqsave.sequences.header import picture_of
from seqsave.testing import EncoderSuite, outside

DEBIAN = "apt-get install webp"


def opencv(data: bytes) -> Any:
    cv2 = outside.package("cv2", "pip install opencv-python-headless")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return picture[..., [2, 1, 0, 3][: picture.shape[2]]]


def dwebp(data: bytes) -> Any:
    """The reference decoder. Its PAM files always have alpha."""
    command = [outside.program("dwebp", DEBIAN), "-quiet", "-pam", "-o", "-", "--", "-"]
    pam = subprocess.run(command, input=data, capture_output=True, check=True).stdout
    header, _, pixels = pam.partition(b"ENDHDR\n")
    fields = dict(line.split(" ", 1) for line in header.decode().splitlines()[1:])
    picture = np.frombuffer(pixels, np.uint8).reshape(int(fields["HEIGHT"]), int(fields["WIDTH"]), 4)
    return picture[..., :3] if (picture[..., 3] == 255).all() else picture


class TestWebp(EncoderSuite):
    spec = WEBP
    lossless_options = {"lossless": True}
    decoders = {"OpenCV": opencv, "dwebp": dwebp}


def picture(height: int = 33, width: int = 65, channels: int = 3, seed: int = 0) -> Any:
    """Soft noise: something to compress."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, channels), np.uint8)
    return np.ascontiguousarray(coarse.repeat(8, 0).repeat(8, 1)[:height, :width])


def encode(image: Any, metadata: dict[str, str] | None = None, **options: Any) -> bytes:
    return bytes(encoded(image, metadata, **options).data)


def encoded(
    image: Any,
    metadata: dict[str, str] | None = None,
    color: str | None = None,
    tags: Any = None,
    dpi: float | None = None,
    **options: Any,
) -> seqsave.Encoded:
    checked = {name: option.default for name, option in WEBP.options.items()} | options
    space = None if color is None else COLOR_SPACES[color]
    info = seqsave.FrameInfo(index=17, name="frame_00017.webp", color=space, tags=tags or {}, dpi=dpi)
    return WebpEncoder().encode(image, metadata=metadata or {}, options=checked, info=info)


def decode(data: bytes, max_pixels: int = 1 << 24) -> seqsave.Decoded:
    return WebpEncoder().decode(data, max_pixels=max_pixels)


def webpinfo(data: bytes, folder: Path) -> str:
    file = folder / "picture.webp"
    file.write_bytes(data)
    done = subprocess.run([outside.program("webpinfo", DEBIAN), str(file)], capture_output=True, text=True, check=True)
    assert "No error detected." in done.stdout
    return done.stdout


@pytest.mark.parametrize(("lossless", "kind"), [(False, "Lossy (1)"), (True, "Lossless (2)")])
@pytest.mark.parametrize("channels", [3, 4])
def test_webpinfo_finds_no_error(tmp_path: Path, lossless: bool, kind: str, channels: int) -> None:
    report = webpinfo(encode(picture(channels=channels), {"workflow": "{}"}, lossless=lossless), tmp_path)
    assert f"Format: {kind}" in report
    assert "EXIF: 1" in report
    assert "Canvas size 65 x 33" in report
    assert f"Alpha: {int(channels == 4)}" in report


def test_without_metadata_there_is_no_exif(tmp_path: Path) -> None:
    assert "EXIF" not in webpinfo(encode(picture()), tmp_path)


def test_metadata_lies_where_the_front_end_looks() -> None:
    """ComfyUI: Exif IFD0, ASCII; Model (0x0110) is ``prompt:...``, Make (0x010F) ``workflow:...``."""
    texts = {"prompt": '{"3": {}}', "workflow": json.dumps({"text": "\u00e9 \U0001f3ac"}), "seed": "7"}
    tags = Image.open(io.BytesIO(encode(picture(), texts))).getexif()
    assert tags[0x0110] == f"prompt:{texts['prompt']}"
    assert tags[0x010F] == f"workflow:{texts['workflow']}"
    assert tags[0x010E] == "seed:7"


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("channels", [3, 4])
def test_exiftool_reads_workflow_tags_density_and_profile(tmp_path: Path, lossless: bool, channels: int) -> None:
    texts = {"prompt": '{"3": {}}', "workflow": json.dumps({"text": "\u00e9 \U0001f3ac"})}
    tags = {"artist": "Zo\u00eb", "digital_source_type": "trainedAlgorithmicMedia"}
    made = encode(picture(channels=channels), texts, color="display-p3", tags=tags, dpi=299.5, lossless=lossless)
    assert "ICCP: 1" in webpinfo(made, tmp_path)
    program = outside.program("exiftool", "apt-get install libimage-exiftool-perl")
    command = [program, "-j", "-n", "-G1", str(tmp_path / "picture.webp")]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]
    assert found["IFD0:Model"] == f"prompt:{texts['prompt']}"
    assert found["IFD0:Make"] == f"workflow:{texts['workflow']}"
    assert (found["IFD0:XResolution"], found["IFD0:YResolution"]) == (299.5, 299.5)
    assert found["XMP-dc:Creator"] == "Zo\u00eb"
    assert found["XMP-iptcExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert found["ICC_Profile:ProfileDescription"] == "display-p3"
    assert decode(made).metadata == texts
    assert (decode(made).array == decode(encode(picture(channels=channels), lossless=lossless)).array).all()


@pytest.mark.parametrize("color", [None, *COLOR_SPACES])
def test_a_space_that_no_profile_states_is_reported(tmp_path: Path, color: str | None) -> None:
    made = encoded(picture(), color=color)
    hdr = color in ("rec2100-pq", "rec2100-hlg")
    warning = (f"WebP: the file does not state the colour space {color}, because an ICC profile cannot",)
    assert made.warnings == (warning if hdr else ())
    assert ("ICCP" in webpinfo(bytes(made.data), tmp_path)) == (color is not None and not hdr)


@pytest.mark.parametrize("size", [(MAX_SIDE, 1), (1, MAX_SIDE)])
def test_the_longest_side(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    assert decode(encode(image)).array.shape == image.shape


@pytest.mark.parametrize(("height", "width"), [(MAX_SIDE + 1, 1), (1, MAX_SIDE + 1)])
def test_a_side_that_is_too_long(height: int, width: int) -> None:
    with pytest.raises(seqsave.ImageError) as raised:
        encode(np.zeros((height, width, 3), np.uint8))
    assert str(raised.value) == (
        f"frame_00017.webp is {width}x{height} pixels: a WebP side has at most 16383; scale it, or save it as png"
    )


def test_quality_method_and_lossless_do_what_they_say() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = [len(encode(noise, quality=quality)) for quality in (0, 50, 100)]
    assert sizes == sorted(set(sizes))
    assert len({encode(noise, method=method) for method in (0, 6)}) == 2
    assert (decode(encode(noise, lossless=True)).array == noise).all()
    assert (decode(encode(noise, quality=100)).array != noise).any()


def test_exact_keeps_the_colours_of_invisible_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 4), np.uint8)
    image[..., 3] |= 1
    image[:16, :, 3] = 0
    kept = decode(encode(image, lossless=True)).array
    freed = decode(encode(image, lossless=True, exact=False)).array
    assert (kept == image).all()
    assert (freed[..., 3] == image[..., 3]).all()
    assert (freed[16:] == image[16:]).all()
    assert (freed[:16] != image[:16]).any()


def test_alpha_quality() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)
    assert (decode(encode(image)).array[..., 3] == image[..., 3]).all()
    assert (decode(encode(image, alpha_quality=0)).array[..., 3] != image[..., 3]).any()


def test_alpha_that_is_full_everywhere_is_not_stored() -> None:
    image = picture(channels=4)
    image[..., 3] = 255
    got = decode(encode(image, lossless=True)).array
    assert got.shape[2] == 3
    assert (got == image[..., :3]).all()


def test_what_libwebp_refuses_is_an_encode_error() -> None:
    with pytest.raises(seqsave.EncodeError, match="libwebp cannot encode this picture of 65x33 pixels"):
        encode(picture(), quality=1000)


def test_files_of_another_writer(tmp_path: Path) -> None:
    """From cwebp: lossy, lossless, with alpha, and the smallest there are."""
    program = outside.program("cwebp", DEBIAN)
    for name, image in {"rgb": picture(), "rgba": picture(channels=4), "dot": picture(1, 1)}.items():
        source, made = tmp_path / f"{name}.png", tmp_path / f"{name}.webp"
        Image.fromarray(image).save(source)
        subprocess.run([program, "-quiet", "-lossless", "-exact", source, "-o", made], check=True)
        assert (decode(made.read_bytes()).array == image).all()
        subprocess.run([program, "-quiet", source, "-o", made], check=True)
        assert decode(made.read_bytes()).array.shape == image.shape


def test_an_animation_is_no_picture() -> None:
    file = io.BytesIO()
    frames = [Image.fromarray(picture(seed=seed)) for seed in range(3)]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    assert len(list(ImageSequence.Iterator(Image.open(file)))) == 3
    with pytest.raises(seqsave.DecodeError, match="a WebP animation of 3 pictures: only still pictures are read"):
        decode(file.getvalue())


@pytest.mark.parametrize("options", [{}, {"lossless": True}])
@pytest.mark.parametrize("metadata", [{}, {"workflow": "{}"}])
def test_a_large_picture_is_refused_before_it_is_decoded(options: dict[str, Any], metadata: dict[str, str]) -> None:
    """All three kinds of file; only the first bytes are there, so nothing else can have been read."""
    data = encode(np.zeros((400, 300, 3), np.uint8), metadata, **options)
    with pytest.raises(seqsave.DecodeError, match="300x400 pixels: at most 119999 are allowed"):
        decode(data[:30], max_pixels=119_999)


def test_a_file_shorter_than_the_longest_header() -> None:
    """26 bytes: nothing but the header of a lossless picture, and one byte."""
    data = base64.b64decode("UklGRhIAAABXRUJQVlA4TAYAAAAvQWxvAGs=")
    with pytest.raises(seqsave.DecodeError, match="11330x446 pixels: at most 9 are allowed"):
        decode(data, max_pixels=9)


def test_an_exif_block_that_is_damaged_harms_no_pixels() -> None:
    data = bytearray(encode(picture(), {"workflow": "{}"}, lossless=True))
    place = data.index(b"II*\0")
    data[place : place + 12] = b"\xff" * 12
    decoded = decode(bytes(data))
    assert (decoded.array == picture()).all()
    assert decoded.metadata == {}


# --- as a plugin -----------------------------------------------------------------------------------------------------


def installed() -> None:
    try:
        importlib.metadata.distribution("seqsave-webp")
    except importlib.metadata.PackageNotFoundError:
        outside.missing("this plugin to be installed", "pip install .")


def test_seqsave_finds_the_plugin() -> None:
    installed()
    assert {"webp", "webp with embedded workflow"} <= set(seqsave.filetypes())
    origins = {row.filetype: row.origin for row in seqsave.describe_filetypes()}
    assert origins["webp"] == "seqsave-webp"


@pytest.mark.parametrize("url", ["memory://renders/webp", "folder"])
def test_a_sequence_there_and_back(tmp_path: Path, url: str) -> None:
    installed()
    target = str(tmp_path / url) if url == "folder" else url
    frames = np.stack([picture(seed=seed) for seed in range(3)])
    workflow = {"nodes": [], "note": "\u00e9 \U0001f3ac"}
    result = seqsave.save(
        frames,
        target,
        filetype="webp with embedded workflow",
        options={"lossless": True},
        metadata={"workflow": workflow},
    )
    assert result.urls[0].endswith("/frame_00000.webp")
    sequence = seqsave.open_sequence(target)
    assert sequence.indices == (0, 1, 2)
    assert (np.stack([frame.read() for frame in sequence]) == frames).all()
    assert sequence[0].read_metadata() == {"workflow": workflow}
    grey = seqsave.save(frames[..., :1], target, prefix="grey", filetype="webp", options={"lossless": True})
    assert grey.counts["saved"] == 3
    assert (seqsave.open_sequence(target, prefix="grey")[0].read() == frames[0, ..., :1]).all()


def test_the_command_knows_it() -> None:
    installed()
    command = [sys.executable, "-m", "seqsave", "filetypes", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "seqsave-webp" in done.stdout
    assert "alpha_quality" in done.stdout


# --- README ----------------------------------------------------------------------------------------------------------

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed()
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec", dont_inherit=True), {})  # noqa: S102 - our own page
    assert seqsave.open_sequence("renders/shot020").indices == (0, 1, 2)


def test_the_table_of_options_is_complete() -> None:
    tables = README.split("## AVIF")
    for spec, text in zip((WEBP, AVIF), tables, strict=True):
        table = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", text, re.MULTILINE))
        assert list(table) == list(spec.options)
        for name, option in spec.options.items():
            default = str(option.default).lower()
            stated = f"default {default}" in table[name] or f"{default} (default)" in table[name]
            assert stated or option.default is None


@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
def test_a_sequence_is_read_upright(tmp_path: Path, orientation: int | None) -> None:
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    path = tmp_path / "frame_00000.webp"
    Image.fromarray(picture()).save(path, exif=exif.tobytes(), lossless=True, exact=True)
    (frame,) = seqsave.open_sequence(tmp_path)
    np.testing.assert_array_equal(frame.read(), np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB")))


# --- the header alone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [1, 6])
@pytest.mark.parametrize("settings", [{}, {"lossless": True}, {"icc_profile": b"any"}])
@pytest.mark.parametrize("channels", [3, 4])
def test_seqsave_reads_from_the_header_what_is_decoded(channels: int, settings: dict[str, Any], turn: int) -> None:
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = turn
    Image.fromarray(picture(channels=channels)).save(buffer, "WEBP", exif=exif if turn > 1 else b"", **settings)
    found = picture_of(buffer.getvalue())
    with Image.open(buffer) as opened:
        array = np.array(ImageOps.exif_transpose(opened))
    assert found is not None
    assert ((found.height, found.width, found.channels), found.dtype) == (array.shape, array.dtype)


def test_a_damaged_profile_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(2):
        Image.new("RGB", (6, 4)).save(tmp_path / "in" / f"a_{number}.webp", icc_profile=b"x" * 200)
    with pytest.warns(seqsave.SeqSaveWarning) as caught:
        seqsave.save(seqsave.open_sequence(tmp_path / "in"), tmp_path / "out", filetype="png")
    assert [str(one.message).partition(": ")[2] for one in caught] == ["left out, as it is damaged: ICC profile"]
