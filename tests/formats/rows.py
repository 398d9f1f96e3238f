"""One row of the table: files of one kind, saved as users save them, and the results of other programs."""

from __future__ import annotations

import io
import json
import math
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import seqsave
from seqsave.testing import outside
from tests.formats.readers import Unread, exiftool, readers_of, report

__all__ = ["KINDS", "Kind", "Row", "measure"]

HEIGHT, WIDTH, FRAMES = 48, 64, 3
# Object ids and other numbers that are no colours, which the plugins' own tests compare.
NUMBERS = ("uint32", "int16", "int32")
CANARY = "workflow-canary"
TERM = "trainedAlgorithmicMedia"
PLUGINS = {"exr": "exr", "tiff": "tiff", "jxl": "jxl", "webp": "webp", "avif": "webp"}


@dataclass(frozen=True)
class Kind:
    """Files of one type with certain options.

    options:  by dtype, or for all under "". bits: of values, where a file keeps fewer than the dtype has.
    finite:   dtypes whose infinities and NaN no other program reads.
    """

    filetype: str
    setting: str = ""
    lossless: bool = True
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    bits: Mapping[str, int] = field(default_factory=dict)
    finite: tuple[str, ...] = ()

    def options_for(self, dtype: str) -> dict[str, Any]:
        return dict(self.options.get(dtype, self.options.get("", {})))


KINDS = (
    Kind("png"),
    Kind("jpg", lossless=False),
    Kind("exr"),
    Kind("exr", "compression=dwaa", lossless=False, options={"": {"compression": "dwaa"}}),
    Kind("tiff"),
    # libjxl takes a half's NaN and infinities for the numbers beyond 65504 that their bits would be.
    Kind("jxl", "lossless=true", options={"": {"lossless": True}}, finite=("float16",)),
    Kind("jxl", lossless=False),
    Kind("webp", "lossless=true", options={"": {"lossless": True}}),
    Kind("webp", lossless=False),
    Kind(
        "avif",
        "lossless=true, depth=12",
        options={"uint8": {"lossless": True}, "uint16": {"lossless": True, "depth": 12}},
        bits={"uint16": 12},
    ),
    Kind("avif", lossless=False),
)


@dataclass(frozen=True)
class Row:
    """The results. Every text is one cell of the table."""

    filetype: str
    setting: str
    values: str
    channels: str
    pixels: str
    workflow: str
    colour: str
    stated: str
    pattern: str
    by: str


def measure(kind: Kind, folder: Path) -> Row:
    """Save and read. Raises AssertionError if other programs read different pixels or texts."""
    spec = _spec(kind.filetype)
    counts = dict.fromkeys((*spec.channels[:5], spec.channels[-1]))
    seen = _Seen()
    dtypes = [name for name in spec.dtypes if name not in NUMBERS]
    for dtype in dtypes:
        for channels in counts:
            _compare(kind, dtype, channels, folder / f"{dtype}-{channels}", seen)
    data = _tagged(kind, spec, folder / "tagged")
    return Row(
        filetype=kind.filetype,
        setting=kind.setting,
        values=", ".join(f"{name} ({kind.bits[name]} bits)" if name in kind.bits else name for name in dtypes),
        channels=_channels(sorted(seen.kept), len(spec.channels)),
        pixels="exactly" if kind.lossless else f"{10 * math.floor(seen.psnr / 10)} dB or more",
        workflow=_workflow(kind.filetype, data),
        colour=_colour(kind.filetype, data, folder),
        stated=_stated(kind.filetype, data),
        by=", ".join(sorted(seen.readers | _tools(kind.filetype), key=str.lower)),
        pattern="yes" if _by_pattern(kind.filetype, folder / f"{spec.dtypes[0]}-3") else "no",
    )


def _spec(filetype: str) -> seqsave.EncoderSpec:
    known = {info.filetype: info.spec for info in seqsave.describe_filetypes()}
    if filetype not in known:
        outside.missing(f"the filetype {filetype}", f"pip install ./plugins/seqsave-{PLUGINS.get(filetype)}")
    return known[filetype]


# --- pixels ----------------------------------------------------------------------------------------------------------


@dataclass
class _Seen:
    kept: set[int] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)
    psnr: float = math.inf


