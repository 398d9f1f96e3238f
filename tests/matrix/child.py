"""The program under test: the command, or a loop over a writer. It stops at the frame at which it is killed.

``python -m tests.matrix.child ORDER``; ``Order.as_text`` makes ORDER.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.support.patience import PATIENCE

__all__ = ["Order"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order.

    arguments: of the command. Empty: frames of ``url`` are written by the library, and the caller's own error comes
               after ``fails_after`` of them.
    pipe:      a byte is written to this file descriptor where the program stands still, up to a line on standard input.
    point:     ``before`` the frame's bytes are sent, or ``after`` the storage has them and before the program knows.
    frame:     the index at which it stands.
    """

    arguments: list[str] = field(default_factory=list)
    pipe: int = -1
    point: str = ""
    frame: int = -1
    url: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    frames: str = ""
    fails_after: int = 0

    def as_text(self) -> str:
        return json.dumps(asdict(self))


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    if order.point:
        _stand_still(order)
    if order.arguments:
        from seqsave.cli import cli

        cli.main(order.arguments, "seqsave")
    else:
        _write(order)


def _write(order: Order) -> None:
    """Write frames with the library; print what the writer's result says, and end with the caller's error."""
    import numpy as np

    import seqsave

    writer = seqsave.open_writer(order.url, filetype="png", total=8, storage_options=order.options)
    try:
        with writer:
            for index, image in enumerate(np.load(order.frames)):
                if index == order.fails_after:
                    raise ValueError("the caller's own error")
                writer.write(image)
    finally:
        result = writer.result
        document = {
            "indices": ",".join(str(one.index) for one in result.frames if one.status in ("saved", "skipped")),
            "failures": [{"index": failure.index} for failure in result.failures],
            "warnings": list(result.warnings),
            "counts": result.counts,
        }
        sys.stdout.write(json.dumps(document))
        sys.stdout.flush()


def _stand_still(order: Order) -> None:
    """Let every target stop for good at the frame."""
    from seqsave import targets
    from seqsave.writer import ending

    ending.RECORD_SECONDS = PATIENCE  # on a busy machine, the account has to be whole all the same
    resolve = targets.resolve
    gate = _Gate(order)

    def held(*arguments: Any, **named: Any) -> Any:
        target = resolve(*arguments, **named)
        gate.put_into(type(target))
        return target

    targets.resolve = held


class _Gate:
    """Stops the first attempt to publish the frame."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.path = re.compile(rf"(^|/)frame_{order.frame:05d}\.png$")
        self.has_struck = False
        self.owners: set[type] = set()

    def put_into(self, owner: type) -> None:
        if owner in self.owners:
            return
        self.owners.add(owner)
        owner.publish = self._around(owner.publish)  # type: ignore[attr-defined]
        owner.publish_async = self._around_async(owner.publish_async)  # type: ignore[attr-defined]

    def _strikes(self, path: str) -> bool:
        strikes = not self.has_struck and self.path.search(path) is not None
        self.has_struck = self.has_struck or strikes
        return strikes

    def _report(self) -> None:
        os.write(self.order.pipe, b"x")

    def _around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def publish(target: Any, path: str, *arguments: Any, **named: Any) -> Any:
            if not self._strikes(path):
                return real(target, path, *arguments, **named)
            answer = real(target, path, *arguments, **named) if self.order.point == "after" else None
            self._report()
            sys.stdin.readline()
            return answer or real(target, path, *arguments, **named)

        return publish

    def _around_async(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def publish(target: Any, path: str, *arguments: Any, **named: Any) -> Any:
            sent = real(target, path, *arguments, **named)
            return self._held(sent) if sent is not None and self._strikes(path) else sent

        return publish

    async def _held(self, sent: Any) -> Any:
        answer = await sent if self.order.point == "after" else None
        loop, may_go_on = asyncio.get_running_loop(), asyncio.Event()

        def wait() -> None:
            sys.stdin.readline()
            loop.call_soon_threadsafe(may_go_on.set)

        threading.Thread(target=wait, daemon=True).start()
        self._report()
        await may_go_on.wait()
        return answer or await sent


if __name__ == "__main__":
    main()
