"""The site: ``sphinx-build -W docs build/site`` (tox env docs). Without a server, ``build/site/index.html`` works too.

Pages are Markdown that a code host shows as well. On the site, comments are left out (they are orders for the tests of
code blocks), a page that begins with ``<!-- page: PATH -->`` shows that file, ``<!-- part: PATH HEADING -->`` shows a
section of a file, ``<!-- anchor: NAME -->`` gives the heading after it an anchor that stays when its words change, and
links out of this folder lead to the page that shows the file, or to the file on the code host.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = PROJECT["urls"]["Repository"] + "/blob/main/"

project = "seqsave"
author = PROJECT["authors"][0]["name"]
copyright = author
version = release = PROJECT["version"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_copybutton"]
# Notebooks are in Markdown; what they print is made while the site is built, and an error in one ends the build.
source_suffix = {".md": "myst-nb"}
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_in_temp = True
nb_merge_streams = True
exclude_patterns = ["farms"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]


autodoc_typehints = "signature"
autodoc_member_order = "bysource"
maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"seqsave {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_baseurl = PROJECT["urls"]["Documentation"]
html_theme_options = {"top_of_page_buttons": []}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

_PARAMETER = re.compile(r"(?P<indent> *)(?P<names>[a-z_]+(?:, [a-z_]+)*): +(?P<text>\S.*)")
_LITERAL = re.compile(r"(``.*?``|`[^`]+`)")
_PAGE = re.compile(r"<!-- page: (\S+) -->")
_PART = re.compile(r"^<!-- part: (\S+) (.+) -->$", re.MULTILINE)
_FENCE = re.compile(r"^(?P<indent> *)(?P<mark>`{3,}|:{3,}).*?^(?P=indent)(?P=mark) *$", re.MULTILINE | re.DOTALL)
_ANCHOR = re.compile(r"^<!-- anchor: (\S+) -->$", re.MULTILINE)
_COMMENT = re.compile(r"^<!--.*?-->\n+", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^)\s]+)\)")


def shown() -> dict[Path, str]:
    """Return the page, without its ending, of each file that is shown on the site."""
    pages = {path.resolve(): path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    for path in DOCS.rglob("*.md"):
        if order := _PAGE.match(path.read_text(encoding="utf-8")):
            pages[(path.parent / order[1]).resolve()] = path.relative_to(DOCS).as_posix()
    return pages | {(ROOT / "README.md").resolve(): "index.md"}


def on_the_site(text: str, file: Path, page: Path, pages: dict[Path, str]) -> str:
    """Return the text of ``file`` as ``page`` shows it."""

    def linked(match: re.Match[str]) -> str:
        name, link = match.groups()
        if re.match(r"[a-z]+:|#", link):
            return match[0]
        path, hash_, anchor = link.partition("#")
        target = (file.parent / path).resolve()
        # A folder on a code host shows its README.
        target = target / "README.md" if (target / "README.md").exists() else target
        if name.startswith("!"):
            return f"{name}({os.path.relpath(target, page.parent)})"
        if target not in pages:
            return f"{name}({SOURCES}{target.relative_to(ROOT).as_posix()}{hash_}{anchor})"
        return f"{name}({os.path.relpath(DOCS / pages[target], page.parent)}{hash_}{anchor})"

    parts, end = [], 0
    for fence in [*_FENCE.finditer(text), None]:
        between = text[end : fence.start() if fence else len(text)]
        parts.append(_LINK.sub(linked, _COMMENT.sub("", between)))
        if fence:
            parts.append(fence[0])
            end = fence.end()
    return "".join(parts)


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Change the text of a page that Sphinx has read."""
    file = page = Path(app.env.doc2path(docname))
    if order := _PAGE.match(source[0]):
        file = (page.parent / order[1]).resolve()
        app.env.note_dependency(str(file))
        source[0] = file.read_text(encoding="utf-8")
    pages = shown()

    def part(match: re.Match[str]) -> str:
        of = (page.parent / match[1]).resolve()
        app.env.note_dependency(str(of))
        _, _, after = of.read_text(encoding="utf-8").partition(f"\n## {match[2]}\n")
        return on_the_site(after.partition("\n## ")[0], of, page, pages)

    source[0] = _ANCHOR.sub(r"(\1)=\n", source[0])
    if docname == "index":
        source[0] = _with_all_pages(source[0])
    source[0] = on_the_site(_PART.sub(part, source[0]), file, page, pages)


def _with_all_pages(index: str) -> str:
    """Return the text of index.md, with the pages that it does not list yet at the end of the concepts."""
    listed = set(index.splitlines())
    others = [path.stem for path in sorted(DOCS.glob("*.md")) if path.stem not in {*listed, "index"}]
    return index.replace("\ncopies\n", "\n".join(["", "copies", *others, ""]), 1)


def described(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Make reStructuredText of a docstring: plain text, in which ``name: text`` describes a parameter or a field."""
    named = _names_of(obj)
    result: list[str] = []
    in_field = False
    for line in lines:
        found = _PARAMETER.fullmatch(line)
        if found and named.issuperset(found["names"].split(", ")):
            if not in_field:
                result.append("")
            in_field = True
            line = f":param {found['names']}: {found['text']}"
        elif in_field and line.startswith(" "):
            line = "    " + line.lstrip()
        elif in_field:
            in_field = False
            result.append("")
        result.append(_as_literals(line))
    lines[:] = result


def _names_of(obj: object) -> set[str]:
    names = set(getattr(obj, "__annotations__", ()))
    if callable(obj):
        with contextlib.suppress(ValueError):
            names |= set(inspect.signature(obj).parameters)
    return names | {name for base in getattr(obj, "__mro__", ()) for name in vars(base)}


def _as_literals(line: str) -> str:
    """Return the line with ``*`` and single backquotes as they are meant."""
    parts = _LITERAL.split(line)
    for at, part in enumerate(parts):
        if at % 2:
            parts[at] = part if part.startswith("``") else f"`{part}`"
        else:
            parts[at] = re.sub(r"[*|]", r"\\\g<0>", part)
    return "".join(parts)


# What axe, which tests accessibility, finds in the theme's and in Sphinx's HTML; each with what a reader of it needs.
_REPAIRS = {
    r'role="heading">': 'role="heading" aria-level="2">',
    r'<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Pages">',
    r'<aside class="toc-drawer([^"]*)">': r'<aside class="toc-drawer\1" aria-label="This page">',
    r"<pre>": '<pre tabindex="0">',
    r'<th class="head"><p></p></th>': '<td class="head"></td>',
    r"<dl>\n((?:<dd>.*?</dd>\n)+)</dl>": lambda found: _as_divisions(found[1]),
    r'(<div id="search-results">)': r"<h1>Search</h1>\n\1",
}


def _as_divisions(parameters: str) -> str:
    """Return the lines of a signature, which are no list of definitions."""
    lines = parameters.replace("<dd>", '<div class="sig-line">').replace("</dd>", "</div>")
    return f"<div>\n{lines}</div>"


def repair(app: Sphinx, error: Exception | None) -> None:
    """Make the pages accessible."""
    if error is not None or app.builder.format != "html":
        return
    for page in app.outdir.rglob("*.html"):
        text = old = page.read_text(encoding="utf-8")
        for pattern, by in _REPAIRS.items():
            text = re.sub(pattern, by, text, flags=re.DOTALL)
        if text != old:
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the functions of this file."""
    app.connect("source-read", read)
    app.connect("autodoc-process-docstring", described)
    app.connect("build-finished", repair)
    return {"parallel_read_safe": True}
