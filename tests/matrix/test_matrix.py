"""After each end of a run, every command reports what an independent program finds in the storage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.matrix.faces import Faces
from tests.matrix.page import read_rows
from tests.matrix.rows import ROWS, Bench
from tests.support.places import Place

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="only on systems with signals for one process")


# On S3 too every day; the others have the same program and the same signals there.
EVERY_DAY = ("Ctrl-C before its answer", "SIGKILL before its answer", "resumed with skip")
ON_S3 = {name: [pytest.mark.s3] + ([] if name in EVERY_DAY else [pytest.mark.full]) for name in ROWS}
CASES = [("local", name) for name in ROWS] + [pytest.param("S3", name, marks=marks) for name, marks in ON_S3.items()]


@pytest.mark.parametrize(("place", "name"), CASES)
def test_no_face_contradicts_the_storage(place: str, name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    def new_place() -> Place:
        if place == "local":
            return Place("local", str(tmp_path / "out"))
        server = request.getfixturevalue("s3_server")
        return Place("s3", server.new_prefix(), server.storage_options, server)

    faces = Faces.after(ROWS[name](Bench(tmp_path, new_place)))
    assert list(faces.contradictions()) == []
    assert read_rows()[name, place] == faces.cells(), "the page is out of date: python -m tests.matrix"


def test_the_page_has_each_row() -> None:
    assert set(read_rows()) == {(name, place) for name in ROWS for place in ("local", "S3")}
