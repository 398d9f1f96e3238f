"""The stubs of packages whose names are imported when they are asked for: ``python -m tests.stubs`` writes them.

They are made from the packages' lists of names; the writer's also from the declarations of the settings.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import seqsave
from seqsave.writer.config import SETTINGS

ROOT = Path(seqsave.__file__).parent
MADE = "# Made by: python -m tests.stubs"

WRITER = """\
# Made by: python -m tests.stubs

import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from seqsave.metadata.comfyui import StandingPattern
from seqsave.runtime.retry import RetryPolicy
from seqsave.types import Event, SaveResult
from seqsave.writer import writer as _writer
from seqsave.writer.config import SETTINGS, WriterConfig
from seqsave.writer.deferred import publisher_behind
from seqsave.writer.formats import Format
from seqsave.writer.settings import AtEnd, IfExists, MetadataIn
from seqsave.writer.table import Setting

__all__ = [
    "SETTINGS",
    "AtEnd",
    "Format",
    "IfExists",
    "MetadataIn",
    "SequenceWriter",
    "Setting",
    "StandingPattern",
    "WriterConfig",
    "check_settings",
    "open_writer",
    "publisher_behind",
    "save",
]

"""


def stubs() -> dict[Path, str]:
    """The text of each stub, by its path."""
    packages = [ROOT, *sorted(path.parent for path in ROOT.glob("*/__init__.py"))]
    lazy = [path for path in packages if "_lazy.attach(" in (path / "__init__.py").read_text(encoding="utf-8")]
    return {path / "__init__.pyi": _writer() if path.name == "writer" else _reexports(path) for path in lazy}


def _reexports(folder: Path) -> str:
    package = importlib.import_module(".".join(["seqsave", *folder.relative_to(ROOT).parts]))
    lines = [MADE, ""]
    for home, names in sorted(package._HOMES.items()):
        lines += [f"from .{home} import {name} as {name}" for name in sorted(names.split())]
    if folder == ROOT:
        lines += ["", "__version__: str"]
    names = "".join(f'    "{name}",\n' for name in sorted(package.__all__))
    return "\n".join([*lines, "", f"__all__ = [\n{names}]", ""])


def _writer() -> str:
    settings = [f"{one.name}: {one.type} = {one.default!r}".replace("'", '"') for one in SETTINGS.values()]
    target = ["url: str | os.PathLike[str]", "config: WriterConfig | None = None"]
    return WRITER + "\n".join(
        [
            "class SequenceWriter(_writer.SequenceWriter):",
            _function("__init__", ["self", *target, "*", *settings], "None", "    ") + "\n",
            _function("open_writer", [*target, "*", *settings], "SequenceWriter"),
            _function("save", ["frames: Any", *target, "*", *settings], "SaveResult"),
            _function("check_settings", ["*", *settings], "WriterConfig"),
            "",
        ]
    )


def _function(name: str, parameters: list[str], returns: str, indent: str = "") -> str:
    lines = "".join(f"{indent}    {parameter},\n" for parameter in parameters)
    return f"{indent}def {name}(\n{lines}{indent}) -> {returns}: ..."


if __name__ == "__main__":
    for path, text in stubs().items():
        path.write_text(text, encoding="utf-8")
