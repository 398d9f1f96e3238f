"""The path of a sequence's manifest."""

from __future__ import annotations

import pytest

from seqsave import manifest, naming
from seqsave.manifest import Facts


@pytest.mark.parametrize(
    ("prefix", "path"), [("frame", ".seqsave/frame.png.json"), ("shots/a/frame", "shots/a/.seqsave/frame.png.json")]
)
def test_where_it_lies(prefix: str, path: str) -> None:
    folder, _, stem = prefix.rpartition("/")
    assert manifest.path_of(folder, naming.NameRule(stem).name) == path
    assert manifest.Facts(prefix=prefix, extension="png", filetype="png").path == path
    assert Facts(prefix=prefix, extension="png", filetype="png").path == path
