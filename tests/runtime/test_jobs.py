"""Jobs of a pipeline: two functions as one job, and one future for several."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from seqsave.runtime.jobs import Calls, gather


def test_the_second_function_gets_what_the_first_returns() -> None:
    job: Calls[str, str] = Calls(lambda: "abc", lambda text: text.upper(), len)
    assert job.encode() == 3
    assert job.publish() == "ABC"
    assert job.payload is None


def test_a_single_future_stays_itself() -> None:
    future: Future[int] = Future()
    assert gather([future]) is future


def test_the_whole_has_the_first_result_once_all_are_done() -> None:
    futures: list[Future[int]] = [Future(), Future()]
    whole = gather(futures)
    futures[1].set_result(2)
    assert not whole.done()
    futures[0].set_result(1)
    assert whole.result(timeout=0) == 1


def test_the_whole_fails_with_what_failed() -> None:
    futures: list[Future[int]] = [Future(), Future()]
    whole = gather(futures)
    futures[1].set_exception(ValueError("broken"))
    assert not whole.done()
    futures[0].set_result(1)
    with pytest.raises(ValueError, match=r"^broken$"):
        whole.result(timeout=0)
