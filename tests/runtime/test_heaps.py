"""One heap for all threads, counted by the C library itself."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE

# Threads that hold memory at the same time get heaps of their own.
COUNTED = """
import ctypes, sys, threading
from seqsave.runtime.heaps import use_one_heap
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
if sys.argv[2] == "one":
    assert use_one_heap()
together = threading.Barrier(8)
def hold():
    together.wait()
    libc.malloc(ctypes.c_size_t(5000))
    together.wait()
threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None) if sys.platform == "linux" else None, "mallopt"), reason="only glibc")
def test_threads_share_one_heap(tmp_path: Path) -> None:
    heaps = {}
    for how in ("each its own", "one"):
        file = tmp_path / how
        subprocess.run([sys.executable, "-c", COUNTED, str(file), how], check=True, timeout=PATIENCE)
        heaps[how] = file.read_text().count("<heap nr=")
    assert heaps["one"] == 1
    assert heaps["each its own"] > 1


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqsave.runtime.heaps import use_one_heap

    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not use_one_heap()
