"""Do each piece of work once for all callers that wait for it, and keep results within a budget of bytes."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, InvalidStateError
from typing import Generic, TypeVar

__all__ = ["Cache", "Flight", "Flights"]

T = TypeVar("T")


class Cache(Generic[T]):
    """Results by key, those used last, up to a number of bytes. Thread-safe."""

    def __init__(self, budget: int, size_of: Callable[[T], int]) -> None:
        self.budget = budget
        self.held = 0
        self._size_of = size_of
        self._results: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> T | None:
        """Return a result that is kept, or None."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def put(self, key: Hashable, result: T) -> None:
        """Keep a result. One that is larger than half of the budget is not kept, since it would drive out the rest."""
        size = self._size_of(result)
        with self._lock:
            if key in self._results or size > self.budget // 2:
                return
            self._results[key] = result
            self.held += size
            while self.held > self.budget:
                _, oldest = self._results.popitem(last=False)
                self.held -= self._size_of(oldest)


class Flight(Generic[T]):
    """One piece of work under way, and the futures of its callers."""

    def __init__(self, flights: Flights[T], key: Hashable) -> None:
        self._flights = flights
        self._key = key
        self.callers: list[Future[T]] = []
        self._when_left: Callable[[], object] = lambda: None

    def is_wanted(self) -> bool:
        """Return whether a caller still waits; if none does, the work is over, and the next caller begins it again."""
        return self._flights.keeps(self._key, self)

    def when_left(self, function: Callable[[], object]) -> None:
        """Call a function once no caller waits any more."""
        self._when_left = function
        self.note_left()

    def note_left(self) -> None:
        """Note that a caller has left."""
        if not self.is_wanted():
            function, self._when_left = self._when_left, lambda: None
            function()

    def settle(self, work: Callable[[], T]) -> None:
        """Give the result of ``work()``, or its error, to all callers."""
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised where the callers wait
            self.fail(error)
        else:
            self._end(lambda future: future.set_result(result))

    def fail(self, error: BaseException) -> None:
        """Raise an error where the callers wait."""
        self._end(lambda future: future.set_exception(error))

    def _end(self, settle: Callable[[Future[T]], None]) -> None:
        # A future keeps its callbacks, and they lead here: no way may lead back, or results wait in memory until the
        # collector of cycles comes.
        callers = self._flights.land(self._key, self)
        self._when_left = lambda: None
        for future in callers:
            with contextlib.suppress(InvalidStateError):  # the caller has left
                settle(future)


class Flights(Generic[T]):
    """The work under way, by key. Thread-safe."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, Flight[T]] = {}
        self._lock = threading.Lock()

    def join(self, key: Hashable) -> tuple[Future[T], Flight[T] | None]:
        """Return a future of the result of ``key``, and the flight if this caller has to begin the work.

        A caller that cancels its future does not affect the others.
        """
        future: Future[T] = Future()
        with self._lock:
            flight = self._under_way.get(key)
            begins = flight is None
            if flight is None:
                flight = self._under_way[key] = Flight(self, key)
            flight.callers.append(future)
        joined = flight
        future.add_done_callback(lambda one: joined.note_left() if one.cancelled() else None)
        return future, flight if begins else None

    def keeps(self, key: Hashable, flight: Flight[T]) -> bool:
        """Return whether a flight has a caller that waits; without one it is taken from the board."""
        with self._lock:
            if any(not future.cancelled() for future in flight.callers):
                return True
            if self._under_way.get(key) is flight:
                del self._under_way[key]
            return False

    def land(self, key: Hashable, flight: Flight[T]) -> list[Future[T]]:
        """Take a flight from the board, and its callers from the flight. Return them."""
        with self._lock:
            if self._under_way.get(key) is flight:
                del self._under_way[key]
            callers, flight.callers = flight.callers, []
            return callers
