"""Call the command inside this process, as a shell would see it."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from seqsave.cli import cli
from tests.support.patience import PATIENCE


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class _Stream(io.StringIO):
    encoding = "utf-8"


def seqsave(*arguments: object, status: int | None = 0, stdin: str | None = None) -> Result:
    """``seqsave ARGUMENTS``; ``status`` is what it has to end with, None for anything."""
    out, err = _Stream(), _Stream()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        if stdin is not None:
            stack.enter_context(_stdin(stdin))
        ended = cli.main([str(argument) for argument in arguments], "seqsave", standalone_mode=False)
    result = Result(ended, out.getvalue(), err.getvalue())
    assert status in (None, ended), result
    assert "Traceback" not in result.err
    return result


@contextlib.contextmanager
def _stdin(text: str) -> Any:
    import sys

    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8")
    try:
        yield
    finally:
        sys.stdin = before


def options(place: Any, name: str = "--storage-option") -> list[str]:
    """Return the place's storage options as arguments."""
    return [part for key, value in place.storage_options.items() for part in (name, f"{key}={value}")]


def saved(*arguments: object, status: int = 0) -> Any:
    return seqsave("save", *arguments, "--json", "--quiet", status=status).document


COMMAND = [sys.executable, "-m", "seqsave"]


def run(*arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=PATIENCE, **settings
    )
