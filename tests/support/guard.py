"""No network beyond loopback: a test that contacts another host fails, even if the code suppresses the error.

It watches Python's sockets and name look-ups in this process; code in other languages and child processes pass
unseen.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["only_loopback"]


def _is_loopback(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return str(host).endswith(".localhost")
    return address.is_loopback or address.is_unspecified


@contextmanager
def only_loopback() -> Iterator[list[str]]:
    """Refuse other hosts. Yields the list of attempts."""
    tried: list[str] = []

    def check(host: Any, what: str) -> None:
        if not _is_loopback(host):
            tried.append(f"{what} {host}")
            raise ConnectionRefusedError(f"tests use no network beyond loopback: {what} {host}")

    def guarded(name: str) -> Any:
        real = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any) -> Any:
            if isinstance(address, tuple):
                check(address[0], name)
            return real(self, address)

        return mock.patch.object(socket.socket, name, connect)

    real_look_up = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        check(host, "name look-up of")
        return real_look_up(host, *arguments, **named)

    with guarded("connect"), guarded("connect_ex"), mock.patch.object(socket, "getaddrinfo", look_up):
        yield tried
