"""A real SMB server: Samba's smbd on a free loopback port, for this user alone, with one share."""

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

__all__ = ["SmbServer", "find_smbd"]

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_PASSWORD = "by-chance"


def find_smbd() -> str | None:
    return shutil.which("smbd", path=_PATH)


class SmbServer:
    """``with SmbServer() as server``. folder: the share on this machine's disk."""

    def __init__(self) -> None:
        self.top = Path(tempfile.mkdtemp(prefix="seqsave-smb-"))
        self.folder = self.top / "share"
        self.user = getpass.getuser()
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def storage_options(self) -> dict[str, Any]:
        return {"port": self.port, "username": self.user, "password": _PASSWORD}

    def url(self, folder: str, share: str = "share") -> str:
        """Return the URL of a folder. The share ``exact`` holds the same files, and their names in exact letters."""
        return f"smb://127.0.0.1/{share}/{folder}"

    def __enter__(self) -> SmbServer:
        for name in ("share", "state", "lock", "cache", "private", "rpc"):
            (self.top / name).mkdir(mode=0o700)
        config = self.top / "smb.conf"
        config.write_text(
            "[global]\nserver role = standalone server\ninterfaces = lo\nbind interfaces only = yes\n"
            f"smb ports = {self.port}\ndisable netbios = yes\nserver min protocol = SMB2\n"
            f"state directory = {self.top}/state\nlock directory = {self.top}/lock\n"
            f"cache directory = {self.top}/cache\nprivate dir = {self.top}/private\npid directory = {self.top}\n"
            f"ncalrpc dir = {self.top}/rpc\nlog file = {self.top}/log\n"
            f"passdb backend = tdbsam:{self.top}/private/users\n"
            "load printers = no\nprinting = bsd\nprintcap name = /dev/null\ndisable spoolss = yes\n"
            f"[share]\npath = {self.folder}\nread only = no\n"
            f"[exact]\npath = {self.folder}\nread only = no\ncase sensitive = yes\n"
        )
        subprocess.run(
            [str(shutil.which("smbpasswd", path=_PATH)), "-c", str(config), "-a", "-s", self.user],
            input=f"{_PASSWORD}\n{_PASSWORD}\n".encode(),
            check=True,
            capture_output=True,
        )
        with (self.top / "out").open("wb") as out:
            self._process = subprocess.Popen(
                [str(find_smbd()), f"--configfile={config}", "--foreground", "--no-process-group", "--debug-stdout"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.05)
        self.stop()
        raise RuntimeError("smbd did not start")

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, with the processes of its connections."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE)
        shutil.rmtree(self.top, ignore_errors=True)
