"""Each distribution is what indexes accept, and works in an empty environment, installed from its files."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.release.tool import ROOT, release
from tests.support.needs import missing, needs_package, needs_program

pytestmark = pytest.mark.release

DISTRIBUTIONS = {project["name"]: folder for folder, project in release.projects().items()}
PLUGINS = [name for name in DISTRIBUTIONS if name != "seqsave"]
PYTHONS = [
    line.rpartition(" ")[2] for line in release.projects()[ROOT]["classifiers"] if re.search(r":: 3\.\d+$", line)
]
PAGE = ROOT / "docs" / "licences.md"


@pytest.fixture(scope="session")
def files() -> dict[str, tuple[Path, Path]]:
    """The wheel and the sdist of each distribution, which ``tools/release.py build`` has made."""
    folder = Path(os.environ.get("SEQSAVE_TEST_DIST", ""))
    if not list(folder.glob("seqsave-*.whl")):
        missing("the built distributions", "run tox -e release, or set SEQSAVE_TEST_DIST to their folder")
    found = {}
    for name in DISTRIBUTIONS:
        stem = name.replace("-", "_")
        (wheel,), (sdist,) = folder.glob(f"{stem}-*.whl"), folder.glob(f"{stem}-*.tar.gz")
        found[name] = (wheel, sdist)
    return found


def environment(folder: Path, *packages: Path, python: str = sys.executable) -> Path:
    """Return the Python of a new environment that has these files, and what they need."""
    uv = needs_program("uv", "pip install uv")
    made = _run(uv, "venv", "--quiet", "--no-python-downloads", "--python", python, str(folder), check=False)
    if made.returncode:
        missing(f"Python {python}", made.stderr.strip())
    interpreter = folder / "bin" / "python"
    _run(uv, "pip", "install", "--quiet", "--python", str(interpreter), *map(str, packages))
    return interpreter


def _run(*command: str, check: bool = True, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "SEQSAVE"))
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=kept, cwd=cwd)
    assert not check or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done


def test_an_index_accepts_the_files(files: dict[str, tuple[Path, Path]]) -> None:
    needs_package("twine")
    paths = [str(path) for pair in files.values() for path in pair]
    done = _run(sys.executable, "-m", "twine", "check", "--strict", *paths)
    assert done.stdout.count("PASSED") == len(paths)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_files_hold_what_they_should(files: dict[str, tuple[Path, Path]], name: str) -> None:
    wheel, sdist = files[name]
    members = zipfile.ZipFile(wheel).namelist()
    (metadata,) = [member for member in members if member.endswith(".dist-info/METADATA")]
    text = zipfile.ZipFile(wheel).read(metadata).decode()
    assert text.count("\nProject-URL: ") >= 4
    assert "\nLicense-Expression: MIT\n" in text
    assert any(member.endswith("licenses/LICENSE") for member in members)
    assert any(member.endswith("/py.typed") for member in members)
    assert not [member for member in members if "__pycache__" in member or member.startswith("tests/")]
    with tarfile.open(sdist) as packed:
        names = [member.name.partition("/")[2] for member in packed.getmembers()]
    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"} <= set(names)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_page_on_an_index_has_no_relative_link(files: dict[str, tuple[Path, Path]], name: str) -> None:
    with zipfile.ZipFile(files[name][0]) as wheel:
        (metadata,) = [member for member in wheel.namelist() if member.endswith(".dist-info/METADATA")]
        page = wheel.read(metadata).decode().partition("\n\n")[2]
    links = re.findall(r"\]\(([^)\s]+)\)", page)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
    own = (r"https://seqsave\.github\.io/seqsave/", r"https://[a-z.]+/seqsave/seqsave/(?:(?:blob|tree)/)?v[\d.]+/")
    paths = [re.sub(own[0] + r"(.*)\.html", r"docs/\1.md", re.sub(own[1], "", link)) for link in links]
    assert [path for path in paths if ":" not in path and not (ROOT / path.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("version", PYTHONS)
def test_the_core_works_in_an_empty_environment(
    files: dict[str, tuple[Path, Path]], tmp_path: Path, version: str
) -> None:
    python = environment(tmp_path / "venv", files["seqsave"][0], python=version)
    assert _run(str(python), "-c", "import seqsave; print(seqsave.__version__)").stdout.strip() == _version()
    _run(str(python.parent / "seqsave"), "demo", "frames", "--quiet", cwd=tmp_path)
    listed = _run(str(python.parent / "seqsave"), "ls", "frames", cwd=tmp_path).stdout
    assert listed.startswith("frame_#####.png 0-47 (48 frames)")
    assert listed.endswith("complete\n")


def _version() -> str:
    return str(release.projects()[ROOT]["version"])


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_works_in_an_empty_environment(files: dict[str, tuple[Path, Path]], tmp_path: Path, name: str) -> None:
    python = environment(tmp_path / "venv", files["seqsave"][0], files[name][0])
    module = name.replace("-", "_")
    if name != "comfyui-seqsave":  # which needs ComfyUI's PyTorch
        _run(str(python), "-W", "error::SyntaxWarning", "-c", f"import {module}")
    command = str(python.parent / "seqsave")
    listed: Any = json.loads(_run(command, "plugins", "--json").stdout)
    project = release.projects()[DISTRIBUTIONS[name]]
    if "entry-points" in project:
        assert name in json.dumps(listed)
    for filetype in FILETYPES.get(name, ()):
        _run(command, "demo", "frames", "--filetype", filetype, "--quiet", cwd=tmp_path)
        _run(command, "verify", "frames", "--filetype", filetype, "--deep", cwd=tmp_path)


FILETYPES = {"seqsave-exr": ["exr"], "seqsave-tiff": ["tif"], "seqsave-webp": ["webp"], "seqsave-jxl": ["jxl"]}


ARGUMENT = r"""(?:[-./\w]*\w|\.(?!\w)|"[^"]+"|'[^']+')"""


