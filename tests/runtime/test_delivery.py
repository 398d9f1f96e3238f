"""Calls to the caller's code: on its own threads, in order, with errors kept for later."""

from __future__ import annotations

import threading

import pytest

from seqsave.runtime.delivery import Delivery
from tests.support.patience import PATIENCE


def test_calls_wait_for_a_thread_of_the_caller() -> None:
    delivery = Delivery()
    made: list[tuple[int, int]] = []
    for number in range(3):
        adding = threading.Thread(
            target=delivery.add, args=(lambda number=number: made.append((number, threading.get_ident())),)
        )
        adding.start()
        adding.join(PATIENCE)
    assert made == []
    delivery.deliver()
    assert made == [(number, threading.get_ident()) for number in range(3)]


def test_the_first_error_is_raised_once_and_stops_no_other_call() -> None:
    delivery = Delivery()
    made: list[str] = []
    for name in ("one", "two"):
        delivery.add(lambda name=name: made.append(name))
        delivery.add(lambda name=name: [][len(name)])
    delivery.add(lambda: 1 / 0)
    delivery.deliver()
    assert made == ["one", "two"]
    with pytest.raises(IndexError):
        delivery.raise_error()
    delivery.raise_error()


def test_a_call_that_interrupts_leaves_the_others_to_the_next_delivery() -> None:
    delivery = Delivery()
    made: list[str] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    delivery.add(interrupt)
    delivery.add(lambda: made.append("after"))
    with pytest.raises(KeyboardInterrupt):
        delivery.deliver()
    delivery.deliver()
    assert made == ["after"]


def test_one_thread_at_a_time_and_finish_waits_for_it() -> None:
    delivery = Delivery()
    is_inside, may_go_on = threading.Event(), threading.Event()
    made: list[str] = []

    def call() -> None:
        is_inside.set()
        may_go_on.wait(PATIENCE)
        made.append("slow")

    delivery.add(call)
    other = threading.Thread(target=delivery.deliver)
    other.start()
    assert is_inside.wait(PATIENCE)
    delivery.add(lambda: made.append("next"))
    delivery.deliver()  # the other thread has to make it
    delivery.finish(timeout=0)
    assert made == []
    may_go_on.set()
    delivery.finish()
    assert made == ["slow", "next"]
    other.join(PATIENCE)


def test_finish_inside_a_call_does_not_wait_for_itself() -> None:
    delivery = Delivery()
    made: list[object] = []
    delivery.add(lambda: made.append((delivery.is_here, delivery.finish())))
    delivery.add(lambda: made.append("after"))
    delivery.deliver()
    assert made == [(True, None), "after"]
    assert not delivery.is_here
