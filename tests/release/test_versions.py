"""One version everywhere, and metadata that is complete: of the project, and of copies with something wrong in them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.release.tool import ROOT, release


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the files that a release changes or checks."""
    names = {*release.versions(), "CHANGELOG.md", "LICENSE", "README.md", "src/seqsave/errors.py"}
    for folder in release.projects():
        for name in ("CHANGELOG.md", "LICENSE", "README.md", "requirements.txt", "icon.png"):
            if (folder / name).is_file():
                names.add((folder / name).relative_to(ROOT).as_posix())
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_project_can_be_released() -> None:
    assert release.problems() == []


def test_each_distribution_states_its_version() -> None:
    stated = release.versions()
    assert {"pyproject.toml", "src/seqsave/__init__.py", "CITATION.cff", "docs/manifest.md"} <= set(stated)
    assert {f"plugins/{path.parent.name}/pyproject.toml" for path in ROOT.glob("plugins/*/pyproject.toml")} <= set(
        stated
    )
    lines = [path for path in ROOT.glob("plugins/*/src/*/__init__.py") if "\n__version__ = " in path.read_text()]
    assert {path.relative_to(ROOT).as_posix() for path in lines} <= set(stated)


def test_one_command_sets_all_versions_and_nothing_else(copy: Path) -> None:
    before = {name: (copy / name).read_text(encoding="utf-8") for name in release.versions(copy)}
    old = before["pyproject.toml"].partition('version = "')[2].partition('"')[0]
    assert sorted(release.bump("12.0.3", copy)) == sorted(before)
    assert set(release.versions(copy).values()) == {"12.0.3"}
    for name, text in before.items():
        after = (copy / name).read_text(encoding="utf-8")
        assert len(after.splitlines()) == len(text.splitlines())
        changed = [line for line, new in zip(text.splitlines(), after.splitlines(), strict=True) if line != new]
        assert len(changed) == 1
        assert old in changed[0]
    assert release.problems(copy) == []


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "1.0.0rc1", "01.0.0", ""])
def test_a_bad_version_changes_nothing(copy: Path, version: str) -> None:
    with pytest.raises(ValueError, match="write three numbers"):
        release.bump(version, copy)
    assert release.versions(copy) == release.versions()


EXR, WEBP = "plugins/seqsave-exr/pyproject.toml", "plugins/seqsave-webp/pyproject.toml"
NODES, ERRORS = "plugins/comfyui-seqsave/pyproject.toml", "src/seqsave/errors.py"
REQUIREMENTS = "plugins/comfyui-seqsave/requirements.txt"
FAULTS = {
    "another version": (EXR, 'version = "', 'version = "9', "exr/pyproject.toml states 9"),
    "no address": ("pyproject.toml", "\nIssues = ", "\nBugs = ", "seqsave: [project.urls] has no Issues"),
    "a plain address": ("pyproject.toml", "https://seqsave.github.io", "http://x", "Documentation does not begin with"),
    "errors that lead elsewhere": (ERRORS, 'DOCS = "https://', 'DOCS = "https://x.', "errors lead to another address"),
    "a newer core": (WEBP, '"seqsave>=', '"seqsave>=90', "seqsave-webp: it needs seqsave"),
    "another licence": ("plugins/seqsave-jxl/LICENSE", "MIT", "BSD", "seqsave-jxl: its LICENSE differs"),
    "no publisher": (NODES, "PublisherId", "Publisher", "has no PublisherId"),
    "a bad name": (NODES, '"comfyui-seqsave"', '"comfyui--x"', "breaks the registry's"),
    "another requirement": (REQUIREMENTS, "seqsave", "sseqsave", "requirements.txt has sseq"),
    "an old changelog": ("CHANGELOG.md", "## [Unreleased]", "## [0.0.1]", "begins with neither Unreleased nor"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(copy: Path, fault: str) -> None:
    name, old, new, message = FAULTS[fault]
    change(copy / name, old, new)
    assert any(message in line for line in release.problems(copy)), release.problems(copy)


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("[a](docs/spool.md#folder)", "[a](https://seqsave.github.io/seqsave/spool.html#folder)"),
        ("[a](docs/howto/index.md)", "[a](https://seqsave.github.io/seqsave/howto/index.html)"),
        (
            "![a\nb](docs/images/view.jpg)",
            "![a\nb](https://raw.githubusercontent.com/seqsave/seqsave/{}/docs/images/view.jpg)",
        ),
        ("[a](plugins/seqsave-exr)", "[a](https://github.com/seqsave/seqsave/tree/{}/plugins/seqsave-exr)"),
        ("[`a`](LICENSE)", "[`a`](https://github.com/seqsave/seqsave/blob/{}/LICENSE)"),
        ("[a](#save)", "[a](https://github.com/seqsave/seqsave/blob/{}/README.md#save)"),
        ("[a](https://x.org/y)", "[a](https://x.org/y)"),
    ],
)
def test_links_of_a_readme_become_addresses(link: str, address: str) -> None:
    version = f"v{release.versions()['pyproject.toml']}"
    assert release.with_addresses(f"See {link}.", ROOT) == f"See {address.format(version)}."


def test_links_of_a_plugin_lead_out_of_its_folder() -> None:
    text = release.with_addresses("[a](../../docs/view.md) [b](LICENSE)", ROOT / "plugins" / "seqsave-exr")
    version = release.versions()["pyproject.toml"]
    assert text == (
        "[a](https://seqsave.github.io/seqsave/view.html) "
        f"[b](https://github.com/seqsave/seqsave/blob/v{version}/plugins/seqsave-exr/LICENSE)"
    )


@pytest.mark.parametrize(
    ("licence", "is_refused"),
    [
        ("MIT", False),
        ("GPL-3.0-or-later", True),
        ("GNU Affero General Public License v3", True),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", False),
        ("MIT OR GPL-2.0-only", False),
        ("Mozilla Public License 2.0 (MPL 2.0)", False),
    ],
)
def test_licences_that_are_refused(licence: str, is_refused: bool) -> None:
    assert release.is_refused(licence) is is_refused
