"""Many processes save to one sequence, some are killed, and a judge of its own looks: ``complete`` never lies."""

from __future__ import annotations

import json
import random
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.hammer import END, MANIFEST, Bucket, Folder, Judge, hammer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.s3 import S3Server

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("spool", [False, True], ids=["plain", "spool"])
@pytest.mark.parametrize("processes", [3, 8])
def test_complete_never_lies_in_a_folder(tmp_path: Path, processes: int, spool: bool, share: float) -> None:
    kept = str(tmp_path / "spool") if spool else ""
    verdict = hammer(
        Folder(tmp_path / "renders"), processes=processes, rounds=_rounds(share), kills=True, spool=kept, seed=processes
    )
    assert verdict.lies == []
    assert verdict.troubles == []
    assert verdict.complete > 0


def test_complete_never_lies_in_a_bucket(s3_server: S3Server, share: float) -> None:
    storage = Bucket(s3_server.new_prefix(), s3_server.client, s3_server.storage_options)
    verdict = hammer(storage, processes=4, rounds=_rounds(share), kills=True)
    assert verdict.lies == []
    assert verdict.troubles == []
    assert verdict.complete > 0


def _rounds(share: float) -> int:
    """Return how many rounds a share of the trials has; the first ones alone have seen a complete sequence."""
    return max(8, round(60 * share))


# --- the judge -------------------------------------------------------------------------------------------------------

DATA = b"a picture" + END


def stated(**changes: Any) -> dict[str, Any]:
    return {
        "index": 0,
        "name": "frame_00000.png",
        "size": len(DATA),
        "checksum": f"crc32:{zlib.crc32(DATA):08x}",
        **changes,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / ".seqsave").mkdir()
    made = Folder(tmp_path)
    made.write("frame_00000.png", DATA)
    return made


def write_manifest(folder: Folder, *frames: dict[str, Any], expected: str = "0", complete: bool = True) -> None:
    folder.write(MANIFEST, json.dumps({"complete": complete, "expected": expected, "frames": frames}).encode())


@pytest.mark.parametrize(
    ("entry", "expected", "lie"),
    [
        (stated(), "0", ""),
        (stated(checksum=None), "0", ""),
        (stated(), "0-1", "frame 1 is expected and not recorded"),
        (stated(checksum="crc32:00000000"), "0", "has other bytes"),
        (stated(checksum=None, size=3), "0", "bytes, not 3"),
        (stated(name="frame_00001.png"), "0", "is missing"),
    ],
)
def test_the_judge_sees_a_lie(folder: Folder, entry: dict[str, Any], expected: str, lie: str) -> None:
    write_manifest(folder, entry, expected=expected)
    judge = Judge(folder)
    judge.look()
    assert judge.verdict.complete == 1
    assert len(judge.verdict.lies) == bool(lie)
    assert lie in "".join(judge.verdict.lies)


def test_the_judge_sees_a_frame_that_is_cut_off(folder: Folder) -> None:
    folder.write("frame_00000.png", DATA[:-1])
    write_manifest(folder, stated(checksum=None, size=None))
    judge = Judge(folder)
    judge.look()
    assert "is cut off" in "".join(judge.verdict.lies)


def test_an_unfinished_manifest_and_one_that_changes_are_no_lies(folder: Folder) -> None:
    write_manifest(folder, stated(checksum="crc32:00000000"), complete=False)
    judge = Judge(folder)
    judge.look()
    write_manifest(folder, stated(checksum="crc32:00000000"))
    real = folder.read

    def read(name: str) -> bytes | None:
        if name != MANIFEST:
            write_manifest(folder, stated())
        return real(name)

    folder.read = read  # type: ignore[method-assign]
    judge.look()
    assert (judge.verdict.looks, judge.verdict.complete, judge.verdict.lies) == (2, 0, [])


def test_what_was_stated_before_the_harm_is_not_judged(folder: Folder) -> None:
    write_manifest(folder, stated())
    judge, dice = Judge(folder), random.Random(0)
    while not judge.verdict.harmed:
        judge.let_harm(dice, "")
    folder.write("frame_00000.png", b"other")
    judge.look()
    assert judge.verdict.complete == 0
    write_manifest(folder, stated(), stated(index=1))
    judge.look()
    assert len(judge.verdict.lies) == 2
