"""A real SFTP server: OpenSSH's sshd on a free loopback port, for this user alone, with keys of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.patience import PATIENCE
from tests.support.processes import free_ports

__all__ = ["SftpServer", "find_sshd"]


def find_sshd() -> str | None:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class SftpServer:
    """``with SftpServer() as server``; ``stop`` and ``start`` in between are an outage.

    folder: what ``url`` shows, on this machine's disk.
    """

    def __init__(self) -> None:
        self.top = Path(tempfile.mkdtemp(prefix="seqsave-sftp-"))
        self.folder = self.top / "files"
        self.folder.mkdir()
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.top / name)], check=True)

    @property
    def url(self) -> str:
        return f"sftp://127.0.0.1:{self.port}{self.folder}"

    @property
    def storage_options(self) -> dict[str, Any]:
        return {
            "username": getpass.getuser(),
            "key_filename": str(self.top / "user"),
            "look_for_keys": False,
            "allow_agent": False,
        }

    def start(self) -> SftpServer:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it insists
        config = self.top / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.top / 'host'}\nPidFile none\n"
            f"AuthorizedKeysFile {self.top / 'user.pub'}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\nMaxStartups 100\n"
        )
        with (self.top / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(find_sshd()), "-D", "-e", "-f", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.05)
        raise RuntimeError(f"sshd did not start: {(self.top / 'log').read_text()}")

    def stop(self) -> None:
        """End it, and every connection with it."""
        if self._process is not None:
            for pid in (self._process.pid, *_below(self._process.pid)):  # each connection has a process
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait(PATIENCE)
            self._process = None

    def __enter__(self) -> SftpServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.top, ignore_errors=True)


def _below(pid: int) -> list[int]:
    """Return the children of a process and their children, from /proc."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [int(child), *_below(int(child))]
    return found
