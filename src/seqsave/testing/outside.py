"""Read files with independent programs and libraries. A missing one skips the test, or fails it in CI.

::

    from seqsave.testing import outside

    def test_exrheader_sees_half_floats() -> None:
        printed = outside.run("exrheader", "{}", data=encoded, suffix=".exr", install="apt-get install openexr")
        assert "16-bit floating-point" in printed
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

__all__ = ["in_ci", "missing", "openimageio", "package", "program", "run"]

_SYSTEM_PYTHON = "/usr/bin/python3"
_OPENIMAGEIO = """
import json, sys, traceback
try:
    import OpenImageIO as oiio
except ModuleNotFoundError as error:
    print(json.dumps({"missing": str(error)}), flush=True)
    sys.exit()
as_it_is = oiio.ImageSpec()
as_it_is["oiio:UnassociatedAlpha"] = 1

def read(path):
    file = oiio.ImageInput.open(path, as_it_is)
    if file is None:
        raise ValueError(oiio.geterror())
    array = file.read_image(str(file.spec().format))
    if array is None:
        raise ValueError(file.geterror())
    return {"shape": array.shape, "dtype": array.dtype.str, "size": array.nbytes}, array.tobytes()

for line in sys.stdin:
    try:
        head, pixels = read(json.loads(line))
    except Exception:
        head, pixels = {"failed": traceback.format_exc()}, b""
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\\n" + pixels)
    sys.stdout.buffer.flush()
"""


class _OpenImageIO:
    """OpenImageIO in the system's Python. It stays and reads one picture after the other: its start takes longest.

    It ends when its standard input closes, however this process ends.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def read(self, path: Path) -> tuple[dict[str, Any], bytes]:
        """Return the answer, a JSON object, and the bytes of the pixels."""
        with self._lock:
            try:
                return self._ask(path)
            except BaseException:
                self.end()
                raise

    def _ask(self, path: Path) -> tuple[dict[str, Any], bytes]:
        process = self._process or self._start()
        assert process.stdin is not None  # noqa: S101 - for mypy: it is a pipe
        assert process.stdout is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(str(path)).encode() + b"\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"OpenImageIO: its program ended with {process.wait()}")
        head: dict[str, Any] = json.loads(line)
        return head, process.stdout.read(head.get("size", 0))

    def _start(self) -> subprocess.Popen[bytes]:
        command = [program(_SYSTEM_PYTHON, _INSTALL_OPENIMAGEIO), "-c", _OPENIMAGEIO]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)  # noqa: S603
        atexit.register(self.end)
        return self._process

    def end(self) -> None:
        """End the program; the next picture starts it again."""
        atexit.unregister(self.end)
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(BrokenPipeError):
                process.communicate()


_INSTALL_OPENIMAGEIO = "apt-get install python3-openimageio python3-numpy"
_reader = _OpenImageIO()


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
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"picture{suffix}")
        file.write_bytes(data)
        head, pixels = _reader.read(file)
    if "missing" in head:
        _reader.end()
        missing("OpenImageIO in the system's Python", _INSTALL_OPENIMAGEIO)
    if "failed" in head:
        raise AssertionError(f"OpenImageIO: {head['failed']}")
    return np.frombuffer(pixels, head["dtype"]).reshape(head["shape"])
