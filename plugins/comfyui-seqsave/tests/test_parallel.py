"""Many things on threads, while the node's own thread serves the interrupt button."""

from __future__ import annotations

import threading

import pytest
from comfyui_seqsave import host, parallel
from tests.support.patience import PATIENCE


def join_threads() -> None:
    """Wait for what parallel has left behind."""
    for thread in threading.enumerate():
        if thread.name.startswith("seqsave-node"):
            thread.join(PATIENCE)


def test_results_in_order(folders: host.Folders) -> None:
    assert parallel.each(lambda number: number * number, range(100)) == [number * number for number in range(100)]
    assert parallel.each(str, []) == []
    assert parallel.away(lambda: "x") == "x"


def test_the_first_error_stops_what_has_not_begun(folders: host.Folders) -> None:
    begun = []
    stopped = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 3:
            raise ValueError("three")
        stopped.wait(PATIENCE)

    with pytest.raises(ValueError, match="three"):
        parallel.each(work, range(10_000))
    stopped.set()
    join_threads()
    assert len(begun) <= 17  # one on each of the 16 threads, and one more after the error


@pytest.mark.parametrize("alone", [False, True])
def test_the_interrupt_button_waits_for_nothing(folders: host.Folders, alone: bool) -> None:
    from comfy import model_management

    silent = threading.Event()  # a storage that does not answer
    ended = []

    def ask(_: object) -> None:
        model_management.interrupt_current_processing()  # as the button does
        silent.wait(PATIENCE)
        ended.append(1)

    try:
        with pytest.raises(model_management.InterruptProcessingException):
            parallel.away(lambda: ask(None)) if alone else parallel.each(ask, range(40))
        assert not ended
    finally:
        silent.set()
        join_threads()
        model_management.interrupt_current_processing(False)
