"""Requirements of tests: a missing one skips the test on a developer's machine, and fails it in CI."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from typing import Any

import pytest

from seqsave.testing import outside
from seqsave.testing.outside import in_ci, missing

__all__ = [
    "entry_points_of",
    "in_ci",
    "missing",
    "needs_copies_that_create",
    "needs_obstore",
    "needs_package",
    "needs_program",
]

# Packages that have left the oldest Python behind.
NEWER_PYTHON = {"obstore": (3, 11)}
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "pyspng": "pyspng-seunglab", "upath": "universal_pathlib"}


def needs_program(name: str, install: str | None = None) -> str:
    """Return the path of a program, ``needs_program("pngcheck")``."""
    return outside.program(name, install or f"apt-get install {name}")


def needs_package(name: str, install: str | None = None) -> Any:
    """Return the imported module, ``cv2 = needs_package("cv2")``."""
    oldest = NEWER_PYTHON.get(name, (3, 10))
    if sys.version_info < oldest:
        pytest.skip(f"only on Python {oldest[0]}.{oldest[1]} and newer, as {name} is")
    return outside.package(name, install or f"pip install {DISTRIBUTIONS.get(name, name)}")


def needs_obstore() -> Any:
    """Return the module obstore, after checking that its plugin is installed."""
    obstore = needs_package("obstore")
    needs_package("seqsave_obstore", "pip install plugins/seqsave-obstore")
    return obstore


def needs_copies_that_create(client: str) -> None:
    """Old versions of botocore know no condition for CopyObject: there, frames are read and sent."""
    if client == "obstore":
        return
    session = needs_package("botocore.session").get_session()
    members = session.get_service_model("s3").operation_model("CopyObject").input_shape.members
    if "IfNoneMatch" not in members:
        pytest.skip("only on newer versions of botocore, which have IfNoneMatch for CopyObject")


@functools.cache
def entry_points_of(distribution: str) -> list[importlib.metadata.EntryPoint]:
    """Return the plugins of an installed distribution; [] if it is not installed."""
    try:
        return list(importlib.metadata.distribution(distribution).entry_points.select(group="seqsave"))
    except importlib.metadata.PackageNotFoundError:
        return []
