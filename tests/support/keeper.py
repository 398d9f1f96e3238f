"""Run a command, and end it with all its children when standard input closes: `keeper.py FOLDER LEFT COMMAND...`.

FOLDER is the command's working folder; it is removed at the end, and so are the files in LEFT (joined as in PATH),
which the command may leave behind elsewhere. A line `kill` on standard input ends the command with SIGKILL and keeps
its folder, a line `start` runs it once more there; each of them is answered, as the start is, by a line with the
process's id. Standard library only, as this runs on its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


class Kept:
    """The command, which may be ended and started again; ``wait`` returns when it is gone for good."""

    def __init__(self, folder: str, command: tuple[str, ...]) -> None:
        self.folder = folder
        self.command = command
        self.is_down = threading.Event()  # by our own hand, to come back
        self.start()

    def start(self) -> None:
        with Path(self.folder, "server.log").open("ab") as log:
            self.child = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.is_down.clear()
        self.answer()

    def kill(self) -> None:
        self.is_down.set()
        self.end()
        self.child.wait()
        self.answer()

    def end(self) -> None:
        # Nothing in there is worth an orderly end, and SIGKILL cannot be ignored.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)

    def answer(self) -> None:
        print(self.child.pid, flush=True)  # noqa: T201 - this line is the answer to our parent

    def obey(self) -> None:
        for line in sys.stdin:
            {"kill": self.kill, "start": self.start}[line.strip()]()
        self.leave()

    def leave(self) -> None:
        self.is_down.clear()
        self.end()

    def wait(self) -> int:
        while True:
            status = self.child.wait()
            if not self.is_down.is_set() and status == self.child.poll():
                return status
            time.sleep(0.02)


def main(folder: str, left: str, *command: str) -> int:
    kept = Kept(folder, command)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: kept.leave())
    threading.Thread(target=kept.obey, daemon=True).start()
    status = kept.wait()
    for _ in range(10):  # a dying process may still be writing
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            break
        time.sleep(0.1)
    for path in filter(None, left.split(os.pathsep)):
        Path(path).unlink(missing_ok=True)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