def install_lines() -> list[str]:
    """Return each ``pip install`` of the pages that installs a part of the project, as it is written in a copy."""
    pages = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("plugins/*/README.md"),
    ]
    found = set()
    for page in pages:
        # The page of plugins has installed plugins of its own; tests/template runs its commands.
        if page.name == "plugins.md":
            continue
        for line in re.findall(r"pip install ([^`\n#&|]+)", page.read_text(encoding="utf-8")):
            quoted = re.match(rf"{ARGUMENT}(?: {ARGUMENT})*", line)
            assert quoted is not None, f"{page.name}: {line}"
            arguments = [path for one in shlex.split(quoted[0]) if not one.startswith("-") for path in in_a_copy(one)]
            if any(one.startswith(".") for one in arguments):
                plugins = all(one.startswith("./plugins/") for one in arguments)
                found.add(shlex.join([*arguments, "."] if plugins else arguments))
    return sorted(found)


def in_a_copy(argument: str) -> list[str]:
    """Return the argument as README says to write it in a copy of the repository."""
    name, bracket, extras = argument.partition("[")
    if argument == "seqsave[fast]":  # which is a name for these plugins
        return ["./plugins/seqsave-native", "./plugins/seqsave-obstore"]
    if name.startswith("seqsave"):
        name = "." if name == "seqsave" else f"./plugins/{name}"
    return [name + bracket + extras]


@pytest.mark.parametrize("line", install_lines())
def test_each_install_line_works_from_a_copy(tmp_path: Path, line: str) -> None:
    uv = needs_program("uv", "pip install uv")
    _run(uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    done = _run(uv, "pip", "install", "--dry-run", "--python", python, *shlex.split(line), cwd=ROOT)
    assert "Would install" in done.stderr


def test_each_licence_of_what_is_needed_is_permissive_and_listed(
    files: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    python = environment(tmp_path / "venv", *(wheel for wheel, _ in files.values()))
    printed = _run(str(python), str(ROOT / "tools" / "release.py"), "licences").stdout
    rows = re.findall(r"^\| (\S+) \| (.+) \|$", printed, re.MULTILINE)
    assert len(rows) > 20
    assert [row for row in rows if release.is_refused(row[1])] == []
    listed = set(re.findall(r"^\| ([\w.-]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    direct = {
        release._normal(re.split(r"[^\w.-]", line)[0])
        for project in release.projects().values()
        for line in project["dependencies"]
    }
    assert direct - listed - set(DISTRIBUTIONS) == set(), "python tools/release.py licences prints the table"
