"""The user's home folder, which is not known without HOME to users that the system does not know."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

__all__ = ["expand_home", "user_folder", "whose_home"]

# Where the XDG Base Directory Specification, 0.8, puts them unless a variable names another folder.
_XDG = {"config": "~/.config", "state": "~/.local/state"}


def expand_home(path: str) -> str | None:
    """Return a path with ``~`` or ``~user`` at its beginning replaced by the home folder; None if that is not known."""
    if not path.startswith("~"):
        return path
    is_own = path.replace("\\", "/").partition("/")[0] == "~"
    if is_own and os.environ.get("HOME") == "":  # the empty text would be the root folder
        return None
    expanded = os.path.expanduser(path)  # noqa: PTH111 - pathlib raises where the home is not known
    return None if expanded == path else expanded


def whose_home(path: str) -> str:
    """Return whose home folder a path names, as a phrase for messages."""
    user = path[1:].replace("\\", "/").partition("/")[0]
    return f"the home folder of {user}" if user else "the home folder of this user"


def user_folder(kind: Literal["config", "state"]) -> Path | None:
    """Return the folder of this program among the user's; None if the user's home folder is not known."""
    if os.environ.get("HOME") == "" and not os.environ.get(f"XDG_{kind.upper()}_HOME"):
        return None
    if sys.platform == "linux" and "ANDROID_ROOT" not in os.environ:  # without an import that is slower than a listing
        named = os.environ.get(f"XDG_{kind.upper()}_HOME", "")
        folder = Path(named if named.strip() else os.path.expanduser(_XDG[kind]), "seqsave")  # noqa: PTH111 - as above
        return folder if folder.is_absolute() else None
    import platformdirs

    find = platformdirs.user_config_path if kind == "config" else platformdirs.user_state_path
    try:
        folder = Path(find("seqsave", appauthor=False))
    except RuntimeError:
        return None
    return folder if folder.is_absolute() else None
