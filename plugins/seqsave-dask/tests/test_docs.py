"""The blocks of docs/dask.md and of README.md do what they state; tests/test_docs.py cannot run them without dask."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import dask
import pytest
import seqsave_dask
from tests.test_docs import ROOT, Page, blocks

PAGE = ROOT / "docs" / "dask.md"
README = Path(__file__).parents[1] / "README.md"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("path", [PAGE, README], ids=lambda path: path.name)
def test_the_blocks_of_a_page_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "renders").mkdir()
    page, found = Page(tmp_path), [block for block in blocks(path) if block.language == "python"]
    assert found
    with dask.config.set(scheduler=None):  # the page's own cluster, once there is one
        for block in found:
            block.order = ""
            page.run(block)


@pytest.mark.parametrize(
    "function", [seqsave_dask.from_sequence, seqsave_dask.to_sequence], ids=lambda one: one.__name__
)
def test_the_tables_of_the_page_have_every_argument(function: Any) -> None:
    cells = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    stated = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    parameters = inspect.signature(function).parameters.values()
    assert {one.name for one in parameters if one.default is not one.empty} <= stated
