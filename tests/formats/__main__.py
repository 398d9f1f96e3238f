"""``python -m tests.formats``: save and look again, and put what was seen into docs/formats.md."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

from tests.formats.page import update
from tests.formats.rows import KINDS, measure

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        update(measure(kind, Path(folder, str(number))) for number, kind in enumerate(KINDS))
