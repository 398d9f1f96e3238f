"""``docs/cli.md`` out of the command itself. ``python -m tests.cli.reference`` writes it again; a test compares."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from seqsave.cli import cli

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"

HEAD = """\
# The `seqsave` command

`seqsave COMMAND --help` shows the same text. Results go to standard output, everything else to standard error; with
`--json` standard output holds one JSON document and nothing else. A progress bar is drawn only on a terminal; elsewhere
a line is printed every half minute.

| exit status | |
|---|---|
| 0 | done |
| 1 | something was not saved, or not found at the URL: it does not exist, or is a file in place of a folder |
| 2 | wrong usage: a command, an option or a value that would be wrong whatever exists at the URL |
| 130 | interrupted by Ctrl-C; saved frames stay saved; run again with `--if-exists skip` to resume |
| 143 | ended by SIGTERM (129 by SIGHUP), with the same account of what is saved and what is not |

An error that [Troubleshooting](troubleshooting.md) explains ends with the address of that section. `SEQSAVE_DOCS_URL`
is the address of a copy of these pages; if it is empty, errors name no page.

`SEQSAVE_TRACEBACK=1` shows where in the code an error comes from. (This page is written by
`python -m tests.cli.reference`.)

The shell completes commands, options and their values (file types, choices, colour spaces, the names of configured
targets). One line in its start-up file turns that on:

| shell | file | line |
|---|---|---|
| bash, from 4.4 | `~/.bashrc` | `eval "$(_SEQSAVE_COMPLETE=bash_source seqsave)"` |
| zsh | `~/.zshrc` | `eval "$(_SEQSAVE_COMPLETE=zsh_source seqsave)"` |
| fish | `~/.config/fish/completions/seqsave.fish` | `_SEQSAVE_COMPLETE=fish_source seqsave \\| source` |

What `seqsave save --json` (and `demo --json`) prints, also when it fails or is interrupted after it has begun:

```json
{
  "url": "s3://renders/shot010",
  "pattern": "frame_#####.png",
  "source": "/home/me/clip.mp4: video, 1280x720, 25 frames/s",
  "filetype": "png with embedded workflow",
  "counts": {"saved": 130, "skipped": 1, "stopped": 0, "spooled": 0, "failed": 1},
  "indices": "0-16,18-131",
  "spooled": "",
  "size": 145300112,
  "seconds": 6.21,
  "warnings": [],
  "failures": [{"index": 17, "batch": null, "url": "s3://renders/shot010/frame_00017.png", "error": "..."}],
  "error": "what went wrong, or null",
  "help": "the address of the page that helps with it, or null"
}
```

`indices` are the numbers of the frames that exist now, `spooled` the numbers of those that wait in the spool. `size` is
the number of bytes written.
"""


def reference() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for name, command in cli.commands.items():
        parts += ["", *_section(name, command)]
        for inner, of_group in getattr(command, "commands", {}).items():
            parts += ["", *_section(f"{name} {inner}", of_group)]
    return "\n".join(parts) + "\n"


def _section(name: str, command: click.Command) -> Iterator[str]:
    arguments = " ".join(str(p.metavar) for p in command.params if isinstance(p, click.Argument))
    yield f"## `{' '.join(filter(None, ['seqsave', name, arguments]))}`"
    yield ""
    for line in inspect.cleandoc(command.help or "").splitlines():
        yield line.replace("*", r"\*")
    yield ""
    yield "| option | default | |"
    yield "|---|---|---|"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield _row(parameter)
    yield ""
    yield "```text"
    yield from command.examples  # type: ignore[attr-defined]
    yield "```"


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len, reverse=True))
    names = " / ".join([names, *(f"`{name}`" for name in option.secondary_opts)])
    text, _, reported = (option.help or "").partition("[default: ")
    value = _value(option)
    default = reported.rstrip("]") or (_default(option.default) if option.show_default else "")
    cells = [f"{names} `{value}`" if value else names, f"`{default}`" if default else "", text.strip()]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _default(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if option.metavar:
        return option.metavar.strip("[]")
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return "NUMBER" if isinstance(option.type, click.types.IntParamType | click.types.FloatParamType) else "TEXT"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(reference(), encoding="utf-8")
