"""What a test needs and is not there skips it on a desk, and fails it in CI."""

from __future__ import annotations

import importlib
import os
import shutil
from typing import Any, NoReturn

import pytest


def missing(what: str, install: str) -> NoReturn:
    message = f"needs {what}: {install}"
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def program(name: str, install: str) -> str:
    return shutil.which(name) or missing(f"the program {name}", install)


def package(name: str, install: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"the package {name}", install)
