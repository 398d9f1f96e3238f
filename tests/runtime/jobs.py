"""Jobs for pipelines, and work that waits until it may go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from seqsave.runtime.jobs import Owner
from seqsave.runtime.pipeline import Pipeline


class StoppedError(Exception):
    """The owner's error for jobs that are given up."""


class ClosedError(Exception):
    """The owner's error for jobs that come too late."""


OWNER = Owner("the shop", "order", closed=ClosedError, stopped=StoppedError)


def submit(pipeline: Pipeline[Any, Any], encode: Callable[[], Any], publish: Callable[[Any], Any], cost: int = 1,
           **more: Any) -> Future[Any]:  # fmt: skip
    async def coroutine(payload: Any) -> Any:
        return await asyncio.to_thread(publish, payload)

    return pipeline.submit(
        encode, coroutine if pipeline.is_async else publish, cost=cost, size_of=lambda _: cost, **more
    )
