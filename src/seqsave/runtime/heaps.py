"""How the C library of this process shares memory among threads."""

from __future__ import annotations

__all__ = ["use_one_heap"]

_M_ARENA_MAX = -8  # of glibc's malloc.h


def use_one_heap() -> bool:
    """Let all threads of this process allocate from one heap; return whether they do, as only with glibc.

    glibc gives each thread a heap of its own, and what one thread has freed is of no use to the others: a server that
    reads and decodes pictures on many threads takes a quarter more. For programs of ours only, before their threads
    begin: a library leaves this to its program.
    """
    import ctypes

    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1))
    except (AttributeError, OSError, TypeError):  # another C library; on Windows there is no such name as None
        return False
