"""The blocks of docs/ray.md and of the plugin's README do what they say, on the real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.test_docs import Page, blocks

from conftest import PROJECT

PAGES = [PROJECT / "docs" / "ray.md", PROJECT / "plugins" / "seqsave-ray" / "README.md"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page(engine: Any, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page(tmp_path)
    found = [block for block in blocks(path) if block.language == "python"]
    assert found
    for block in found:
        block.order = ""
        page.run(block)
