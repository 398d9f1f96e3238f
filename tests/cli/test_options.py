"""Options that are made from the declarations of the settings."""

from __future__ import annotations

import click
import pytest

from seqsave.cli.options import as_size


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("500MB", 500_000_000), ("1.5 GiB", 3 * 2**29), ("2k", 2000)]
)
def test_sizes(text: str, size: int) -> None:
    assert as_size(None, None, text) == size  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "-1", "2TB", "1e9", "MB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a size: use bytes, or a unit as in 500MB"):
        as_size(None, None, text)  # type: ignore[arg-type]
