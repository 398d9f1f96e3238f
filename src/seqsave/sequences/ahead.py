"""Read a frame ahead in two steps, and keep the result or the error of each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

__all__ = ["Outcome", "ReadJob", "size_of"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The result or the error of a step."""

    result: T | None = None
    error: BaseException | None = None

    @classmethod
    def of(cls, step: Callable[[], T]) -> Outcome[T]:
        """Call the function, and keep its result or its error."""
        # The error belongs to this frame. In the pipeline it would stop the reading of sound frames.
        try:
            return cls(step())
        except BaseException as error:  # noqa: BLE001 - raised when the frame's turn comes
            return cls(error=error)

    def value(self) -> T:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast("T", self.result)


@dataclass(frozen=True, slots=True)
class ReadJob(Generic[T]):
    """The two steps of one frame: read its bytes, and decode them. Neither raises."""

    get: Callable[[], bytes]
    make: Callable[[bytes], T]

    def read(self) -> Outcome[bytes]:
        """Read the bytes."""
        return Outcome.of(self.get)

    def decode(self, data: Outcome[bytes]) -> Outcome[T]:
        """Decode the bytes, unless reading failed."""
        if data.error is not None:
            return Outcome(error=data.error)
        return Outcome.of(lambda: self.make(data.value()))


def size_of(data: Outcome[bytes]) -> int:
    """Return the number of bytes that were read."""
    return 0 if data.result is None else len(data.result)
