"""Child processes that end with this one: they end when a pipe to this process closes.

The operating system closes the pipe however this process ends, SIGKILL included, so no server is left behind.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from filelock import BaseFileLock, FileLock, Timeout

from tests.support.patience import PATIENCE

__all__ = ["Served", "cpu_seconds", "free_ports", "give_back", "leave_with_parent", "say"]

ROOT = Path(__file__).parents[2]
# So that ports with an offset of 10,000 are none of these.
_POSSIBLE = range(10240, 20240)
_held: dict[int, BaseFileLock] = {}


class Served:
    """A Python module that runs as a server in a process of its own.

    The module prints one line of JSON when it is ready (``hello``), ends when its standard input closes
    (``leave_with_parent``), and may print one more line of JSON then (what ``stop`` returns).
    """

    def __init__(self, module: str, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is ours to handle
        )
        atexit.register(self.stop)
        self.hello: dict[str, Any] = self._line()
        if not self.hello:
            self.stop()
            raise RuntimeError(f"{module} did not start (its own error stands above)")

    @property
    def pid(self) -> int:
        return self.process.pid

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return dict(json.loads(line)) if line.strip() else {}

    def stop(self) -> dict[str, Any]:
        """End it and return its last line."""
        atexit.unregister(self.stop)
        if self.process.stdin is None or self.process.stdin.closed:
            return {}
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        last = self._line()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return last

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def leave_with_parent(line: IO[str] | None = None, then: Any = None) -> None:
    """Call ``then()`` (default: exit at once) from a thread when standard input closes."""

    def watch() -> None:
        stream = line or sys.stdin
        while stream.read(1):
            pass
        (then or (lambda: os._exit(0)))()

    threading.Thread(target=watch, daemon=True, name="life line").start()


def say(words: dict[str, Any]) -> None:
    """Send one line of JSON to the parent: ``Served.hello``, or the result of ``stop``."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def free_ports(count: int, offset: int = 0) -> list[int]:
    """Loopback ports that are free now, each with port + ``offset`` free as well.

    They lie below the range from which systems pick ports by themselves, and no other test run gets them before this
    process ends or gives them back: a server that is down for a while finds them free when it comes back.
    """
    chosen: list[int] = []
    pick = secrets.SystemRandom()
    for _ in range(1000):
        port = pick.choice(_POSSIBLE)
        if _hold(port):
            if _is_free(port) and _is_free(port + offset):
                chosen.append(port)
            else:
                give_back([port])
        if len(chosen) == count:
            return chosen
    raise RuntimeError(f"no {count} free ports on 127.0.0.1")


def give_back(ports: Iterable[int]) -> None:
    """Let other test runs have ports of ``free_ports``."""
    for port in ports:
        lock = _held.pop(port, None)
        if lock is not None:
            lock.release()


def _hold(port: int) -> bool:
    folder = Path(tempfile.gettempdir(), "seqsave-test-ports")
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / f"{port}.lock", thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    _held[port] = lock
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds (user and system) that a running process has used; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
