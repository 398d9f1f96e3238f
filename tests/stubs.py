"""The stubs of packages whose names are imported when they are asked for: ``python -m tests.stubs`` writes them.

They are made from the packages' lists of names; the writer's also from the declarations of the settings.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import seqsave
from seqsave.settings.config import SETTINGS

ROOT = Path(seqsave.__file__).parent
MADE = "# Made by: python -m tests.stubs"

# The beginnings of the stubs that hold signatures made from the settings.
HEADS = {
    "saving": """\
import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from seqsave.runtime.retry import RetryPolicy
from seqsave.settings import AtEnd, IfExists, MetadataIn, WriterConfig
from seqsave.types import Event, SaveResult
from seqsave.writer import SequenceWriter
""",
    "settings": """\
import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from seqsave.runtime.retry import RetryPolicy
from seqsave.settings.config import SETTINGS, WriterConfig
from seqsave.settings.formats import Format
from seqsave.settings.groups import AtEnd, IfExists, MetadataIn
from seqsave.settings.table import Setting
from seqsave.types import Event
""",
    "writer": """\
import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from seqsave.metadata.comfyui import StandingPattern
from seqsave.runtime.retry import RetryPolicy
from seqsave.settings import (
    SETTINGS,
    AtEnd,
    Format,
    IfExists,
    MetadataIn,
    Setting,
    WriterConfig,
    check_settings,
)
from seqsave.spool.deferred import publisher_behind
from seqsave.types import Event
from seqsave.writer import writer as _writer
""",
}


def stubs() -> dict[Path, str]:
    """The text of each stub, by its path."""
    packages = [ROOT, *sorted(path.parent for path in ROOT.glob("*/__init__.py"))]
    lazy = [path for path in packages if "_lazy.attach(" in (path / "__init__.py").read_text(encoding="utf-8")]
    return {path / "__init__.pyi": _stub(path) for path in lazy}


def _stub(folder: Path) -> str:
    package = importlib.import_module(".".join(["seqsave", *folder.relative_to(ROOT).parts]))
    if folder.name in HEADS:
        return f"{MADE}\n\n{HEADS[folder.name]}\n{_listed(package.__all__)}\n{_made(folder.name)}"
    lines = [MADE, ""]
    for home, names in sorted(package._HOMES.items()):
        lines += [f"from .{home} import {name} as {name}" for name in sorted(names.split())]
    if folder == ROOT:
        lines += ["", "__version__: str"]
    return "\n".join([*lines, "", _listed(package.__all__)])


def _listed(names: list[str]) -> str:
    lines = "".join(f'    "{name}",\n' for name in sorted(names, key=lambda name: (not name.isupper(), name)))
    return f"__all__ = [\n{lines}]\n"


def _made(package: str) -> str:
    settings = [f"{one.name}: {one.type} = {one.default!r}".replace("'", '"') for one in SETTINGS.values()]
    target = ["url: str | os.PathLike[str]", "config: WriterConfig | None = None"]
    if package == "settings":
        return _function("check_settings", ["*", *settings], "WriterConfig") + "\n"
    if package == "saving":
        opening = _function("open_writer", [*target, "*", *settings], "SequenceWriter")
        return opening + "\n" + _function("save", ["frames: Any", *target, "*", *settings], "SaveResult") + "\n"
    init = _function("__init__", ["self", *target, "*", *settings], "None", "    ")
    return f"class SequenceWriter(_writer.SequenceWriter):\n{init}\n"


def _function(name: str, parameters: list[str], returns: str, indent: str = "") -> str:
    lines = "".join(f"{indent}    {parameter},\n" for parameter in parameters)
    return f"{indent}def {name}(\n{lines}{indent}) -> {returns}: ..."


if __name__ == "__main__":
    for path, text in stubs().items():
        path.write_text(text, encoding="utf-8")
