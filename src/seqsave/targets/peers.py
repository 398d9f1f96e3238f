"""Keep requests over HTTP where a target is: no redirect leads away, and no name leads to this machine or its network.

The storage option ``within`` of ``http://``, ``https://`` and ``s3://`` asks for this. It is for programs that open
URLs from untrusted sources: a server, or a name server, may lead requests to addresses that only this machine reaches,
such as loopback and link-local ones, and those from which clouds hand out credentials.

- A redirect is followed only to a URL that ``within`` covers: same protocol, host and port, at or below its path.
- The addresses of a name are checked where the connection is made, so that no later answer of the name server counts.
- Such an address is allowed if ``within`` names it: by itself, or as ``localhost``.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import urlsplit

from seqsave.errors import TargetError

__all__ = ["PeerRefusedError", "checked_within", "client_within", "covers", "is_allowed", "keep_names_outside"]

_log = logging.getLogger(__name__)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds hand out credentials, except the link-local addresses: Alibaba, Azure, Oracle, AWS, Google.
_METADATA = {"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"}
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
# Networks of IPv6 whose addresses stand for one of IPv4.
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.ip_network("::/96")
# Systems read a host that ends in a number as an address: 127.1, 2130706433, 0x7f.0.0.1.
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_PORTS = {"http": 80, "https": 443}


class PeerRefusedError(Exception):
    """A request would leave its target. Not an OSError, which clients take for a failed connection."""

    error_code = "PeerRefused"
    """How ``failures.diagnose`` knows it."""


def checked_within(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the option ``within``, a list of URLs; () without one. Raises TargetError."""
    within = options.get("within") or ()
    if isinstance(within, str) or not all(isinstance(url, str) and "://" in url for url in within):
        raise TargetError("storage option 'within' must be a list of URLs")
    return tuple(within)


def covers(within: Iterable[str], url: str) -> bool:
    """Return True if ``url`` is one of the URLs or lies below one of them. One without a host covers every host."""
    try:
        return any(_is_below(urlsplit(one), urlsplit(url)) for one in within)
    except ValueError:  # no port, or no address in brackets
        return False


def is_allowed(address: str, hosts: Collection[str]) -> bool:
    """Return True if requests may go to an IP address. hosts: the hosts that the target names."""
    found = _address(address)
    if found is None:
        return False
    if not _is_special(found):
        return True
    return any(_names(host, found) for host in hosts)


def client_within(make: Callable[..., Coroutine[Any, Any, Any]], within: Sequence[str]) -> Callable[..., Any]:
    """Return a function that makes aiohttp sessions as ``make`` does, and keeps their requests within these URLs."""
    hosts = _hosts(within)

    async def started(_session: Any, _context: Any, params: Any) -> None:
        if not covers(within, str(params.url)):
            _refuse(f"{params.url} is outside of {', '.join(within)}")
        _check_literal(str(params.url.host or ""), hosts)

    async def redirected(_session: Any, _context: Any, params: Any) -> None:
        from yarl import URL

        place = params.response.headers.get("Location") or params.response.headers.get("URI")
        if place is None:
            return
        try:
            following = params.url.join(URL(place))
        except ValueError:
            _refuse(f"{params.url.origin()} redirects to an invalid URL")
        if ".." in re.split(r"[/\\]", following.path) or not covers(within, str(following)):
            _refuse(f"{params.url.origin()} redirects to {_origin(following)}, outside of {', '.join(within)}")
        _check_literal(str(following.host or ""), hosts)

    async def client(**settings: Any) -> Any:
        import aiohttp

        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(started)
        trace.on_request_redirect.append(redirected)
        session = await make(**{**settings, "trace_configs": [*(settings.get("trace_configs") or ()), trace]})
        keep_names_outside(session.connector, hosts)
        return session

    return client


def keep_names_outside(connector: Any, hosts: Collection[str] | None) -> None:
    """Make an aiohttp connector refuse names that lead to special addresses, unless one of ``hosts`` names these.

    hosts: None is the name itself that is looked up.
    """
    resolver = getattr(connector, "_resolver", None)
    if resolver is None:
        _refuse("this version of aiohttp has no resolver that could be checked")
    if not isinstance(resolver, _resolver_class()):
        connector._resolver = _resolver_class()(resolver, hosts)  # noqa: SLF001 - only its constructor takes one


def _resolver_class() -> type[Any]:
    global _Checked
    if _Checked is not None:
        return _Checked
    from aiohttp.abc import AbstractResolver

    class Checked(AbstractResolver):
        """A resolver whose answers are checked. The connector connects to these addresses and to no others."""

        def __init__(self, resolver: Any, hosts: Collection[str] | None) -> None:
            self._resolver = resolver
            self._hosts = hosts

        async def resolve(self, host: str, *args: Any, **kwargs: Any) -> Any:
            found = await self._resolver.resolve(host, *args, **kwargs)
            hosts = (host,) if self._hosts is None else self._hosts
            for one in found:
                if not is_allowed(one["host"], hosts):
                    _refuse(f"the name {host} leads to {one['host']}")
            return found

        async def close(self) -> None:
            await self._resolver.close()

    _Checked = Checked
    return Checked


_Checked: type[Any] | None = None


def _check_literal(host: str, hosts: Collection[str]) -> None:
    """Refuse an address in a URL, which no resolver sees, and other spellings of one."""
    if _address(host) is None and not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2].lower()):
        return
    if not is_allowed(host, hosts):
        _refuse(f"the URL names {host}")


def _refuse(why: str) -> NoReturn:
    """Raise PeerRefusedError. The address is for the log alone: it would show what this machine can reach."""
    _log.warning("A request was refused: %s", why)
    raise PeerRefusedError("the request would leave the target")


def _hosts(within: Iterable[str]) -> tuple[str, ...]:
    return tuple(host for url in within if (host := urlsplit(url).hostname))


def _origin(url: Any) -> str:
    return f"{url.scheme}://{url.host}"


def _is_below(above: Any, below: Any) -> bool:
    if above.scheme.lower() != below.scheme.lower():
        return False
    if above.hostname and (above.hostname, _port(above)) != (below.hostname, _port(below)):
        return False
    parts, inner = ([part for part in url.path.split("/") if part] for url in (above, below))
    return inner[: len(parts)] == parts


def _port(url: Any) -> int | None:
    port: int | None = url.port
    return _PORTS.get(url.scheme.lower()) if port is None else port


def _address(text: str) -> Address | None:
    """Return an address, for one of IPv6 that stands for one of IPv4 the latter; None for another text."""
    try:
        found = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if not isinstance(found, ipaddress.IPv6Address):
        return found
    if any(found in network for network in _NAT64) or (found in _COMPATIBLE and int(found) > 1):
        return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    if found.teredo is not None:
        return found.teredo[1]
    return found.ipv4_mapped or found.sixtofour or found


def _is_special(address: Address) -> bool:
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or address in _THIS_NETWORK
        or str(address) in _METADATA
    )


def _names(host: str, address: Address) -> bool:
    plain = host.rstrip(".").lower()
    if plain == "localhost" or plain.endswith(".localhost"):
        return address.is_loopback
    return _address(plain) == address
