"""Configured targets: names for URLs and options, in a TOML file, so that secrets stay out of graphs and commands.

The file is ``config.toml`` in the user's config folder for ``seqsave``, or the one that ``SEQSAVE_CONFIG`` names::

    [targets.renders]
    url = "s3://studio-renders/project-x"
    storage_options = { profile = "renderer", endpoint_url = "https://objects.example" }

``renders://shot010`` then means ``s3://studio-renders/project-x/shot010`` with these options. The file is
read each time a name is looked up. Tables other than ``targets`` belong to programs that build on this package.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqsave.errors import TargetError
from seqsave.targets.homes import expand_home, user_folder, whose_home
from seqsave.targets.urls import NAME
from seqsave.wording import did_you_mean

__all__ = ["VARIABLE", "Configured", "config_path", "is_misplaced", "load", "table"]

VARIABLE = "SEQSAVE_CONFIG"
# For messages: no folder of this name is read.
_UNKNOWN_HOME = Path("~/.config/seqsave")
_KEYS = ("url", "storage_options")
_TABLES = ("targets", "spool", "comfyui")


@dataclass(frozen=True, slots=True)
class Configured:
    """One configured target. ``options`` may hold secrets."""

    name: str
    url: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def config_path() -> Path:
    """Return the path of the configuration file, which may not exist.

    It begins with ``~`` if the user's home folder is not known.

    Raises TargetError if ``SEQSAVE_CONFIG`` names a home folder that is not known.
    """
    named = os.environ.get(VARIABLE)
    if named:
        expanded = expand_home(named)
        if expanded is None:
            raise TargetError(f"{VARIABLE} is {named!r}: {whose_home(named)} is not known; give the full path")
        return Path(expanded)
    return (user_folder("config") or _UNKNOWN_HOME) / "config.toml"


def load(reserved: Collection[str] = ()) -> dict[str, Configured]:
    """Return every configured target by name; {} without a file in the usual place.

    reserved: fsspec's protocols, which are not allowed as names of targets.

    Raises TargetError for a file that cannot be read or is invalid, or that ``SEQSAVE_CONFIG`` names and is missing.
    """
    path = config_path()
    tables = _read(path).get("targets", {})
    if not isinstance(tables, dict):
        raise _wrong(path, "'targets' is not a table: write [targets.NAME]")
    return {name: _configured(path, name, table, reserved) for name, table in tables.items()}


def table(name: str) -> dict[str, Any]:
    """Return another table of the file, such as ``[comfyui]`` for the node pack; {} if it is missing.

    Raises TargetError for a file that cannot be read, and if the value is not a table.
    """
    found = _read(config_path()).get(name, {})
    if not isinstance(found, dict):
        raise _wrong(config_path(), f"{name!r} is not a table: write [{name}]")
    return found


def is_misplaced(name: str) -> bool:
    """Return True if the file has a target as ``[renders]`` in place of ``[targets.renders]``. Raises as ``load``."""
    found = _read(config_path()).get(name)
    return isinstance(found, dict) and "url" in found


def _read(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    if path.parent == _UNKNOWN_HOME and not os.environ.get(VARIABLE):
        return {}  # a folder of this name in the current one is not meant
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if os.environ.get(VARIABLE):
            raise TargetError(f"{VARIABLE} names {path}, which does not exist") from None
        return {}
    except OSError as error:
        raise TargetError(f"the configuration {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        # Invalid TOML or UTF-8. Only the position is reported, because the line may contain a secret.
        place = _place(error)
        raise TargetError(f"the configuration {path} is not valid TOML{place}: correct it or move it away") from None
    except RecursionError:
        raise TargetError(f"the configuration {path} is nested too deeply: correct it or move it away") from None
    for name in tables:
        # Other programs may have tables of their own, so only a name close to a known one is an error.
        near = did_you_mean(name, _TABLES, ignore_case=True, nearness=0.8)
        if name not in _TABLES and near:
            raise _wrong(path, f"unknown table [{name}]{near}")
    return tables


def _place(error: ValueError) -> str:
    found = str(error).rpartition("(")[2]
    return f" ({found}" if found.startswith("at ") and found.endswith(")") else ""


def _configured(path: Path, name: str, table: Any, reserved: Collection[str]) -> Configured:
    where = f"targets.{name}"
    if not NAME.fullmatch(name) or len(name) < 2:
        raise _wrong(path, f"{where}: a name is two or more letters, digits, '.', '_', '-' or '+'")
    if name.lower() in reserved:
        raise _wrong(path, f"{where}: {name!r} is an fsspec protocol: choose another name")
    for key in table if isinstance(table, dict) else ():
        if key not in _KEYS:
            near = did_you_mean(key, _KEYS)
            raise _wrong(path, f"{where} has the unknown key {key!r}{near}: only url and storage_options are known")
    if not isinstance(table, dict) or not isinstance(table.get("url"), str) or not table["url"]:
        raise _wrong(path, f'{where} has no url: write url = "s3://bucket/folder"')
    options = table.get("storage_options", {})
    if not isinstance(options, dict):
        raise _wrong(path, f"{where}: storage_options is not a table, write {{ name = value }}")
    return Configured(name, table["url"], options)


def _wrong(path: Path, what: str) -> TargetError:
    return TargetError(f"the configuration {path}: {what}")
