"""Pictures and what their files state, fitted to formats that hold more or less."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms

from seqsave.errors import ImageError
from seqsave.pictures.color import COLOR_SPACES
from seqsave.pictures.fitting import Wanted, check_layout, fit, usual_names
from seqsave.specs import EncoderSpec
from seqsave.types import ImageInfo

BT709 = COLOR_SPACES["srgb"].primaries
PLAIN = EncoderSpec(filetype="png", extensions=("png",), encoder="", dtypes=("uint8",))
RICH = EncoderSpec(
    filetype="exr",
    extensions=("exr",),
    encoder="",
    dtypes=("float32",),
    holds=("color", "channels", "origin", "display", "dpi", "tags", "attributes"),
    alpha="stated",
)


def planes(*values: float, dtype: Any = "float32") -> Any:
    return np.broadcast_to(np.asarray(values, dtype), (3, 4, len(values))).copy()


@pytest.mark.parametrize(
    ("names", "saved"),
    [
        (("R", "G", "B", "Z"), (0, 1, 2)),
        (("Z", "A", "B", "G", "R"), (4, 3, 2, 1)),
        (("blue", "green", "red"), (2, 1, 0)),
        (("Y",), (0,)),
        (("A", "Y", "id"), (1, 0)),
        (("beauty.R", "beauty.G", "beauty.B", "Z"), (0, 1, 2)),
        (("depth",), (0,)),
        (("N.X", "R", "G", "B", "N.Y", "N.Z", "a"), (1, 2, 3, 6)),
    ],
)
def test_colours_are_chosen_by_their_names(names: tuple[str, ...], saved: tuple[int, ...]) -> None:
    values = [0.1 * (place + 1) for place in range(len(names))]

    fitted = fit(planes(*values), ImageInfo(channels=names), PLAIN)

    assert fitted.array[0, 0].tolist() == pytest.approx([values[place] for place in saved])
    left = [name for place, name in enumerate(names) if place not in saved]
    assert [kind for kind, _ in fitted.notes] == (["lost channels"] if left else [])
    assert all(name in fitted.notes[0][1] for name in left)


def test_a_format_with_named_channels_keeps_all_of_them() -> None:
    info = ImageInfo(channels=("R", "G", "B", "Z"))

    fitted = fit(planes(0.1, 0.2, 0.3, 0.4), info, RICH)

    assert (fitted.info.channels, fitted.notes) == (info.channels, ())


def test_two_layers_without_colours_of_their_own_are_a_question() -> None:
    names = tuple(f"{layer}.{base}" for layer in ("left", "right") for base in "RGB")
    picture = planes(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)

    with pytest.raises(ImageError, match=r"left\.R.*Choose some by channels, or a layer"):
        fit(picture, ImageInfo(channels=names), PLAIN)
    chosen = fit(picture, ImageInfo(channels=names), PLAIN, Wanted(layer="right"))
    assert chosen.array[0, 0].tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert not chosen.notes


def test_wanted_channels_are_saved_in_their_order() -> None:
    info = ImageInfo(channels=("R", "G", "B", "Z"))

    fitted = fit(planes(0.1, 0.2, 0.3, 0.4), info, RICH, Wanted(channels=("Z", "R")))

    assert fitted.info.channels == ("Z", "R")
    assert fitted.array[0, 0].tolist() == pytest.approx([0.4, 0.1])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(channels=("W",)), "no channel 'W': its channels are R, G, B"),
        (Wanted(layer="beauty"), "no layer 'beauty'"),
    ],
)
def test_channels_that_do_not_exist(wanted: Wanted, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        fit(planes(0.1, 0.2, 0.3), ImageInfo(), PLAIN, wanted)


@given(
    colour=st.floats(0, 1, width=32, allow_subnormal=False),
    alpha=st.floats(0.015625, 1, width=32),
    dtype=st.sampled_from(("float16", "float32", "uint8", "uint16")),
)
def test_associated_colours_are_divided_by_alpha(colour: float, alpha: float, dtype: str) -> None:
    top = 1.0 if dtype.startswith("float") else float(np.iinfo(dtype).max)
    stored = np.asarray([colour * alpha * top, alpha * top])
    picture = planes(*(stored if top == 1 else np.rint(stored)), dtype=dtype)

    fitted = fit(picture, ImageInfo(alpha="associated"), PLAIN)

    assert (fitted.info.alpha, fitted.notes, fitted.array.dtype) == ("straight", (), picture.dtype)
    assert fitted.array[0, 0, 1] == picture[0, 0, 1]
    own, own_alpha = (float(value) for value in picture[0, 0])
    if own_alpha:
        expected = own / own_alpha * top
        expected = expected if top == 1 else min(top, round(expected))
        assert float(fitted.array[0, 0, 0]) == pytest.approx(expected, rel=1e-3 if dtype == "float16" else 1e-5, abs=1)


def test_colours_without_alpha_are_not_divided() -> None:
    picture = planes(0.5, 0.5, 0.5, 0.0)

    assert (fit(picture, ImageInfo(alpha="associated"), PLAIN).array == picture).all()
    assert (fit(picture[..., :3], ImageInfo(alpha="associated"), PLAIN).array == picture[..., :3]).all()


@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    place=st.tuples(st.integers(-9, 9), st.integers(-9, 9)),
    display=st.tuples(st.integers(-5, 5), st.integers(-5, 5), st.integers(1, 8), st.integers(1, 8)),
)
def test_a_window_is_pasted_into_the_whole_picture(
    size: tuple[int, int], place: tuple[int, int], display: tuple[int, int, int, int]
) -> None:
    picture = np.arange(1, size[0] * size[1] + 1, dtype="float32").reshape(size[1], size[0], 1)

    fitted = fit(picture, ImageInfo(origin=place, display=display), PLAIN)

    left, top, width, height = display
    assert fitted.array.shape == (height, width, 1)
    lost = False
    for row in range(size[1]):
        for column in range(size[0]):
            x, y = place[0] + column - left, place[1] + row - top
            if 0 <= x < width and 0 <= y < height:
                assert fitted.array[y, x] == picture[row, column]
            else:
                lost = True
    assert np.count_nonzero(fitted.array) == sum(
        0 <= place[0] + c - left < width and 0 <= place[1] + r - top < height
        for r in range(size[1])
        for c in range(size[0])
    )
    assert ([kind for kind, _ in fitted.notes] == ["lost overscan"]) is lost


def test_a_display_window_without_end_is_refused() -> None:
    with pytest.raises(ImageError, match="whole picture has"):
        fit(planes(0.1), ImageInfo(origin=(0, 0), display=(0, 0, 1 << 30, 1 << 30)), PLAIN)


def test_each_field_that_the_format_does_not_hold_is_named_once() -> None:
    info = ImageInfo(
        color=COLOR_SPACES["acescg"],
        pixel_aspect=2.0,
        dpi=300,
        rate=Fraction(24),
        tags={"artist": "A"},
        attributes={"reelName": "A001"},
        attributes_of="exr",
    )

    plain, rich = fit(planes(0.1), info, PLAIN), fit(planes(0.1), info, RICH)

    kinds = {kind for kind, _ in plain.notes}
    assert kinds == {f"lost {name}" for name in ("color", "pixel_aspect", "dpi", "rate", "tags", "attributes")}
    assert any("acescg" in text for _, text in plain.notes)
    assert any("reelName" in text for _, text in plain.notes)
    assert {kind for kind, _ in rich.notes} == {"lost pixel_aspect", "lost rate"}


def test_attributes_of_another_format_are_lost() -> None:
    info = ImageInfo(attributes={"x": 1}, attributes_of="dpx")

    assert [kind for kind, _ in fit(planes(0.1), info, RICH).notes] == ["lost attributes"]


def test_a_profile_of_another_kind_of_pixels_is_left_out() -> None:
    holds = EncoderSpec(filetype="t", extensions=("t",), encoder="", dtypes=("uint8",), holds=("icc",))
    profile = bytes(16) + b"CMYK" + bytes(120)

    fitted = fit(planes(0.1, 0.2, 0.3), ImageInfo(icc=profile), holds)

    assert fitted.info.icc is None
    assert "CMYK" in fitted.notes[0][1]


def test_usual_names() -> None:
    assert [usual_names(count) for count in (1, 2, 3, 4, 5)] == [
        ("Y",),
        ("Y", "A"),
        ("R", "G", "B"),
        ("R", "G", "B", "A"),
        (),
    ]


def test_a_layer_of_coordinates_is_no_grey() -> None:
    names = ("R", "G", "B", "N.X", "N.Y", "N.Z")
    info = ImageInfo(channels=names, layer="beauty")
    picture = planes(1, 2, 3, 4, 5, 6)
    assert fit(picture, info, RICH, Wanted(layer="N")).info.channels == names[3:]
    assert fit(picture, info, PLAIN, Wanted(layer="N")).array[0, 0].tolist() == [4, 5, 6]
    assert fit(picture, info, PLAIN, Wanted(layer="beauty")).array[0, 0].tolist() == [1, 2, 3]


def test_what_a_chosen_layer_loses_is_named() -> None:
    info = ImageInfo(channels=("d.R", "d.G", "d.B", "d.id", "e.R", "e.G", "e.B"))
    fitted = fit(planes(1, 2, 3, 4, 5, 6, 7), info, PLAIN, Wanted(layer="d"))
    assert [message for kind, message in fitted.notes if kind == "lost channels"] == [
        "left out, as png files do not hold them: channels d.id"
    ]


def test_facts_about_storage_are_no_loss() -> None:
    info = ImageInfo(attributes={".types": {"R": "float16"}}, attributes_of="exr")
    assert fit(planes(1, 2, 3), info, PLAIN).notes == ()


def test_wide_integers_keep_their_values_where_they_fit() -> None:
    spec = EncoderSpec(filetype="png", extensions=("png",), encoder="", dtypes=("uint8", "uint16"))
    fitted = fit(planes(5, 65535, dtype="int32"), ImageInfo(), spec)
    assert (fitted.array.dtype.name, fitted.array[0, 0].tolist()) == ("uint16", [5, 65535])
    assert [kind for kind, _ in fitted.notes] == ["narrowed"]
    for low, high in ((-1, 3), (0, 65536)):
        with pytest.raises(ImageError, match=rf"integers {low}\.\.{high} \(int32\): png files hold 0\.\.65535 at most"):
            fit(planes(low, high, dtype="int32"), ImageInfo(), spec)


@pytest.mark.parametrize("shape", [(3, 48, 64), (4, 60, 60), (1, 8, 8)])
def test_channels_first_are_recognised_where_any_number_of_channels_is_allowed(shape: tuple[int, int, int]) -> None:
    many = EncoderSpec(filetype="exr", extensions=("exr",), encoder="", dtypes=("float32",), channels=tuple(range(65)))
    with pytest.raises(ImageError, match=r"looks like channels first .* image\.transpose\(1, 2, 0\)"):
        check_layout(shape, many)
    check_layout(shape[1:] + shape[:1], many)
    check_layout(shape, PLAIN)  # which says so itself


def test_a_format_without_profiles_gets_the_colour_space_that_one_states() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    fitted = fit(planes(0.1, 0.2, 0.3), ImageInfo(icc=profile), RICH)
    assert (fitted.info.color, fitted.info.icc, fitted.notes) == (COLOR_SPACES["srgb"], None, ())
    for picture in (planes(0.1), planes(0.1, 0.2)):  # of another kind
        assert [kind for kind, _ in fit(picture, ImageInfo(icc=profile), RICH).notes] == ["lost icc"]
    nothing = fit(planes(0.1, 0.2, 0.3), ImageInfo(icc=profile), PLAIN)
    assert (nothing.info.color, [kind for kind, _ in nothing.notes]) == (None, ["lost icc"])


@pytest.mark.parametrize(
    ("gamma", "left", "lost"),
    [
        (1.0, BT709, []),
        (0.99999, BT709, []),
        (0.45455, None, ["lost primaries", "lost gamma"]),
    ],
)
def test_primaries_are_no_statement_of_linear_light(gamma: float, left: Any, lost: list[str]) -> None:
    holds = replace(RICH, holds=("color", "primaries"))
    fitted = fit(planes(0.1, 0.2, 0.3), ImageInfo(gamma=gamma, primaries=BT709), holds)
    assert (fitted.info.primaries, [kind for kind, _ in fitted.notes]) == (left, lost)
    both = fit(
        planes(0.1, 0.2, 0.3), ImageInfo(gamma=gamma, primaries=BT709), replace(RICH, holds=("gamma", "primaries"))
    )
    assert (both.info.gamma, both.info.primaries, both.notes) == (gamma, BT709, ())


def test_primaries_of_whole_numbers_do_not_become_a_statement_of_linear_light() -> None:
    holds = replace(RICH, holds=("color", "primaries"))
    info = ImageInfo(primaries=BT709)
    whole = fit(np.full((2, 2, 3), 128, np.uint8), info, holds)
    assert (whole.info.primaries, [kind for kind, _ in whole.notes]) == (None, ["lost primaries"])
    assert "it would say that the values are linear" in whole.notes[0][1]
    floats = fit(planes(0.1, 0.2, 0.3), info, holds)  # as of an EXR file
    assert (floats.info.primaries, floats.notes) == (BT709, ())
    png = fit(np.full((2, 2, 3), 128, np.uint8), info, replace(RICH, holds=("gamma", "primaries")))
    assert (png.info.primaries, png.notes) == (BT709, ())


def test_a_warning_names_everything_that_a_renderer_states() -> None:
    names = tuple(f"name{number:02}" for number in range(60))
    info = ImageInfo(attributes=dict.fromkeys(names, 1), attributes_of="exr", channels=("R", "G", "B", *names))
    fitted = fit(planes(*[0.5] * 63), info, PLAIN)
    assert {kind for kind, _ in fitted.notes} == {"lost attributes", "lost channels"}
    assert all(text.endswith(", ".join(names)) for _, text in fitted.notes)
    many = ImageInfo(attributes={f"{number:04}": 1 for number in range(2000)}, attributes_of="exr")
    assert fit(planes(0.5), many, PLAIN).notes[0][1].endswith(", 0063, ...")
