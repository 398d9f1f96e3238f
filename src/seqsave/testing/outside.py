"""Read files with independent programs and libraries. A missing one skips the test, or fails it in CI.

::

    from seqsave.testing import outside

    def test_exrheader_sees_half_floats() -> None:
        printed = outside.run("exrheader", "{}", data=encoded, suffix=".exr", install="apt-get install openexr")
        assert "16-bit floating-point" in printed
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

__all__ = ["in_ci", "missing", "openimageio", "package", "program", "run"]

_SYSTEM_PYTHON = "/usr/bin/python3"
_OPENIMAGEIO = """
import json, sys
import OpenImageIO as oiio
as_it_is = oiio.ImageSpec()
as_it_is["oiio:UnassociatedAlpha"] = 1
file = oiio.ImageInput.open(sys.argv[1], as_it_is)
array = file.read_image(str(file.spec().format))
print(json.dumps([*array.shape, array.dtype.str]), flush=True)
sys.stdout.buffer.write(array.tobytes())
"""


def in_ci() -> bool:
    """Return True if the variable CI is set: tests are not skipped then, because skips in CI go unnoticed."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def missing(what: str, install: str) -> NoReturn:
    """Skip the running test, or fail it in CI. ``install`` is the command that installs ``what``."""
    import pytest

    message = f"needs {what}: {install}"
    if in_ci():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def program(name: str, install: str) -> str:
    """Return the path of a program."""
    return shutil.which(name) or missing(f"the program {name}", install)


def package(name: str, install: str) -> Any:
    """Return an imported module."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"the package {name}", install)


def run(name: str, *arguments: str, data: bytes, suffix: str, install: str, strict: bool = True) -> str:
    """Return the output of a program for a file of these bytes. ``{}`` in the arguments stands for the file's path.

    strict: raise AssertionError, with the output, if the program fails or prints to standard error.
    """
    path = program(name, install)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"picture{suffix}")
        file.write_bytes(data)
        command = [path, *(argument.replace("{}", str(file)) for argument in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a test's own
    if strict and (done.returncode or done.stderr):
        raise AssertionError(f"{name} ends with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def openimageio(data: bytes, suffix: str) -> Any:
    """Return the pixels as Debian's OpenImageIO reads them, with alpha unchanged; it runs in the system's Python."""
    install = "apt-get install python3-openimageio python3-numpy"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"picture{suffix}")
        file.write_bytes(data)
        command = [program(_SYSTEM_PYTHON, install), "-c", _OPENIMAGEIO, str(file)]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - the script above
    if b"ModuleNotFoundError" in done.stderr:
        missing("OpenImageIO in the system's Python", install)
    if done.returncode:
        raise AssertionError(f"OpenImageIO: {done.stderr.decode()}")
    head, _, pixels = done.stdout.partition(b"\n")
    *shape, dtype = json.loads(head)
    return np.frombuffer(pixels, dtype).reshape(shape)
