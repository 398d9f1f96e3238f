"""Many processes save to one sequence, some are killed, and a judge of its own looks: ``complete`` never lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.hammer import hammer, local

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.s3 import S3Server

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("spool", [False, True], ids=["plain", "spool"])
@pytest.mark.parametrize("processes", [3, 8])
def test_complete_never_lies_in_a_folder(tmp_path: Path, processes: int, spool: bool, share: float) -> None:
    folder = tmp_path / "renders"
    kept = str(tmp_path / "spool") if spool else ""
    verdict = hammer(str(folder), local(folder), processes=processes, rounds=_rounds(share), kills=True, spool=kept)
    assert verdict.lies == []
    assert verdict.complete > 0


@pytest.mark.s3
def test_complete_never_lies_in_a_bucket(s3_server: S3Server, share: float) -> None:
    url = s3_server.new_prefix()

    def read(name: str) -> bytes | None:
        key = f"{url}/{name}"
        return s3_server.read(key) if name in s3_server.keys(url) else None

    verdict = hammer(url, read, processes=4, rounds=_rounds(share), kills=True, options=s3_server.storage_options)
    assert verdict.lies == []
    assert verdict.complete > 0


def _rounds(share: float) -> int:
    """Return how many rounds a share of the trials has; the first ones alone have seen a complete sequence."""
    return max(6, round(60 * share))
