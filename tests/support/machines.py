"""Workers as if each were on a machine of its own: a namespace of process ids, which ends as a whole.

SIGKILL to its first process ends all processes in it at once, and none of them can report it, start another one, or
send what it has begun to send::

    with Machines(dask_worker(address), count=2) as machines:
        with machines.losing(proxy, {"path": r"/frame_00003"}):
            ...     # the machine that sends this frame is killed before the store has it; another one takes its place

The killer stays outside: in its namespace, the first process is not killed.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from seqsave.testing import outside
from tests.support.patience import PATIENCE, wait_until

if TYPE_CHECKING:
    from tests.support.proxy import Fault, Proxy

__all__ = ["RAY_SETTINGS", "Machines", "dask_worker", "in_namespace", "ray_node"]

RAY_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    # A busy machine takes its time.
    "RAY_raylet_start_wait_time_s": "600",
    "RAY_process_startup_timeout_seconds": "600",
    # A lost node refuses five checks in a row, and Ray notices it after 2.5 seconds in place of 15. A check that is
    # not answered at all still has ten seconds.
    "RAY_health_check_period_ms": "500",
}
"""The environment of Ray in tests: for ``ray.init`` and for its nodes."""


def ray_node(address: str, folder: Path) -> list[str]:
    """Return the command of a node with one CPU for the Ray at this address. It keeps its files in ``folder``."""
    return [sys.executable, "-m", "tests.support.ray_node", address, str(folder)]


def dask_worker(address: str) -> list[str]:
    """Return the command of a worker with one thread, for the scheduler at this address."""
    own = ["--nthreads", "1", "--memory-limit", "700MiB", "--no-dashboard", "--host", "127.0.0.1"]
    return [sys.executable, "-m", "distributed.cli.dask_worker", address, *own]


def in_namespace() -> list[str]:
    """Return the beginning of a command for a namespace of process ids, which ends with this command's process.

    Where the system allows none, a test is skipped with the reason, and fails in CI.
    """
    tried = []
    for rights in ([], ["--user", "--map-root-user"]):
        command = ["unshare", *rights, "--pid", "--fork", "--mount-proc", "--kill-child"]
        try:
            done = subprocess.run([*command, "true"], check=False, capture_output=True, text=True)
        except OSError as error:
            tried.append(str(error))
        else:
            if done.returncode == 0:
                return command
            tried.append(done.stderr.strip())
    outside.missing("a namespace of process ids", f"run this as root, or allow users to make namespaces ({tried[-1]})")
    return []


# The state of a connection in /proc/net/tcp.
_ESTABLISHED = "01"


class Machines:
    """Some machines, each of which runs one command. A killed one is replaced by another one."""

    def __init__(self, command: Sequence[str], count: int, env: Mapping[str, str] | None = None) -> None:
        self._command, self._count, self._env = [*in_namespace(), *command], count, env
        self._running: list[subprocess.Popen[bytes]] = []
        self._log: IO[bytes]
        self.killed: list[int] = []
        """The namespaces of the machines that were killed."""

    def __enter__(self) -> Machines:
        self._log = tempfile.TemporaryFile()
        for _ in range(self._count):
            self._start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for machine in self._running:
            self._end(machine)
        if kind is not None:
            self._log.seek(0)
            sys.stderr.write(self._log.read().decode(errors="replace")[-3000:])
        self._log.close()

    @contextlib.contextmanager
    def losing(self, proxy: Proxy, *moments: Mapping[str, Any]) -> Iterator[None]:
        """Kill a machine at each of these moments: while the first request that matches is on its way.

        moments: as for ``proxy.stall``; with ``stored=True``, the store has the request's data by then. All of them
        have to come before the block ends.
        """
        ended, wanted = threading.Event(), len(self.killed) + len(moments)
        left = [_fault(proxy, **moment) for moment in moments]

        def work() -> None:
            while left:
                wait_until(lambda: ended.is_set() or any(fault.reached.is_set() for fault in left))
                reached = next((fault for fault in left if fault.reached.is_set()), None)
                if reached is None or reached.last is None:
                    return
                left.remove(reached)
                self.kill(self.of_connection(reached.last.port, proxy.port))

        killer = threading.Thread(target=work, daemon=True, name="killer")
        killer.start()
        try:
            yield
        finally:
            ended.set()
            killer.join(PATIENCE)
        assert len(self.killed) == wanted, f"{wanted - len(self.killed)} of {len(moments)} machines were not killed"

    def of_connection(self, port: int, server: int) -> int:
        """Return the namespace of the process with a connection from a port of loopback to the port of a server."""
        wanted = (f"0100007F:{port:04X}", f"0100007F:{server:04X}", _ESTABLISHED)
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if (fields[1], fields[2], fields[3]) == wanted:
                return _namespace(_owner(f"socket:[{fields[9]}]"), "pid")
        raise LookupError(f"no connection from port {port} to port {server}")

    def kill(self, namespace: int) -> None:
        """Kill all processes of a machine at once, and start another machine."""
        machine = next(one for one in self._running if _namespace(one.pid, "pid_for_children") == namespace)
        inside = [pid for pid in _pids() if _namespace(pid, "pid") == namespace]
        assert len(inside) > 1, "a worker has more than one process here"
        self._running.remove(machine)
        self._end(machine)
        wait_until(lambda: not any(_namespace(pid, "pid") == namespace for pid in inside))
        self.killed.append(namespace)
        self._start()

    def _start(self) -> None:
        self._running.append(
            subprocess.Popen(self._command, stdout=self._log, stderr=self._log, env=self._env, start_new_session=True)
        )

    def _end(self, machine: subprocess.Popen[bytes]) -> None:
        machine.send_signal(signal.SIGKILL)  # with it, the kernel kills the first process of the namespace
        machine.wait(PATIENCE)


def _fault(proxy: Proxy, *, stored: bool = False, **which: Any) -> Fault:
    if stored:
        return proxy.lose_reply(times=1, seconds=PATIENCE, **which)
    return proxy.stall(times=1, **which)


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _namespace(pid: int, kind: str) -> int:
    """Return the number of a process's namespace, 0 if the process has ended. kind: as in /proc/PID/ns."""
    try:
        return int(str(Path(f"/proc/{pid}/ns/{kind}").readlink()).partition("[")[2].rstrip("]"))
    except OSError:  # it has ended
        return 0


def _owner(link: str) -> int:
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if any(_link(file) == link for file in folder.iterdir()):
                return int(folder.parent.name)
    raise LookupError(f"no process has {link}")


def _link(file: Path) -> str:
    with contextlib.suppress(OSError):
        return str(file.readlink())
    return ""
