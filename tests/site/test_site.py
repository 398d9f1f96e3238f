"""The built site: each link leads somewhere, the reference is complete, and a browser shows and searches it."""

from __future__ import annotations

import configparser
import html.parser
import inspect
import re
import urllib.parse
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

import seqsave
from seqsave import errors
from seqsave.writer import SETTINGS
from tests.support.needs import needs_package
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.site

ROOT = Path(__file__).parents[2]


class _Parser(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is not None and name == "id":
                self.ids.add(value)
            elif value is not None and (name == "src" or (name == "href" and tag in ("a", "link", "use"))):
                self.links.append(value)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@cache
def parsed(page: Path) -> _Parser:
    parser = _Parser()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def pages(site: Path) -> list[Path]:
    return sorted(page for page in site.rglob("*.html") if "_static" not in page.parts)


# --- links and the reference ----------------------------------------------------------------------------------------


def test_each_link_and_anchor_resolves(site: Path) -> None:
    found = pages(site)
    assert len(found) > 50
    assert [problem for page in found for problem in dead_links(page)] == []


def dead_links(page: Path) -> list[str]:
    problems = []
    for link in parsed(page).links:
        url = urllib.parse.urlsplit(link)
        if url.scheme in ("http", "https", "data", "mailto"):
            continue
        target = (page.parent / urllib.parse.unquote(url.path)).resolve() if url.path else page
        if link.startswith("/") or not target.is_file():
            problems.append(f"{page.name} links to {link}, which does not exist")
        elif target.suffix == ".html" and urllib.parse.unquote(url.fragment) not in {"", *parsed(target).ids}:
            problems.append(f"{page.name} links to {link}, which is not on that page")
    return problems


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<p id="a"><a href="#a">1</a><a href="#b">2</a><a href="other.html">3</a><a href="/x">4</a>')
    assert [problem.split()[3].rstrip(",") for problem in dead_links(page)] == ["#b", "other.html", "/x"]


def test_every_page_of_docs_is_on_the_site(site: Path) -> None:
    sources = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    farms = {name for name in sources if name.startswith("farms/")}  # files of render managers, beside the page
    built = {page.relative_to(site).with_suffix("").as_posix() for page in pages(site)}
    assert sources - farms <= built


def test_links_to_the_code_host_name_existing_files(site: Path) -> None:
    names = {
        match[1]
        for page in pages(site)
        for link in parsed(page).links
        if (match := re.match(r"https://github\.com/seqsave/seqsave/(?:blob|tree)/main/([^#?]*)", link))
    }
    assert names
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_workflow_publishes_the_folder_that_is_built() -> None:
    yaml = needs_package("yaml")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "site.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["site"]["steps"]
    (folder,) = [step["with"]["path"] for step in steps if "upload-pages-artifact" in step.get("uses", "")]
    assert "tox -e site" in [step.get("run") for step in steps]
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    assert tox["testenv:site"]["commands"].endswith(f" docs {{tox_root}}/{folder}")
    assert tox["testenv:docs"]["commands"].split("\n")[1] == "{[testenv:site]commands}"


def test_each_address_that_ends_an_error_exists(site: Path) -> None:
    addresses = [errors.address_of(topic) for topic in get_args(errors.Topic)]
    assert len(addresses) > 30
    lacking = []
    for address in addresses:
        page, _, anchor = address.removeprefix(errors.DOCS).partition("#")
        if not (site / page).is_file() or anchor not in parsed(site / page).ids:
            lacking.append(address)
    assert lacking == []


def test_the_reference_has_every_public_name(site: Path) -> None:
    ids = parsed(site / "api.html").ids
    assert [name for name in seqsave.__all__ if f"seqsave.{name}" not in ids and not name.startswith("__")] == []


@pytest.mark.parametrize("name", ["open_writer", "save", "check_settings"])
def test_the_reference_shows_and_explains_each_setting(site: Path, name: str) -> None:
    text = (site / "api.html").read_text(encoding="utf-8")
    start = text.index(f'id="seqsave.{name}"')
    shown = re.sub(r"<[^>]+>", "", text[start : text.index("</dl>", text.index("<dd>", start))])
    assert "**settings" not in shown
    parameters = inspect.signature(getattr(seqsave, name)).parameters
    assert set(SETTINGS) <= set(parameters)
    assert [one for one in SETTINGS if not re.search(rf"^\s*{one}: .* = ", shown, re.MULTILINE)] == []


def test_comments_of_the_tests_are_not_on_the_pages(site: Path) -> None:
    assert [page.name for page in pages(site) if "<!-- before:" in page.read_text(encoding="utf-8")] == []


# --- in a browser ---------------------------------------------------------------------------------------------------

QUESTIONS = {
    "resume": "howto/resume",
    "MinIO": "howto/endpoints",
    "no credentials were found": "troubleshooting",
    "IAM policy": "howto/bucket",
    "render again": "howto/missing",
    "ProRes": "howto/movies",
    "renumber": "howto/rename",
    "spool": "spool",
    "write a plugin": "plugins",
    "open_sequence": "api",
    "manifest": "manifest",
    "imageio": "coming-from/python",
    "DataLoader": "pytorch",
}
"""What is looked for, and the page that answers it."""
ENDED = "/found|did not match/.test(document.querySelector('#search-results p.search-summary')?.textContent ?? '')"


@pytest.mark.parametrize("place", ["a file", "a server"])
def test_search_finds_the_page_that_answers(site: Path, prefixed: str, chromium: Any, place: str) -> None:
    base = site.as_uri() if place == "a file" else prefixed
    page = chromium.new_page()
    lacking = {}
    for question, answer in QUESTIONS.items():
        page.goto(f"{base}/search.html?q={urllib.parse.quote(question)}")
        page.wait_for_function(ENDED, timeout=PATIENCE * 1000)
        links = page.eval_on_selector_all(
            "#search-results > ul.search > li > a", "found => found.slice(0, 10).map(one => one.href)"
        )
        if not any(urllib.parse.urlsplit(link).path.endswith(f"/{answer}.html") for link in links):
            lacking[question] = links
    page.close()
    assert not lacking


SHOWN = ["index", "start", "api", "settings", "cli", "troubleshooting", "howto/bucket", "storage", "notebook", "search"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 900, 1500])
def test_pages_fit_load_nothing_else_and_follow_the_mode(site: Path, chromium: Any, width: int, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    requested, errors = [], []
    page = context.new_page()
    page.on("request", lambda request: requested.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    for name in SHOWN:
        page.goto(f"{site.as_uri()}/{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness = sum(map(int, re.findall(r"\d+", colour)[:3]))
        assert (brightness < 200) is (scheme == "dark"), f"{name} has the background {colour}"
    context.close()
    assert [url for url in requested if not url.startswith(("file:", "data:"))] == []
    assert errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(site: Path, chromium: Any, scheme: str) -> None:
    # In the other mode, only the colours are different.
    options = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}
    axe = needs_package("axe_playwright_python.sync_playwright").Axe()
    context = chromium.new_context(viewport={"width": 1500, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    found = []
    for name in SHOWN:
        page.goto(f"{site.as_uri()}/{name}.html")
        for violation in axe.run(page, options=options).response["violations"]:
            nodes = [node["html"][:120] for node in violation["nodes"]][:3]
            found.append(f"{name}: {violation['id']}: {violation['help']}: {len(violation['nodes'])} {nodes}")
    context.close()
    assert not found, "\n".join(found)
