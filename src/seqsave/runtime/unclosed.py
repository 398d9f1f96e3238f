"""Owners of pipelines that are not closed: a warning, no thread left behind, and no accepted job lost.

Jobs are done on daemon threads, so that a storage that hangs cannot keep a program alive. An owner that is still open
when the program's own threads have ended is closed then, as long as threads can be started and event loops have their
executors; an error of one is printed and does not stop the others. The jobs of an owner that was dropped go on by
themselves; the end of the program waits for them. Owners of a parent process are left alone.
"""

from __future__ import annotations

import os
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from seqsave.errors import SeqSaveWarning
from seqsave.runtime.program_end import at_program_end, keep_executor
from seqsave.runtime.threads import is_ending

if TYPE_CHECKING:
    import asyncio

    from seqsave.runtime.pipeline import Pipeline

__all__ = ["leave", "note_closed", "note_open", "warn_unclosed"]


class Closable(Protocol):
    """The part of an owner that this module uses."""

    def close_at_exit(self) -> None:
        """Finish an owner that the program forgot to close."""


# What finalizers change are dictionaries, by single operations that no other thread can interrupt: a finalizer may run
# on any thread at any moment, and may not take a lock.
_open: dict[int, weakref.ref[Closable]] = {}
_dropped: dict[int, tuple[int, Pipeline[Any, Any]]] = {}
# The event loops that open owners have used, and the process that they run in.
_loops: dict[asyncio.AbstractEventLoop, int] = {}


def note_open(owner: Closable, loop: asyncio.AbstractEventLoop | None) -> None:
    """Close ``owner`` at the end of the program unless that has happened by then. loop: where its jobs run."""
    _open[id(owner)] = weakref.ref(owner)
    if loop is not None and _loops.get(loop) != os.getpid():
        _loops[loop] = os.getpid()
        if is_ending():  # a thread that goes on after the main one has opened it
            keep_executor(loop)


def note_closed(owner: Closable) -> None:
    """Forget an owner that has ended, or is being dropped."""
    _open.pop(id(owner), None)


def leave(pipeline: Pipeline[Any, Any], then: Sequence[Callable[[], None]], lost: str) -> None:
    """Let the jobs of an owner that is dropped finish, at the latest when the program ends, and then its threads.

    then: called when no job is under way any more; they must take no lock, as finalizers call them.
    lost: the warning for jobs that have failed, to which the error is added.
    """
    key = id(pipeline)
    _dropped[key] = (os.getpid(), pipeline)
    pipeline.leave(partial(_leave_behind, key, pipeline, then, lost))


def _leave_behind(key: int, pipeline: Pipeline[Any, Any], then: Sequence[Callable[[], None]], lost: str) -> None:
    try:
        for function in then:
            function()
        if pipeline.error is not None:
            warnings.warn(f"{lost}: {pipeline.error}", SeqSaveWarning, stacklevel=1)
    finally:
        _dropped.pop(key, None)


def warn_unclosed(owner: object, name: str) -> None:
    """Warn that an owner was not closed, at the place where it was dropped. name: the owner in words."""
    text = f"{name} was never closed: use it in a with block"
    warnings.warn(text, ResourceWarning, stacklevel=3, source=owner)


def _keep_executors() -> None:
    for loop, pid in list(_loops.items()):
        if pid == os.getpid():
            keep_executor(loop)


def _close_all() -> None:
    for reference in list(_open.values()):
        owner = reference()
        if owner is None:
            continue
        try:
            owner.close_at_exit()
        except Exception:  # noqa: BLE001 - of one owner; the others' jobs are finished all the same
            traceback.print_exc()
    for key, (pid, pipeline) in list(_dropped.items()):
        if pid == os.getpid():
            pipeline.drain()
            while key in _dropped:  # its last thread is reporting what has failed
                time.sleep(0.001)


at_program_end(_close_all, before=_keep_executors)
