"""Texts and names use the words of the field, and none of the words that make them hard to read.

The words stand in ``BANNED``, each with a better one. They are looked for in every line of the sources and the pages,
in identifiers too: docstrings and names are read by users, in an editor and in a traceback. Of the tests, the names,
comments and docstrings are searched.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import seqsave

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
# Phrases that are not said so today, each with what is. Looked for like the words.
PHRASES = {
    r"(?<!there )\bis no (?!longer\b|error\b|way\b|more\b|mistake\b|need\b)(?=[a-z{])": "is not a",
    r"\bthere is nothing at\b": "does not exist",
    r"\bis there already\b|\bthere already\b": "already exists",
    r"\bthere is no (setting|command|option)\b": "unknown setting",
    r"\b(of|for|but) (fsspec|seqsave)'s\b(?! [a-z])": "fsspec filesystems, errors of seqsave",
    r"\bbrok(e|en) off\b": "was interrupted, was aborted",
    r"\bmakes no\b": "does not create",
    r"\bwhole and sound\b|\bunsound\b|\bnot sound\b": "complete and intact, invalid",
    r"\bTake back\b": "Undo",
    r'"""See ': "a docstring of its own",
    r"\b(makes?|made) up for\b": "completes",
    r"\bon trust\b": "without confirmation",
    r"\b(known|readable) are\b": "known options are",
    r"\bnothing good\b": "no guarantees",
    r"\bin (that|this|the same) moment\b": "at that moment",
    r"\bfor ever\b": "forever",
    r"\bafresh\b": "again",
    r"\bis none of\b": "is not one of",
    r"\b(nothing|no decoder|no encoder) here\b(?! reads \.)": "no installed decoder",
    r"\bpassed on as (it is|they are)\b": "copied unchanged",
    r"\b(was|were) asked for\b": "requested, given",
    r"\b(storage|it) is (well|away)\b": "is available, is unavailable",
    r"\bof itself\b": "by itself: name the subject",
    r"\band the like\b": "and similar ones",
    r"\bkeeps? true\b|\bkept true\b": "updates",
    r"\bbehind the (program|graph)\b": "in the background",
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


def phrases(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, phrase and a better one for each phrase of ``PHRASES`` in ``text``."""
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, better in PHRASES.items():
            for match in re.finditer(pattern, line):
                yield number, match[0], better


def test_no_source_has_a_phrase_that_is_not_said_so() -> None:
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{number}: {phrase!r}: write instead: {better}"
        for path in (ROOT / "src").rglob("*.py")
        for number, phrase, better in phrases(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "known are auto_mkdir, fsync",
        "a later run makes up for them",
        "{name!r} is no filetype",
        "it is there already",
        "there is nothing at {url}",
        "a run broke off",
        "an unsound spec",
    ],
)
def test_such_a_phrase_is_found(line: str) -> None:
    assert next(iter(phrases(f"a line\n{line}")))[0] == 2


def test_every_field_of_a_public_record_is_documented() -> None:
    records = [getattr(seqsave, name) for name in seqsave.__all__]
    missing = [
        f"{record.__name__}.{one.name}"
        for record in records
        if isinstance(record, type) and dataclasses.is_dataclass(record)
        for one in dataclasses.fields(record)
        if not one.name.startswith("_") and not re.search(rf"\b{one.name}\b", inspect.getdoc(record) or "")
    ]
    assert not missing


def functions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield place and first line of the docstring of every function in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node)):
            yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", text.partition("\n")[0]


# A docstring of a function begins with what the function does.
_BEGINNING = re.compile(r"[A-Z][a-z]+[ ,]")
_NO_VERB = re.compile(
    r"(A|An|All|Any|As|At|By|Each|Every|For|From|How|If|In|It|Its|Of|One|The|This|What|When|Where|Whether|Which|Why|With)"
    r"[ ,]"
)


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    found = [
        f"{place}: {line}"
        for path in (ROOT / "src").rglob("*.py")
        for place, line in functions(path)
        if not _BEGINNING.match(line) or _NO_VERB.match(line)
    ]
    assert not found, "\n" + "\n".join(found)


def own_words(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each name, comment and docstring in a test; other texts there are data."""
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            is_text = token.type in (tokenize.NAME, tokenize.COMMENT)
            if is_text or (token.type == tokenize.STRING and token.line.lstrip().startswith('"""')):
                yield token.start[0], token.string


def test_no_test_has_a_banned_word() -> None:
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{first + number - 1}: {word!r}: write instead: {BANNED[word.lower()]}"
        for path in (*ROOT.glob("tests/**/*.py"), *ROOT.glob("plugins/*/tests/**/*.py"))
        if path != Path(__file__)
        for first, text in own_words(path)
        for number, word in words(text)
        if text != "tell"  # the method of files
    ]
    assert not found, "\n" + "\n".join(found)


def test_the_words_of_a_test_are_its_names_comments_and_docstrings(tmp_path: Path) -> None:
    path = tmp_path / "test_x.py"
    path.write_text('"""It was told."""\n\n\ndef test_said() -> None:\n    assert f("nobody") == 1  # anew\n')
    assert [text for _, text in own_words(path) if list(words(text))] == ['"""It was told."""', "test_said", "# anew"]


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
