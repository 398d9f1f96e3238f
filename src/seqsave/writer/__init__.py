"""Write the frames of one animation: numbering, at_end, batches, collisions, and what became of each frame.

The stub beside this file, which type checkers and editors read, is made from the declarations of the settings.
"""

import importlib
from typing import Any

# Nothing is imported before it is asked for: the command makes its options from ``seqsave.writer.config``.
_HOMES = {
    "AtEnd": "settings",
    "IfExists": "settings",
    "MetadataIn": "settings",
    "SequenceWriter": "writer",
    "WriterConfig": "config",
    "check_settings": "config",
    "open_writer": "saving",
    "publisher_behind": "deferred",
    "save": "saving",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
