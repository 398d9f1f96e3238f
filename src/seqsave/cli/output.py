"""What the command prints: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from seqsave.errors import SeqSaveWarning

__all__ = ["Messages", "as_arguments", "complain", "print_json", "print_line", "printable"]

# As in: use if_exists='overwrite' or 'skip'.
_CHOICE = re.compile(r"\bif_exists=('\w+'(?: or '\w+')*)")
_WORD = re.compile(r"\w+(?=')")


def printable(text: str) -> str:
    """``text`` without characters that a terminal would obey: names come from wherever the files come from."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def print_line(text: str) -> None:
    """A line of the result."""
    _write(sys.stdout, printable(text))


def print_json(document: Any) -> None:
    """The result as one JSON document; not ASCII only, where the output can hold more."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeError:
        text = json.dumps(document, indent=2)
    _write(sys.stdout, text)


def as_arguments(message: str) -> str:
    """A message of the library, with its keyword arguments spelled as options of the command."""
    message = _CHOICE.sub(lambda found: " or ".join(f"--if-exists {word}" for word in _WORD.findall(found[1])), message)
    return message.replace("storage_options", "--storage-option")


def complain(message: str) -> None:
    """An error, in the form in which all of them are told."""
    _write(sys.stderr, f"seqsave: error: {printable(as_arguments(message))}")


def _write(stream: TextIO, line: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


class Messages:
    """Notes and warnings on standard error; the warnings are also kept for the result.

    quiet: leave the notes out. Warnings and errors are told all the same.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        """Something that is good to know."""
        if not self.quiet:
            _write(sys.stderr, printable(text))

    def warn(self, text: str) -> None:
        """Something that is not quite as asked; the same one is told once."""
        if text not in self.warnings:
            self.warnings.append(text)
            _write(sys.stderr, f"seqsave: warning: {printable(text)}")

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Tell Python's warnings in our own form while this lasts."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", SeqSaveWarning)
            warnings.showwarning = lambda message, *_: self.warn(str(message))
            yield