def _compare(kind: Kind, dtype: str, channels: int, folder: Path, seen: _Seen) -> None:
    """Compare each frame with each reader that supports such pictures; there must be one."""
    frames = _pictures(kind, dtype, channels)
    saved = seqsave.save(frames, folder, filetype=kind.filetype, options=kind.options_for(dtype))
    assert [Path(url).name for url in saved.urls] == [f"frame_{n:05d}.{kind.filetype}" for n in range(FRAMES)]
    if kind.filetype == "png":
        report("pngcheck", "-q", "{}", data=Path(saved.urls[1]).read_bytes(), suffix=".png")
    looked = 0
    for name, found in _read(kind.filetype, Path(saved.urls[1]).read_bytes(), channels):
        looked += 1
        where = f"{kind.filetype} {kind.setting}, {dtype}, {channels} channels, {name}"
        given = frames[1][..., : found.shape[2]]
        if kind.lossless:
            assert _as_stored(found, kind, dtype).tobytes() == _as_stored(given, kind, dtype).tobytes(), where
        else:
            psnr = _psnr(given, found)
            assert psnr > 30, f"{where}: {psnr}"
            seen.psnr = min(seen.psnr, psnr)
        if found.shape[2] == channels:
            seen.kept.add(channels)
        seen.readers.add(name)
    assert looked, f"no program reads {kind.filetype} of {dtype} with {channels} channels"


def _read(extension: str, data: bytes, channels: int) -> Iterator[tuple[str, Any]]:
    for name, reader in readers_of(extension).items():
        try:
            array = reader(data)
        except Unread:
            continue
        array = array.reshape(HEIGHT, WIDTH, -1)
        if name == "FFmpeg" and array.shape[2] != channels:
            continue  # it leaves channels out that it has no name for
        yield name, _without_copies(array, channels)


def _without_copies(array: Any, channels: int) -> Any:
    """Return one channel of grey, which some readers return as three."""
    if channels > 2 or array.shape[2] < 3:
        return array
    assert (array[..., 0] == array[..., 1]).all()
    assert (array[..., 0] == array[..., 2]).all()
    return np.ascontiguousarray(array[..., [0, 3][: array.shape[2] - 2]])


def _pictures(kind: Kind, dtype: str, channels: int) -> Any:
    """Return pictures T,H,W,C: noise if every bit counts, with infinities and NaN in floats; otherwise soft waves."""
    shape = (FRAMES, HEIGHT, WIDTH, channels)
    random = np.random.default_rng(7)
    if not kind.lossless:
        t, y, x, c = np.ogrid[:FRAMES, :HEIGHT, :WIDTH, :channels]
        waves = 0.5 + 0.4 * np.sin(x / 19 + c + t) * np.cos(y / 31 - c)
        return waves.astype(dtype) if dtype.startswith("float") else (waves * np.iinfo(dtype).max).astype(dtype)
    if dtype.startswith("float"):
        values = random.normal(0.5, 20, shape).astype(dtype)
        values[:, 0, :3, 0] = (-0.0, np.finfo(dtype).max, np.finfo(dtype).tiny)
        if dtype not in kind.finite:
            values[:, 1, :3, 0] = (np.nan, np.inf, -np.inf)
        return values
    top = np.iinfo(dtype).max
    if dtype in kind.bits:
        steps = 2 ** kind.bits[dtype] - 1
        return np.rint(random.integers(0, steps, shape, endpoint=True) * (top / steps)).astype(dtype)
    return random.integers(0, top, shape, dtype=dtype, endpoint=True)


def _as_stored(array: Any, kind: Kind, dtype: str) -> Any:
    """Return the values as stored in the file: of fewer bits than the dtype has, or read into a wider one."""
    if dtype not in kind.bits:
        assert array.dtype.kind == np.dtype(dtype).kind
        assert array.dtype.itemsize >= np.dtype(dtype).itemsize
        return array.astype(np.float32) if array.dtype.kind == "f" else array
    top = 2 ** kind.bits[dtype] - 1
    return np.rint(array.astype(float) * (top / 65535)).astype(np.uint16)  # exact for both ways to make 16 bits of it


def _psnr(given: Any, found: Any) -> float:
    scale = [1.0 if array.dtype.kind == "f" else np.iinfo(array.dtype).max for array in (given, found)]
    error = float(np.mean((given.astype(float) / scale[0] - found.astype(float) / scale[1]) ** 2))
    return math.inf if error == 0 else -10 * math.log10(error)


def _channels(kept: list[int], declared: int) -> str:
    return f"1 to {declared}" if declared > 4 else ", ".join(map(str, kept))


# --- what the files state --------------------------------------------------------------------------------------------


