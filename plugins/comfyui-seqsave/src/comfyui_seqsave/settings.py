"""What the administrator of a server has set: the table ``[comfyui]`` in seqsave's configuration file.

::

    [comfyui]
    allow = ["/mnt/renders", "s3://studio-renders/shots"]
    original_ids = true
    publish_behind = false
    withhold = ["*.api_key", "Note.*"]

Each entry allows the folder or URL itself and everything below it; ``s3://`` alone allows every bucket, and ``/``
every folder. A graph cannot change any of it. The file is read afresh each time, so that a new line needs no restart.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from seqsave import OptionError, TargetError
from seqsave.targets import Location, bad_component, config_path, config_table, parse_url, redact_url

__all__ = ["Settings", "load", "where"]

_KEYS = ("allow", "withhold", "original_ids", "publish_behind")


@dataclass(frozen=True)
class Settings:
    """What the administrator wants.

    allow:          folders and URLs beyond ComfyUI's own that graphs may reach.
    original_ids:   register those, see README.
    publish_behind: a graph need not wait until its frames are in a bucket: it is enough that they are in the spool.
    withhold:       inputs of nodes that are taken out of every prompt and workflow before they are written.
    """

    allow: tuple[Location, ...] = ()
    original_ids: bool = False
    publish_behind: bool = True
    withhold: tuple[str, ...] = ()


def load() -> Settings:
    """Read the table. Raises OptionError for one that does not say what it should, TargetError for a broken file."""
    table = config_table("comfyui")
    for key in table:
        if key not in _KEYS:
            raise OptionError(f"{where()}: [comfyui] has {key!r}: it takes {', '.join(_KEYS)}")
    allow = table.get("allow", [])
    if not isinstance(allow, list) or not all(isinstance(entry, str) and entry.strip() for entry in allow):
        raise OptionError(f'{where()}: allow must be a list of folders and URLs: allow = ["s3://bucket/folder"]')
    withhold = table.get("withhold", [])
    if not isinstance(withhold, list) or not all(isinstance(one, str) and one.strip(". ") for one in withhold):
        raise OptionError(f'{where()}: withhold must be a list of patterns: withhold = ["*.api_key", "Note.*"]')
    flags = {name: table[name] for name in _KEYS[2:] if name in table}
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise OptionError(f"{where()}: {name} must be true or false")
    return Settings(tuple(map(_entry, allow)), withhold=tuple(withhold), **flags)


def _entry(text: str) -> Location:
    try:
        entry = parse_url(text.strip())
    except TargetError as error:
        raise OptionError(f"{where()}: allow: {error}") from None
    shown = redact_url(entry.url)
    if entry.is_local:
        # Relative paths depend on the folder in which the server was started.
        if not os.path.isabs(os.path.expanduser(entry.rest)):
            raise OptionError(f"{where()}: allow has {shown!r}: write the whole path")
        return entry
    path = entry.rest.lstrip("/")
    problem = bad_component(path) if path else None
    if shown != entry.url or "@" in path.partition("/")[0]:
        problem = "holds user info; write a target with its storage_options, under a name that graphs can use"
    if problem:
        raise OptionError(f"{where()}: allow has {shown!r}, which {problem}")
    return entry


def where() -> str:
    """The file's path."""
    return str(config_path())
