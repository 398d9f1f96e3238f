"""Pictures at a constant rate, compared with FFmpeg's filter."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsave.sources.timing import Timed, at_rate
from tests.support.needs import needs_package


def by_ffmpeg(times: list[int], rate: Fraction) -> list[int]:
    """The numbers of the pictures that the filter fps shows. times: in milliseconds, from 0 on."""
    needs_package("av.filter")
    av: Any = needs_package("av")
    base = Fraction(1, 1000)
    graph = av.filter.Graph()
    begin = graph.add_buffer(width=16, height=16, format="gray", time_base=base)
    fps, end = graph.add("fps", f"fps={rate}"), graph.add("buffersink")
    begin.link_to(fps)
    fps.link_to(end)
    graph.configure()
    found: list[int] = []

    def pull() -> None:
        with contextlib.suppress(BlockingIOError, EOFError, av.error.EOFError):
            while True:
                found.append(int(graph.pull().to_ndarray()[0, 0]))

    for number, time in enumerate(times):
        frame = av.VideoFrame.from_ndarray(np.full((16, 16), number, np.uint8), format="gray")
        frame.pts, frame.time_base = time, base
        graph.push(frame)
        pull()
    graph.push(None)
    pull()
    return found


@settings(max_examples=60, deadline=None)
@given(
    spans=st.lists(st.integers(1, 400), min_size=1, max_size=15),
    rate=st.sampled_from([Fraction(24), Fraction(25), Fraction(24000, 1001), Fraction(10), Fraction(60), Fraction(1)]),
    start=st.integers(0, 500),
)
def test_the_pictures_are_those_of_ffmpeg(spans: list[int], rate: Fraction, start: int) -> None:
    times = [sum(spans[:place]) for place in range(len(spans) + 1)]
    timed = [(number, Timed(Fraction(start + time, 1000))) for number, time in enumerate(times)]
    found = list(at_rate(timed, rate))
    wanted = by_ffmpeg(times, rate)
    # What is shown until the end, whose time FFmpeg takes from the file, is compared below.
    shared = min(len(found), len(wanted))
    assert found[:shared] == wanted[:shared]
    assert set(found[shared:]) | set(wanted[shared:]) <= {len(spans)}
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("times", "rate", "shown"),
    [
        ([(0, 100), (100, 1100), (1100, 1200)], 10, [0, *[1] * 10, 2]),
        ([(0, 40), (40, 80), (80, 120), (120, 160)], 25, [0, 1, 2, 3]),
        ([(0, 40), (40, 80), (80, 120), (120, 160)], 12.5, [0, 2]),
        ([(5000, 5040)], 24, [0]),
        ([(0, None)], 24, [0]),
        ([(0, 1000)], 3, [0, 0, 0]),
        ([(0, 0), (0, 0)], 24, [1]),
        ([], 24, []),
    ],
)
def test_the_length_stays(times: Any, rate: float, shown: list[int]) -> None:
    timed = [
        (number, Timed(Fraction(start, 1000), None if end is None else Fraction(end, 1000)))
        for number, (start, end) in enumerate(times)
    ]
    assert list(at_rate(timed, Fraction(rate))) == shown
