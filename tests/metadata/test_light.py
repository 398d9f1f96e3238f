"""The brightness of content and display, in the two orders of colours that formats have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seqsave.metadata import light

NAMES = [f"{color}_{axis}" for color in ("red", "green", "blue", "white") for axis in "xy"]
POINTS = st.fixed_dictionaries({name: st.integers(0, 50_000) for name in NAMES})
LIMITS = st.fixed_dictionaries({name: st.integers(0, 2**32 - 1) for name in ("max_display", "min_display")})


@given(POINTS, LIMITS, st.sampled_from(["rgb", "gbr"]))
def test_a_display_comes_back(points: dict[str, int], limits: dict[str, int], order: str) -> None:
    data = light.display_of({**points, **limits}, order)
    assert data is not None
    assert light.display_in(data, order) == {**points, **limits}


def test_the_order_of_colours() -> None:
    data = light.display_of(
        dict.fromkeys(NAMES, 0) | {"red_x": 1, "green_x": 2, "blue_x": 3, "max_display": 4, "min_display": 5}, "gbr"
    )
    assert data is not None
    assert data.hex() == "000200000003000000010000000000000000000400000005"


def test_a_part_of_a_display_is_not_written() -> None:
    assert light.display_of({"max_display": 1}, "rgb") is None
    assert light.display_in(bytes(23), "rgb") == {}


def test_content() -> None:
    assert light.content_in(10_000_000, 0) == {"max_content": 10_000_000}
    assert light.content_of({"max_content": 10_000_000}) == (10_000_000, 0)
    assert light.content_of({}) is None
