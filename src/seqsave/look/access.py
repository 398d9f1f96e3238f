"""Rules of access for the server of ``seqsave view``: who is answered, and what browsers may do with an answer."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.web_request import BaseRequest

__all__ = ["CSP", "HEADERS", "Handler", "Response", "answered", "guard", "json_response", "problem"]

_POLICY = "Content-Security-Policy"
# index.html states it too, without frame-ancestors, which counts in headers only: for proxies that replace headers.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    _POLICY: CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "seqsave",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard(hosts: Collection[str]) -> Any:
    """Return a middleware that refuses requests from elsewhere before anything looks at them.

    hosts: names in lower case that requests may have in their Host header, beside those of this machine.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = _name_of(request.host)
        if name not in hosts and not _is_local(name):
            return problem(421, "this server answers to localhost only, and to the host that --behind names")
        if request.method not in ("GET", "HEAD"):
            response = problem(405, "this server answers to GET and HEAD only")
            response.headers["Allow"] = "GET, HEAD"
            return response
        return await answered(handler, request)

    return guarded


async def answered(handler: Handler, request: web.Request) -> web.StreamResponse:
    """Return the answer to a request that no other site has sent."""
    if request.headers.get("Sec-Fetch-Site", "").lower() == "cross-site":
        return problem(403, "another site sent this request")
    try:
        return await handler(request)
    except web.HTTPException as error:
        return problem(error.status, "there is no such page" if error.status == 404 else error.reason)


class Response(web.Response):
    """An answer with the rules for browsers, also on the server of another program."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Send the head. What runs after a handler, such as ComfyUI's middleware, puts a policy of its own in place of
        ours: a browser enforces both.
        """
        policies = self.headers.getall(_POLICY, [])
        self.headers.update(HEADERS)
        for one in policies:
            if one != CSP:
                self.headers.add(_POLICY, one)
        return await super().prepare(request)


def _name_of(host: str) -> str:
    """Return the name in a Host header, with any port: an SSH tunnel has another one."""
    return re.sub(r":[0-9]*\Z", "", host).lower()


def _is_local(name: str) -> bool:
    """Return whether a name of a host is one of this machine."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def problem(status: int, text: str | None, reason: str = "refused") -> web.Response:
    return json_response({"error": text or "", "reason": reason}, status)


def json_response(value: Any, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return Response(text=json.dumps(value), status=status, content_type="application/json", headers=headers)
