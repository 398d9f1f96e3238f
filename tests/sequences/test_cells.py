"""The frames that stand for a whole sequence, the gaps between them, and the sheet that is drawn of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import seqsave
from seqsave import naming
from seqsave.errors import OptionError, SeqSaveWarning, SequenceNotFoundError, TargetError
from seqsave.manifest.intervals import count, subtract
from seqsave.pictures.contact import HATCHED, Layout
from seqsave.sequences.cells import Gap, Missing, chosen, label_of, missing_in, sheet_of
from seqsave.types import ImageInfo
from tests.support.places import Place
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server


def frames(number: int, rows: int = 36, columns: int = 64) -> Any:
    """Each frame has a grey of its own."""
    greys = np.arange(number, dtype=np.uint8) * 5 + 20
    return np.broadcast_to(greys[:, None, None, None], (number, rows, columns, 3))


def save_some(indices: Any, url: Any, **settings: Any) -> None:
    with seqsave.open_writer(url, **settings) as writer:
        for index, picture in zip(indices, frames(len(indices)), strict=True):
            writer.write(picture, index=index)


def middle_of(sheet: Any, layout: Layout, place: int) -> Any:
    left, top = layout.corner(place)
    return sheet[top + layout.cell[1] // 4, left + layout.cell[0] // 4].tolist()


def is_hatched(sheet: Any, layout: Layout, place: int) -> bool:
    left, top = layout.corner(place)
    return {tuple(one) for one in sheet[top, left : left + layout.cell[0]].tolist()} == set(HATCHED)


# --- which frames -----------------------------------------------------------------------------------------------------


def test_all_frames_of_a_short_sequence_and_some_of_a_long_one() -> None:
    assert chosen(range(5), Missing(()), 48) == [0, 1, 2, 3, 4]
    assert chosen(range(1000), Missing(()), 4) == [0, 333, 666, 999]
    assert chosen([7], Missing(()), 48) == [7]
    assert chosen([3, 9], Missing(()), 1) == [3]


def test_a_gap_between_two_cells_has_one_of_its_own_however_many_runs_it_has() -> None:
    gap = (range(3, 5), range(8, 9))
    cells = chosen([0, 1, 2, 5, 6, 7, 9, 10], Missing(gap), 48)
    assert cells == [0, 1, 2, Gap(Missing((range(3, 5),))), 5, 6, 7, Gap(Missing((range(8, 9),))), 9, 10]
    assert chosen([0, 1, 2, 5, 6, 7, 9, 10], Missing(gap), 3) == [0, Gap(Missing(gap)), 10]


def test_gaps_before_the_first_and_after_the_last_frame() -> None:
    ends = (range(2), range(4, 9))
    assert chosen([2, 3], Missing(ends), 48) == [Gap(Missing(ends[:1])), 2, 3, Gap(Missing(ends[1:]))]


@given(st.sets(st.integers(-30, 200), min_size=1, max_size=80), st.integers(1, 60), st.integers(0, 20))
def test_cells_are_ascending_at_most_so_many_and_name_every_gap(numbers: set[int], most: int, more: int) -> None:
    indices = sorted(numbers)
    expected = (range(indices[0] - more, indices[-1] + 1 + more),)
    missing = subtract(expected, naming.to_ranges(indices))
    cells = chosen(indices, Missing(missing), most)
    assert 1 <= len(cells) <= most
    shown = [one for one in cells if isinstance(one, int)]
    assert shown == sorted(set(shown))
    assert set(shown) <= numbers
    if most >= 5 and len(indices) > 1:
        assert (shown[0], shown[-1]) == (indices[0], indices[-1])
    if most >= 5:
        gaps = [one.missing for one in cells if isinstance(one, Gap)]
        assert sum(gap.count for gap in gaps) == count(missing)
        order = [one if isinstance(one, int) else one.missing.runs[0].start for one in cells]
        assert order == sorted(order)


def test_what_is_missing_is_what_the_manifest_says_or_else_the_numbers(place: Place) -> None:
    options = {"storage_options": place.storage_options}
    with pytest.warns(SeqSaveWarning, match="4-5"):
        seqsave.save(frames(4), place.url, total=6, **options)
    assert missing_in(seqsave.open_sequence(place.url, **options)).runs == (range(4, 6),)
    bare = f"{place.url}/bare"
    save_some((10, 12, 16, 18), bare, manifest=False, **options)
    missing = missing_in(seqsave.open_sequence(bare, **options))
    assert (missing.runs, missing.step, missing.count) == ((range(14, 15),), 2, 1)


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    seqsave.save(frames(3), tmp_path, filetype="png")
    next((tmp_path / ".seqsave").glob("*.json")).write_text("{")
    with pytest.warns(SeqSaveWarning, match="Gaps are those between the numbers"):
        assert missing_in(seqsave.open_sequence(tmp_path)).runs == ()


def test_labels_are_numbers_as_names_have_them(tmp_path: Path) -> None:
    seqsave.save(frames(2), tmp_path, start=-1, digits=4)
    sequence = seqsave.open_sequence(tmp_path)
    assert [label_of(one, sequence) for one in (-1, 17)] == ["-0001", "0017"]
    several = Gap(Missing((range(3, 5), range(8, 20, 1))))
    assert label_of(several, sequence) == "3-4,8-19"
    assert label_of(Gap(Missing((range(3, 5),))), sequence) == "0003-0004"
    assert label_of(Gap(Missing((range(3, 9),), 2)), sequence) == "0003-0007"
    assert label_of(Gap(Missing((range(3, 4),))), sequence) == "0003"


# --- the sheet --------------------------------------------------------------------------------------------------------


def test_cells_show_their_frames_and_gaps_are_hatched(place: Place) -> None:
    options = {"storage_options": place.storage_options}
    save_some([0, 1, 2, 6, 7], place.url, filetype="png", manifest=False, **options)
    sequence = seqsave.open_sequence(place.url, **options)
    sheet = sequence.sheet(width=800)
    layout = Layout.of(6, width=800, columns=None, aspect=64 / 36)
    assert sheet.shape == (layout.height(6), 800, 3)
    for position, grey in ((0, 20), (1, 25), (2, 30), (4, 35), (5, 40)):
        assert middle_of(sheet, layout, position) == [grey] * 3
    assert [is_hatched(sheet, layout, one) for one in range(6)] == [False, False, False, True, False, False]


def test_pixels_are_those_of_the_frames_made_smaller(tmp_path: Path) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (3, 400, 640, 3), np.uint8)
    seqsave.save(pictures, tmp_path, filetype="png")
    sheet = seqsave.open_sequence(tmp_path).sheet(columns=4, width=665)
    layout = Layout.of(3, width=665, columns=4, aspect=1.6)
    wide, high = layout.cell
    assert (wide, high) == (160, 100)
    for place, picture in enumerate(pictures):
        left, top = layout.corner(place)
        seen = sheet[top : top + high, left : left + wide].astype(float)
        wanted = picture.reshape(high, 4, wide, 4, 3).mean((1, 3))
        assert np.abs(seen - wanted).max() <= 0.55


def test_linear_frames_are_shown_on_a_display(tmp_path: Path) -> None:
    linear = np.full((2, 36, 64, 3), 0.18, np.float32)
    seqsave.save(linear, tmp_path, filetype="png", dtype="uint16", color="linear-srgb", convert_to=None)
    sheet = seqsave.open_sequence(tmp_path).sheet()
    layout = Layout.of(2, width=1600, columns=None, aspect=64 / 36)
    assert middle_of(sheet, layout, 0) == [118] * 3  # 0.18 is 117.6 of 255 on an sRGB display


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    from seqsave.sequences.cells import thumbnail
    from seqsave.types import Decoded

    seqsave.save(frames(1), tmp_path)
    frame = seqsave.open_sequence(tmp_path)[0]
    for aspect, shape in ((2.0, (25, 100)), (0.5, (100, 100)), (1.0, (50, 100))):
        decoded = Decoded(array=np.zeros((100, 200, 3), np.uint8), info=ImageInfo(pixel_aspect=aspect))
        assert thumbnail(decoded, frame, 100).shape[:2] == shape


def test_a_broken_frame_is_named_and_the_others_are_shown(damaged: Path) -> None:
    problems: dict[int, str] = {}
    sequence = seqsave.open_sequence(damaged)
    sheet = sheet_of(sequence, on_problem=lambda frame, words: problems.update({frame.index: words}))
    layout = Layout.of(9, width=1600, columns=None, aspect=1)
    assert [is_hatched(sheet, layout, one) for one in range(9)] == [one in (5, 7) for one in range(9)]
    assert problems.keys() == {5, 7}
    assert all("truncated" in words and "frame_" not in words for words in problems.values())


def test_a_sheet_of_broken_frames_only_is_a_sheet(tmp_path: Path) -> None:
    seqsave.save(frames(2), tmp_path, filetype="png")
    for path in tmp_path.glob("*.png"):
        path.write_bytes(b"")
    sheet = seqsave.open_sequence(tmp_path).sheet()
    assert is_hatched(sheet, Layout.of(2, width=1600, columns=None, aspect=16 / 9), 0)


def test_frames_that_are_gone_by_now(tmp_path: Path) -> None:
    seqsave.save(frames(3), tmp_path, filetype="png")
    sequence = seqsave.open_sequence(tmp_path)
    (tmp_path / "frame_00001.png").unlink()
    layout = Layout.of(3, width=1600, columns=None, aspect=16 / 9)
    assert [is_hatched(sequence.sheet(), layout, one) for one in range(3)] == [False, True, False]
    for path in tmp_path.glob("*.png"):
        path.unlink()
    with pytest.raises(TargetError, match=r"frame_00000.png"):
        sequence.sheet()


def test_of_variations_the_first_is_shown(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, filetype="png") as writer:
        for index in range(2):
            writer.write_batch(np.stack([np.full((36, 64, 3), grey, np.uint8) for grey in (50, 200)]), index=index)
    sheet = seqsave.open_sequence(tmp_path).sheet()
    layout = Layout.of(2, width=1600, columns=None, aspect=64 / 36)
    assert middle_of(sheet, layout, 1) == [50] * 3


def test_no_frames_and_settings_that_are_none(tmp_path: Path) -> None:
    seqsave.save(frames(2), tmp_path)
    sequence = seqsave.open_sequence(tmp_path)
    with pytest.raises(SequenceNotFoundError, match="has no frames"):
        sequence.part([]).sheet()
    wrong: Any
    for wrong in ({"cells": 0}, {"columns": 0}, {"width": 1.5}, {"cells": True}):
        with pytest.raises(OptionError, match=f"{next(iter(wrong))} is"):
            sequence.sheet(**wrong)


def test_a_picture_beyond_the_limit_is_a_broken_cell(tmp_path: Path) -> None:
    seqsave.save(frames(1), tmp_path)
    problems: list[str] = []
    sheet_of(seqsave.open_sequence(tmp_path), max_pixels=9, on_problem=lambda _, words: problems.append(words))
    assert "pixels" in problems[0]


def test_only_the_cells_are_read(s3_server: S3Server, proxy: Proxy) -> None:
    url = s3_server.new_prefix()
    options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    seqsave.save(frames(40), url, filetype="png", storage_options=s3_server.storage_options)
    sequence = seqsave.open_sequence(url, storage_options=options)
    proxy.requests.clear()
    sequence.sheet(cells=5)
    read = sorted(one.path.rpartition("/")[2] for one in proxy.requests if one.path.endswith(".png"))
    assert read == [f"frame_{index:05}.png" for index in (0, 10, 20, 29, 39)]


def test_the_sheet_is_a_picture_that_pillow_saves(tmp_path: Path) -> None:
    seqsave.save(frames(3), tmp_path)
    buffer = io.BytesIO()
    Image.fromarray(seqsave.open_sequence(tmp_path).sheet(width=300)).save(buffer, "PNG")
    assert Image.open(buffer).size[0] == 300
