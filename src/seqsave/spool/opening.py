"""Find the folder of the spool: the given one, or that of the environment, the configuration, or the default one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqsave.errors import OptionError
from seqsave.spool.safety import check_folder
from seqsave.targets import config
from seqsave.targets.homes import expand_home, user_folder, whose_home
from seqsave.wording import did_you_mean

if TYPE_CHECKING:
    from seqsave.spool.store import Spool

__all__ = ["VARIABLE", "default_folder", "open_spool"]

VARIABLE = "SEQSAVE_SPOOL"
_SETTINGS = ("folder", "max_bytes")


def default_folder() -> Path:
    """Return ``SEQSAVE_SPOOL``, or ``folder`` in the configuration's ``[spool]``, or one in the user's state folder.

    Raises TargetError and OptionError for a configuration that cannot be used, and OptionError for a user whose home
    folder is not known.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return _full_path(named, VARIABLE)
    named = _settings().get("folder")
    if named:
        return _full_path(named, f"{config.config_path()}: [spool] folder")
    folder = user_folder("state")
    if folder is None:
        raise OptionError(
            "the default folder of the spool is not known, because this user has no home folder: pass a folder with "
            f"spool=, or set {VARIABLE}"
        )
    return folder / "spool"


def open_spool(where: str | os.PathLike[str] | bool | None) -> Spool | None:
    """Return the spool in a folder, or in the default one (True); None for None and False. Creates no folder.

    Raises OptionError for values that are not the path of a folder, SpoolError for a folder that other users own or can
    write into, and the errors of ``default_folder``.
    """
    if where is None or where is False:
        return None
    if where is True:
        folder = default_folder()
    elif isinstance(where, (str, os.PathLike)):
        text = os.fsdecode(where)
        if not text.strip() or "\0" in text or "://" in text:
            raise OptionError(f"spool is {text!r}: it must be a folder of this machine, or True for the usual one")
        folder = _full_path(text, "spool")
    else:
        raise OptionError(f"spool is {where!r}: it must be a folder's path, or True for the usual one")
    check_folder(folder)
    from seqsave.spool.store import MAX_BYTES, Spool  # here, as a look for the folder needs none of it

    return Spool(folder, max_bytes=_settings().get("max_bytes", MAX_BYTES))


def _full_path(text: str, setting: str) -> Path:
    expanded = expand_home(text)
    if expanded is None:
        raise OptionError(f"{setting} is {text!r}: {whose_home(text)} is not known; give the full path of a folder")
    try:
        return Path(expanded).absolute()
    except FileNotFoundError as error:
        raise OptionError(
            f"{setting} is {text!r}, and the current folder does not exist any more: change to another one, or give an "
            "absolute path"
        ) from error


def _settings() -> dict[str, Any]:
    """Return the configuration's table ``[spool]``, checked."""
    table = config.table("spool")
    for name in table:
        if name not in _SETTINGS:
            near = did_you_mean(name, _SETTINGS)
            raise OptionError(f"{config.config_path()}: [spool] has {name!r}{near}: it takes {', '.join(_SETTINGS)}")
    folder, limit = table.get("folder"), table.get("max_bytes")
    if folder is not None and not (isinstance(folder, str) and folder.strip()):
        raise OptionError(f"{config.config_path()}: [spool] folder is {folder!r}: it must be a path")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise OptionError(f"{config.config_path()}: [spool] max_bytes is {limit!r}: it must be a whole number of bytes")
    return table
