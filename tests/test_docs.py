"""Every code block of README.md and docs/ does what it says; links lead somewhere; CI runs README's own commands.

How a block is taken, by its language:

- ``python``: run. The blocks of one file share their names and a temporary working folder. ``print(x)   # text`` must
  print that text; ``...`` in it stands for anything.
- ``console``: each ``$ command`` is run by a shell in that folder and must succeed; where lines follow it, they are
  its output, again with ``...``.
- ``toml``, ``json``: must be well formed.
- ``bash``: commands that set up a machine; those of README are compared with ``.ci/run``, which runs them.
- ``text``, and directives of the site such as ``{toctree}``: not looked at.

A comment in front of a block changes that (it does not show on the page):

- ``<!-- before: ... -->``: Python that is run first.
- ``<!-- save as: path -->``: the block is a file; it is written there and not run.
- ``<!-- not run: why -->``.

``clip.mp4`` is there, and the buckets of every ``s3://`` URL of the file exist on a real server, and are empty.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from seqsave.plugins import manager
from tests.support.clip import bigbuckbunny
from tests.support.needs import needs_package, needs_program
from tests.support.patience import PATIENCE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.s3 import S3Server

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
# Pages whose code runs only where something else is installed.
SITE = ("docs/howto/movies.md", "docs/howto/several-types.md")
MARKS = {"docs/pytorch.md": pytest.mark.torch, **dict.fromkeys(SITE, pytest.mark.site)}

BLOCK = re.compile(
    r"(?:^<!--[ ]*(?P<order>before|save\ as|not\ run):(?P<text>.*?)-->\n+)?"
    r"^(?P<indent>[ ]*)```(?P<language>\S*)[^\n]*\n(?P<code>.*?)^[ ]*```[ ]*$",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


@dataclass
class Block:
    """One fenced block: ``line`` is that of its first line of code; ``order`` and ``text`` are the comment's."""

    page: Path
    line: int
    language: str
    code: str
    order: str = ""
    text: str = ""

    def __str__(self) -> str:
        return f"{self.page.name}, line {self.line}"


def blocks(page: Path) -> list[Block]:
    content = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page,
            line=content.count("\n", 0, match.start("code")) + 1,
            language=match["language"],
            code=re.sub(rf"^{match['indent']}", "", match["code"], flags=re.MULTILINE),
            order=match["order"] or "",
            text=(match["text"] or "").strip("\n"),
        )
        for match in BLOCK.finditer(content)
    ]


# --- running --------------------------------------------------------------------------------------------------------


