"""Runs a command, and ends it with all its children when our standard input closes: `keeper.py FOLDER LEFT COMMAND...`.

FOLDER is the command's working folder; it is removed at the end, and so are the files in LEFT (joined as in PATH),
which the command may leave behind elsewhere. Standard library only, as this runs on its own.
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


def main(folder: str, left: str, *command: str) -> int:
    with Path(folder, "server.log").open("wb") as log:
        child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def end() -> None:
        # Nothing in there is worth an orderly end, and SIGKILL cannot be ignored.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)

    def watch() -> None:
        while sys.stdin.read(1):
            pass
        end()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: end())
    threading.Thread(target=watch, daemon=True).start()
    print(child.pid, flush=True)  # noqa: T201 - this line is the answer to our parent
    status = child.wait()
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
