"""The tutorial of docs/plugins.md, command by command: a new environment, a new plugin, a frame in a bucket.

Its commands are read from the page and run in one shell, in an empty folder, against a real S3 server. ``pip install
seqsave`` installs this project, from a wheel that is built first. Needs an index of packages (tox env template).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.support.environment import original_environment
from tests.test_docs import alike, blocks

if TYPE_CHECKING:
    from tests.support.s3 import S3Server

pytestmark = pytest.mark.template

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plugins.md"
SECTION = "## From zero to a saved frame\n"
MARK = "=== command "


@dataclass
class Step:
    """A command of the page, or a script of Python, and what it is to print (``...`` is anything)."""

    command: str
    output: str


def steps() -> list[Step]:
    content = PAGE.read_text(encoding="utf-8")
    first = content.count("\n", 0, content.index(SECTION)) + 1
    last = content.count("\n", 0, content.index("\n## ", content.index(SECTION) + 1)) + 1
    found = []
    for block in blocks(PAGE):
        if not first < block.line < last:
            continue
        if block.language == "python":
            promised = re.findall(r"^print\(.*\)\s+# (.+)$", block.code, re.MULTILINE)
            found.append(Step(f"python - <<'CODE'\n{block.code}CODE", "\n".join(promised)))
            continue
        assert block.language == "console"
        for entry in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
            command, _, output = entry.partition("\n")
            found.append(Step(command, output.strip()))
    return found


@pytest.fixture(scope="module")
def constraint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that makes ``pip install seqsave`` mean this project."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, env=environment(folder))
    (wheel,) = folder.glob("seqsave-*.whl")
    path = folder / "constraint.txt"
    path.write_text(f"seqsave @ {wheel.as_uri()}\n")
    return path


def environment(home: Path) -> dict[str, str]:
    """The one in which a user begins, with nothing of this one but the way to an index of packages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "TOX"))}
    kept.pop("PIP_CONSTRAINT", None)
    kept["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), kept["PATH"]])
    mine = Path(original_environment().get("HOME", home), ".config", "pip", "pip.conf")
    return kept | {"HOME": str(home), **({"PIP_CONFIG_FILE": str(mine)} if mine.is_file() else {})}


def test_the_page_leads_from_zero_to_a_frame_in_a_bucket(s3_server: S3Server, constraint: Path, tmp_path: Path) -> None:
    s3_server.client.create_bucket(Bucket="renders")
    reported = steps()
    script = ["set -euo pipefail"]
    for number, step in enumerate(reported):
        script += [f"echo '{MARK}{number}'", step.command]
    folder = tmp_path / "empty"
    folder.mkdir()
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment(tmp_path) | s3_server.environment | {"PIP_CONSTRAINT": str(constraint)},
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    printed = re.split(rf"^{MARK}\d+\n", done.stdout, flags=re.MULTILINE)[1:]
    for step, got in zip(reported, printed, strict=True):
        assert not step.output or alike(step.output, got.strip()), f"{step.command} printed\n{got}\nnot\n{step.output}"
    assert not any("\n" in step.command and step.output == "" for step in reported), "a script that promises nothing"
    look_into_the_bucket(s3_server)


def look_into_the_bucket(server: S3Server) -> None:
    """What lies there, read without seqsave and without the plugin."""
    lake = [key for key in server.keys("s3://renders/lake") if key.endswith(".qoi")]
    assert lake == [f"frame_{index:05d}.qoi" for index in range(48)]
    header, pixels = unpacked(server.read("s3://renders/lake/frame_00018.qoi"))
    assert pixels.shape == (360, 640, 3)
    assert pixels.dtype == np.uint8
    assert pixels.std() > 10
    assert "nodes" in json.loads(header["texts"]["workflow"])
    assert server.head("s3://renders/lake/frame_00018.qoi")["ContentType"] == "image/x-qoi"
    ramp = np.linspace(-1, 2, 4 * 6 * 8 * 3, dtype="float32").reshape(4, 6, 8, 3)
    for index in range(4):
        header, pixels = unpacked(server.read(f"s3://renders/ramp/frame_{index:05d}.qoi"))
        assert header["texts"] == {}
        assert pixels.dtype == np.float32
        assert (pixels == ramp[index]).all()


def unpacked(data: bytes) -> tuple[dict[str, Any], Any]:
    """The example format, by what its module says of it."""
    assert data.startswith(b"qoi\n")
    end = 8 + int.from_bytes(data[4:8], "little")
    header = json.loads(data[8:end])
    return header, np.frombuffer(zlib.decompress(data[end + 4 :]), header["dtype"]).reshape(header["shape"])


def test_the_page_has_steps_and_they_are_in_order() -> None:
    commands = [step.command for step in steps()]
    order = ["-m venv", "pip install seqsave", "seqsave plugins new", "pip install -e", "pytest", "seqsave demo s3://"]
    places = [next(i for i, command in enumerate(commands) if part in command) for part in order]
    assert places == sorted(places)
    assert any("mypy" in command and "ruff check" in command for command in commands)