class Page:
    """What the blocks of one page share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def run(self, block: Block) -> None:
        if block.order == "not run":
            assert block.text.strip(), f"{block}: say why it is not run"
            return
        if block.order == "before":
            self.python(block, block.text, output=False)
        if block.order == "save as":
            path = self.folder / block.text.strip()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            self.python(block, block.code)
        elif block.language == "console":
            self.console(block)
        elif block.language in ("toml", "json"):
            tomllib.loads(block.code) if block.language == "toml" else json.loads(block.code)
        else:
            known = block.language in ("bash", "text") or re.fullmatch(r"\{[a-z-]+\}", block.language)
            assert known, f"{block}: what is a block of {block.language!r}?"

    def python(self, block: Block, code: str, output: bool = True) -> None:
        tree = ast.parse("\n" * (block.line - 1) + code, filename=str(block.page))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, str(block.page), "exec", dont_inherit=True), self.names)  # noqa: S102 - our own pages
        if output:
            lines = iter(printed.getvalue().splitlines())
            for wanted in promised(code):
                # A loop may print more than the page shows; the order must be right.
                assert any(alike(wanted, line) for line in lines), (
                    f"{block}: nothing printed is {wanted!r}:\n{printed.getvalue()}"
                )

    def console(self, block: Block) -> None:
        commands = re.split(r"^\$ ", block.code, flags=re.MULTILINE)
        assert not commands[0].strip(), f"{block}: a console block starts with '$ '"
        for entry in commands[1:]:
            command, _, output = _joined(entry).partition("\n")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
            assert done.returncode == 0, f"{block}: {command}\n{done.stdout}{done.stderr}"
            assert not output.strip() or alike(output.rstrip(), done.stdout.rstrip()), (
                f"{block}: {command} printed\n{done.stdout}\nand not\n{output}"
            )


def _joined(entry: str) -> str:
    """A command that goes on after a backslash, on one line."""
    return entry.replace("\\\n", " ")


def promised(code: str) -> list[str]:
    """The comments behind calls of ``print``, in the order of their lines."""
    lines = code.splitlines()
    calls = [
        node.end_lineno
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    found = (re.search(r"\)\s+# (.+)$", lines[number - 1]) for number in sorted(filter(None, calls)))
    return [match[1].strip() for match in found if match]


def alike(wanted: str, got: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in wanted.split("..."))
    return re.fullmatch(pattern, got, re.DOTALL) is not None


@pytest.fixture
def workplace(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    page: Path = request.param
    content = page.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PATH", os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")])))
    if "$ seqsave" in content:
        needs_program("seqsave", "run this through tox")
    if "from seqsave.torch" in content:
        needs_package("torch")
    if name_of(page) in SITE:
        needs_package("OpenEXR")
        monkeypatch.setattr(manager, "_manager", manager.PluginManager())
    if "clip.mp4" in content:
        (tmp_path / "clip.mp4").symlink_to(bigbuckbunny())
    with contextlib.ExitStack() as stack:
        buckets = buckets_of(content)
        if buckets:
            stack.enter_context(_served(request.getfixturevalue("s3_server"), buckets, monkeypatch))
        yield Page(tmp_path)


@contextlib.contextmanager
def _served(server: S3Server, buckets: set[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    existing = {bucket["Name"] for bucket in server.client.list_buckets()["Buckets"]}
    for bucket in buckets - existing:
        server.client.create_bucket(Bucket=bucket)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield
    for bucket in buckets:
        for key in server.keys(f"s3://{bucket}"):
            server.client.delete_object(Bucket=bucket, Key=key)


def buckets_of(content: str) -> set[str]:
    return set(re.findall(r"s3://([a-z0-9.-]+)", content))


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def marks_of(page: Path) -> list[pytest.MarkDecorator]:
    """What the code of a page needs: the S3 server if it has buckets, and what MARKS names."""
    own = [MARKS[name_of(page)]] if name_of(page) in MARKS else []
    return [pytest.mark.s3, *own] if buckets_of(page.read_text(encoding="utf-8")) else own


RUN = [pytest.param(page, marks=marks_of(page), id=name_of(page)) for page in PAGES]


@pytest.mark.parametrize("workplace", RUN, indirect=True)
def test_a_page_does_what_it_says(workplace: Page, request: pytest.FixtureRequest) -> None:
    for block in blocks(request.node.callspec.params["workplace"]):
        workplace.run(block)


# --- agreement ------------------------------------------------------------------------------------------------------


def test_ci_runs_the_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [
        line for block in blocks(ROOT / "README.md") if block.language == "bash" for line in block.code.splitlines()
    ]
    set_up = [command for command in commands if "-m venv" in command]
    assert len(set_up) == 2, "README has one command that does the main job and one that passes the tests"
    assert [command for command in set_up if command not in script] == []


def test_the_first_screen_of_the_readme_repeats_figures_that_were_measured() -> None:
    first, _, rest = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Try it\n")
    measured = rest.partition("\n## How fast\n")[2].partition("\n## ")[0]
    compared = first.partition("| instead of | with seqsave |")[2].partition("\n\n")[0]
    figures = re.findall(r"(\d+)(?:(?:st|nd|rd|th)\b| times)", compared)
    assert len(figures) == 4
    assert [one for one in figures if not re.search(rf"\| {one} \|", measured)] == []


def test_pictures_are_small_and_the_moving_one_stops() -> None:
    pictures = [path for path in (ROOT / "docs" / "images").iterdir() if path.suffix != ".py"]
    assert [path.name for path in pictures if path.stat().st_size > 400_000] == []
    with Image.open(ROOT / "docs" / "images" / "resume.webp") as moving:
        assert moving.info["loop"] == 2


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {link}, but {target.name} has no such heading"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ +(.+?) *$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- the test itself ------------------------------------------------------------------------------------------------


FAILING = {
    "an exception": "```python\n1 / 0\n```\n",
    "other output": "```python\nprint(2)   # 3\n```\n",
    "output in another order": "```python\nprint(1)  # 2\nprint(2)  # 1\n```\n",
    "a failing command": "```console\n$ false\n```\n",
    "a failing command in a pipe": "```console\n$ false | cat\n```\n",
    "other output of a command": "```console\n$ echo one\ntwo\n```\n",
    "broken TOML": "```toml\na =\n```\n",
    "an unknown language": "```perl\n1\n```\n",
    "not run, without a reason": "<!-- not run: -->\n```python\n1\n```\n",
}


@pytest.mark.parametrize("text", FAILING.values(), ids=FAILING)
def test_a_wrong_page_is_found(text: str, tmp_path: Path) -> None:
    with pytest.raises((ArithmeticError, AssertionError, ValueError)):
        _run(text, tmp_path)


def test_a_right_page_passes(tmp_path: Path) -> None:
    page = """
Text with `print(1)  # 2`.

<!-- before:
def render():
    return 3
-->
```python
x = render()
for number in range(x):
    print(number)          # 0
```

- in a list:

  ```python
  print(f"{x} frames in /some/where")   # 3 frames in ...
  ```

<!-- save as: there/module.py -->
```python
raise RuntimeError("never run")
```

```console
$ ls there; echo more | \\
    cat
module.py
m...
$ echo nobody cares
```

<!-- not run: it needs a camera -->
```python
1 / 0
```

```json
{"a": 1}
```
"""
    _run(page, tmp_path)


def _run(text: str, folder: Path) -> None:
    page = folder / "page.md"
    page.write_text(text)
    found = blocks(page)
    assert found
    shared = Page(folder)
    for block in found:
        shared.run(block)
