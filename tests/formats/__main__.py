"""``python -m tests.formats``: save, read with other programs, and write the results into docs/formats.md."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

from tests.formats.page import update, update_pairs
from tests.formats.pairs import measure_pairs
from tests.formats.rows import KINDS, measure
from tests.formats.sources import SOURCES

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        update_pairs(row for name in SOURCES for row in measure_pairs(name, Path(folder, "pairs", name)))
        update(measure(kind, Path(folder, str(number))) for number, kind in enumerate(KINDS))
