"""docs/formats.md states the present outcome of each statement of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import seqsave
from tests.formats import page
from tests.formats.pairs import LOST, TARGETS, PairRow, measure_pairs
from tests.formats.sources import SOURCES

pytestmark = [pytest.mark.formats, pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")]


def test_nothing_is_lost_without_a_word() -> None:
    rows = page.read_pairs()
    assert list(dict.fromkeys(row.source for row in rows)) == list(SOURCES)
    assert {len(row.outcomes) for row in rows} == {len(TARGETS)}
    assert not [row for row in rows if LOST in row.outcomes]


@pytest.mark.parametrize("name", SOURCES)
def test_what_the_page_says_is_measured(name: str, tmp_path: Path) -> None:
    """A missing program skips the test, or fails it in CI."""
    assert measure_pairs(name, tmp_path) == [row for row in page.read_pairs() if row.source == name]


@pytest.mark.parametrize("filetype", TARGETS)
@pytest.mark.parametrize("name", SOURCES)
def test_what_a_copy_states_stays_in_the_next_one(name: str, filetype: str, tmp_path: Path) -> None:
    """save a b; save b c: b and c are of one format, and state the same."""
    extension, make = SOURCES[name]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / f"frame_00000.{extension}").write_bytes(make())
    kind, (name_of, one, other) = f"{filetype} with embedded workflow", _OTHER[filetype]
    # With options, so that files of the same type are encoded again, too.
    seqsave.save(seqsave.open_sequence(tmp_path / "a"), tmp_path / "b", filetype=kind, options={name_of: one})
    seqsave.save(seqsave.open_sequence(tmp_path / "b"), tmp_path / "c", filetype=kind, options={name_of: other})
    first, second = (seqsave.open_sequence(tmp_path / folder)[0] for folder in "bc")
    assert second.decode().metadata == first.decode().metadata
    assert _plain(second.decode().info) == _plain(first.decode().info)


_OTHER: dict[str, tuple[str, Any, Any]] = {
    "png": ("compression", "balanced", "small"),
    "jpg": ("quality", 90, 91),
    "exr": ("compression", "zips", "piz"),
    "tiff": ("compression", "lzw", "packbits"),
    "jxl": ("effort", 3, 2),
    "webp": ("method", 3, 2),
    "avif": ("speed", 9, 10),
}


def _plain(info: seqsave.ImageInfo) -> dict[str, object]:
    """The statements, without the order in which texts are listed. Attributes may be arrays."""
    found = {name: getattr(info, name) for name in info.stated}
    return {name: repr(sorted(value.items())) if isinstance(value, dict) else value for name, value in found.items()}


def test_a_page_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("before\n<!-- pairs -->\n<!-- end of pairs -->\nafter\n")
    rows = [PairRow("png", "density", ("kept",) * len(TARGETS)), PairRow("png", "alpha", ("warned",) * len(TARGETS))]
    page.update_pairs(rows, tmp_path / "page.md")
    assert page.read_pairs(tmp_path / "page.md") == rows
