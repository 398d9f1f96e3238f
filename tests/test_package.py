"""What is shipped: the distribution's metadata, its files, and that the project's lists agree with each other."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

import seqsave
from tests.support.needs import missing

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]


@pytest.fixture
def distribution() -> importlib.metadata.Distribution:
    if not Path(seqsave.__file__).is_relative_to(sys.prefix):
        missing("seqsave as an installed wheel", "run the tests through tox")
    return importlib.metadata.distribution("seqsave")


@pytest.fixture(scope="module")
def tox() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini", encoding="utf-8")
    return parser


@pytest.mark.skipif("TOX_ENV_NAME" not in os.environ, reason="only on tox, which builds the wheel")
def test_the_tested_package_is_the_built_wheel() -> None:
    assert Path(seqsave.__file__).is_relative_to(sys.prefix)


def test_metadata(distribution: importlib.metadata.Distribution) -> None:
    metadata = distribution.metadata
    assert distribution.version == seqsave.__version__ == PROJECT["version"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.10"
    assert "# seqsave" in str(metadata.get_payload()) or "# seqsave" in metadata.get("Description", "")


def test_the_wheel_holds_the_package_its_types_and_its_licence_and_nothing_else(
    distribution: importlib.metadata.Distribution,
) -> None:
    files = {str(file) for file in distribution.files or () if not str(file).endswith(".pyc")}
    modules = {
        f"seqsave/{path.relative_to(ROOT / 'src/seqsave').as_posix()}"
        for end in ("py", "pyi")
        for path in ROOT.glob(f"src/seqsave/**/*.{end}")
    }
    assert modules | {"seqsave/py.typed"} <= files
    assert any(name.endswith("licenses/LICENSE") for name in files)
    tops = {Path(name).parts[0] for name in files if not name.startswith("..")}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"seqsave"}


def test_the_command_is_installed(distribution: importlib.metadata.Distribution) -> None:
    (script,) = distribution.entry_points.select(group="console_scripts")
    assert script.name == "seqsave"
    assert callable(script.load())


def test_supported_pythons_agree_everywhere(tox: configparser.ConfigParser) -> None:
    listed = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)}
    oldest, *others, newest = sorted(listed, key=lambda version: int(version[2:]))
    rest = _names(tox["tox"]["labels"].partition("rest =")[2])
    assert {f"3.{name[3:]}" for name in rest if re.fullmatch(r"py3\d+", name)} == {*others, newest}
    assert "mindeps" in rest, "which is the environment of the oldest one"
    [others_of] = [name for name in tox.sections() if name.startswith("testenv:py3{")]
    commands = [line.partition(": ") for line in tox[others_of]["commands"].splitlines()]
    [of_newest] = [command for names, _, command in commands if f"py3{newest[2:]}" in names.split(",")]
    assert "without_pixels" not in of_newest, "pixels are tested on the newest one"
    assert PROJECT["requires-python"] == f">={oldest}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    assert PYPROJECT["tool"]["mypy"]["python_version"] == oldest
    assert tox["testenv:mindeps"]["base_python"] == "py" + oldest.replace(".", "")


def test_every_tox_environment_says_what_it_is_for(tox: configparser.ConfigParser) -> None:
    sections = [name for name in tox.sections() if name.startswith("testenv:")]
    assert [name for name in sections if not tox[name].get("description")] == []
    # A description that starts with a word and a colon is one for environments of that name only.
    assert [name for name in sections if re.match(r"[\w-]+:", tox[name]["description"])] == []
    run = _names(tox["tox"]["env_list"]) + _names(tox["tox"]["labels"].partition("rest =")[2])
    assert set(run) <= {name for section in sections for name in _expand(section.partition(":")[2])}
    plugins = {path.name.removeprefix("seqsave-") for path in ROOT.glob("plugins/seqsave-*")}
    assert plugins <= set(run), "each plugin is tested in an environment of its own"


@pytest.mark.parametrize("name", ["without_pixels", "without_texts"])
def test_what_is_left_out_on_some_pythons_exists(tox: configparser.ConfigParser, name: str) -> None:
    left_out = [Path(ROOT, path) for path in re.findall(r"--ignore=(\S+)", tox["tests"][name])]
    assert left_out
    assert [path for path in left_out if not (path.is_file() or list(path.glob("test_*.py")))] == []


def test_an_environment_of_one_mark_runs_every_file_that_has_it(tox: configparser.ConfigParser) -> None:
    """It names folders and files, as looking through all tests for few takes longer than those."""
    texts = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in ROOT.glob("tests/**/test_*.py")}
    found = set()
    for mark, rest in re.findall(r" -m (?!pytest)(\w+) (.*)", "\n".join(v for name in tox for v in tox[name].values())):
        paths = tuple(re.findall(r"(?<![=\w])tests/[\w/.]+", rest))
        marked = [path for path, text in texts.items() if re.search(rf"pytest\.mark\.{mark}\b", text)]
        if marked and paths:
            found.add(mark)
            assert [path for path in marked if not path.startswith(paths)] == [], f"tox.ini leaves out -m {mark}"
    assert found == {"browser", "clouds", "farms", "faults", "formats", "release", "servers", "site", "torch"}


def _names(listed: str) -> list[str]:
    return [name.strip() for name in re.split(r"[,\n]", listed) if name.strip()]


def _expand(name: str) -> list[str]:
    head, brace, rest = name.partition("{")
    if not brace:
        return [name]
    choices, _, tail = rest.partition("}")
    return [head + choice.strip() + tail for choice in choices.split(",")]


def test_lower_bounds_are_read_from_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])  # the file extends it
    read = runpy.run_path(str(ROOT / "toxfile.py"))["lower_bounds"]
    names = [re.split(r"[<>=!;\[ ]", line)[0] for line in PROJECT["dependencies"]]
    assert [line.partition("==")[0] for line in read(ROOT / "pyproject.toml")][: len(names)] == names

    planted = tmp_path / "pyproject.toml"
    planted.write_text("""[project]\ndependencies = ["a>=1.2,<3", "b[x] >=2; python_version < '3.11'"]""")
    assert read(planted) == ["a==1.2", "b==2; python_version < '3.11'"]
    planted.write_text("""[project]\ndependencies = ["a"]""")
    with pytest.raises(ValueError, match="has no lower bound"):
        read(planted)


def test_the_changelog_starts_with_this_version() -> None:
    headings = re.findall(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] in ("Unreleased", seqsave.__version__)


@pytest.mark.parametrize("extra", ["gs", "az"])
def test_extras_for_clouds_are_what_is_tested(extra: str) -> None:
    assert set(PROJECT["optional-dependencies"][extra]) <= set(PYPROJECT["dependency-groups"]["clouds"])
