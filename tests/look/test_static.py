"""The files of the page: small, whole, in the package, and nothing from elsewhere."""

from __future__ import annotations

import importlib.resources
import re

from tests.look import keys

FILES = {one.name: one.read_bytes() for one in importlib.resources.files("seqsave.look").joinpath("static").iterdir()}
MOST = 120_000


def test_all_files_together_are_small() -> None:
    assert sum(map(len, FILES.values())) < MOST


def test_every_file_that_one_names_exists_and_none_is_left_over() -> None:
    named = {"index.html"}
    for name, data in FILES.items():
        text = data.decode()
        named |= set(re.findall(r'(?:src|href)="static/([^"]+)"', text))
        if name.endswith(".js"):
            named |= set(re.findall(r'from "\./([^"]+)"', text))
    assert named == set(FILES)


def test_nothing_comes_from_elsewhere_and_no_style_or_script_stands_in_the_page() -> None:
    for name, data in FILES.items():
        text = data.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text), name
        assert "innerHTML" not in text, f"{name}: texts of files become text nodes"
        assert not re.search(r"\beval\(|new Function", text), name
    page = FILES["index.html"].decode()
    assert not re.search(r'<style|\sstyle="|<script(?! type="module" src=)|\son[a-z]+="', page)


def test_every_element_that_a_script_asks_for_is_in_the_page() -> None:
    page = FILES["index.html"].decode()
    ids = set(re.findall(r'\sid="([^"]+)"', page))
    asked = set(re.findall(r'\$\("([\w-]+)"\)', FILES["main.js"].decode()))
    assert asked
    assert asked <= ids


def test_the_docs_list_the_keys_of_the_page() -> None:
    assert len(list(keys.keys())) > 30
    text = keys.PAGE.read_text(encoding="utf-8")
    assert keys.made(text) == text, "python -m tests.look.keys"
