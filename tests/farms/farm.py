"""What the tests of all managers share: a source, places for the frames, and what has to be in them at the end."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import seqsave
from tests.support.needs import needs_program
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    import pytest

    from tests.support.s3 import S3Server

FILES = Path(__file__).parents[2] / "docs" / "farms"


def picture(index: int) -> Any:
    return np.random.default_rng(index).integers(0, 256, (4, 6, 3), dtype=np.uint8)


@dataclass
class Farm:
    """A farm of this machine. Its source and its place have spaces in their names.

    folder: where jobs run. state: records of the manager's stand-in.
    """

    folder: Path
    url: str
    state: Path

    @property
    def source(self) -> str:
        return str(self.folder / "my renders")

    @classmethod
    def build(cls, folder: Path, server: S3Server | None, monkeypatch: pytest.MonkeyPatch) -> Farm:
        """Make a source of frames 1 to 12, and set the environment of all machines."""
        monkeypatch.setenv("PATH", os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]))
        needs_program("seqsave", "run this through tox")
        url = str(folder / "shot 010")
        if server is not None:
            url = f"{server.new_prefix()}/shot 010"
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
        (folder / "state").mkdir()
        monkeypatch.setenv("FARM_STATE", str(folder / "state"))
        monkeypatch.chdir(folder)
        farm = cls(folder, url, folder / "state")
        seqsave.save([picture(index) for index in range(1, 13)], farm.source, filetype="png", start=1)
        return farm

    def stand_in(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put a manager's command into the PATH."""
        programs = self.folder / "bin"
        programs.mkdir()
        code = Path(__file__).parent / f"{name}.py"
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(code))} "$@"\n')
        (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", os.pathsep.join([str(programs), os.environ["PATH"]]))

    def run(self, *command: object, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            list(map(str, command)), cwd=self.folder, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
        return done

    def jobs(self) -> list[dict[str, Any]]:
        """Return the stand-in's records of its jobs, in the order in which they ended."""
        return [json.loads(path.read_text()) for path in sorted(self.state.glob("*.json"))]

    def holds(self, *indices: int, expected: str | None = None) -> None:
        """Assert that exactly these frames are there, whole, right and complete."""
        found = seqsave.open_sequence(f"{self.url}/")
        assert found.indices == indices
        assert all(np.array_equal(frame.read(), picture(frame.index)) for frame in found)
        made = found.manifest
        assert made is not None
        assert made.complete
        assert [frame.index for frame in made.frames] == list(indices)
        assert found.expected == indices
