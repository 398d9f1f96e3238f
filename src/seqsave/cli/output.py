"""What the command prints: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from seqsave.errors import SeqSaveWarning

__all__ = ["Messages", "complain", "print_json", "print_line", "printable"]


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


def complain(message: str) -> None:
    """An error, in the form in which all of them are told."""
    _write(sys.stderr, f"seqsave: error: {printable(message)}")


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
