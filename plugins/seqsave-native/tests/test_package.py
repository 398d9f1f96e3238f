"""The package as it is installed: with its extension on every Python, and without a compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from seqsave.testing import outside

FOLDER = Path(__file__).parents[1]
ROOT = FOLDER.parents[1]
SCRIPT = """
import numpy as np, seqsave
random = np.random.default_rng(1)
picture = (np.linspace(0, 200, 300)[:, None, None] + random.integers(0, 50, (300, 400, 3))).astype(np.uint8)
with seqsave.open_writer("frames") as writer:
    writer.write(picture)
assert (seqsave.open_sequence("frames")[0].read() == picture).all()
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the folder, as it is in the repository: without what was built in it."""
    folder = tmp_path / "seqsave-native"
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "build", "*.egg-info", "__pycache__", ".*")
    shutil.copytree(FOLDER, folder, ignore=ignored)
    return folder


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of seqsave itself."""
    folder = tmp_path_factory.mktemp("core")
    run(uv(), "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def uv() -> str:
    return outside.program("uv", "pip install uv")


def run(*command: str, cwd: Path | None = None, **environment: str) -> str:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "SEQSAVE"))
    }
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={**kept, **environment})
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def environment(folder: Path, python: str) -> Path:
    """Return the programs' folder of a new environment."""
    made = subprocess.run([uv(), "venv", "--quiet", "--no-python-downloads", "--python", python, str(folder)])
    if made.returncode:
        outside.missing(f"Python {python}", "pyenv install it")
    return folder / "bin"


@pytest.mark.parametrize("version", ["3.10", f"{sys.version_info[0]}.{sys.version_info[1]}", "3.13"])
def test_the_wheel_has_the_extension_and_works(source: Path, core: Path, tmp_path: Path, version: str) -> None:
    programs = environment(tmp_path / "venv", version)
    run(
        uv(),
        "build",
        "--quiet",
        "--wheel",
        "--python",
        str(programs / "python"),
        "--out-dir",
        str(tmp_path),
        str(source),
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    extensions = {name for name in names if name.endswith((".so", ".pyd", ".dylib"))}
    if version == "3.10":
        assert "-cp310-cp310-" in wheel.name
        assert {name.partition(".")[0] for name in extensions} == {"seqsave_native/_kernel"}
    else:
        assert "-cp311-abi3-" in wheel.name
        assert extensions == {"seqsave_native/_kernel.abi3.so"}
        audited = run(sys.executable, "-m", "abi3audit", "--strict", "--report", str(wheel))
        assert '"is_abi3": true' in audited
        assert '"non_abi3_symbols": []' in audited
    assert {"seqsave_native/__init__.py", "seqsave_native/_kernel.pyi", "seqsave_native/py.typed"} <= names
    assert not [name for name in names if name.endswith((".c", ".h")) or "tests" in name]
    run(uv(), "pip", "install", "--quiet", "--python", str(programs / "python"), str(core), str(wheel))
    assert "png is encoded by seqsave-native 0" in run(str(programs / "seqsave"), "plugins")
    run(str(programs / "python"), "-c", SCRIPT, cwd=tmp_path)


@pytest.mark.parametrize("required", ["0", "1"])
def test_an_extension_that_does_not_compile_is_an_error_on_request(source: Path, tmp_path: Path, required: str) -> None:
    with (source / "src" / "seqsave_native" / "processor.c").open("a") as file:
        file.write("int wrong = nothing_of_this_name;\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    command = (uv(), "build", "--wheel", "--out-dir", str(tmp_path), str(source))
    done = subprocess.run(command, capture_output=True, text=True, env={**kept, "SEQSAVE_NATIVE_REQUIRED": required})
    assert bool(done.returncode) == (required == "1"), done.stderr
    assert "nothing_of_this_name" in done.stdout + done.stderr  # what the compiler prints


def test_it_installs_without_a_compiler_and_says_what_is_used(source: Path, core: Path, tmp_path: Path) -> None:
    programs = environment(tmp_path / "venv", sys.executable)
    install = (uv(), "pip", "install", "--quiet", "--no-cache", "--python", str(programs / "python"))
    run(*install, str(core), str(source), CC="/no/compiler", LDSHARED="/no/linker")
    listed = run(str(programs / "seqsave"), "plugins")
    assert "png is encoded by igzip and zlib; seqsave-native is installed without its extension" in listed
    assert "error" not in listed
    run(str(programs / "python"), "-c", SCRIPT, cwd=tmp_path)
