"""Names of temporary files name their process, and those of dead processes are abandoned."""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path

from seqsave import targets
from seqsave.runtime.processes import machine_id
from seqsave.targets.temporary import is_temporary, temporary_name

DEAD = 2**22 + 1  # more than the largest process id of Linux, 2**22


def left(folder: Path, *, machine: str, pid: int, age: float) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".seqsave-{machine}-{pid}-{secrets.token_hex(8)}.tmp"
    path.write_bytes(b"half a pict")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_a_temporary_name_says_whose_it_is() -> None:
    name = temporary_name()
    assert is_temporary(name)
    assert re.fullmatch(rf"\.seqsave-{machine_id()}-{os.getpid()}-[0-9a-f]{{16}}\.tmp", name)
    assert "_" not in name  # no frame is called so


def test_only_abandoned_files_are_removed(tmp_path: Path) -> None:
    ours, other = machine_id(), "0" * 8
    minute, day = 61, 86_401
    gone = [
        left(tmp_path, machine=ours, pid=DEAD, age=minute),
        left(tmp_path, machine=other, pid=DEAD, age=day),
        left(tmp_path, machine=other, pid=os.getpid(), age=day),
    ]
    old_style = tmp_path / ".seqsave-0123456789abcdef.tmp"
    old_style.write_bytes(b"x")
    os.utime(old_style, (time.time() - day,) * 2)
    kept = [
        left(tmp_path, machine=ours, pid=DEAD, age=5),
        left(tmp_path, machine=ours, pid=os.getpid(), age=minute),
        left(tmp_path, machine=ours, pid=os.getpid(), age=day),  # it slept for so long
        left(tmp_path, machine=other, pid=DEAD, age=minute),
        left(tmp_path / "below", machine=ours, pid=DEAD, age=day),
    ]
    for name in ("frame_00001.png", ".seqsave-notes.txt", ".hidden.tmp"):
        kept.append(tmp_path / name)
        kept[-1].write_bytes(b"x")
        os.utime(kept[-1], (0, 0))
    target = targets.resolve(tmp_path)
    assert target.remove_stale_temporaries() == len(gone) + 1
    assert not any(path.exists() for path in [*gone, old_style])
    assert all(path.exists() for path in kept)
    assert target.remove_stale_temporaries("below") == 1
    assert target.remove_stale_temporaries("nowhere") == 0
