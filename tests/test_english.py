"""Texts and names use the words of the field, and none of the words that make them hard to read.

The words stand in ``BANNED``, each with a better one. They are looked for in every line of the sources and the pages,
in identifiers too: docstrings and names are read by users, in an editor and in a traceback.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

BANNED = {
    "anew": "again",
    "nobody": "no process, no run, no program",
    "nobodys": "no one's: name the owner",
    "somebody": "a user, another process",
    "whoever": "readers, callers",
    "said": "reported, stated",
    "saying": "reporting, stating",
    "sayings": "metadata, settings",
    "tell": "report, return, distinguish",
    "telling": "reporting",
    "tells": "reports, shows",
    "told": "reported, called with",
    "meanwhile": "at the same time, since",
    "what is there": "existing frames, existing files",
    "see the module": "a docstring of its own",
}
# A method of files has this name.
_ALLOWED = re.compile(r"\.tell\(\)|def tell\(self\)")
_WORD = re.compile(
    rf"(?<![A-Za-z])({'|'.join(word.replace(' ', '[ ]') for word in BANNED)})(?![a-z])",
    re.IGNORECASE,
)


def files() -> list[Path]:
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/*.md")]
    for folder in ("src", "benchmarks", *(f"plugins/{path.name}/src" for path in (ROOT / "plugins").iterdir())):
        for ending in ("py", "pyi", "md", "json", "js"):
            found += (ROOT / folder).rglob(f"*.{ending}")
    return sorted(found)


def words(text: str) -> Iterator[tuple[int, str]]:
    """Yield line number and word for each banned word in ``text``."""
    for number, line in enumerate(text.splitlines(), start=1):
        for match in _WORD.finditer(_ALLOWED.sub("", line)):
            yield number, match[1]


def test_no_text_has_a_banned_word() -> None:
    found = []
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        found += [
            f"{name}:{number}: {word!r}: write instead: {BANNED[word.lower()]}"
            for number, word in words(path.read_text(encoding="utf-8"))
        ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("line", ["Tells a bar of it.", "def _told(self):", "what is there stays", "self.said_so = 1"])
def test_a_banned_word_is_found(line: str) -> None:
    assert next(iter(words(f"a line\n{line}")))[0] == 2


@pytest.mark.parametrize("line", ["file.tell()", "a bestellen of other languages", "the foretold"])
def test_other_words_are_not(line: str) -> None:
    assert not list(words(line))
