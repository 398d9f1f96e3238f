"""A host that is there and lets nobody in, as a firewall does that drops what comes."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["silence"]


@contextlib.contextmanager
def silence() -> Iterator[str]:
    """An address behind which somebody listens but lets nobody in: no connection comes about, and none is refused."""
    listener = socket.socket()
    waiting = [socket.socket() for _ in range(4)]  # more than wait in line for a listener with room for none
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for one in (*waiting, listener):
            one.close()
