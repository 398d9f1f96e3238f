"""SFTP and WebDAV on real servers: what a storage without a whole-file put can promise, and does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave import targets
from seqsave.errors import TargetError
from seqsave.targets.temporary import is_temporary
from tests.support.needs import missing, needs_package
from tests.support.patience import wait_until
from tests.support.sftp import SftpServer, find_sshd
from tests.support.webdav import WebdavServer

pytestmark = [
    pytest.mark.servers,
    # The drivers leave it to the end of the program to close their connections.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

NOISE = np.random.default_rng(3).integers(0, 256, (12, 40, 60, 3), np.uint8)


@dataclass
class Remote:
    kind: str
    url: str
    options: dict[str, Any]
    folder: Path  # the same on this machine's disk


def sftp_server() -> SftpServer:
    needs_package("paramiko", "pip install paramiko")
    if find_sshd() is None:
        missing("sshd", "apt-get install openssh-server")
    return SftpServer()


@pytest.fixture(params=["sftp", "webdav"])
def remote(request: pytest.FixtureRequest) -> Iterator[Remote]:
    if request.param == "sftp":
        with sftp_server() as server:
            yield Remote("sftp", f"{server.url}/shot", server.storage_options, server.folder / "shot")
    else:
        for name in ("wsgidav", "cheroot", "webdav4"):
            needs_package(name, f"pip install {name}")
        with WebdavServer() as dav:
            yield Remote("webdav", f"{dav.url}/shot", dav.storage_options, dav.folder / "renders" / "shot")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_a_sequence_there_and_back(remote: Remote) -> None:
    result = seqsave.save(NOISE, remote.url, storage_options=remote.options)
    assert result.counts["saved"] == len(NOISE)
    assert names(remote.folder) == [f"frame_{i:05d}.png" for i in range(len(NOISE))]
    sequence = seqsave.open_sequence(remote.url, storage_options=remote.options)
    assert (np.stack(list(sequence.arrays())) == NOISE).all()
    again = seqsave.save(NOISE, remote.url, if_exists="skip", storage_options=remote.options)
    assert again.counts["skipped"] == len(NOISE)


def test_a_reader_never_sees_part_of_a_file(remote: Remote) -> None:
    """Looked at on the server's own disk, while one name is replaced again and again."""
    target = targets.resolve(remote.url, remote.options)
    size = 2_000_000
    target.publish("frame_00000.png", b"a" * size, content_type="image/png")
    path, stop = remote.folder / "frame_00000.png", threading.Event()
    wrong: list[str] = []
    seen, gone = 0, 0

    def look() -> None:
        nonlocal seen, gone
        while not stop.is_set():
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                gone += 1
                continue
            seen += 1
            if len(data) != size or data.count(data[:1]) != size:
                wrong.append(f"{len(data)} bytes")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for letter in b"bcdefghijk":
            target.publish("frame_00000.png", bytes([letter]) * size, content_type="image/png")
    finally:
        stop.set()
        thread.join()
    assert seen
    assert not wrong
    if remote.kind == "sftp":
        assert not gone  # one rename; this WebDAV server removes the old file first


def test_sftp_does_not_wait_for_the_answer_to_each_block(monkeypatch: pytest.MonkeyPatch) -> None:
    with sftp_server() as server:
        from paramiko.sftp_file import SFTPFile

        target = targets.resolve(f"{server.url}/shot", server.storage_options)
        target.publish("frame_00000.png", b"first", content_type="image/png")
        pipelined: list[bool] = []
        write = SFTPFile._write
        monkeypatch.setattr(
            SFTPFile, "_write", lambda file, data: pipelined.append(file.pipelined) or write(file, data)
        )
        target.publish("frame_00000.png", b"x" * 1_000_000, content_type="image/png")
        assert target.read("frame_00000.png") == b"x" * 1_000_000
    assert len(pipelined) >= 1_000_000 >> 15
    assert all(pipelined)


def test_create_is_refused_in_words(remote: Remote) -> None:
    with pytest.raises(TargetError, match="not known to refuse to replace a file"):
        seqsave.open_writer(remote.url, if_exists="error", storage_options=remote.options)


CHILD = """
import os, signal, sys, threading, time
from pathlib import Path
from seqsave import targets
target = targets.resolve(sys.argv[1], eval(sys.argv[2]))
target.publish("frame_00000.png", b"whole", content_type="image/png")
folder = Path(sys.argv[3])
def watch():
    while not any(path.name.startswith(".seqsave-") and path.stat().st_size > 1_000_000 for path in folder.iterdir()):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
for _ in range(50):
    target.publish("frame_00001.png", b"x" * 30_000_000, content_type="image/png")
"""


