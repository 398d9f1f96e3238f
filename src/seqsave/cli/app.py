"""Run the command as a program: one-line errors, exit statuses, hints at similar names, a clean end on Ctrl-C."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.output import Messages, complain
from seqsave.cli.signals import ignore_interrupts
from seqsave.errors import (
    DecodeError,
    EncoderNotFoundError,
    FrameNameError,
    MetadataError,
    OptionError,
    SeqSaveError,
    SourceError,
)
from seqsave.settings.table import other_name
from seqsave.wording import did_you_mean, shortened

if TYPE_CHECKING:
    from seqsave.plugins.manager import Claim

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "WRONG_CALL",
    "Application",
    "Command",
    "CommandGroup",
    "Failure",
    "LazyCommands",
    "help_of",
    "option_for",
    "status_of",
    "version",
]

FAILED, WRONG_CALL, INTERRUPTED = 1, 2, 130
# The request cannot be fulfilled, whatever the storage does. (Later failures are FAILED.)
_WRONG = (OptionError, FrameNameError, MetadataError, EncoderNotFoundError, SourceError)


class Failure(click.ClickException):
    """An error that ends the command with a message and an exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: SeqSaveError) -> int:
    """Return WRONG_CALL for errors of the arguments, whatever the storage holds, before anything is written.

    Otherwise FAILED, also for a URL of another kind than the command takes: a file where a folder is meant.
    """
    is_damaged = isinstance(error, SourceError) and error.reason == "damaged"
    return WRONG_CALL if isinstance(error, _WRONG) and error.saved is None and not is_damaged else FAILED


def version() -> str:
    """Return the version of the running package."""
    # Not imported by this module, but always loaded before a part of it.
    return str(getattr(sys.modules["seqsave"], "__version__", "unknown"))


class _WithExamples(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Errors are of this command: click leaves that out for an option without its value."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, one per line."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class Command(_WithExamples):
    """A command with examples."""


class CommandGroup(_WithExamples, click.Group):
    """A group of commands, with examples."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command, or fail with a hint at the nearest name."""
        _check_name(self, ctx, args[0], self.known_commands)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their use, not alphabetically."""
        return list(self.commands)

    def known_commands(self, ctx: click.Context) -> list[str]:
        """Return every command that can be called, for the message about an unknown one."""
        return self.list_commands(ctx)


class LazyCommands(MutableMapping[str, click.Command]):
    """The built-in commands by name. The module of a command is imported when the command is asked for.

    places: by name, ``"module:attribute"``, the module relative to this package.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            module, _, attribute = self._places[name].partition(":")
            self._loaded[name] = getattr(import_module(f"seqsave.cli.{module}"), attribute)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._places.setdefault(name, "")
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._places[name]
        self._loaded.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Application(CommandGroup):
    """The ``seqsave`` command. Every error ends in an exit status, never in a traceback.

    ``SEQSAVE_TRACEBACK=1`` shows where an error comes from. Plugins are loaded only for a command that is not built
    in: ``--help`` lists the built-in commands, ``seqsave plugins`` the others.
    """

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a built-in command, otherwise the one that a plugin adds."""
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name.startswith("-"):
            return found
        from seqsave.plugins import manager

        claims = _plugin_commands().get(cmd_name, ())
        if len(claims) > 1:
            raise Failure(manager.conflict(f"the command {cmd_name!r}", claims))
        return _with_hints(claims[0].spec) if claims else None

    def known_commands(self, ctx: click.Context) -> list[str]:
        """Return the built-in commands and those of plugins."""
        return [*self.commands, *(name for name in _plugin_commands() if name not in self.commands)]

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command, and exit with its status unless ``standalone_mode`` is False."""
        try:
            result = super().main(args, prog_name or "seqsave", complete_var, standalone_mode=False, **extra)
            # The command of a plugin may return anything: as a status, sys.exit would print it and fail.
            status = result if type(result) is int else 0
        except BaseException as error:
            if os.environ.get("SEQSAVE_TRACEBACK", "") not in ("", "0") or isinstance(error, SystemExit):
                raise
            status = _report(error)
        if standalone_mode:
            if status == INTERRUPTED:
                ignore_interrupts()  # another interrupt would end the clean-up, with another status
            sys.exit(status)
        return status


def _check_name(
    group: click.Group, ctx: click.Context, name: str, known: Callable[[click.Context], Sequence[str]]
) -> None:
    """Fail with a hint at the nearest name if a group has no command of this name."""
    if not name.startswith("-") and group.get_command(ctx, name) is None:
        names = known(ctx)
        ctx.fail(f"unknown command {shortened(name)}{did_you_mean(name, names)}; commands: {', '.join(names)}")


def _with_hints(command: click.Command) -> click.Command:
    """Return the command of a plugin; a group of commands answers a misspelt name as the built-in groups do."""
    if isinstance(command, click.Group) and type(command).resolve_command is click.Group.resolve_command:
        usual = partial(click.Group.resolve_command, command)

        def resolve_command(ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
            if ctx.token_normalize_func is None:
                _check_name(command, ctx, args[0], command.list_commands)
            return usual(ctx, args)

        command.resolve_command = resolve_command  # type: ignore[method-assign]
    return command


def _plugin_commands() -> Mapping[str, Sequence[Claim]]:
    """Return the commands that plugins add, by name. A broken plugin is a warning on standard error."""
    from seqsave.plugins.registry import plugin_manager

    with Messages().catching():
        return plugin_manager().commands(click.Group)


def _report(error: BaseException) -> int:
    """Print an error to standard error, and return its exit status."""
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx is not None else "seqsave"
        complain(f"{_usage_message(error)}\nTry '{where} --help'.")
        return WRONG_CALL
    if isinstance(error, click.ClickException):
        complain(error.format_message(), help_of(error.__cause__))
        return error.status if isinstance(error, Failure) else error.exit_code
    if isinstance(error, SeqSaveError):
        complain(f"{error}{option_for(error)}", error.help_url)
        return status_of(error)
    return _report_foreign(error)


def help_of(error: BaseException | None) -> str:
    """Return the address of the page that helps with an error, ``""`` without one."""
    return error.help_url if isinstance(error, SeqSaveError) else ""


def option_for(error: BaseException) -> str:
    """Return the option with which a picture that is too large is decoded; ``""`` for other errors."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, DecodeError):
        cause = cause.__cause__
    return f" (--max-pixels {cause.pixels})" if cause is not None and cause.pixels else ""


def _usage_message(error: click.UsageError) -> str:
    """Return the message of a wrong call; for an option of other programs, with the option to use instead."""
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        use = other_name(error.option_name.lstrip("-"))
        if use and any(param.name == use.partition("=")[0] for param in error.ctx.command.params):
            return f"No such option: {error.option_name}: use `{use}`"
        return f"no such option: {error.option_name}{_near_option(error.option_name, error.ctx.command)}"
    return error.format_message()


def _near_option(name: str, command: click.Command) -> str:
    """Return a hint at an option with a similar name. (The hints of click also name unlike options.)"""
    known = [option for param in command.params for option in (*param.opts, *param.secondary_opts)]
    return did_you_mean(name, [option for option in known if option.startswith("--")], nearness=0.75)


def _report_foreign(error: BaseException) -> int:
    if isinstance(error, click.Abort | KeyboardInterrupt):
        complain("interrupted")
        return int(getattr(error, "status", INTERRUPTED))
    if not isinstance(error, Exception):
        raise error
    complain(f"unexpected {type(error).__name__}: {error} (SEQSAVE_TRACEBACK=1 shows where)")
    return FAILED
