"""Showing files to programs of others."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from seqsave.testing import outside

PYTHON = {"install": "nothing", "suffix": ".bin"}
READ = "import sys, pathlib; print(pathlib.Path(sys.argv[1]).suffix, pathlib.Path(sys.argv[1]).read_bytes())"


def ask(code: str, data: bytes = b"bytes", **more: Any) -> str:
    return outside.run(sys.executable, "-c", code, "{}", data=data, **PYTHON, **more)


def test_a_program_sees_the_bytes_and_the_ending() -> None:
    assert ask(READ, b"a\0b").strip() == ".bin b'a\\x00b'"


@pytest.mark.parametrize("code", ["import sys; print('told', file=sys.stderr)", "raise SystemExit('told')"])
def test_what_it_complains_about_fails_the_test(code: str) -> None:
    with pytest.raises(AssertionError, match="told"):
        ask(code)
    assert ask(code, strict=False) == ""


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_what_is_missing_skips_on_a_desk_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    for ask_for in (outside.program, outside.package):
        with pytest.raises(outcome, match=r"no_such_thing: apt-get install thing"):
            ask_for("no_such_thing", "apt-get install thing")


PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
# A TGA: no palette, 32 bits, not compressed, from the top; alpha of 8 bits.
TGA = bytes([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 2, 0, 32, 0x28]) + PIXELS[..., [2, 1, 0, 3]].tobytes()


def test_openimageio_reads_pixels_as_they_are() -> None:
    assert (outside.openimageio(TGA, ".tga") == PIXELS).all()
    with pytest.raises(AssertionError, match="OpenImageIO"):
        outside.openimageio(b"nothing", ".tga")
    assert (outside.openimageio(TGA, ".tga") == PIXELS).all()


def test_openimageio_is_started_again_after_its_end() -> None:
    outside.openimageio(TGA, ".tga")
    first = outside._reader._process
    assert first is not None
    first.kill()
    with pytest.raises(AssertionError, match="OpenImageIO: its program ended with -9"):
        outside.openimageio(TGA, ".tga")
    assert (outside.openimageio(TGA, ".tga") == PIXELS).all()
    assert outside._reader._process is not first


def test_without_openimageio_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    outside._reader.end()
    monkeypatch.setattr(outside, "_OPENIMAGEIO", outside._OPENIMAGEIO.replace("OpenImageIO", "nowhere", 1))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="python3-openimageio"):
        outside.openimageio(TGA, ".tga")
    assert outside._reader._process is None
