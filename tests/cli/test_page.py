"""``seqsave page``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsave import save
from tests.cli.foreign import replaces_only_its_own
from tests.cli.runner import options, seqsave
from tests.support.needs import needs_package
from tests.support.places import Place


@pytest.fixture(autouse=True)
def _library() -> None:
    needs_package("av")


def frames(count: int) -> Any:
    return np.repeat(np.linspace(0, 1, count, dtype=np.float32), 72 * 128 * 3).reshape(count, 72, 128, 3)


def test_beside_the_frames_on_any_storage(place: Place) -> None:
    save(frames(9), place.url, storage_options=place.storage_options)
    made = seqsave("page", place.url, *options(place), "--json").document
    data = place.read("frame.html")
    assert (made["frames"], made["size"], made["problems"]) == (9, len(data), [])
    assert made["url"].endswith("/frame.html")


def test_elsewhere_with_the_workflow(tmp_path: Path) -> None:
    save(frames(2), tmp_path / "a", metadata={"workflow": {"text": "mine"}})
    out = seqsave("page", tmp_path / "a", tmp_path / "b.html", "--workflow", "--rate", "12", "-q").out
    assert out.startswith(f"{tmp_path / 'b.html'}: 2 frames, ")
    assert re.search(r", [1-9][0-9]{2,} % of the frames' bytes\n", out)  # of frames of a single colour
    text = (tmp_path / "b.html").read_text()
    assert "mine" in text
    assert '"rate":[12,1]' in text
    seqsave("page", tmp_path / "a", tmp_path / "c.html", "-q")
    assert "mine" not in (tmp_path / "c.html").read_text()


def test_broken_frames_are_warnings_and_chosen_frames_have_no_gaps(tmp_path: Path) -> None:
    save(frames(9), tmp_path / "a", filetype="png")
    (tmp_path / "a" / "frame_00003.png").write_bytes(b"no picture")
    result = seqsave("page", tmp_path / "a", tmp_path / "b.html", "--frames", "0,3,6-8", "--json", "-q")
    assert [one["index"] for one in result.document["problems"]] == [3]
    assert "seqsave: warning: frame 3 cannot be shown: " in result.err
    assert '"missing":[]' in (tmp_path / "b.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["{0}/a", "{0}/a.htm"], 2, "a page is .html, not 'a.htm'"),
        (["{0}/none"], 1, "{0}/none does not exist"),
        (["{0}/a", "--rate", "fast"], 2, "is not a rate"),
        (["{0}/a", "--frames", "7"], 1, "has no frame 7"),
    ],
)
def test_what_cannot_be_is_one_error(tmp_path: Path, arguments: list[str], status: int, message: str) -> None:
    save(frames(2), tmp_path / "a")
    error = seqsave("page", *(one.format(tmp_path) for one in arguments), "-q", status=status).err
    assert message.format(tmp_path) in error
    assert not list(tmp_path.rglob("*.htm*"))


def test_a_file_that_seqsave_did_not_make_is_replaced_only_if_it_is_named(place: Place) -> None:
    replaces_only_its_own(place, "page", "frame.html")
