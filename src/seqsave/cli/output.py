"""Print results on standard output, and everything else on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

import click

from seqsave.errors import SeqSaveWarning
from seqsave.types import Event

if TYPE_CHECKING:
    from seqsave.runtime.display import ProgressDisplay
    from seqsave.sequences.frame import Frame

__all__ = [
    "Counter",
    "Messages",
    "OutputError",
    "complain",
    "give_up_unwritten",
    "print_json",
    "print_line",
    "printable",
    "spelled",
]


class OutputError(click.ClickException):
    """The result of a command cannot be printed; what the command did is done."""


def printable(text: str) -> str:
    """Return ``text`` without control characters, which file names may contain and a terminal would obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def print_line(text: str) -> None:
    """Print a line of the result. Raises OutputError."""
    _print(printable(text))


def print_json(document: Any) -> None:
    """Print the result as one JSON document, in ASCII if the output cannot represent other characters.

    NaN and the infinities, which workflows may hold, become null, because JSON has no such numbers. Raises OutputError.
    """
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError:
        document = json.loads(json.dumps(document), parse_constant=lambda _: None)
        text = json.dumps(document, indent=2, ensure_ascii=False)
    try:
        text.encode((sys.stdout and sys.stdout.encoding) or "ascii")
    except UnicodeError:
        text = json.dumps(document, indent=2)
    _print(text)


def spelled(message: str) -> str:
    """Return a message of the library with the settings that it names as options of the command.

    Messages name a setting in backquotes, as Python spells it: ``use `if_exists='skip'` ``.
    """
    if "`" not in message:
        return message
    from seqsave.settings.config import SETTINGS

    for name, one in SETTINGS.items():
        if one.option:
            for choice in one.choices:
                message = message.replace(f"`{name}={choice!r}`", f"{one.option} {choice.replace(' ', '-')}")
            message = message.replace(f"`{name}`", one.option)
            if not one.choices:
                message = re.sub(rf"`{name}=('[^'`]*')`", rf"{one.option} \1", message)
    return message


def complain(message: str, help_url: str = "") -> None:
    """Print an error to standard error, and the address of the page that helps, if there is one."""
    more = f"\nHelp: {help_url}" if help_url else ""
    _say(printable(f"seqsave: error: {spelled(message)}{more}"))


def _print(text: str) -> None:
    if sys.stdout is None:
        raise OutputError("standard output is closed, so the result cannot be printed")
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:  # a reader such as head has enough
        raise
    except (OSError, ValueError) as error:
        raise OutputError(f"the result cannot be written to standard output: {error}") from error


def _say(line: str) -> None:
    """Write to standard error. What it cannot take, as on a full disk, is lost: it must not end a save."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            _write(sys.stderr, line)


def give_up_unwritten() -> None:
    """Drop the text that standard output and standard error have and cannot write.

    Python would fail with it at its end, with the exit status 120, whatever the command's is.
    """
    for stream in filter(None, (sys.stdout, sys.stderr)):
        _give_up(stream)


def _give_up(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


def _write(stream: TextIO, line: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


class Messages:
    """Notes and warnings on standard error; the warnings are also kept for the result.

    quiet: print no notes, only warnings and errors.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        """Print a note, unless quiet."""
        if not self.quiet:
            _say(printable(text))

    def warn(self, text: str) -> None:
        """Print a warning, each text only once."""
        if text not in self.warnings:
            self.warnings.append(text)
            _say(f"seqsave: warning: {printable(text)}")

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Print Python's warnings in the form of the command within this context."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", SeqSaveWarning)
            warnings.showwarning = lambda message, *_: self.warn(spelled(str(message)))
            yield


class Counter:
    """A callback that counts the frames read, and updates the progress bar if there is one."""

    def __init__(self, bar: ProgressDisplay | None) -> None:
        self._bar = bar
        self._frames = self._bytes = 0
        self._started = time.monotonic()

    def __call__(self, frame: Frame) -> None:
        self._frames += 1
        self._bytes += frame.size or 0
        if self._bar is not None:
            seconds = time.monotonic() - self._started
            self._bar(Event(kind="saved", done=self._frames, bytes_done=self._bytes, seconds=seconds))
