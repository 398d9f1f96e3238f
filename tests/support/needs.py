"""Honest skips: what a test needs and is not there skips it on a desk, and fails it in CI."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from typing import Any

import pytest

__all__ = ["in_ci", "missing", "needs_package", "needs_program"]

# Packages that have left the oldest Python behind.
NEWER_PYTHON = {"obstore": (3, 11)}


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def missing(what: str, install: str) -> None:
    """Skip the running test, or fail it in CI: a skipped test there would prove nothing."""
    message = f"needs {what}: {install}"
    if in_ci():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def needs_program(name: str, install: str | None = None) -> str:
    """The path of a program, ``needs_program("pngcheck")``."""
    path = shutil.which(name)
    if path is None:
        missing(f"the program {name}", install or f"apt-get install {name}")
    return str(path)


def needs_package(name: str, install: str | None = None) -> Any:
    """The imported module, ``cv2 = needs_package("cv2")``."""
    known = {
        "av": "av",
        "cv2": "opencv-python-headless",
        "hypothesis": "hypothesis",
        "obstore": "obstore",
        "torch": "torch",
        "upath": "universal_pathlib",
    }
    oldest = NEWER_PYTHON.get(name, (3, 10))
    if sys.version_info < oldest:
        pytest.skip(f"only on Python {oldest[0]}.{oldest[1]} and newer, as {name} is")
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"the package {name}", install or f"pip install {known.get(name, name)}")
