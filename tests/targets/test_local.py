"""Local folders: one step, no leftovers, clear errors, and nothing but the needed system calls."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave import targets
from seqsave.errors import FrameExistsError, TargetError
from seqsave.targets import local, renaming
from seqsave.targets.temporary import is_temporary
from tests.targets.stores import all_files, posix, publish

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a real file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("only on systems where this user may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


# --- where ----------------------------------------------------------------------------------------------------------


def test_relative_paths_are_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = targets.resolve("renders/shot")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    publish(target, "a")
    assert (tmp_path / "renders" / "shot" / "a").read_bytes() == b"data"
    assert target.url == str(tmp_path / "renders" / "shot")


def test_up_and_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    assert targets.resolve("../y/./z/").url == str(tmp_path / "y" / "z")
    assert targets.resolve(".").url == str(tmp_path / "x")


@posix
def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("~/renders", "file://~/renders", Path("~/renders")):
        assert targets.resolve(given).url == str(tmp_path / "renders")
    parent, name = targets.resolve_file("~/f.png")
    assert (parent.url, name) == (str(tmp_path), "f.png")
    with pytest.raises(TargetError, match="nobody-of-this-name"):
        targets.resolve("~nobody-of-this-name/renders")


def test_file_urls_are_taken_literally(tmp_path: Path) -> None:
    target = targets.resolve(f"file://{tmp_path.as_posix()}/a%20b c#d")
    publish(target, "f")
    assert (tmp_path / "a%20b c#d" / "f").exists()


def test_options() -> None:
    assert targets.resolve("x", {"auto_mkdir": True}).is_local
    with pytest.raises(TargetError, match="known options are auto_mkdir, fsync"):
        targets.resolve("x", {"profile": "renderer"})


# --- how ------------------------------------------------------------------------------------------------------------


class Recorder:
    """The os module, with a list of the functions that were called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        value = getattr(os, name)
        if not callable(value) or isinstance(value, type):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            return value(*args, **kwargs)

        return call


@posix
def test_the_usual_write_is_five_system_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.resolve(tmp_path / "new" / "folder")
    publish(target, "first")
    recorder = Recorder()
    monkeypatch.setattr(local, "os", recorder)
    monkeypatch.setattr(renaming, "os", recorder)
    publish(target, "a", b"x" * 3_000_000)
    # stat: the version, by which a manifest distinguishes this file from its replacement
    assert recorder.calls == ["open", "write", "close", "stat", "replace"]
    recorder.calls.clear()
    publish(target, "b", create=True)
    assert recorder.calls == ["open", "write", "close", "stat", "link", "unlink"]
    recorder.calls.clear()
    publish(target, "batch_0001/a")
    assert recorder.calls == ["open", "makedirs", "open", "write", "close", "stat", "replace"]


@posix
def test_a_folder_that_is_removed_while_it_is_empty_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = os.makedirs, list[str]()

    def makedirs(name: str, exist_ok: bool = False) -> None:
        real(name, exist_ok=exist_ok)
        made.append(name)
        if len(made) < 3:
            Path(name).rmdir()

    monkeypatch.setattr(os, "makedirs", makedirs)
    target = targets.resolve(tmp_path)
    publish(target, "runs/0.json", b"kept")
    assert (target.read("runs/0.json"), len(made)) == (b"kept", 3)


@posix
def test_flushing_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    publish(targets.resolve(tmp_path), "a")
    assert not flushed
    publish(targets.resolve(tmp_path, {"fsync": True}), "a")
    assert len(flushed) == 2  # the file and its folder


@posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_mode_follows_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    target = targets.resolve(tmp_path)
    before = os.umask(umask)
    try:
        publish(target, "a")
        publish(target, "b", create=True)
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode
    assert (tmp_path / "b").stat().st_mode & 0o777 == mode


@posix
def test_names_with_a_backslash(tmp_path: Path) -> None:
    target = targets.resolve(tmp_path)
    publish(target, "back\\slash.png")
    assert all_files(tmp_path) == ["back\\slash.png"]
    assert target.read("back\\slash.png") == b"data"


@posix
def test_the_longest_name_that_there_can_be(tmp_path: Path) -> None:
    target = targets.resolve(tmp_path)
    publish(target, "é" * 127)
    assert target.read("é" * 127) == b"data"
    with pytest.raises(TargetError, match="name is too long"):
        publish(target, "é" * 128)
    assert all_files(tmp_path) == ["é" * 127]


@posix
def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "frame").symlink_to(tmp_path / "precious")
    target = targets.resolve(tmp_path)
    with pytest.raises(FrameExistsError):
        publish(target, "frame", create=True)
    publish(target, "frame")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "frame").read_bytes() == b"data"


@posix
def test_odd_things_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "sub").mkdir()
    (tmp_path / "to_sub").symlink_to(tmp_path / "sub")
    assert {(entry.name, entry.is_folder) for entry in targets.resolve(tmp_path).list()} == {
        ("sub", True),
        ("to_sub", True),
    }


