"""The command that links the pack into a ComfyUI folder, from the project and from what pip installs."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from loading import load_folder
from server import PACK

from seqsave.testing import outside

NAME = "comfyui-seqsave"

# As the project's own folder has it, whatever is installed.
link = importlib.import_module(f"{load_folder(PACK / 'src' / 'comfyui_seqsave').__name__}.link")


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    (tmp_path / "ComfyUI" / "custom_nodes").mkdir(parents=True)
    return tmp_path / "ComfyUI"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked."""
    outside.package("hatchling", "pip install hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=PACK, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(link.main, ["link", *map(str, arguments)])


def check_nodes(folder: Path) -> None:
    """It is what ComfyUI needs, wherever it lies."""
    module = load_folder(folder)
    assert "Save Frames [seqsave]" in module.NODE_CLASS_MAPPINGS
    assert (folder / module.WEB_DIRECTORY / "seqsave.js").is_file()
    for name in module.NODE_CLASS_MAPPINGS:
        assert (folder / module.WEB_DIRECTORY / "docs" / f"{name}.md").is_file() or "[Dream]" in name
    assert list((folder / "example_workflows").glob("*.json"))
    assert list((folder / "subgraphs").glob("*.json"))


def test_link(comfyui: Path) -> None:
    result = run(comfyui)
    assert result.exit_code == 0, result.output
    there = comfyui / "custom_nodes" / NAME
    assert there.is_symlink()
    assert there.resolve() == PACK
    assert str(there) in result.output
    check_nodes(there)


def test_again(comfyui: Path) -> None:
    run(comfyui)
    result = run(comfyui)
    assert result.exit_code == 0
    assert "already" in result.output


def test_link_to_a_version_that_is_gone(comfyui: Path, tmp_path: Path) -> None:
    (comfyui / "custom_nodes" / NAME).symlink_to(tmp_path / "gone")
    assert run(comfyui).exit_code == 0
    assert (comfyui / "custom_nodes" / NAME).resolve() == PACK


def test_copy(comfyui: Path) -> None:
    result = run(comfyui, "--copy")
    assert result.exit_code == 0, result.output
    there = comfyui / "custom_nodes" / NAME
    assert not there.is_symlink()
    assert not (there / "tests").exists()
    assert not list(there.rglob("__pycache__"))
    check_nodes(there)


@pytest.mark.parametrize("arguments", [(), ("--copy",)])
@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_what_is_there_stays(comfyui: Path, tmp_path: Path, what: str, arguments: tuple[str, ...]) -> None:
    there = comfyui / "custom_nodes" / NAME
    if what == "folder":
        there.mkdir()
    elif what == "file":
        there.write_text("mine")
    else:
        there.symlink_to(tmp_path)
    result = run(comfyui, *arguments)
    assert result.exit_code == 1
    assert "move it away" in result.output
    assert there.is_dir() == (what != "file")
    assert there.is_symlink() == (what == "link")


def test_no_comfyui(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "custom_nodes" in result.output
    assert run(tmp_path / "not there").exit_code == 2
    assert CliRunner().invoke(link.main, ["link"]).exit_code == 2


def test_system_without_links(comfyui: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    result = run(comfyui)
    assert result.exit_code == 1
    assert "privilege" in result.output
    assert "--copy" in result.output


def test_wheel_holds_everything(installed: Path) -> None:
    package = installed / "comfyui_seqsave"
    source = PACK / "src" / "comfyui_seqsave"
    for path in source.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert (package / path.relative_to(source)).is_file(), path
    for path in (PACK / "example_workflows").rglob("*.json"):
        assert (package / path.relative_to(PACK)).is_file(), path
    assert (package / "py.typed").is_file()
    (scripts,) = installed.glob("*.dist-info/entry_points.txt")
    assert "comfyui-seqsave = comfyui_seqsave.link:main" in scripts.read_text()
    assert not list(installed.rglob("test_*"))


@pytest.mark.parametrize("arguments", [[], ["--copy"]])
def test_linking_what_pip_installed(installed: Path, comfyui: Path, arguments: list[str]) -> None:
    code = "from comfyui_seqsave.link import main; main()"
    env = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", code, "link", str(comfyui), *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    there = comfyui / "custom_nodes" / NAME
    assert there.is_symlink() == (not arguments)
    if not arguments:
        assert there.resolve() == installed / "comfyui_seqsave"
    check_nodes(there)


def test_the_command_of_seqsave_has_it_too(installed: Path, comfyui: Path) -> None:
    """From the wheel, by its entry point; and what a writer looks at does not load the nodes."""
    record = installed / "comfyui_seqsave-0.1.0.dist-info" / "entry_points.txt"
    assert "[seqsave]" in record.read_text()
    code = "import sys; from seqsave.cli import main; sys.argv[0] = 'seqsave'; main()"
    environment = {**os.environ, "PYTHONPATH": str(installed), "SEQSAVE_LOAD_PLUGINS": "comfyui"}

    def call(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "command comfyui" in call("plugins")
    assert "link" in call("comfyui", "--help")
    assert "Link the pack" in call("comfyui", "link", "--help")
    assert str(comfyui / "custom_nodes" / NAME) in call("comfyui", "link", str(comfyui))
    check = "import seqsave_comfyui, sys; assert 'comfyui_seqsave' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], env=environment, check=True)
