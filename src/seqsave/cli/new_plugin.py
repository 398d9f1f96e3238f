"""``seqsave plugins new``: create a working plugin with tests, as a start for its author."""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Mapping
from pathlib import Path

import click

from seqsave.cli.app import Command, Failure
from seqsave.cli.output import Messages, print_line

__all__ = ["new_plugin_command"]

_LONGEST = 40
# Words of the template, the longer ones first; it is a whole plugin for a format of that name.
_DISTRIBUTION, _PACKAGE = "seqsave-newformat", "seqsave_newformat"
_UPPER, _CAPITAL, _FILETYPE = "NEWFORMAT", "Newformat", "newformat"
_HIDDEN = {"gitignore": ".gitignore"}


@click.command(
    "new",
    cls=Command,
    examples=["seqsave plugins new seqsave-qoi", "seqsave plugins new studio-formats --filetype raw16"],
)
@click.argument("name", metavar="NAME")
@click.option(
    "--filetype",
    metavar="NAME",
    help="The name that users choose, and the file extension. [default: NAME without seqsave-]",
)
def new_plugin_command(name: str, filetype: str | None) -> None:
    """Create a working plugin: a folder NAME with a declaration, an encoder, tests and packaging.

    NAME is the name of the distribution, such as seqsave-qoi. The folder must not exist yet.
    """
    filetype = name.removeprefix("seqsave-") if filetype is None else filetype
    _check_name(name)
    _check_filetype(name, filetype)
    package = name.replace("-", "_")
    written = _filled(
        {
            _DISTRIBUTION: name,
            _PACKAGE: package,
            _UPPER: filetype.upper(),
            _CAPITAL: filetype.capitalize(),
            _FILETYPE: filetype,
        }
    )
    folder = Path(name)
    _write(folder, written)
    print_line(str(folder.resolve()))
    Messages().note(
        f"next: cd {name}, pip install -e '.[dev]', pytest, then change src/{package}/codec.py into your format"
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > _LONGEST:
        raise click.BadParameter(
            f"{name!r} is not a name for a distribution: lower case letters and digits, joined by single dashes, at "
            f"most {_LONGEST} characters, as in seqsave-qoi",
            param_hint="NAME",
        )
    package = name.replace("-", "_")
    if keyword.iskeyword(package) or importlib.util.find_spec(package) is not None:
        raise click.BadParameter(
            f"{name!r} would bring a module {package}, and Python has one already: choose another name",
            param_hint="NAME",
        )


def _check_filetype(name: str, filetype: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]{0,15}", filetype):
        raise click.BadParameter(
            f"{filetype!r} is not a file type: a lower case letter, then up to 15 letters and digits, as in "
            f"seqsave plugins new {name if '-' in name else 'seqsave-qoi'} --filetype qoi",
            param_hint="--filetype",
        )
    taken = _taken(filetype)
    if taken is not None:
        raise click.BadParameter(f"{filetype!r} already exists ({taken}): choose another one", param_hint="--filetype")


def _taken(filetype: str) -> str | None:
    """Return what already provides a file type of that name, or files with that extension; None if nothing does."""
    from seqsave.plugins.registry import describe_filetypes

    with Messages().catching():
        known = describe_filetypes()
    return next((row.origin for row in known if filetype in (row.spec.filetype, *row.spec.extensions)), None)


def _filled(words: Mapping[str, str]) -> dict[str, str]:
    """Return the template's files by path, with names replaced in paths and contents."""
    any_word = re.compile("|".join(words))

    def replaced(text: str) -> str:
        return any_word.sub(lambda found: words[found[0]], text)

    root = Path(__file__).with_name("plugin_template")
    paths = {path: path.relative_to(root).as_posix().removesuffix(".txt") for path in sorted(root.rglob("*.txt"))}
    return {
        replaced(_HIDDEN.get(name, name)): replaced(path.read_text(encoding="utf-8")) for path, name in paths.items()
    }


def _write(folder: Path, written: Mapping[str, str]) -> None:
    try:
        folder.mkdir()  # fails if it exists, so that nothing can be overwritten
        for path, text in written.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
    except FileExistsError:
        raise Failure(
            f"{folder.resolve()} already exists, and stays as it is: choose another name, or remove it"
        ) from None
    except OSError as error:
        raise Failure(f"{folder.resolve()} cannot be written: {error.strerror or error}") from error