@posix
def test_what_is_neither_file_nor_folder_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "there").symlink_to(tmp_path / "back")
    (tmp_path / "back").symlink_to(tmp_path / "there")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x")
    target = targets.resolve(tmp_path)
    assert [entry.name for entry in target.list()] == ["file"]
    assert [name for name in ("circle", "there", "pipe", "file") if target.exists(name)] == ["file"]


@posix
def test_a_pipe_or_a_device_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # reading it would wait for a writer
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    target = targets.resolve(tmp_path)
    for name in ("pipe", "endless", "folder"):
        for read in (target.read, target.read_published):
            with pytest.raises(TargetError, match="folder" if name == "folder" else "not a file"):
                read(name)
        with pytest.raises(TargetError):
            target.update(name, lambda data: data, content_type="text/plain")


def test_readers_see_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    target = targets.resolve(tmp_path)
    contents = [b"%d" % digit * 400_000 for digit in range(4)]
    publish(target, "a", contents[0])
    done = threading.Event()

    def write() -> None:
        for number in range(200):
            publish(target, "a", contents[number % 4])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert target.read("a") in contents
    writer.join()


# --- when it fails --------------------------------------------------------------------------------------------------


def test_nothing_is_left_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.resolve(tmp_path)
    publish(target, "a", b"old")

    def write(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    for path in ("a", "b"):
        with pytest.raises(TargetError, match="the disk is full") as caught:
            publish(target, path, b"new")
        assert not caught.value.transient
    monkeypatch.undo()
    assert all_files(tmp_path) == ["a"]
    assert target.read("a") == b"old"


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.resolve(tmp_path)

    def write(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(KeyboardInterrupt):
        publish(target, "a")
    assert all_files(tmp_path) == []


def test_a_real_disk_that_is_full(small_disk: Path) -> None:
    target = targets.resolve(small_disk / "shot")
    publish(target, "a", b"x" * 400_000)
    with pytest.raises(TargetError, match="the disk is full; free some space"):
        publish(target, "b", b"x" * 900_000)
    assert all_files(small_disk) == ["shot/a"]
    publish(target, "c", b"x" * 400_000)


@pytest.mark.parametrize("concurrency", [1, None])
def test_a_disk_that_runs_full_loses_what_does_not_fit_and_nothing_else(
    small_disk: Path, concurrency: int | None
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (20, 100, 200, 3), np.uint8)  # 60 KB each
    shot = small_disk / "shot"
    with pytest.raises(seqsave.SaveError, match="the disk is full; free some space") as caught:
        seqsave.save(noise, shot, concurrency=concurrency)
    result = caught.value.result
    assert result is not None
    saved = {frame.index for frame in result.frames}
    assert 8 <= len(saved) < 20
    pictures = [path for path in shot.iterdir() if path.suffix == ".png"]
    assert {int(path.stem.rpartition("_")[2]) for path in pictures} == saved
    assert not [name for name in all_files(small_disk) if is_temporary(Path(name).name)]
    sequence = seqsave.open_sequence(shot)
    for frame in sequence:
        assert (frame.read() == noise[frame.index]).all()
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    result = seqsave.save(noise, shot, if_exists="skip", concurrency=concurrency)
    assert result.counts["skipped"] == len(saved)
    assert (np.stack(list(seqsave.open_sequence(shot).arrays())) == noise).all()


def test_a_real_disk_that_is_read_only(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    target = targets.resolve(small_disk / "shot")
    with pytest.raises(TargetError, match="not writable"):
        target.check()
    with pytest.raises(TargetError, match="the file system is read-only") as caught:
        publish(target, "a")
    assert not caught.value.transient


@posix
def test_a_folder_without_permission() -> None:
    with tempfile.TemporaryDirectory() as top:  # not tmp_path: what is above that is closed to others
        folder = Path(top, "closed")
        folder.mkdir()
        Path(top).chmod(0o755)
        folder.chmod(0o555)
        target = targets.resolve(folder)
        with an_ordinary_user():
            with pytest.raises(TargetError, match="not writable"):
                target.check()
            with pytest.raises(TargetError, match="this user lacks the permission"):
                publish(target, "a")


@contextmanager
def an_ordinary_user() -> Iterator[None]:
    """Root may write everywhere."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    blocker = tmp_path / "shot"
    blocker.write_bytes(b"mine")
    for root, path in ((blocker, "a"), (blocker / "deep", "a"), (tmp_path, "shot/a"), (tmp_path, "shot/deep/a")):
        with pytest.raises(TargetError, match=re.escape(f"{blocker} is a file")) as caught:
            publish(targets.resolve(root), path)
        assert not caught.value.transient
        with pytest.raises(TargetError, match=re.escape(f"{blocker} is a file")):
            publish(targets.resolve(root), path, create=True)
    with pytest.raises(TargetError, match="is a file, not a folder"):
        targets.resolve(blocker / "deep").check()
    with pytest.raises(TargetError, match="is a file, not a folder"):
        targets.resolve(blocker).list()
    assert not targets.resolve(blocker).exists("a")
    assert all_files(tmp_path) == ["shot"]
    assert blocker.read_bytes() == b"mine"


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "frame").mkdir()
    with pytest.raises(TargetError, match="it is a folder"):
        publish(targets.resolve(tmp_path), "frame")
    with pytest.raises(FrameExistsError):
        publish(targets.resolve(tmp_path), "frame", create=True)
    assert all_files(tmp_path) == []


def test_check_of_what_can_be_written(tmp_path: Path) -> None:
    targets.resolve(tmp_path).check()
    targets.resolve(tmp_path / "a" / "b" / "c").check()
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from seqsave import targets
target = targets.resolve(sys.argv[1])
target.publish("whole", b"x" * 100_000, content_type="image/png")
real = os.{step}
def die(*given):
    if "{step}" == "write":
        real(given[0], bytes(given[1])[:1000])
    os.kill(os.getpid(), signal.SIGKILL)
os.{step} = die
target.publish("killed", b"x" * 100_000, content_type="image/png", create={create})
"""


@posix
@pytest.mark.parametrize(("step", "create"), [("write", False), ("replace", False), ("link", True)])
def test_a_killed_process_leaves_no_part_under_a_name(tmp_path: Path, step: str, create: bool) -> None:
    code = KILLED.format(step=step, create=create)
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    leftover = [name for name in all_files(tmp_path) if name != "whole"]
    assert len(leftover) == 1
    assert is_temporary(leftover[0])
    target = targets.resolve(tmp_path)
    assert [(entry.name, entry.size) for entry in target.list()] == [("whole", 100_000)]
    publish(target, "killed")
    assert target.read("killed") == b"data"


# --- create without hard links ---------------------------------------------------------------------------------------


# --- links and odd folders -------------------------------------------------------------------------------------------


@posix
def test_links_to_folders_are_reported(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "to_sub").symlink_to(tmp_path / "sub")
    assert {entry.name: entry.is_link for entry in targets.resolve(tmp_path).list()} == {"sub": False, "to_sub": True}


@posix
@pytest.mark.parametrize("leads_to", ["nowhere", "link"])
def test_links_that_lead_nowhere(tmp_path: Path, leads_to: str) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / leads_to)
    for root, path in ((link, "a"), (link / "deep", "a"), (tmp_path, "link/a")):
        with pytest.raises(TargetError, match=re.escape(f"{link} is a broken link")) as caught:
            publish(targets.resolve(root), path)
        assert not caught.value.transient
    with pytest.raises(TargetError, match=re.escape(f"{link} is a broken link")):
        targets.resolve(link / "deep").check()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this /proc")
def test_a_place_where_no_folders_can_be_made() -> None:
    with pytest.raises(
        TargetError, match=r"cannot create a folder in /proc; save elsewhere|lacks the permission"
    ) as caught:
        publish(targets.resolve("/proc/seqsave"), "x")
    assert not isinstance(caught.value, FileNotFoundError)


def test_a_name_that_is_too_long_may_be_that_of_a_metadata_value(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="shorter prefix, folder or metadata name"):
        publish(targets.resolve(tmp_path), "n" * 300)


# --- what killed processes leave -------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="only on systems with SIGKILL, which Windows is not")
def test_what_a_killed_process_leaves_is_swept_by_the_next_run(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal; from seqsave.targets import local\n"
        "real = os.write\n"
        "os.write = lambda d, data: (real(d, bytes(data)[:5]), os.kill(os.getpid(), signal.SIGKILL))\n"
        "local.LocalTarget(sys.argv[1]).publish('frame_00000.png', b'0123456789')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"01234"
    assert targets.resolve(tmp_path).list() == []
    os.utime(path, (time.time() - 61,) * 2)
    picture = np.zeros((2, 2, 3), np.uint8)
    seqsave.save([picture], tmp_path)
    assert path.exists()  # one frame is not worth a look at all names
    seqsave.save([picture] * 2, tmp_path)
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="only on systems where anybody may make links")
def test_a_link_at_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    """Opening it would empty the file that it leads to."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "shot").mkdir()
    (tmp_path / "shot" / "file.lock").symlink_to(victim)
    with pytest.raises(TargetError):
        targets.resolve(tmp_path / "shot").update("file", lambda before: b"new", content_type="text/plain")
    assert victim.read_bytes() == b"precious"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no folder that is a current one")
def test_a_current_folder_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(TargetError, match="renders: the current folder does not exist any more"):
        seqsave.save([np.zeros((4, 4), np.uint8)], "renders")
    with pytest.raises(seqsave.OptionError, match="spool is 'kept', and the current folder does not exist any more"):
        seqsave.save([np.zeros((4, 4), np.uint8)], tmp_path / "out", spool="kept")
    assert seqsave.save([np.zeros((4, 4), np.uint8)], tmp_path / "out").counts["saved"] == 1
