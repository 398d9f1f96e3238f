"""The stub of ``seqsave.writer``, made from the declarations of the settings: ``python -m tests.writer.stub``."""

from __future__ import annotations

from pathlib import Path

import seqsave
from seqsave.writer.config import SETTINGS

STUB = Path(seqsave.__file__).parent / "writer" / "__init__.pyi"

HEAD = """\
# Made from the declarations of the settings: python -m tests.writer.stub

import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from seqsave.runtime.retry import RetryPolicy
from seqsave.types import Event, SaveResult
from seqsave.writer import writer as _writer
from seqsave.writer.config import WriterConfig
from seqsave.writer.deferred import publisher_behind
from seqsave.writer.settings import AtEnd, IfExists, MetadataIn

__all__ = [
    "AtEnd",
    "IfExists",
    "MetadataIn",
    "SequenceWriter",
    "WriterConfig",
    "check_settings",
    "open_writer",
    "publisher_behind",
    "save",
]

"""


def stub() -> str:
    """The whole file."""
    settings = [f"{one.name}: {one.type} = {one.default!r}".replace("'", '"') for one in SETTINGS.values()]
    target = ["url: str | os.PathLike[str]", "config: WriterConfig | None = None"]
    return HEAD + "\n".join(
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
    STUB.write_text(stub(), encoding="utf-8")
