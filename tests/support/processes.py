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
import threading
from pathlib import Path
from typing import IO, Any

from tests.support.patience import PATIENCE

__all__ = ["Served", "cpu_seconds", "free_ports", "leave_with_parent", "say"]

ROOT = Path(__file__).parents[2]


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

    They lie below the range from which systems pick ports by themselves, so that only another test run can take
    one before it is used, so callers that start a server retry with other ports.
    """
    chosen: list[int] = []
    pick = secrets.SystemRandom()
    for _ in range(1000):
        port = pick.randrange(10240, 22500)
        wanted = {port, port + offset}
        taken = {used + shift for used in chosen for shift in (0, offset)}
        if not wanted & taken and all(_is_free(one) for one in wanted):
            chosen.append(port)
            if len(chosen) == count:
                return chosen
    raise RuntimeError(f"no {count} free ports on 127.0.0.1")


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
