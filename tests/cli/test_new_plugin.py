"""``seqsave plugins new``: which names it takes, what it writes, and that it overwrites nothing.

That what it writes works, from an empty folder to a frame in a bucket, is tests/template.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from seqsave import EncoderSpec, register_encoder
from seqsave.cli import new_plugin
from tests.cli.runner import seqsave

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILES = [
    *(".gitignore", "CHANGELOG.md", "README.md", "pyproject.toml", "src/seqsave_qoi/__init__.py"),
    *("src/seqsave_qoi/codec.py", "src/seqsave_qoi/py.typed", "tests/test_qoi.py"),
]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_plugin_is_written(here: Path) -> None:
    result = seqsave("plugins", "new", "seqsave-qoi")
    assert result.out == f"{here / 'seqsave-qoi'}\n"
    assert "next: cd seqsave-qoi" in result.err
    found = written(here / "seqsave-qoi")
    assert sorted(found) == FILES
    assert not [path for path, text in found.items() if "newformat" in (path + text).lower()]
    project: dict[str, Any] = tomllib.loads(found["pyproject.toml"])["project"]
    assert project["name"] == "seqsave-qoi"
    assert project["entry-points"] == {"seqsave": {"qoi": "seqsave_qoi"}}
    for path, text in found.items():
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_distribution_and_filetype_have_names_of_their_own(here: Path) -> None:
    seqsave("plugins", "new", "my-newformat-x", "--filetype", "raw16")
    found = written(here / "my-newformat-x")
    assert "src/my_newformat_x/codec.py" in found
    assert "class Raw16Encoder:" in found["src/my_newformat_x/codec.py"]
    assert 'encoder="my_newformat_x.codec:Raw16Encoder"' in found["src/my_newformat_x/__init__.py"]
    assert "tests/test_raw16.py" in found


@pytest.mark.parametrize("name", ["seqsave-" + "q" * 16, "q" * 16])
def test_the_longest_filetype_still_fits_the_lines(here: Path, name: str) -> None:
    seqsave("plugins", "new", name)
    code = [text for path, text in written(here / name).items() if path.endswith(".py")]
    assert max(len(line) for text in code for line in text.splitlines()) <= 120


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(
            (name, "is not a name for a distribution")
            for name in ("Seqsave-QOI", "seqsave_qoi", "seqsave--qoi", "-qoi-")
        ),
        *(
            (name, "is not a name for a distribution")
            for name in ("1qoi", "qoi-", "../qoi", "a/b", "a b", "q\u00fcoi", ".")
        ),
        ("", "is not a name for a distribution"),
        ("a" * 41, "at most 40 characters"),
        *((name, "Python has one already") for name in ("numpy", "seqsave", "json", "class")),
        *((name, "is not a file type") for name in ("seqsave-qoi-two", "seqsave-1", "seqsave-" + "q" * 17)),
        ("seqsave-png", "'png' already exists (built-in): choose another one"),
        ("seqsave-jpeg", "'jpeg' already exists (built-in)"),
    ],
)
def test_bad_names_are_refused(here: Path, name: str, part: str) -> None:
    result = seqsave("plugins", "new", "--", name, status=2)
    assert part in result.err
    assert result.out == ""
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("filetype", ["QOI", "q-oi", "", "qoi ", ".qoi", "1", "q\u00fc", "png", "jpeg", "qoi/../x"])
def test_bad_filetypes_are_refused(here: Path, filetype: str) -> None:
    result = seqsave("plugins", "new", "seqsave-qoi", "--filetype", filetype, status=2)
    assert "is not a file type" in result.err or "already exists" in result.err
    assert list(here.iterdir()) == []


def test_a_filetype_or_extension_that_is_there_is_refused(here: Path) -> None:
    register_encoder(EncoderSpec(filetype="grain", extensions=("grn", "grain2"), encoder="a:B", dtypes=("uint8",)))
    for filetype in ("grain", "grn", "grain2"):
        assert "(registered): choose" in seqsave("plugins", "new", "a-b", "--filetype", filetype, status=2).err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "empty folder", "file", "dangling link"])
def test_what_is_there_is_never_overwritten(here: Path, kind: str) -> None:
    place = here / "seqsave-qoi"
    if kind == "file":
        place.write_text("mine")
    elif kind == "dangling link":
        place.symlink_to(here / "nowhere")
    else:
        place.mkdir()
    if kind == "folder":
        (place / "README.md").write_text("mine")
    before = sorted(here.rglob("*"))
    result = seqsave("plugins", "new", "seqsave-qoi", status=1)
    assert "already exists, and stays as it is: choose another name, or remove it" in result.err
    assert sorted(here.rglob("*")) == before
    if kind == "folder":
        assert (place / "README.md").read_text() == "mine"


def test_a_folder_that_cannot_be_made(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = here / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(new_plugin.Path, "resolve", lambda self: self)  # there is nothing to resolve it with
    assert "seqsave-qoi cannot be written: No such file" in seqsave("plugins", "new", "seqsave-qoi", status=1).err


def test_a_near_miss_is_reported() -> None:
    assert "unknown command 'neu' (did you mean 'new'?)" in seqsave("plugins", "neu", status=2).err
    assert "Missing argument 'NAME'" in seqsave("plugins", "new", status=2).err


def test_the_template_names_nothing_but_its_own_format() -> None:
    """Each of its words is replaced as a whole, or something of the template stays in the plugin."""
    root = Path(new_plugin.__file__).with_name("plugin_template")
    for path in root.rglob("*.txt"):
        for word in re.findall(r"\w*newformat\w*", path.read_text(), re.IGNORECASE):
            assert re.fullmatch(r"(seqsave_)?newformat|NEWFORMAT|(Test)?Newformat(Encoder)?|test_newformat", word), word
