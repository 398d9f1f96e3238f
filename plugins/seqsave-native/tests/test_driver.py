"""The C sources without Python, over random pictures: with sanitizers, in valgrind, and on another processor."""

from __future__ import annotations

import os
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from filelock import FileLock

from seqsave.testing import outside

HERE = Path(__file__).parent
SOURCES = HERE.parent / "src" / "seqsave_native"
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Wvla", "-Werror")
PACKAGES = {"gcc": "gcc", "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu"}
USUAL = ("gcc", "-O3")
CHECKED = ("gcc", "-O2", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# Enough for every line; valgrind and the emulator take many times as long as the processor.
MANY, SOME, FEW = 100_000, 2_000, 400
# Two drivers include a source, to see or change what it does between its steps; here are the others that they use.
USED = {
    "driver.c": ("encode.c", "processor.c"),
    "driver_changed.c": ("processor.c",),  # and unfilter.c
    "driver_inflate.c": ("encode.c", "processor.c"),  # and inflate.c
    "driver_undo.c": ("processor.c", "unfilter.c"),
}


class Compiled:
    """The C sources, each compiled once with the same flags, by the process of this run that needs it first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def program(self, path: Path, driver: Path, compiler: str, *flags: str, define: str = "") -> str:
        """Return the program of a driver, in the folder `path`; `define` is for the driver's own file alone."""
        command = (outside.program(compiler, f"apt-get install {PACKAGES[compiler]}"), *WARNINGS, *flags)
        objects = [self._object(SOURCES / name, command) for name in USED[driver.name]]
        own = (f"-I{SOURCES}", f"-D{define}") if define else (f"-I{SOURCES}",)
        compile_to(path / "driver", *command, *own, str(driver), *objects)
        return str(path / "driver")

    def _object(self, source: Path, command: tuple[str, ...]) -> str:
        made = self.folder / f"{source.stem}-{zlib.crc32(' '.join(command).encode()):08x}.o"
        with FileLock(f"{made}.lock"):
            if not made.exists():
                compile_to(made, *command, "-c", str(source))
        return str(made)


def compile_to(path: Path, *command: str) -> None:
    done = subprocess.run([*command, "-o", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def printed(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Compiled:
    own = tmp_path_factory.getbasetemp()  # of this process; the folder around it is that of all of the run
    folder = (own if worker_id == "master" else own.parent) / "objects"
    folder.mkdir(exist_ok=True)
    return Compiled(folder)


@pytest.fixture(scope="module", params=["driver.c", "driver_undo.c", "driver_inflate.c"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, driver: str, sources: Compiled) -> str:
    return sources.program(tmp_path_factory.mktemp("plain"), HERE / driver, *USUAL)


def test_no_undefined_behaviour_over_many_pictures(tmp_path: Path, driver: str, plain: str, sources: Compiled) -> None:
    checked = sources.program(tmp_path, HERE / driver, *CHECKED)
    assert printed(checked, str(MANY), "1") == printed(plain, str(MANY), "1")


def test_a_fault_is_found(tmp_path: Path, driver: str, sources: Compiled) -> None:
    """The last test would see a read or a write of one byte behind the rows."""
    header = (HERE / "driver.h").read_text(encoding="utf-8")
    changed = header.replace("malloc(size)", "malloc(size - 1)")
    assert changed != header
    (tmp_path / "driver.h").write_text(changed, encoding="utf-8")
    shutil.copy(HERE / driver, tmp_path)
    program = sources.program(tmp_path, tmp_path / driver, *CHECKED)
    done = subprocess.run([program, "100", "1"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr


def test_rows_that_another_thread_changes_do_no_harm(tmp_path: Path, sources: Compiled) -> None:
    assert printed(sources.program(tmp_path, HERE / "driver_changed.c", *CHECKED)) == ""


def test_two_decoders_near_to_each_other(tmp_path: Path, sources: Compiled) -> None:
    """Most streams of the driver are too short for two decoders; here they are not, and memory is less."""
    program = sources.program(tmp_path, HERE / "driver_inflate.c", *CHECKED, define="SEQSAVE_AHEAD=64")
    (tmp_path / "usual").mkdir()
    usual = sources.program(tmp_path / "usual", HERE / "driver_inflate.c", *USUAL)
    assert printed(program, str(10 * SOME), "4") == printed(usual, str(10 * SOME), "4")


def test_valgrind_sees_no_uninitialised_bytes(plain: str) -> None:
    valgrind = outside.program("valgrind", "apt-get install valgrind")
    assert printed(valgrind, "--quiet", "--leak-check=full", plain, str(FEW), "2") == printed(plain, str(FEW), "2")


def test_arm64_makes_the_same_bytes(tmp_path: Path, driver: str, plain: str, sources: Compiled) -> None:
    other = sources.program(tmp_path, HERE / driver, "aarch64-linux-gnu-gcc", "-O3", "-static")
    emulator = outside.program("qemu-aarch64", "apt-get install qemu-user")
    assert printed(emulator, other, str(SOME), "3") == printed(plain, str(SOME), "3")
