"""Random pictures and statements through each pair of formats: equal, converted as computed here, or in a warning."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

import seqsave
from seqsave.metadata import icc
from seqsave.metadata.text import load
from tests.support.environment import FULL
from tests.support.needs import needs_package

pytestmark = [pytest.mark.formats, pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")]

TARGETS = ("png", "jpg", "exr", "tiff", "jxl", "webp", "avif")
# An option that is not the default, so that files of the same format are encoded again, without loss where they can.
AGAIN: dict[str, dict[str, Any]] = {
    "png": {"compression": "balanced"},
    "jpg": {"quality": 99},
    "exr": {"compression": "zips"},
    "tiff": {"compression": "lzw"},
    "jxl": {"lossless": True, "effort": 1},
    "webp": {"lossless": True, "method": 0},
    "avif": {"speed": 10},
}
# Each example saves a few files, so every day has few of them; ``tox -e formats-full`` has more.
few = settings(max_examples=150 if FULL else 10)


@dataclass(frozen=True)
class Saved:
    """One frame after saving."""

    data: bytes
    decoded: seqsave.Decoded
    metadata: dict[str, Any]
    warnings: tuple[str, ...]

    def has_warning(self, *words: str) -> bool:
        """Whether exactly one warning has all these words."""
        return sum(all(word in text for word in words) for text in self.warnings) == 1


def saved_as(data: bytes, extension: str, filetype: str, **given: Any) -> Saved:
    """What becomes of a file."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "a")
        source.mkdir()
        (source / f"frame_00000.{extension}").write_bytes(data)
        return saved(seqsave.open_sequence(source), Path(folder, "b"), filetype, **given)


def saved(frames: Any, folder: Path, filetype: str, **given: Any) -> Saved:
    options = {**AGAIN[filetype], **given.pop("options", {})}
    result = seqsave.save(frames, folder, filetype=f"{filetype} with embedded workflow", options=options, **given)
    frame = seqsave.open_sequence(folder)[0]
    data = frame.read_bytes()
    return Saved(data, frame.decode(data), frame.read_metadata(), tuple(result.warnings))


# --- EXR: channels and windows ----------------------------------------------------------------------------------------

USUAL = ("R", "G", "B", "A")
SPELLINGS = {
    "R": ("R", "r", "red", "Red", "RED"),
    "G": ("G", "g", "green", "Green"),
    "B": ("B", "b", "blue", "BLUE"),
    "A": ("A", "a", "alpha", "Alpha"),
    "Y": ("Y", "y"),
}
DATA = ("Z", "depth.Z", "id", "N.X", "N.Z", "uv.U", "uv.V", "Forward.u", "zz top.é")
LAYERS = ("diffuse.R", "diffuse.G", "diffuse.B")
OPENEXR = partial(needs_package, "OpenEXR")


@dataclass(frozen=True)
class Window:
    """Inclusive corners of the pixels, and left, top, width and height of the whole picture."""

    origin: tuple[int, int]
    size: tuple[int, int]
    display: tuple[int, int, int, int]

    def pasted(self, array: Any) -> Any:
        """The whole picture, pixel by pixel."""
        left, top, width, height = self.display
        whole = np.zeros((height, width, array.shape[2]), array.dtype)
        for row in range(array.shape[0]):
            for column in range(array.shape[1]):
                y, x = row + self.origin[1] - top, column + self.origin[0] - left
                if 0 <= y < height and 0 <= x < width:
                    whole[y, x] = array[row, column]
        return whole

    @property
    def is_beyond(self) -> bool:
        ends = [a + b for a, b in zip(self.origin, self.size, strict=True)]
        left, top, width, height = self.display
        return self.origin[0] < left or self.origin[1] < top or ends[0] > left + width or ends[1] > top + height


places = st.integers(-9, 9)
sides = st.integers(1, 7)
offsets = st.integers(-4, 5) | st.sampled_from((-20, 20))  # the last ones have no pixel in common


@st.composite
def windows(draw: Any) -> Window:
    left, top = draw(places), draw(places)
    origin = left + draw(offsets), top + draw(offsets)
    return Window(origin, (draw(sides), draw(sides)), (left, top, draw(sides), draw(sides)))


# Those that must be among few examples, too.
SPELLED = (("red", "g", "Blue", "a"), ("Z", "diffuse.R"))
BEYOND = Window((-3, 1), (5, 4), (-2, -1, 6, 5))


