"""A writer ends once, and all that close it wait for that."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

import seqsave
from tests.support.patience import PATIENCE, wait_until
from tests.writer.pictures import RED, URL, OnlyArray, names

if TYPE_CHECKING:
    import numpy as np


def test_closing_twice_and_writing_after_it() -> None:
    writer = seqsave.open_writer(URL)
    writer.write(RED)
    writer.close()
    writer.close()
    for call in (writer.write, writer.write_encoded):
        with pytest.raises(seqsave.WriterClosedError, match="closed"):
            call(RED)  # type: ignore[operator]
    assert writer.result.counts["saved"] == 1


def test_a_write_that_races_with_close_is_saved_or_refused() -> None:
    slow, began = threading.Event(), threading.Event()

    class Slow(OnlyArray):
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
            began.set()
            slow.wait(PATIENCE)
            return self._array

    writer = seqsave.open_writer(URL)
    outcome: list[Any] = []

    def write() -> None:
        try:
            outcome.append(writer.write(Slow(RED)).result(timeout=PATIENCE))
        except seqsave.WriterClosedError as error:
            outcome.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    assert began.wait(PATIENCE)
    writer.close()
    slow.set()
    thread.join()
    assert len(outcome) == 1
    assert writer.result.counts["saved"] == len(names()) == (0 if isinstance(outcome[0], Exception) else 1)


def _seen_waiting(writer: seqsave.SequenceWriter) -> list[int]:
    """Return a list that gets an item whenever a thread has waited in vain for the end of the writer."""
    seen: list[int] = []
    real = writer._life._ended.wait

    def wait(timeout: float | None = None) -> bool:
        has_ended = real(timeout)
        if not has_ended:
            seen.append(threading.get_ident())
        return has_ended

    writer._life._ended.wait = wait  # type: ignore[method-assign]
    return seen


def test_a_second_thread_that_closes_waits_for_the_first() -> None:
    may_go_on, is_closing, ended = threading.Event(), threading.Event(), list[str]()

    def listen(event: seqsave.Event) -> None:
        if event.kind == "closed":
            is_closing.set()
            may_go_on.wait(PATIENCE)

    writer = seqsave.open_writer(URL, on_event=listen)
    waits = _seen_waiting(writer)
    writer.write(RED)

    def close(name: str) -> None:
        writer.close()
        ended.append(f"{name}: {may_go_on.is_set()}")

    threads = [threading.Thread(target=close, args=(name,)) for name in ("first", "second")]
    threads[0].start()
    assert is_closing.wait(PATIENCE)
    threads[1].start()
    wait_until(lambda: waits or ended, "the second call waits, or returns")
    may_go_on.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(ended) == ["first: True", "second: True"]
