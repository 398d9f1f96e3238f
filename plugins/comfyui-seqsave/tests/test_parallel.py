"""Many things on threads, while the node's own thread serves the interrupt button."""

from __future__ import annotations

import threading
import time

import pytest
from comfyui_seqsave import host, parallel


def test_results_in_order(folders: host.Folders) -> None:
    assert parallel.each(lambda number: number * number, range(100)) == [number * number for number in range(100)]
    assert parallel.each(str, []) == []
    assert parallel.away(lambda: "x") == "x"


def test_the_first_error_stops_what_has_not_begun(folders: host.Folders) -> None:
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 3:
            raise ValueError("three")
        time.sleep(0.01)

    with pytest.raises(ValueError, match="three"):
        parallel.each(work, range(10_000))
    before = len(begun)
    time.sleep(0.1)
    assert len(begun) < before + 50


@pytest.mark.parametrize("alone", [False, True])
def test_the_interrupt_button_waits_for_nobody(folders: host.Folders, alone: bool) -> None:
    from comfy import model_management

    silent = threading.Event()  # a storage that does not answer
    ended = []
    button = threading.Timer(0.2, model_management.interrupt_current_processing)

    def ask(_: object) -> None:
        silent.wait(30)
        ended.append(1)

    button.start()
    try:
        with pytest.raises(model_management.InterruptProcessingException):
            parallel.away(lambda: ask(None)) if alone else parallel.each(ask, range(40))
        assert not ended
    finally:
        button.join()
        model_management.interrupt_current_processing(False)
        silent.set()
