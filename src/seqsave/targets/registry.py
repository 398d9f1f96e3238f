"""Which class serves which protocol; a new kind of storage is one module and one line here.

A class is a ``Target`` whose ``open`` makes one from a root that ``urls.parse`` has taken apart.
"""

from __future__ import annotations

import importlib
from typing import cast

from seqsave.targets.base import Target

__all__ = ["BUILTIN", "class_for"]

BUILTIN = {
    "file": "seqsave.targets.local:LocalTarget",
    "memory": "seqsave.targets.memory:MemoryTarget",
    "s3": "seqsave.targets.s3_fast:FastS3Target",
    "s3a": "seqsave.targets.s3_fast:FastS3Target",
}
_ANY_OTHER = "seqsave.targets.fsspec:FsspecTarget"


def class_for(protocol: str) -> type[Target]:
    """The class that serves ``protocol``, imported now."""
    module, _, name = BUILTIN.get(protocol, _ANY_OTHER).partition(":")
    return cast("type[Target]", getattr(importlib.import_module(module), name))
