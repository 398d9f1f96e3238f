"""The two steps of a frame that is read ahead, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

__all__ = ["Outcome", "ReadJob", "size_of"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a step returned, or what it raised."""

    result: T | None = None
    error: BaseException | None = None

    @classmethod
    def of(cls, step: Callable[[], T]) -> Outcome[T]:
        """Take the step."""
        # Any error belongs to its own frame. The pipeline would stop at it, and give up sound frames before it.
        try:
            return cls(step())
        except BaseException as error:  # noqa: BLE001 - raised where the frame stands in the order
            return cls(error=error)

    def value(self) -> T:
        """Return the result. Raises what the step raised."""
        if self.error is not None:
            raise self.error
        return cast("T", self.result)


@dataclass(frozen=True, slots=True)
class ReadJob(Generic[T]):
    """The two steps of one frame: get its bytes, and make something of them. Neither raises."""

    get: Callable[[], bytes]
    make: Callable[[bytes], T]

    def read(self) -> Outcome[bytes]:
        """Get the bytes."""
        return Outcome.of(self.get)

    def decode(self, data: Outcome[bytes]) -> Outcome[T]:
        """Make something of the bytes, if there are any."""
        if data.error is not None:
            return Outcome(error=data.error)
        return Outcome.of(lambda: self.make(data.value()))


def size_of(data: Outcome[bytes]) -> int:
    """Return the number of bytes that were read."""
    return 0 if data.result is None else len(data.result)
