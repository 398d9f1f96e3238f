"""How the command behaves as a program: errors in one line, exit statuses, near misses, a clean end on Ctrl-C."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from seqsave.cli.output import complain
from seqsave.cli.signals import ignore_interrupts
from seqsave.errors import (
    EncoderNotFoundError,
    FrameNameError,
    MetadataError,
    OptionError,
    SeqSaveError,
    SourceError,
)
from seqsave.wording import did_you_mean

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "WRONG_CALL",
    "Application",
    "Command",
    "CommandGroup",
    "Failure",
    "status_of",
    "version",
]

FAILED, WRONG_CALL, INTERRUPTED = 1, 2, 130
# What the user has asked for cannot be done, whatever the storage does. (What fails later is FAILED.)
_WRONG = (OptionError, FrameNameError, MetadataError, EncoderNotFoundError, SourceError)


class Failure(click.ClickException):
    """An end of the command with a message and an exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: SeqSaveError) -> int:
    """WRONG_CALL for what the arguments themselves cause, before anything was written; else FAILED."""
    return WRONG_CALL if isinstance(error, _WRONG) and error.saved is None else FAILED


def version() -> str:
    """The version of the package that is running."""
    # The package itself stands beside the command and is not imported by it; it is there whenever a part of it is.
    return str(getattr(sys.modules["seqsave"], "__version__", "unknown"))


class _WithExamples(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, one in each line."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class Command(_WithExamples):
    """A command with examples."""


class CommandGroup(_WithExamples, click.Group):
    """Several commands under one name, with examples."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        name = args[0]
        names = self.list_commands(ctx)
        if name not in names and not name.startswith("-"):
            ctx.fail(f"there is no command {name!r}{did_you_mean(name, names)}: there are {', '.join(names)}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of use, not of the alphabet."""
        return list(self.commands)


class Application(CommandGroup):
    """The group of commands. Whatever happens inside ends in an exit status, never in a traceback.

    ``SEQSAVE_TRACEBACK=1`` shows where an error comes from.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and exit with the status unless ``standalone_mode`` is False."""
        try:
            status = super().main(args, prog_name or "seqsave", complete_var, standalone_mode=False, **extra) or 0
        except BaseException as error:
            if os.environ.get("SEQSAVE_TRACEBACK", "") not in ("", "0") or isinstance(error, SystemExit):
                raise
            status = _told(error)
        if standalone_mode:
            if status == INTERRUPTED:
                ignore_interrupts()  # one more would end an end that is under way, with another status
            sys.exit(status)
        return status


def _told(error: BaseException) -> int:
    """Tell the error on standard error, and give its exit status."""
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx is not None else "seqsave"
        complain(f"{error.format_message()}\nTry '{where} --help'.")
        return WRONG_CALL
    if isinstance(error, click.ClickException):
        complain(error.format_message())
        return error.status if isinstance(error, Failure) else error.exit_code
    if isinstance(error, SeqSaveError):
        complain(str(error))
        return status_of(error)
    return _told_foreign(error)


def _told_foreign(error: BaseException) -> int:
    if isinstance(error, click.Abort | KeyboardInterrupt):
        complain("interrupted")
        return int(getattr(error, "status", INTERRUPTED))
    if not isinstance(error, Exception):
        raise error
    complain(f"unexpected {type(error).__name__}: {error} (SEQSAVE_TRACEBACK=1 shows where)")
    return FAILED
