"""The environment that the run started with, and one in which nothing of the user's is found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

__all__ = ["FULL", "isolate", "original_environment"]

_ORIGINAL = dict(os.environ)

FULL = bool(os.environ.get("SEQSAVE_TEST_FULL"))
"""Whether this is ``tox -e full``: tests marked ``full`` run, and others try all that they know instead of a part."""

# Settings that would change what a test sees; prefixes as well as whole names.
FOREIGN = ("AWS_", "FSSPEC_", "SEQSAVE_", "XDG_", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "TTY_", "COLUMNS", "LINES")
KEPT = ("SEQSAVE_TEST_CACHE", "SEQSAVE_TEST_FULL")


def original_environment() -> dict[str, str]:
    return dict(_ORIGINAL)


def isolate(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Hide the user's home, credentials and settings; ``home`` is an empty folder."""
    for name in list(os.environ):
        if name.startswith(FOREIGN) and name not in KEPT:
            monkeypatch.delenv(name)
    config = home / "seqsave.toml"
    config.touch()
    for name, value in {
        "HOME": home,
        "USERPROFILE": home,
        "APPDATA": home / "AppData",
        "LOCALAPPDATA": home / "AppData",
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_DATA_HOME": home / ".local",
        "SEQSAVE_CONFIG": config,
        "FSSPEC_CONFIG_DIR": home / ".config",
        "AWS_CONFIG_FILE": home / "aws-config",
        "AWS_SHARED_CREDENTIALS_FILE": home / "aws-credentials",
        # Without credentials botocore asks a link-local address for some: slow, and not loopback.
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, str(value))
