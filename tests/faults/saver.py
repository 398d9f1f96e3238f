"""Control a child program from its parent: its reports as they come, SIGKILL, and its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.child import Order, as_line
from tests.support.patience import PATIENCE
from tests.support.processes import ROOT

__all__ = ["Saver", "environment"]


class Saver:
    """A child process at work, in a ``with`` block. ``words`` has its reports so far."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.words: list[dict[str, Any]] = []
        self._heard = threading.Condition()
        self._ended = False
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed at the end of the with block
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.child"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        self._put(as_line(order))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._errors.close()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()

    def another(self, order: Order) -> None:
        """Give another order to a child that stays."""
        self.order = order
        self.words.clear()
        self._put(as_line(order))

    def go(self) -> None:
        """Let a child continue that waits before it begins, or at ``halt_before``."""
        self._put("go\n")

    def wait_for(self, right: Callable[[dict[str, Any]], bool], count: int = 1) -> None:
        """Wait for so many reports that are ``right``. Raises AssertionError if the child ends before that."""
        with self._heard:
            self._heard.wait_for(lambda: self._ended or sum(map(right, self.words)) >= count, PATIENCE)
            if sum(map(right, self.words)) >= count:
                return
        raise AssertionError(f"it ended before; it reported {self.words[-3:]}, {self.errors()}")

    @property
    def is_running(self) -> bool:
        """Return whether it is running and has not sent its last report."""
        return self.process.poll() is None and not any("end" in word for word in self.words)

    def kill(self) -> None:
        """Send SIGKILL, and read the reports that it had sent."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._listener.join()

    def end(self) -> dict[str, Any]:
        """Wait for its last report, and for its end if it does not stay."""
        self.wait_for(lambda word: "end" in word)
        if not self.order.stay:
            self.process.wait(PATIENCE)
            self._listener.join()
            if self.process.returncode:
                raise AssertionError(f"it ended with status {self.process.returncode}: {self.errors()}")
        return next(word for word in self.words if "end" in word)

    def stated(self, status: str) -> list[int]:
        """Return the frames whose future had this ``status``."""
        return [word["frame"] for word in list(self.words) if word.get("status") == status]

    def errors(self) -> str:
        """Return the end of its standard error."""
        self._errors.seek(0)
        return self._errors.read()[-2000:]

    def _put(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._heard:
                if line.endswith("\n"):  # else a kill has cut it off
                    self.words.append(json.loads(line))
                self._heard.notify_all()
        with self._heard:
            self._ended = True
            self._heard.notify_all()


def environment() -> dict[str, str]:
    """Return an environment without the user's credentials and settings."""
    foreign = ("AWS_", "FSSPEC_", "SEQSAVE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    nowhere = str(Path(tempfile.gettempdir(), "seqsave-no-such-folder"))
    return {
        **kept,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "SEQSAVE_CONFIG": os.devnull,
        "PYTHONWARNINGS": "ignore",
    }
