from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from seqsave.errors import ImageError
from seqsave.pictures.arrays import as_array, is_stack, prepare
from seqsave.pictures.samples import SCALES
from tests.support.needs import needs_package

PNG = (("uint8", "uint16"), (1, 2, 3, 4))
EIGHT = (("uint8",), (1, 2, 3, 4))
FLOATS = ("float16", "float32", "float64")

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
ANY_FLOAT = st.sampled_from(FLOATS).flatmap(
    lambda name: hnp.arrays(name, SHAPES, elements={"allow_nan": True, "allow_infinity": True})
)
NEAR_UNIT_FLOAT = st.sampled_from(FLOATS).flatmap(
    lambda name: hnp.arrays(name, SHAPES, elements={"min_value": -0.5, "max_value": 1.5})
)


def comfyui(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """ComfyUI's own saver: ``i = 255. * image``, then ``np.clip(i, 0, 255).astype(np.uint8)``."""
    with np.errstate(all="ignore"):
        return np.clip(255.0 * x, 0, 255).astype(np.uint8)


def layouts(array: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """The same picture in every arrangement in memory that a caller may come with."""
    height, width, channels = array.shape
    roomy = np.zeros((height + 3, width + 5, channels + 2), array.dtype)
    roomy[1:-2, 2:-3, 1:-1] = array
    wide = np.zeros((height, width * 2, channels), array.dtype)
    wide[:, ::2] = array
    return {
        "plain": array,
        "channels first": np.ascontiguousarray(array.transpose(2, 0, 1)).transpose(1, 2, 0),
        "columns first": np.asfortranarray(array),
        "upside down": array[::-1].copy()[::-1],
        "mirrored": array[:, ::-1].copy()[:, ::-1],
        "bgr": array[..., ::-1].copy()[..., ::-1],
        "crop of rows": roomy[1:-2, 2:-3, 1:-1],
        "every other column": wide[:, ::2],
        "swapped bytes": array.astype(array.dtype.newbyteorder("S")),
        "crop, swapped, mirrored": roomy.astype(roomy.dtype.newbyteorder("S"))[1:-2, 2:-3, 1:-1][:, ::-1].copy()[
            :, ::-1
        ],
    }


# --- floats to 8 bits: ComfyUI's pixels -----------------------------------------------------------------------------


@given(ANY_FLOAT | NEAR_UNIT_FLOAT)
def test_pixels_from_floats_are_those_of_comfyui(array: np.ndarray[Any, Any]) -> None:
    before = array.tobytes()
    prepared = prepare(array, *EIGHT)
    known = ~np.isnan(array)
    assert np.array_equal(prepared.array[known], comfyui(array)[known])
    assert not prepared.array[~known].any()
    assert prepared.nan == bool((~known).any())
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = array * array.dtype.type(255)
    assert prepared.clipped == bool(((numbers <= -1) | (numbers >= 256)).any())
    assert array.tobytes() == before


def test_every_half_there_is() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(256, 256, 1)
    prepared = prepare(every, *EIGHT)
    known = ~np.isnan(every)
    assert np.array_equal(prepared.array[known], comfyui(every)[known])
    assert not prepared.array[~known].any()


@pytest.mark.parametrize("name", FLOATS)
def test_values_around_every_step_of_8_bits(name: str) -> None:
    steps = np.arange(256) / 255
    around = np.stack([np.nextafter(steps, 0), steps, np.nextafter(steps, 1)]).astype(name)
    near = np.concatenate([around, np.nextafter(around, np.array(0, name)), np.nextafter(around, np.array(2, name))])
    assert np.array_equal(prepare(near[..., None], *EIGHT).array[..., 0], comfyui(near))


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_8_bit_pictures_loaded_as_floats_come_back_exactly(name: str) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert np.array_equal(prepare((every / np.array(255, name)).astype(name), *EIGHT).array, every)


@given(
    st.sampled_from(FLOATS).flatmap(lambda n: hnp.arrays(n, SHAPES, elements={"min_value": 0, "max_value": 1})),
    st.sampled_from(sorted(layouts(np.zeros((1, 1, 1))))),
)
def test_arrangement_in_memory_changes_nothing(array: np.ndarray[Any, Any], layout: str) -> None:
    arranged = layouts(array)[layout]
    assert np.array_equal(prepare(arranged, *EIGHT).array, comfyui(array))
    assert np.array_equal(
        prepare(arranged, ("uint16",), (array.shape[2],)).array, prepare(array, ("uint16",), (array.shape[2],)).array
    )


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize(
    ("value", "eight", "sixteen"),
    [
        (1 + 0.6 / 255, False, True),
        (1 + 1.1 / 255, True, True),
        (-0.6 / 255, False, True),
        (-1.1 / 255, True, True),
        (-0.4 / 65535, False, False),
        (-0.6 / 65535, False, True),
        (np.inf, True, True),
        (-np.inf, True, True),
    ],
)
def test_clipping_counts_if_it_loses_more_than_the_step_of_the_numbers(
    name: str, value: float, eight: bool, sixteen: bool
) -> None:
    """Resampling leaves values a little outside of 0..1, which are written as 0 or 1 in any case."""
    array = np.full((2, 2, 1), value, name)
    assert prepare(array, ("uint8",), (1,)).clipped == eight
    assert prepare(array, ("uint16",), (1,)).clipped == sixteen


@pytest.mark.parametrize("layout", sorted(layouts(np.zeros((1, 1, 1)))))
@pytest.mark.parametrize("name", [*FLOATS, "uint8", "uint16"])
def test_pictures_larger_than_one_block(name: str, layout: str) -> None:
    top = 1 if name.startswith("float") else 250
    array = (np.random.default_rng(0).random((401, 657, 3)) * top).astype(name)
    expected = comfyui(array) if name.startswith("float") else array
    arranged = layouts(array)[layout]
    prepared = prepare(arranged, *PNG)
    assert np.array_equal(prepared.array, expected)
    assert prepared.array.flags.c_contiguous
    assert not np.shares_memory(prepared.array, arranged)
    assert not prepared.clipped


def test_one_row_longer_than_a_block() -> None:
    array = np.linspace(-0.1, 1.1, 600_000, dtype=np.float32).reshape(1, -1, 3)
    assert np.array_equal(prepare(array, *EIGHT).array, comfyui(array))
    roomy = np.concatenate([array, array], axis=2)[..., :3]
    assert np.array_equal(prepare(roomy, *EIGHT).array, comfyui(array))


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("layout", ["plain", "channels first", "swapped bytes"])
def test_one_bad_value_anywhere_is_found_and_mended(name: str, layout: str) -> None:
    for value, flags, pixel in [
        (np.nan, (False, True), 0),
        (np.inf, (True, False), 255),
        (-np.inf, (True, False), 0),
        (1.5, (True, False), 255),
        (-0.5, (True, False), 0),
        (-0.0, (False, False), 0),
        (1.0, (False, False), 255),
    ]:
        for place in [(0, 0, 0), (299, 299, 2), (150, 7, 1)]:
            array = np.full((300, 300, 3), 0.5, name)
            array[place] = value
            prepared = prepare(layouts(array)[layout], *EIGHT)
            assert (prepared.clipped, prepared.nan) == flags, value
            assert prepared.array[place] == pixel
            prepared.array[place] = 127
            assert (prepared.array == 127).all()


def test_nothing_is_warned_about() -> None:
    array = np.array([[[np.nan], [np.inf], [-np.inf], [6e4]]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in FLOATS:
            for dtypes in (("uint8",), ("uint16",), ("float32",), ("float16", "float64")):
                prepare(array.astype(name), dtypes, (1,))
        prepare(np.array([[[1e300]]]), ("float32",), (1,))


# --- the other dtypes -----------------------------------------------------------------------------------------------


@given(NEAR_UNIT_FLOAT)
def test_16_bits_from_floats_are_rounded_to_nearest(array: np.ndarray[Any, Any]) -> None:
    out = prepare(array, ("uint16",), (1, 2, 3, 4)).array
    exact = np.clip(array.astype(np.float64), 0, 1) * 65535
    # A product in float32 is off by half of its last place, which is 1/256 up there.
    assert (np.abs(out - exact) <= 0.5 + 1 / 256).all()


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_16_bit_pictures_come_back_from_floats(name: str) -> None:
    every = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256, 1)
    floats = prepare(every, (name,), (1,)).array
    assert floats.dtype == name
    assert np.array_equal(floats, (every / np.array(65535, name)).astype(name))
    assert np.array_equal(prepare(floats, ("uint16",), (1,)).array, every)


@pytest.mark.parametrize(
    ("name", "declared", "chosen"),
    [
        ("bool", ("uint8", "uint16"), "uint8"),
        ("bool", ("uint16",), "uint16"),
        ("bool", ("float16", "float32"), "float32"),
        ("uint8", ("uint16", "uint8"), "uint8"),
        ("uint8", ("uint16",), "uint16"),
        ("uint8", ("float16", "float32"), "float32"),
        ("uint8", ("float16",), "float16"),
        ("uint16", ("uint8", "uint16"), "uint16"),
        ("uint16", ("uint8", "float32"), "float32"),
        ("float16", ("float16", "float32"), "float16"),
        ("float16", ("float64", "float32"), "float32"),
        ("float16", ("uint8", "uint16"), "uint8"),
        ("float32", ("float16", "float32"), "float32"),
        ("float32", ("uint16", "uint8"), "uint16"),
        ("float32", ("uint8", "float64"), "float64"),
        ("float64", ("float16", "float32", "float64"), "float64"),
        ("float64", ("uint8", "float32"), "float32"),
        ("float64", ("uint8",), "uint8"),
    ],
)
def test_dtype_that_is_chosen(name: str, declared: tuple[str, ...], chosen: str) -> None:
    array = np.ones((2, 3, 1), name)
    out = prepare(array, declared, (1,)).array
    assert out.dtype == chosen
    assert out.dtype.isnative
    if name == "bool" or name.startswith("float"):
        assert (out == SCALES.get(chosen, 1)).all()


@pytest.mark.parametrize(
    ("name", "declared", "part"),
    [
        ("uint16", ("uint8",), r"png accepts uint16.*`dtype='uint8'`, which rounds"),
        ("uint16", ("float16",), "would lose bits"),
        ("float32", ("float16",), r"image\.astype\('float16'\)"),
    ],
)
def test_bits_are_never_lost_in_silence(name: str, declared: tuple[str, ...], part: str) -> None:
    with pytest.raises(ImageError, match=part):
        prepare(np.ones((2, 3, 1), name), declared, (1,))


def test_integers_are_widened_exactly() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert np.array_equal(prepare(every, ("uint16",), (1,)).array, every.astype(np.uint16) * 257)
    floats = prepare(every, ("float32",), (1,)).array
    assert np.array_equal(floats, every.astype(np.float32) / np.float32(255))
    flags = np.array([[[True], [False]]])
    assert prepare(flags, ("uint8",), (1,)).array.ravel().tolist() == [255, 0]
    assert prepare(flags, ("uint16",), (1,)).array.ravel().tolist() == [65535, 0]
    assert prepare(flags, ("float32",), (1,)).array.ravel().tolist() == [1.0, 0.0]


@given(ANY_FLOAT, st.sampled_from(FLOATS))
def test_floats_stay_untouched_in_a_float_encoder(array: np.ndarray[Any, Any], other: str) -> None:
    name = array.dtype.name
    prepared = prepare(array, (other, name), (1, 2, 3, 4))
    assert prepared.array.tobytes() == array.tobytes()
    assert not prepared.clipped
    assert not prepared.nan
    assert not np.shares_memory(prepared.array, array)


# --- channels -------------------------------------------------------------------------------------------------------


def opaque(name: str) -> float:
    return {"uint8": 255, "uint16": 65535}.get(name, 1)


@pytest.mark.parametrize("name", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(
    ("count", "declared", "chosen", "picked", "dropped"),
    [
        (1, (1, 3), 1, [0], False),
        (1, (3, 4), 3, [0, 0, 0], False),
        (1, (4,), 4, [0, 0, 0, None], False),
        (1, (2,), 2, [0, None], False),
        (2, (1, 2, 3, 4), 2, [0, 1], False),
        (2, (1, 3, 4), 4, [0, 0, 0, 1], False),
        (2, (1, 3), 1, [0], True),
        (2, (3,), 3, [0, 0, 0], True),
        (3, (1, 3, 4), 3, [0, 1, 2], False),
        (3, (4,), 4, [0, 1, 2, None], False),
        (4, (1, 3, 4), 4, [0, 1, 2, 3], False),
        (4, (1, 3), 3, [0, 1, 2], True),
        (7, (3, 7), 7, [0, 1, 2, 3, 4, 5, 6], False),
    ],
)
def test_channels_that_are_chosen(
    name: str, count: int, declared: tuple[int, ...], chosen: int, picked: list[int | None], dropped: bool
) -> None:
    array = (np.random.default_rng(1).random((5, 6, count)) * opaque(name)).astype(name)
    for arranged in layouts(array).values():
        prepared = prepare(arranged, (name,), declared)
        assert prepared.array.shape == (5, 6, chosen)
        assert prepared.alpha_dropped == dropped
        assert prepared.array.flags.c_contiguous
        for channel, source in enumerate(picked):
            expected = array[..., source] if source is not None else opaque(name)
            assert (prepared.array[..., channel] == expected).all()


def test_channels_and_dtype_at_the_same_time() -> None:
    array = np.random.default_rng(1).random((5, 6, 2), dtype=np.float32)
    out = prepare(array, ("uint8",), (4,)).array
    assert np.array_equal(out, comfyui(array[..., [0, 0, 0, 1]]))


@pytest.mark.parametrize(
    ("shape", "part"),
    [
        ((3, 480, 640), r"channels first \(C,H,W\).*transpose\(1, 2, 0\)"),
        ((480, 640, 5), "5 channels, but this format accepts 1, 3"),
    ],
)
def test_channels_that_no_encoder_takes(shape: tuple[int, ...], part: str) -> None:
    with pytest.raises(ImageError, match=part):
        prepare(as_array(np.zeros(shape, np.uint8)), ("uint8",), (1, 3))


def test_colours_are_not_made_grey_in_silence() -> None:
    with pytest.raises(ImageError, match="convert it to grey yourself"):
        prepare(np.zeros((2, 2, 3), np.uint8), ("uint8",), (1, 2))


# --- memory ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bool", "uint8", "uint16", *FLOATS])
def test_the_callers_buffer_may_change_at_once(name: str) -> None:
    for declared in (("uint8", "uint16"), FLOATS):
        array = np.ones((4, 5, 3), name)
        prepared = prepare(as_array(array), declared, (3,))
        array[:] = 0
        assert prepared.array.all()


def test_the_result_can_be_written_to_even_when_the_source_cannot() -> None:
    array = np.ones((4, 5, 3), np.uint8)
    array.flags.writeable = False
    prepare(array, *EIGHT).array[:] = 3
    prepare(np.broadcast_to(np.uint8(7), (4, 5, 3)), *EIGHT).array[:] = 3


def test_many_threads_get_what_one_gets() -> None:
    rng = np.random.default_rng(0)
    sources = [(rng.random((97, 131, 3)) * 1.2 - 0.1).astype(name) for name in FLOATS for _ in range(4)]
    expected = [comfyui(source) for source in sources]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            out = prepare(sources[number], *EIGHT).array
            wrong.extend([number] * int((out != expected[number]).any()))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(sources))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- as_array -------------------------------------------------------------------------------------------------------


def test_arrays_are_not_copied() -> None:
    array = np.zeros((4, 5, 3), np.float32)
    assert np.shares_memory(as_array(array), array)
    grey = np.zeros((4, 5), np.uint8)
    assert as_array(grey).shape == (4, 5, 1)
    assert np.shares_memory(as_array(grey), grey)


class WithArray:
    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return self.array


class WithInterface:
    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.__array_interface__ = array.__array_interface__
        self.kept = array


class WithDLPack:
    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


class LikeATensor:
    """The part of a torch tensor that matters: nothing but ``detach().cpu()`` gets it where numpy can see it."""

    def __init__(self, array: np.ndarray[Any, Any], dtype: str, place: str = "cuda", grad: bool = True) -> None:
        self.array, self.dtype, self.place, self.grad = array, dtype, place, grad

    def detach(self) -> LikeATensor:
        return LikeATensor(self.array, self.dtype, self.place, grad=False)

    def cpu(self) -> LikeATensor:
        return LikeATensor(self.array, self.dtype, "cpu", self.grad)

    def float(self) -> LikeATensor:
        return LikeATensor(self.array.astype(np.float32), "torch.float32", self.place, self.grad)

    def numpy(self) -> np.ndarray[Any, Any]:
        if self.place != "cpu" or self.grad:
            raise RuntimeError("not on the CPU, or requires grad")
        if self.dtype == "torch.bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array


@pytest.mark.parametrize("wrap", [WithArray, WithInterface, WithDLPack])
def test_foreign_arrays(wrap: Any) -> None:
    array = np.random.default_rng(0).random((4, 5, 3))
    assert np.array_equal(as_array(wrap(array)), array)
    assert is_stack(wrap(np.zeros((2, 4, 5, 3)))) == 4


def test_what_looks_like_a_tensor_is_detached_and_fetched() -> None:
    array = np.random.default_rng(0).random((4, 5, 3), dtype=np.float32)
    assert np.shares_memory(as_array(LikeATensor(array, "torch.float32")), array)
    halved = as_array(LikeATensor(array.astype(np.float16), "torch.bfloat16"))
    assert halved.dtype == np.float32


@pytest.mark.torch
def test_real_tensors() -> None:
    torch = needs_package("torch")
    tensor = torch.rand(4, 5, 3)
    assert np.shares_memory(as_array(tensor), tensor.numpy())
    assert np.array_equal(as_array(tensor.clone().requires_grad_()), tensor.numpy())
    assert np.array_equal(as_array(tensor.bfloat16()), tensor.bfloat16().float().numpy())
    first = tensor.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    for kind in (torch.float16, torch.float32, torch.float64, torch.bfloat16):
        for one in (tensor, first, tensor.expand(4, 5, 3)):
            source = one.to(kind)
            reference = source.float().numpy() if kind is torch.bfloat16 else source.numpy()
            assert np.array_equal(prepare(as_array(source), *EIGHT).array, comfyui(reference))
    assert as_array(torch.zeros(4, 5, dtype=torch.bool)).dtype == bool
    assert is_stack(torch.zeros(2, 4, 5, 3)) == 4
    with pytest.raises(ImageError, match="dtype int64"):
        as_array(torch.zeros(4, 5, dtype=torch.int64))
    with pytest.raises(ImageError, match="cannot be read"):
        as_array(torch.zeros(4, 5, device="meta"))


def pil(mode: str) -> Image.Image:
    """A 3 x 2 picture in a mode, with colours and, where there is any, alpha that differ from pixel to pixel."""
    rgba = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) * 10
    picture = Image.fromarray(rgba)
    if mode in ("La", "RGBa"):
        return picture.convert({"La": "LA", "RGBa": "RGBA"}[mode]).convert(mode)
    if mode.startswith("I;16"):
        data = (np.arange(6).reshape(2, 3) * 9999).astype(">u2" if mode.endswith("B") else "<u2")
        return Image.frombytes(mode, (3, 2), data.tobytes())
    if mode == "I":
        return Image.fromarray((np.arange(6, dtype=np.int32) * 13107).reshape(2, 3))
    if mode == "F":
        return Image.fromarray(np.linspace(-1, 2, 6, dtype=np.float32).reshape(2, 3))
    if mode == "PA":
        return picture.convert("LA").convert("PA")
    if mode in ("HSV", "P"):
        return picture.convert("RGB").convert(mode)
    return picture.convert(mode)


@pytest.mark.parametrize(
    ("mode", "dtype", "via"),
    [
        ("1", "bool", None),
        ("L", "uint8", None),
        ("LA", "uint8", None),
        ("La", "uint8", "LA"),
        ("P", "uint8", "RGB"),
        ("PA", "uint8", "RGBA"),
        ("RGB", "uint8", None),
        ("RGBA", "uint8", None),
        ("RGBa", "uint8", "RGBA"),
        ("RGBX", "uint8", "RGB"),
        ("CMYK", "uint8", "RGB"),
        ("YCbCr", "uint8", "RGB"),
        ("HSV", "uint8", "RGB"),
        ("I;16", "uint16", None),
        ("I;16L", "uint16", None),
        ("I;16B", "uint16", None),
        ("I", "uint16", None),
        ("F", "float32", None),
    ],
)
def test_every_mode_of_pil(mode: str, dtype: str, via: str | None) -> None:
    picture = pil(mode)
    expected = np.asarray(picture.convert(via) if via else picture)
    array = as_array(picture)
    assert array.dtype.name == dtype
    assert array.shape == (2, 3, expected.size // 6)
    assert np.array_equal(array.reshape(expected.shape), expected)
    prepare(array, *PNG)


def test_palette_with_transparency_keeps_it() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    picture.info["transparency"] = 1
    assert as_array(picture).tolist() == [[[10, 20, 30, 255], [40, 50, 60, 0]]]


@pytest.mark.parametrize(("mode", "value", "colour"), [("L", 7, 7), ("RGB", (1, 2, 3), (1, 2, 3)), ("1", 255, 255)])
def test_one_transparent_colour_becomes_alpha(mode: str, value: Any, colour: Any) -> None:
    picture = Image.new(mode, (2, 1))
    picture.putpixel((1, 0), value)
    picture.info["transparency"] = colour
    array = as_array(picture)
    assert array.shape[2] in (2, 4)
    assert array[0, :, -1].tolist() == [255, 0]


@pytest.mark.parametrize("value", [-1, 65536])
def test_mode_i_beyond_16_bits(value: int) -> None:
    with pytest.raises(ImageError, match=f"mode 'I'.*{value}"):
        as_array(Image.fromarray(np.full((2, 2), value, np.int32)))


def test_pil_picture_that_cannot_be_read(tmp_path: Any) -> None:
    path = tmp_path / "cut.png"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with Image.open(path) as picture, pytest.raises(ImageError, match="cannot be read"):
        as_array(picture)


@pytest.mark.parametrize(
    ("thing", "part"),
    [
        ("frame.png", "str is not a picture.*numpy array, a PIL image, a torch tensor"),
        (Path("frame.png"), r"Path is not a picture.*PIL\.Image\.open\(name\) reads a file"),
        (None, "NoneType is not a picture"),
        ([[1, 2], [3, 4]], "list is not a picture"),
        (np.zeros((2, 4, 5, 3)), "2 x 4 x 5 x 3: use write_frames .*T,H,W,C.* or write_batch .*B,H,W,C"),
        (np.zeros(5), "has 1: shape 5"),
        (np.zeros(()), "has 0"),
        (np.zeros((1, 2, 3, 4, 5)), "has 5"),
        (np.zeros((0, 5, 3)), "at least one pixel, but this array is 0 x 5 x 3"),
        (np.zeros((5, 5, 0)), "at least one pixel"),
        (np.zeros((2, 2), np.int64), r"dtype int64 cannot be saved: use uint8 \(0..255\)"),
        (np.zeros((2, 2), np.int8), "dtype int8"),
        (np.zeros((2, 2), complex), "dtype complex128"),
        (np.zeros((2, 2), "U1"), "dtype str"),
        (np.zeros((2, 2), object), "dtype object"),
        (WithArray(None), "cannot be read"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_picture(thing: Any, part: str) -> None:
    with pytest.raises(ImageError, match=part):
        as_array(thing)


# --- is_stack -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "axes"),
    [
        (np.zeros((2, 4, 5, 3)), 4),
        (np.zeros((4, 5, 3)), 3),
        (np.zeros((4, 5)), 2),
        (np.zeros(()), 0),
        (Image.new("L", (2, 2)), 3),
        ([np.zeros((4, 5, 3))], None),
        ((frame for frame in ()), None),
        (iter([]), None),
        ("text", None),
    ],
)
def test_is_stack(frames: Any, axes: int | None) -> None:
    assert is_stack(frames) == axes


@settings(max_examples=30)
@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 300)), elements={"allow_nan": True}
    )
)
def test_many_channels_when_declared(array: np.ndarray[Any, Any]) -> None:
    assert prepare(array, ("float32",), (array.shape[2],)).array.tobytes() == array.tobytes()


def test_many_channels_go_where_they_are_declared_and_are_shown_as_a_run() -> None:
    many = tuple(range(1, 65))
    for count in (1, 2, 5, 64):
        picture = np.random.default_rng(0).normal(size=(3, 4, count)).astype("float32")
        assert (prepare(picture[::-1], ("float16", "float32"), many).array == picture[::-1]).all()
    with pytest.raises(ImageError, match=r"has 65 channels, but this format accepts 1-64: "):
        prepare(np.zeros((9, 9, 65), "float32"), ("float32",), many)


@pytest.mark.parametrize("mask", [False, np.ma.nomask])
def test_a_masked_array_that_masks_nothing_is_a_picture(mask: Any) -> None:
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    taken = as_array(np.ma.masked_array(picture, mask=mask))
    assert type(taken) is np.ndarray
    assert np.array_equal(taken, picture)


def test_values_below_a_mask_are_not_saved_as_if_they_were_valid() -> None:
    picture = np.ma.masked_greater(np.arange(24, dtype=np.uint8).reshape(2, 4, 3), 20)
    with pytest.raises(ImageError, match=r"3 values below its mask.* image\.filled\(0\)"):
        as_array(picture)
    assert as_array(picture.filled(0)).max() == 20