@st.composite
def channel_sets(draw: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of colours as a file has them, in the usual order, and names of other channels."""
    usual = draw(st.sampled_from(("RGB", "RGBA", "RGBA", "Y", "YA")))
    colours = tuple(draw(st.sampled_from(SPELLINGS[name])) for name in usual)
    # The only layer with colours, where none are without a layer.
    layer = draw(st.sampled_from(("", "", "beauty.", "ViewLayer.Combined.")))
    others = draw(st.lists(st.sampled_from(DATA if layer else DATA + LAYERS), unique=True, max_size=7))
    colours = tuple(f"{layer}{name}" for name in colours)
    return colours, tuple(others)


def exr_file(planes: Mapping[str, Any], window: Window) -> bytes:
    """By OpenEXR's own library."""
    openexr = OPENEXR()
    left, top, width, height = window.display
    (x, y), (columns, rows) = window.origin, window.size
    corners = [(left, top), (left + width - 1, top + height - 1), (x, y), (x + columns - 1, y + rows - 1)]
    points = [np.array(corner, np.int32) for corner in corners]
    header = {"displayWindow": (points[0], points[1]), "dataWindow": (points[2], points[3])}
    file = BytesIO()
    openexr.File({**header, "type": openexr.scanlineimage}, dict(planes)).write(file)
    return file.getvalue()


def exr_planes(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the planes, by OpenEXR's own library."""
    with OPENEXR().File(BytesIO(data), separate_channels=True) as file:
        return dict(file.header()), {name: np.array(one.pixels) for name, one in file.channels().items()}


def planes_of(names: tuple[str, ...], window: Window, seed: int) -> dict[str, Any]:
    """Half floats of 0 to 1 in every channel, with opaque and transparent pixels in that of alpha."""
    random = np.random.default_rng(seed)
    shape = window.size[::-1]
    found = {name: random.random(shape).astype(np.float16) for name in names}
    for name in [one for one in names if one.rpartition(".")[2] in SPELLINGS["A"]]:
        found[name] = random.choice(np.float16([0, 0.25, 1]), shape)
    return found


@few
@given(channel_sets(), windows(), st.integers(0, 99), st.randoms(use_true_random=False))
@example(SPELLED, BEYOND, 1, Random(1))
def test_exr_channels_and_windows_are_kept_in_exr(channels: Any, window: Window, seed: int, random: Any) -> None:
    names = [*channels[0], *channels[1]]
    random.shuffle(names)
    planes = planes_of(tuple(names), window, seed)
    copy = saved_as(exr_file(planes, window), "exr", "exr")
    header, found = exr_planes(copy.data)
    assert {name: plane.tolist() for name, plane in found.items()} == {
        name: plane.tolist() for name, plane in planes.items()
    }
    assert [point.tolist() for point in header["dataWindow"]] == _corners(*window.origin, *window.size)
    assert [point.tolist() for point in header["displayWindow"]] == _corners(*window.display)
    assert not copy.warnings


def _corners(left: int, top: int, width: int, height: int) -> list[list[int]]:
    return [[left, top], [left + width - 1, top + height - 1]]


@few
@given(channel_sets(), windows(), st.integers(0, 99), st.sampled_from(["png", "tiff"]))
@example(SPELLED, BEYOND, 1, "png")
@example(SPELLED, BEYOND, 1, "tiff")
def test_exr_channels_and_windows_become_a_whole_picture(
    channels: Any, window: Window, seed: int, filetype: str
) -> None:
    colours, others = channels
    planes = planes_of(colours + others, window, seed)
    copy = saved_as(exr_file(planes, window), "exr", filetype)
    array = window.pasted(np.stack([planes[name] for name in colours], -1)).astype(np.float64)
    got = copy.decoded.array
    if filetype == "png":
        array, got = straight(array), got / 255
    assert got.shape == array.shape
    assert np.abs(got - np.clip(array, 0, 1)).max() <= (1.01 / 255 if filetype == "png" else 0)
    assert copy.decoded.info.alpha == (None if len(colours) % 2 else "straight" if filetype == "png" else "associated")
    if others:
        assert copy.has_warning("channels", *others)
    assert copy.has_warning("beyond its frame") == window.is_beyond


def straight(array: Any) -> Any:
    """Associated colours divided by alpha, where it is not 0."""
    if array.shape[2] not in (2, 4):
        return array
    alpha = array[..., -1:]
    colours = np.divide(array[..., :-1], alpha, out=array[..., :-1].copy(), where=alpha > 0)
    return np.concatenate([colours, alpha], -1)


# --- alpha ------------------------------------------------------------------------------------------------------------


def tiff_file(array: Any, alpha: str) -> bytes:
    """By tifffile."""
    file = BytesIO()
    settings = {"photometric": "rgb" if array.shape[2] == 4 else "minisblack", "metadata": None}
    needs_package("tifffile").imwrite(file, array, extrasamples=[alpha], planarconfig="contig", **settings)
    return file.getvalue()


def rgba(dtype: str, channels: int, seed: int, *, associated: bool) -> Any:
    """Colours with alpha of 0, 1 and between, in the range of the dtype."""
    random = np.random.default_rng(seed)
    array = random.random((5, 6, channels))
    array[..., -1] = random.choice([0, 1 / 3, 0.5, 1], (5, 6))
    if associated:
        array[..., :-1] *= array[..., -1:]
    return array.astype(dtype) if dtype.startswith("f") else np.rint(array * np.iinfo(dtype).max).astype(dtype)


def scaled(array: Any) -> Any:
    """As 0 to 1."""
    return array.astype(np.float64) / (1 if array.dtype.kind == "f" else np.iinfo(array.dtype).max)


def associated(array: Any) -> Any:
    return np.concatenate([array[..., :-1] * array[..., -1:], array[..., -1:]], -1)


# The kind of alpha that each format states, where the source has straight or associated alpha.
KINDS = {
    "png": ("straight", "straight"),
    "tiff": ("straight", "associated"),
    "exr": ("associated", "associated"),
    "jxl": ("straight", "straight"),
}


@few
@given(
    st.sampled_from(["uint8", "uint16", "float32"]),
    st.sampled_from([4, 4, 2]),
    st.booleans(),
    st.integers(0, 99),
    st.sampled_from([*KINDS]),
)
def test_alpha_is_converted_where_the_format_has_the_other_kind(
    dtype: str, channels: int, is_associated: bool, seed: int, filetype: str
) -> None:
    array = rgba(dtype, channels, seed, associated=is_associated)
    made = tiff_file(array, "assocalpha" if is_associated else "unassalpha")
    copy = saved_as(made, "tiff", filetype)
    kind = KINDS[filetype][is_associated]
    assert (copy.decoded.info.alpha or "straight") == kind
    expected = scaled(array)
    if is_associated and kind == "straight":
        expected = straight(expected)
    if not is_associated and kind == "associated":
        expected = associated(expected)
    got = scaled(copy.decoded.array)
    coarsest = {"uint8": 1 / 255, "uint16": 1 / 65535, "float32": 1e-6}[dtype]
    if copy.decoded.array.dtype == np.uint8:
        coarsest = 1 / 255
    if copy.decoded.array.dtype == np.float16:
        coarsest = max(coarsest, 1 / 1024)
    assert np.abs(got - np.clip(expected, 0, 1)).max() <= coarsest * 1.01
    assert np.array_equal(got[..., -1] == 0, expected[..., -1] == 0)
    assert np.array_equal(got[..., -1] == 1, expected[..., -1] == 1)


@few
@given(st.sampled_from([4, 2]), st.integers(0, 99), st.sampled_from(["png", "tiff", "jxl"]))
def test_alpha_of_exr_comes_back_after_another_format(channels: int, seed: int, filetype: str) -> None:
    """Colours of transparent pixels are multiplied by 0 on the way back."""
    array = rgba("float32", channels, seed, associated=True)
    window = Window((0, 0), (6, 5), (0, 0, 6, 5))
    names = USUAL if channels == 4 else ("Y", "A")
    data = exr_file({name: np.ascontiguousarray(array[..., place]) for place, name in enumerate(names)}, window)
    more = {"dtype": "uint16"} if filetype == "png" else {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a").mkdir()
        Path(folder, "a", "frame_00000.exr").write_bytes(data)
        saved(seqsave.open_sequence(Path(folder, "a")), Path(folder, "b"), filetype, **more)
        back = saved(seqsave.open_sequence(Path(folder, "b")), Path(folder, "c"), "exr")
    _, planes = exr_planes(back.data)
    got = np.stack([planes[name] for name in names], -1).astype(np.float64)
    assert np.abs(got - array).max() <= 1 / 1024


# --- profiles ---------------------------------------------------------------------------------------------------------


@cache
def foreign_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def dated(year: int, intent: int) -> bytes:
    """A profile of LittleCMS from another year, with another intent: other bytes, of the same structure."""
    data = bytearray(foreign_profile())
    data[24:26] = year.to_bytes(2, "big")
    data[64:68] = intent.to_bytes(4, "big")
    return bytes(data)


def with_profile(extension: str, profile: bytes) -> bytes:
    file = BytesIO()
    kind = {"jpg": "JPEG", "tiff": "TIFF"}.get(extension, extension.upper())
    picture = Image.fromarray(np.full((4, 5, 3), 99, np.uint8))
    picture.save(file, kind, icc_profile=profile, **({"lossless": True} if kind == "WEBP" else {}))
    return file.getvalue()


SOURCES = ("png", "jpg", "tiff", "webp")
HOLDERS = ("png", "jpg", "tiff", "webp", "avif", "jxl")
NAMED = [name for name, space in seqsave.COLOR_SPACES.items() if icc.profile(space) is not None]


@few
@given(
    st.builds(dated, st.integers(1990, 2050), st.integers(0, 3)),
    st.sampled_from(SOURCES),
    st.sampled_from(TARGETS),
)
def test_a_profile_is_kept_byte_for_byte_or_as_the_space_that_it_states(
    profile: bytes, source: str, filetype: str
) -> None:
    copy = saved_as(with_profile(source, profile), source, filetype)
    if filetype in HOLDERS:
        assert copy.decoded.info.icc == profile
    else:
        assert copy.decoded.info.color is seqsave.COLOR_SPACES["srgb"]
    assert not copy.has_warning("ICC profile")


@few
@given(st.sampled_from(NAMED), st.sampled_from(SOURCES), st.sampled_from(TARGETS))
def test_the_profile_of_a_named_space_is_that_space(name: str, source: str, filetype: str) -> None:
    profile = icc.profile(seqsave.COLOR_SPACES[name])
    assert profile is not None
    copy = saved_as(with_profile(source, profile), source, filetype)
    color = copy.decoded.info.color
    assert copy.has_warning("colour space", name) if color is None else color.name == name


# --- texts ------------------------------------------------------------------------------------------------------------

characters = st.characters(exclude_categories=("Cs",))
contents = st.one_of(
    st.text(characters, max_size=40),
    st.sampled_from(
        ["", " ", "\n", "a\r\nb\rc\n", "\ttabs\t", "é", "猫" * 300, "x" * 70_000, "🎬", '"quoted"', "1", "{"]
    ),
)
names_of_texts = st.one_of(
    st.sampled_from(["workflow", "Workflow", "WORKFLOW", "prompt", "Prompt", "parameters", "Parameters", "seed", "É"]),
    st.from_regex(r"[A-Za-z][A-Za-z0-9 _.-]{0,20}[A-Za-z0-9]", fullmatch=True),
)


@few
@given(
    st.dictionaries(names_of_texts, contents, min_size=1, max_size=4),
    st.sampled_from(TARGETS),
    st.sampled_from(TARGETS),
)
def test_metadata_are_equal_after_two_formats(texts: dict[str, str], first: str, second: str) -> None:
    """What a file cannot hold is in a sidecar."""
    picture = np.full((1, 5, 6, 3), 0.25, np.float32)
    with tempfile.TemporaryDirectory() as folder:
        one = saved(picture, Path(folder, "a"), first, metadata=texts)
        two = saved(seqsave.open_sequence(Path(folder, "a")), Path(folder, "b"), second)
    assert one.metadata == texts
    assert two.metadata == texts


printable = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), min_size=1, max_size=60).map(str.strip)
tags = st.dictionaries(
    st.sampled_from(["artist", "copyright", "description", "software"]),
    printable.filter(lambda text: bool(text) and ";" not in text),
    min_size=1,
)


@few
@given(tags, st.sampled_from(TARGETS), st.sampled_from(TARGETS))
def test_tags_are_equal_after_two_formats(texts: dict[str, str], first: str, second: str) -> None:
    picture = np.full((1, 5, 6, 3), 0.25, np.float32)
    with tempfile.TemporaryDirectory() as folder:
        one = saved(picture, Path(folder, "a"), first, tags=texts)
        two = saved(seqsave.open_sequence(Path(folder, "a")), Path(folder, "b"), second)
    assert one.decoded.info.tags == texts
    assert two.decoded.info.tags == texts


def png_with(texts: Mapping[str, str]) -> bytes:
    """By Pillow."""
    chunks = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        chunks.add_itxt(name, text)
    file = BytesIO()
    Image.fromarray(np.full((4, 5, 3), 99, np.uint8)).save(file, "PNG", pnginfo=chunks)
    return file.getvalue()


@few
@given(
    st.dictionaries(
        names_of_texts,
        st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=200)
        | st.sampled_from(["y" * 3000, "猫" * 30_000]),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(TARGETS),
)
def test_texts_of_other_programs_are_kept_or_named(texts: dict[str, str], filetype: str) -> None:
    copy = saved_as(png_with(texts), "png", filetype)
    info, loaded = copy.decoded.info, load(texts)
    elsewhere = "\n".join([*info.texts.values(), *info.tags.values()])
    for name, text in texts.items():
        # By their words, as NaN is not equal to NaN.
        is_kept = repr(copy.metadata.get(name)) == repr(loaded[name]) or text.strip() in elsewhere
        assert is_kept or copy.has_warning(name), (copy.metadata, info.texts, info.tags, copy.warnings)
