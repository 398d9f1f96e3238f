from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seqsave import targets
from seqsave.errors import SpoolError
from seqsave.spool import Spool
from tests.spool.kept import item, keep

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small file system in memory."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only on Linux, and as root: mounts a small disk")
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only on systems that allow a mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}


def test_an_entry_is_private(spool: Spool, target: targets.Target) -> None:
    before = os.umask(0)
    try:
        entry = keep(spool, target, 1)
    finally:
        os.umask(before)
    found = modes(spool.folder)
    assert found == {"spool": 0o700, entry.identity[:16]: 0o700, Path(entry.name).name: 0o600}


def test_entries_come_back_in_order(spool: Spool, target: targets.Target) -> None:
    kept = [keep(spool, target, index, bytes([index]), why="gone") for index in (3, 1, 2)]
    found = Spool(spool.folder).contents()
    assert sorted(found.entries, key=lambda entry: entry.index) == sorted(kept, key=lambda entry: entry.index)
    assert [spool.read(entry) for entry in found.entries] == [[bytes([entry.index])] for entry in found.entries]


def test_nothing_is_made_by_looking(spool: Spool) -> None:
    assert spool.contents().entries == ()
    assert spool.waiting({"storage": "file", "root": "/x"}) == set()
    assert not spool.folder.exists()


def test_a_newer_frame_takes_the_place_of_an_older_one(spool: Spool, target: targets.Target) -> None:
    keep(spool, target, 1, b"old")
    other = keep(Spool(spool.folder), target, 1, b"new")
    assert [entry.name for entry in spool.contents().entries] == [other.name]


def test_the_newer_one_counts_also_when_the_clock_goes_back(
    spool: Spool, target: targets.Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Spool, "_remove", lambda *_: None)  # both stay, as when two processes put them there at once
    old = keep(spool, target, 1, b"old")
    monkeypatch.setattr("time.time_ns", lambda: 1)
    new = keep(Spool(spool.folder), target, 1, b"new")
    assert [entry.name for entry in spool.contents().entries] == [old.name, new.name]


def test_many_threads_may_put_frames_there(spool: Spool, target: targets.Target) -> None:
    def put(first: int) -> None:
        for index in range(first, first + 25):
            keep(spool, target, index, b"%d" % index)

    threads = [threading.Thread(target=put, args=(first,)) for first in range(0, 100, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = spool.contents().entries
    assert sorted(entry.index for entry in found) == list(range(100))
    assert spool.waiting(target.identity()) == {entry.key for entry in found}


def test_it_is_bounded(tmp_path: Path, target: targets.Target) -> None:
    spool = Spool(tmp_path / "spool", max_bytes=2500)
    keep(spool, target, 1, bytes(1000))
    with pytest.raises(
        SpoolError, match=r"is full: it holds \d+ of 2500 bytes.*seqsave flush .*spool.*max_bytes"
    ) as caught:
        keep(spool, target, 2, bytes(1000))
    assert caught.value.reason == "full"
    assert [entry.index for entry in spool.contents().entries] == [1]
    spool.drop(spool.contents().entries[0])
    keep(spool, target, 2, bytes(1000))


def test_what_another_process_has_put_there_counts(tmp_path: Path, target: targets.Target) -> None:
    keep(Spool(tmp_path / "spool"), target, 1, bytes(2500))
    with pytest.raises(SpoolError, match="is full") as caught:
        keep(Spool(tmp_path / "spool", max_bytes=2500), target, 2, bytes(1000))
    assert caught.value.reason == "full"


def test_some_of_the_disk_stays_free(tmp_path: Path, target: targets.Target) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        spool = Spool(disk / "spool")
        kept = 0
        with pytest.raises(SpoolError, match=r"nearly full: \d+ bytes free.*seqsave flush") as caught:
            for kept in range(1000):
                keep(spool, target, kept, bytes(50_000))
        assert caught.value.reason == "full"
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        assert free > 0.04 * 2**20
        assert kept >= 10
        assert [entry.index for entry in sorted(spool.contents().entries, key=lambda e: e.index)] == list(range(kept))


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path, target: targets.Target) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        spool = Spool(disk / "spool")
        keep(spool, target, 0, b"small")
        spool._take_room = lambda *_: []  # type: ignore[method-assign]  # it looked free a moment ago
        with pytest.raises(SpoolError, match=r"cannot be kept in the spool.*the disk is full") as caught:
            keep(spool, target, 1, bytes(2 << 20))
        assert caught.value.reason == "full"
        assert [entry.index for entry in spool.contents().entries] == [0]
        assert len(list(spool.folder.rglob("*.tmp"))) == 0


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path, target: targets.Target) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match=r"spool .*file/spool cannot be used") as caught:
        keep(Spool(tmp_path / "file" / "spool"), target, 1)
    assert caught.value.reason == "unusable"


def test_other_files_are_left_alone(spool: Spool, target: targets.Target) -> None:
    entry = keep(spool, target, 1)
    folder = Path(entry.name).parent
    for other in (spool.folder / "notes.txt", folder / "notes.txt", folder / "0.frame", folder / ".seqsave-1.tmp"):
        other.write_text("mine")
    assert [one.name for one in spool.contents().entries] == [entry.name]
    assert spool.contents().damaged == ()


def test_damaged_entries_are_reported_and_can_be_put_aside(spool: Spool, target: targets.Target) -> None:
    entry = keep(spool, target, 1)
    Path(entry.name).write_bytes(b"rubbish")
    found = spool.contents()
    assert found.entries == ()
    ((name, why),) = found.damaged
    assert "not a header" in why
    aside = spool.put_aside(name)
    assert Path(aside).read_bytes() == b"rubbish"
    assert spool.contents() == type(found)(())
    assert spool.aside() == [aside]


def test_only_one_may_publish_a_place(spool: Spool, target: targets.Target) -> None:
    identity = keep(spool, target, 1).identity
    with spool.locked(identity):
        with pytest.raises(SpoolError, match="are being published already") as caught:
            with Spool(spool.folder).locked(identity):
                pass
        assert caught.value.reason == "in use"
    with spool.locked(identity):
        pass


def test_the_lock_of_a_killed_process_is_free(spool: Spool, target: targets.Target) -> None:
    identity = keep(spool, target, 1).identity
    code = (
        "import os, sys\n"
        "from seqsave.spool import Spool\n"
        f"with Spool({str(spool.folder)!r}).locked({identity!r}):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(SpoolError, match="already"):
            with spool.locked(identity):
                pass
        child.kill()
        child.wait()
    with spool.locked(identity):
        pass


def test_a_wait_for_the_lock_can_be_stopped(spool: Spool, target: targets.Target) -> None:
    identity = keep(spool, target, 1).identity
    stop = threading.Event()
    stop.set()
    with spool.locked(identity):
        with pytest.raises(SpoolError, match="already"):
            with Spool(spool.folder).locked(identity, patience=1000, stop=stop):
                pass


# --- which folder ---


def test_sidecars_are_kept_with_their_frame(spool: Spool, target: targets.Target) -> None:
    entry = keep(spool, target, 1, sidecars=[item(".seqsave/x.json", b"{}", content_type="application/json")])
    assert spool.read(entry) == [b"{}", b"picture"]
    assert entry.frame.path == "frame_00001.png"
