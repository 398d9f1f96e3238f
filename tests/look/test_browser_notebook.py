"""A real notebook: a kernel of Jupyter saves frames with a bar, and shows what it saved and what lies there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import needs_package
from tests.support.patience import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

CELLS = (
    "import numpy as np, seqsave\npictures = np.full((30, 36, 64, 3), 90, np.uint8)",
    "result = seqsave.save(pictures, FOLDER, progress=True)\nresult",
    "seqsave.open_sequence(FOLDER)",
    "seqsave.open_sequence(FOLDER).part([])",
)


def test_saving_and_looking(tmp_path: Path) -> None:
    nbformat = needs_package("nbformat", "pip install nbclient ipykernel")
    nbclient = needs_package("nbclient", "pip install nbclient ipykernel")
    needs_package("ipykernel")
    cells = [nbformat.v4.new_code_cell(one.replace("FOLDER", repr(str(tmp_path / "a")))) for one in CELLS]
    run = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": _kernel()})
    nbclient.NotebookClient(run, timeout=PATIENCE, kernel_name="python3").execute()
    outputs: list[list[Any]] = [cell["outputs"] for cell in run.cells]
    assert outputs[0] == []
    bar, result = (one["data"] for one in outputs[1])
    assert bar["text/html"].startswith("<div>")
    assert "30 frames" in bar["text/plain"]
    assert result["text/plain"].startswith("<SaveResult 30 saved in")
    assert re.search(r'<img src="data:image/jpeg;base64,', result["text/html"])
    (sequence,) = (one["data"] for one in outputs[2])
    assert sequence["text/plain"].startswith("<FrameSequence frame_#####.png 0-29")
    assert re.search(r'<img src="data:image/jpeg;base64,', sequence["text/html"])
    assert "0 frames" in outputs[3][0]["data"]["text/html"]


def _kernel() -> dict[str, str]:
    return {"name": "python3", "display_name": "Python 3", "language": "python"}