def _tagged(kind: Kind, spec: seqsave.EncoderSpec, folder: Path, color: str = "display-p3") -> bytes:
    dtype = spec.dtypes[0]
    saved = seqsave.save(
        _pictures(kind, dtype, 3)[:1],
        folder,
        filetype=f"{kind.filetype} with embedded workflow",
        options=kind.options_for(dtype),
        metadata={"workflow": {"nodes": [CANARY]}},
        color=color,
        dpi=300,
        tags={"artist": "Ada", "digital_source_type": TERM},
    )
    return Path(saved.urls[0]).read_bytes()


def _workflow(extension: str, data: bytes) -> str:
    """Return the name under which exiftool finds the workflow."""
    names = [name for name, value in exiftool(data, f".{extension}").items() if CANARY in str(value)]
    assert names, f"exiftool finds no workflow in {extension}"
    return " ".join(names)


def _colour(extension: str, data: bytes, folder: Path) -> str:
    """Return how the file states Display P3, as other programs read it."""
    suffix = f".{extension}"
    if extension == "png":
        srgb, pq = (_tagged(Kind("png"), _spec("png"), folder / name, name) for name in ("srgb", "rec2100-pq"))
        stated = {"cICP"} if _transfer(pq) == 16 else set()  # which nothing else in a PNG can say
        tags = {name.rpartition(":")[2] for name in exiftool(data, suffix) | exiftool(srgb, suffix)}
        stated |= {chunk for chunk, tag in _EXIFTOOL_CHUNKS.items() if tag in tags}
        return ", ".join(sorted(stated))
    if extension == "exr":
        reported = report("exrheader", "{}", data=data, suffix=suffix)
        assert re.search(r"chromaticities .*:\s+red\s+\(0\.68 0\.32\)", reported), reported
        return "chromaticities"
    if extension == "jxl":
        reported = report("jxlinfo", "-v", "{}", data=data, suffix=suffix)
        assert re.search(r"P3|Custom.*0\.68", reported, re.DOTALL), reported
        return "enumerated"
    if extension == "avif":
        reported = report("avifdec", "--info", "{}", data=data, suffix=suffix)
        assert re.search(r"Color Primaries\s*: 12", reported), reported
        return "CICP"
    profile = [value for name, value in exiftool(data, suffix).items() if name.endswith(":ProfileDescription")]
    assert profile, f"no profile in {extension}"
    return "ICC profile"


_EXIFTOOL_CHUNKS = {"iCCP": "ProfileDescription", "sRGB": "SRGBRendering", "gAMA": "Gamma", "cHRM": "WhitePointX"}


def _transfer(data: bytes) -> int:
    """Of a PNG, by its number in ITU-T H.273, as FFmpeg reads it; pngcheck and exiftool do not know cICP yet."""
    av = outside.package("av", "pip install av")
    with av.open(io.BytesIO(data), format="png_pipe") as file:
        (frame,) = file.decode(video=0)
    return int(frame.color_trc)


def _stated(extension: str, data: bytes) -> str:
    tags = exiftool(data, f".{extension}")
    if extension == "exr":
        header = report("exrheader", "{}", data=data, suffix=".exr")
        has_density = bool(re.search(r"xDensity .*: 300", header))
    else:
        values = {name.rpartition(":")[2]: value for name, value in tags.items()}
        has_density = values.get("PixelsPerUnitX") == 11811 if extension == "png" else values.get("XResolution") == 300
    found = {"density": has_density, "artist": "Ada" in str(tags), "AI source": TERM in str(tags)}
    # exiftool has words of its own for IPTC's terms.
    found["AI source"] |= any("Trained Algorithmic" in str(value) for value in tags.values())
    return ", ".join(name for name, is_there in found.items() if is_there)


def _tools(extension: str) -> set[str]:
    """Return the programs that examined the file besides those that read its pixels."""
    more = {"png": "pngcheck", "exr": "exrheader", "tiff": "tiffinfo", "jxl": "jxlinfo", "avif": "avifdec"}
    return {"exiftool"} | ({more[extension]} if extension in more else set())


def _by_pattern(extension: str, folder: Path) -> bool:
    """Return whether FFmpeg reads the frames as a movie by their names' pattern: all of them, in their size."""
    command = [outside.program("ffprobe", "apt-get install ffmpeg"), "-v", "error", "-f", "image2", "-count_frames"]
    command += ["-show_entries", "stream=width,height,nb_read_frames", "-of", "json"]
    done = subprocess.run([*command, str(folder / f"frame_%05d.{extension}")], capture_output=True, check=False)
    streams = json.loads(done.stdout or "{}").get("streams", [])
    return streams == [{"width": WIDTH, "height": HEIGHT, "nb_read_frames": str(FRAMES)}]
