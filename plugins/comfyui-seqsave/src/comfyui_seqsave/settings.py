"""The administrator's settings: the table ``[comfyui]`` in seqsave's configuration file.

::

    [comfyui]
    allow = ["/mnt/renders", "s3://studio-renders/shots"]
    original_ids = true
    publish_behind = false
    withhold = ["*.api_key", "Note.*"]

Each entry allows the folder or URL itself and everything below it; ``s3://`` alone allows every bucket, and ``/``
every folder. A graph cannot change these settings. The file is read each time, so changes need no restart.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from seqsave import OptionError, SeqSaveError, TargetError
from seqsave.targets import (
    Location,
    bad_component,
    config_path,
    config_table,
    configured_targets,
    parse_url,
    redact_url,
)
from seqsave.writer import StandingPattern

__all__ = ["Settings", "load", "summary", "where"]

_KEYS = ("allow", "withhold", "original_ids", "publish_behind")


@dataclass(frozen=True)
class Settings:
    """The administrator's settings.

    allow:          folders and URLs beyond ComfyUI's own that graphs may use.
    original_ids:   also register the nodes under the ids of the Dream Project Animation pack.
    publish_behind: a graph ends when its frames are in the spool, and does not wait until they are in a bucket.
    withhold:       node inputs to remove from every prompt and workflow before they are written.
    """

    allow: tuple[Location, ...] = ()
    original_ids: bool = False
    publish_behind: bool = True
    withhold: tuple[str, ...] = ()


def load() -> Settings:
    """Read the table. Raises OptionError for an invalid setting, TargetError for a file that cannot be read."""
    table = config_table("comfyui")
    for key in table:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            known = ", ".join(_KEYS)
            raise OptionError(f"{where()}: unknown setting {key!r} in [comfyui]{hint}; known settings: {known}")
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
    return Settings(tuple(map(_entry, allow)), withhold=tuple(map(StandingPattern, withhold)), **flags)


def summary() -> dict[str, Any]:
    """Return what the settings panel shows of the settings: no address, no folder and no secret."""
    try:
        loaded = load()
        targets = sorted(configured_targets())
    except SeqSaveError:
        return {"error": "The configuration file cannot be used: the server's log and each node state why."}
    return {
        "targets": targets,
        "allow": len(loaded.allow),
        "publish_behind": loaded.publish_behind,
        "original_ids": loaded.original_ids,
        "withhold": len(loaded.withhold),
    }


def _entry(text: str) -> Location:
    try:
        entry = parse_url(text.strip())
    except TargetError as error:
        raise OptionError(f"{where()}: allow: {error}") from None
    shown = redact_url(entry.url)
    if entry.is_local:
        # A relative path would depend on the folder in which the server was started.
        if not os.path.isabs(os.path.expanduser(entry.rest)):
            raise OptionError(f"{where()}: allow has {shown!r}: write the absolute path")
        return entry
    path = entry.rest.lstrip("/")
    problem = bad_component(path) if path else None
    if shown != entry.url or "@" in path.partition("/")[0]:
        problem = "contains user info; configure a target with storage_options, and use its name in graphs"
    if problem:
        raise OptionError(f"{where()}: allow has {shown!r}, which {problem}")
    return entry


def where() -> str:
    """Return the path of the configuration file."""
    return str(config_path())
