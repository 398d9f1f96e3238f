"""What the administrator of a server has set: the table ``[comfyui]`` in seqsave's configuration file.

::

    [comfyui]
    allow = ["/mnt/renders", "s3://studio-renders/shots"]
    original_ids = true

A graph cannot change any of it. The file is read afresh each time, so that a new line needs no restart.
"""

from __future__ import annotations

from dataclasses import dataclass

from seqsave.errors import OptionError
from seqsave.targets import config

__all__ = ["Settings", "load", "where"]

_KEYS = ("allow", "original_ids")


@dataclass(frozen=True)
class Settings:
    """allow: folders and URLs beyond ComfyUI's own that graphs may reach. original_ids: register those, see README."""

    allow: tuple[str, ...] = ()
    original_ids: bool = False


def load() -> Settings:
    """Read the table. Raises OptionError for one that does not say what it should, TargetError for a broken file."""
    table = config.table("comfyui")
    for key in table:
        if key not in _KEYS:
            raise OptionError(f"{where()}: [comfyui] has {key!r}: it takes {', '.join(_KEYS)}")
    allow, original_ids = table.get("allow", []), table.get("original_ids", False)
    if not isinstance(allow, list) or not all(isinstance(entry, str) and entry.strip() for entry in allow):
        raise OptionError(f'{where()}: allow must be a list of folders and URLs: allow = ["s3://bucket/folder"]')
    if not isinstance(original_ids, bool):
        raise OptionError(f"{where()}: original_ids must be true or false")
    return Settings(tuple(allow), original_ids)


def where() -> str:
    """The file's path."""
    return str(config.config_path())
