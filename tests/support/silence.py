"""A host that answers no connection, as behind a firewall that drops packets."""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING

from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["silence"]


@contextlib.contextmanager
def silence() -> Iterator[str]:
    """Return an address that listens but accepts no connection: none succeeds, and none is refused."""
    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        # Once the first one stands in the line, which has room for one, the system drops whatever else comes.
        readable, _, _ = select.select([listener], [], [], PATIENCE)
        assert readable
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
