"""The C sources without Python, over random pictures: with sanitizers, in valgrind, and on another processor."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from seqsave.testing import outside

HERE = Path(__file__).parent
SOURCES = HERE.parent / "src" / "seqsave_native"
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Wvla", "-Werror")
SANITIZERS = ("-O2", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# Enough for every line; valgrind and the emulator take many times as long as the processor.
MANY, SOME, FEW = 100_000, 2_000, 400
# Drivers that include a source, to see or change what it does between its steps.
INCLUDED = {"driver_changed.c": "unfilter.c", "driver_inflate.c": "inflate.c"}


def built(folder: Path, driver: str, compiler: str, *flags: str, install: str, here: Path = HERE) -> str:
    """Return the program of a driver, in `here`, and the C sources."""
    program = str(folder / "driver")
    without = ("module.c", INCLUDED.get(driver))
    sources = [str(path) for path in sorted(SOURCES.glob("*.c")) if path.name not in without]
    command = [outside.program(compiler, install), *WARNINGS, *flags, f"-I{SOURCES}", "-o", program]
    command += [str(here / driver), *sources]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program


def printed(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module", params=["driver.c", "driver_undo.c", "driver_inflate.c"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, driver: str) -> str:
    return built(tmp_path_factory.mktemp("plain"), driver, "gcc", "-O3", install="apt-get install gcc")


def test_no_undefined_behaviour_over_many_pictures(tmp_path: Path, driver: str, plain: str) -> None:
    checked = built(tmp_path, driver, "gcc", *SANITIZERS, install="apt-get install gcc")
    assert printed(checked, str(MANY), "1") == printed(plain, str(MANY), "1")


def test_a_fault_is_found(tmp_path: Path, driver: str) -> None:
    """The last test would see a read or a write of one byte behind the rows."""
    header = (HERE / "driver.h").read_text(encoding="utf-8")
    changed = header.replace("malloc(size)", "malloc(size - 1)")
    assert changed != header
    (tmp_path / "driver.h").write_text(changed, encoding="utf-8")
    shutil.copy(HERE / driver, tmp_path)
    program = built(tmp_path, driver, "gcc", *SANITIZERS, install="apt-get install gcc", here=tmp_path)
    done = subprocess.run([program, "100", "1"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr


def test_rows_that_another_thread_changes_do_no_harm(tmp_path: Path) -> None:
    program = built(tmp_path, "driver_changed.c", "gcc", *SANITIZERS, install="apt-get install gcc")
    assert printed(program) == ""


def test_two_decoders_near_to_each_other(tmp_path: Path) -> None:
    """Most streams of the driver are too short for two decoders; here they are not, and memory is less."""
    flags = (*SANITIZERS, "-DSEQSAVE_AHEAD=64")
    program = built(tmp_path, "driver_inflate.c", "gcc", *flags, install="apt-get install gcc")
    (tmp_path / "usual").mkdir()
    usual = built(tmp_path / "usual", "driver_inflate.c", "gcc", "-O3", install="apt-get install gcc")
    assert printed(program, str(10 * SOME), "4") == printed(usual, str(10 * SOME), "4")


def test_valgrind_sees_no_uninitialised_bytes(plain: str) -> None:
    valgrind = outside.program("valgrind", "apt-get install valgrind")
    assert printed(valgrind, "--quiet", "--leak-check=full", plain, str(FEW), "2") == printed(plain, str(FEW), "2")


def test_arm64_makes_the_same_bytes(tmp_path: Path, driver: str, plain: str) -> None:
    install = "apt-get install gcc-aarch64-linux-gnu"
    other = built(tmp_path, driver, "aarch64-linux-gnu-gcc", "-O3", "-static", install=install)
    emulator = outside.program("qemu-aarch64", "apt-get install qemu-user")
    assert printed(emulator, other, str(SOME), "3") == printed(plain, str(SOME), "3")
