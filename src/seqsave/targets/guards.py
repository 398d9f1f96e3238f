"""Decorators that turn the exceptions of backends into errors of seqsave, without secrets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from seqsave.errors import SeqSaveError

if TYPE_CHECKING:
    from seqsave.targets.base import Target

__all__ = ["guarded", "guarded_async"]

Method = TypeVar("Method", bound=Callable[..., Any])


def guarded(doing: str) -> Callable[[Method], Method]:
    """Make a method whose first argument is a path raise only errors of seqsave."""

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def call(self: Target, *args: Any, **kwargs: Any) -> Any:
            try:
                return method(self, *args, **kwargs)
            except (SeqSaveError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - any backend, any exception: translate() sorts them
                failure = self._translated(error, doing, args, kwargs)
            # Not inside the handler: the original exception, with its secrets, would become the context.
            raise failure

        return cast("Method", call)

    return decorate


def guarded_async(doing: str) -> Callable[[Method], Method]:
    """Make a coroutine function raise only errors of seqsave, as ``guarded``."""

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        async def call(self: Target, *args: Any, **kwargs: Any) -> Any:
            try:
                return await method(self, *args, **kwargs)
            except (SeqSaveError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                failure = self._translated(error, doing, args, kwargs)
            raise failure

        return cast("Method", call)

    return decorate
