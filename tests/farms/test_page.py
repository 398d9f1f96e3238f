"""The commands of docs/farms.md: each manager saves a sequence, and then some of its frames once more."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from tests.farms.farm import FILES, Farm
from tests.support.needs import needs_package, needs_program
from tests.test_docs import blocks

pytestmark = pytest.mark.farms

PAGE = FILES.parent / "farms.md"
MANAGERS = {"openjd": "openjd", "deadline.py": "deadlinecommand", "opencue.py": "", "slurm/submit.sh": "sbatch"}


def commands(program: str) -> list[list[str]]:
    """Return the page's commands for one manager, which are called by ``program``."""
    code = "\n".join(block.code for block in blocks(PAGE) if block.language == "bash").replace("\\\n", " ")
    return [words for words in map(shlex.split, code.splitlines()) if program in words[:2]]


def prepared(words: list[str], farm: Farm) -> list[str]:
    """Return a command for this farm, whose sequence has the frames 1 to 12."""
    own = {"/shows/a/clip.mp4": farm.source, "s3://renders/shot010": farm.url, "0-99": "1-12"}
    for old, new in own.items():
        words = [new if word == old else word.replace(f"={old}", f"={new}") for word in words]
    return words


@pytest.mark.parametrize("program", MANAGERS)
@pytest.mark.parametrize("farm", ["local"], indirect=True)
def test_the_commands_of_the_page(farm: Farm, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if program == "openjd":
        needs_program("openjd", "pip install openjd-cli")
    if MANAGERS[program] not in ("", "openjd"):
        farm.stand_in(MANAGERS[program], monkeypatch)
    found = commands(program)
    assert len(found) == 2
    for words in found:
        run(prepared(words, farm), farm)
        farm.holds(*range(1, 13))


def run(words: list[str], farm: Farm) -> None:
    if words[0] == "openjd":
        farm.run("openjd", "run", FILES / words[2], *words[3:])
    elif words[1] == "opencue.py":  # there is no Cuebot to launch it
        needs_package("outline", "pip install opencue-pyoutline packaging six")
        layers = Path(__file__).parent / "layers.py"
        for layer in json.loads(farm.run(sys.executable, layers, FILES / "opencue.py", *words[2:]).stdout):
            spec = f"{layer['frames'][0]}-{layer['frames'][-1]}"
            farm.run("sh", "-c", layer["command"].replace("#FRAMESPEC#", spec))
    elif words[0] == "python":
        farm.run(sys.executable, FILES / words[1], *words[2:])
    else:
        farm.run(FILES / words[0], *words[1:])