def test_a_killed_writer_leaves_no_part_under_a_name(remote: Remote) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, remote.url, repr(remote.options), str(remote.folder)], check=False
    )
    assert done.returncode == -signal.SIGKILL
    target = targets.resolve(remote.url, remote.options)
    for entry in target.list():
        assert (entry.name, entry.size) in {("frame_00000.png", 5), ("frame_00001.png", 30_000_000)}
    left = [name for name in names(remote.folder) if not name.startswith("frame")]
    assert all(is_temporary(name) for name in left)
    assert all(re.search(r"-[0-9]+-", name) for name in left)  # it says which process has left it
    target.publish("frame_00001.png", b"again", content_type="image/png")
    assert target.read("frame_00001.png") == b"again"


def test_a_server_that_goes_away_and_comes_back() -> None:
    policy = seqsave.RetryPolicy(first_wait=0.2, longest_wait=1)
    with sftp_server() as server:
        events: list[str] = []
        with seqsave.open_writer(
            server.url, storage_options=server.storage_options, retry=policy, on_event=lambda e: events.append(e.kind)
        ) as writer:
            for frame in NOISE[:4]:
                writer.write(frame)
            writer.flush()
            server.stop()
            for frame in NOISE[4:]:
                writer.write(frame)
            with ThreadPoolExecutor(1) as pool:
                flushed = pool.submit(writer.flush)  # events are delivered to a thread that is inside the writer
                wait_until(lambda: "retry" in events, "a retry")
                server.start()
                flushed.result()
        assert writer.result.counts["failed"] == 0
        sequence = seqsave.open_sequence(server.url, storage_options=server.storage_options)
        for index, frame in enumerate(NOISE):
            assert (sequence.frame(index).read() == frame).all()


def test_no_password_shows(remote: Remote) -> None:
    options = {**remote.options, "password": "hush-hush-wrong"} if remote.kind == "sftp" else {
        **remote.options, "auth": ("me", "hush-hush-wrong")}  # fmt: skip
    if remote.kind == "sftp":
        options["key_filename"] = os.devnull
    with pytest.raises(seqsave.SeqSaveError) as caught:
        seqsave.save(NOISE[:1], remote.url, storage_options=options, retry=seqsave.RetryPolicy(attempts=1))
    assert "hush" not in repr(caught.value) + str(caught.value) + repr(caught.value.__cause__)


def test_links_on_sftp_are_followed_and_named() -> None:
    with sftp_server() as server:
        folder, options = server.folder / "shot", server.storage_options
        seqsave.save(NOISE[:3], f"{server.url}/shot", storage_options=options)
        whole = folder / "frame_00000.png"
        (folder / "frame_00003.png").symlink_to(whole)
        (folder / "frame_00004.png").symlink_to("nowhere")
        (folder / "frame_00005.png").symlink_to("frame_00005.png")
        (folder / "frame_00006.png").symlink_to(folder)
        (folder / "frame_00007.png").symlink_to("x" * 300)
        os.mkfifo(folder / "frame_00008.png")
        (folder / "frame_00009.png").symlink_to("frame_00008.png")
        (folder / "round").symlink_to(folder)
        target = targets.resolve(f"{server.url}/shot", options)
        listed = target.list()
        problem = "a link to a file that does not exist"
        assert targets.unreadable_in(listed) == {
            **{f"frame_0000{index}.png": problem for index in (4, 5)},
            "frame_00007.png": "a link that cannot be followed",
            **{f"frame_0000{index}.png": "not a regular file" for index in (8, 9)},
        }
        found = {entry.name: entry for entry in listed}
        assert found["frame_00003.png"].size == whole.stat().st_size
        assert found["frame_00003.png"].version == found[whole.name].version
        assert [name for name, one in found.items() if one.is_link and one.is_folder] == ["frame_00006.png", "round"]
        named = f"frame_00004.png, frame_00005.png .{problem}.; frame_00006.png"
        with pytest.warns(seqsave.SeqSaveWarning, match=named):
            sequence = seqsave.open_sequence(f"{server.url}/shot", storage_options=options)
        with pytest.warns(seqsave.SeqSaveWarning, match=named):  # a search does not go round in circles
            (only,) = seqsave.find_sequences(f"{server.url}/shot", recursive=True, storage_options=options)
        assert sequence.indices == only.indices == (0, 1, 2, 3)
        assert (sequence.frame(3).read() == NOISE[0]).all()
        assert [one.index for one in sequence.unreadable] == [4, 5, 6, 7, 8, 9]
