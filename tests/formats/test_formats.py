"""docs/formats.md states what other programs see in each file type now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seqsave
from tests.formats import page
from tests.formats.rows import KINDS, Kind, Row, measure
from tests.support.needs import needs_package

pytestmark = [
    pytest.mark.formats,
    pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning"),  # lossy formats round, and JPEG drops alpha
]


def rows() -> dict[tuple[str, str], Row]:
    return {(row.filetype, row.setting): row for row in page.read_rows()}


def listed(cell: str) -> set[str]:
    return set(cell.split(", "))


def test_every_format_has_its_rows() -> None:
    assert list(rows()) == [(kind.filetype, kind.setting) for kind in KINDS]
    # Others are the same files under another ending.
    known = {info.spec.encoder for info in seqsave.describe_filetypes()}
    shown = {info.spec.encoder for info in seqsave.describe_filetypes() if info.filetype in {k.filetype for k in KINDS}}
    assert known == shown


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.filetype} {kind.setting}".strip())
def test_what_the_page_says_is_seen(kind: Kind, tmp_path: Path) -> None:
    """A missing program skips the test, or fails it in CI. Newer programs may read more than the table states."""
    reported, seen = rows()[kind.filetype, kind.setting], measure(kind, tmp_path)
    assert listed(reported.by) <= listed(seen.by)
    assert (reported.pattern, seen.pattern) != ("yes", "no")
    assert replace(reported, by=seen.by, pattern=seen.pattern) == seen


@pytest.mark.parametrize("filetype", ["exr", "tiff"])
def test_ffmpeg_reads_floats_beside_a_long_workflow(filetype: str, tmp_path: Path) -> None:
    """That of PyAV's wheels does, every bit. Debian's FFmpeg 5.1 does not, as the page says."""
    av = needs_package("av")
    picture = np.random.default_rng(0).normal(0, 2, (48, 64, 4)).astype(np.float32)
    stated = {"metadata": {"workflow": {"nodes": ["x" * 40] * 500}}, "tags": {"artist": "Ada"}}
    result = seqsave.save([picture], tmp_path, filetype=f"{filetype} with embedded workflow", **stated)
    with av.open(str(tmp_path / result.urls[0].rpartition("/")[2])) as file:
        frame = next(file.decode(video=0))
    assert np.array_equal(frame.to_ndarray(), picture)


def test_a_page_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("before\n<!-- table -->\n<!-- end of table -->\nafter\n")
    written = [Row(*"abcdefghij"), Row("k", "", *"lmnopqrs")]
    page.update(written, tmp_path / "page.md")
    assert page.read_rows(tmp_path / "page.md") == written
    assert (tmp_path / "page.md").read_text().startswith("before\n")
    assert (tmp_path / "page.md").read_text().endswith("after\n")
