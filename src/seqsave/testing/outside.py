"""What others wrote, to show a file to: programs and libraries. One that is not there skips a test, and fails it in CI.

::

    from seqsave.testing import outside

    def test_exrheader_sees_half_floats() -> None:
        told = outside.run("exrheader", "{}", data=encoded, suffix=".exr", install="apt-get install openexr")
        assert "16-bit floating-point" in told
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
    """Whether a test may not be skipped, as nobody would see it: the variable CI is set."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def missing(what: str, install: str) -> NoReturn:
    """Skip the running test, or fail it in CI. ``install`` is the command that brings what is missing."""
    import pytest

    message = f"needs {what}: {install}"
    if in_ci():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def program(name: str, install: str) -> str:
    """The path of a program."""
    return shutil.which(name) or missing(f"the program {name}", install)


def package(name: str, install: str) -> Any:
    """The imported module."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"the package {name}", install)


def run(name: str, *arguments: str, data: bytes, suffix: str, install: str, strict: bool = True) -> str:
    """What a program prints about a file of these bytes, whose path stands for ``{}`` among the arguments.

    strict: raise AssertionError, with what it said, when it ends with an error or warns on standard error.
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
    """The pixels as OpenImageIO reads them, alpha as it is: Debian's, in the system's own Python."""
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
