"""The server of ``seqsave view``: a page, its list, pictures, events, and what a file holds.

It listens on this machine only. A page is reached by a secret part of its path, its token, so that no other page and no
other user can. Requests name sequences, variations and frames by numbers only: no part of a path reaches the storage.
All addresses in a page are relative, so that a proxy may add a prefix to the path.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import importlib.resources
import json
import math
import re
import secrets
import signal
import socket
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from aiohttp import web

from seqsave.errors import DecodeError, SeqSaveError, TargetError
from seqsave.look import about
from seqsave.look.access import HEADERS, Handler, Response, answered, guard, json_response, problem
from seqsave.look.catalog import reason_of
from seqsave.look.proxies import CHANNELS, SIZES, Look
from seqsave.look.viewer import Viewer

__all__ = ["Rooms", "application", "mounted", "new_token", "serve"]

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "png": "image/png"}
_STATIC_NAME = re.compile(r"[A-Za-z0-9_-]+\.(?:js|css|svg|png)\Z")
_STATUS = {"missing": 404, "broken": 422, "too large": 422, "no decoder": 422, "storage": 502}
_EVS, _GAMMAS = (-30.0, 30.0), (0.1, 10.0)
# Seconds after which an event stream without events sends a comment, so that proxies keep it open.
KEEP_ALIVE = 15.0
# Seconds that requests under way have when the server ends; then they are given up.
GRACE = 0.2


def new_token() -> str:
    """Return a secret of 192 bits that may stand in a path."""
    return secrets.token_urlsafe(24)


class Rooms:
    """The viewers by their tokens. most: how many there may be; the one opened first is closed for another."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._viewers: dict[str, Viewer] = {}

    def open(self, viewer: Viewer, token: str | None = None) -> str:
        """Give a viewer a token, and return it."""
        token = new_token() if token is None else token
        self._viewers[token] = viewer
        while self._most is not None and len(self._viewers) > self._most:
            self._viewers.pop(next(iter(self._viewers))).close()
        return token

    def close(self) -> None:
        """Close all viewers."""
        for viewer in self._viewers.values():
            viewer.close()

    def get(self, token: str) -> Viewer:
        """Return a viewer. Raises HTTPNotFound. Every token is compared in full: the time shows nothing of one."""
        found = None
        for known, viewer in self._viewers.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                found = viewer
        if found is None or found.is_closed:
            raise web.HTTPNotFound(text="there is no such page")
        return found


def application(rooms: Rooms, hosts: Collection[str] = ()) -> web.Application:
    """Return the server's application, with its rules of access. hosts: as of ``guard``."""
    app = web.Application(middlewares=[guard(frozenset(host.lower() for host in hosts))])
    for path, handler in _Routes(rooms).table(""):
        app.router.add_get(path, handler)
    return app


def mounted(prefix: str, rooms: Rooms) -> list[tuple[str, Handler]]:
    """Return paths and handlers of GET requests, for the server of another program, which has its own rules of access.

    prefix: what stands before the token in the path: ``/seqsave/look``.
    """
    return [(path, partial(answered, handler)) for path, handler in _Routes(rooms).table(prefix)]


class _Routes:
    """The answers to requests."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._static = importlib.resources.files("seqsave.look").joinpath("static")

    def table(self, prefix: str) -> list[tuple[str, Handler]]:
        """Return each path with its handler."""
        base = f"{prefix}/{{token}}"
        frame = f"{base}/{{sequence:[0-9]{{1,6}}}}/f/{{index:-?[0-9]{{1,19}}}}"
        return [
            (f"{base}/", self.index),
            (f"{base}/static/{{name}}", self.static),
            (f"{base}/sequences.json", self.sequences),
            (f"{base}/events", self.events),
            (f"{frame}/{{size:{'|'.join(SIZES)}}}.jpg", self.picture),
            (f"{frame}/original", self.original),
            (f"{frame}/about.json", self.about),
            (f"{frame}/pixel.json", self.pixel),
        ]

    def _viewer(self, request: web.Request) -> Viewer:
        return self._rooms.get(request.match_info["token"])

    async def index(self, request: web.Request) -> web.StreamResponse:
        """Return the page."""
        self._viewer(request)
        return self._file("index.html")

    async def static(self, request: web.Request) -> web.StreamResponse:
        """Return a script or a style of the page."""
        self._viewer(request)
        name = request.match_info["name"]
        if not _STATIC_NAME.match(name):
            raise web.HTTPNotFound
        return self._file(name)

    def _file(self, name: str) -> web.Response:
        try:
            data = self._static.joinpath(name).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise web.HTTPNotFound from None
        kind = _TYPES[name.rpartition(".")[2]]
        charset = "utf-8" if kind.startswith("text/") else None
        return Response(body=data, content_type=kind, charset=charset, headers={"Cache-Control": "no-cache"})

    async def sequences(self, request: web.Request) -> web.StreamResponse:
        """Return the list of sequences."""
        return json_response(await self._viewer(request).document())

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send an event for each change, until the page or the server ends."""
        viewer = self._viewer(request)
        headers = {**HEADERS, "Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        queue = viewer.subscribe()
        try:
            await response.write(b": open\n\n")
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), KEEP_ALIVE)
                except asyncio.TimeoutError:
                    await response.write(b": \n\n")
                    continue
                if event is None:
                    break
                await response.write(f"event: {event[0]}\ndata: {json.dumps(event[1])}\n\n".encode())
        except ConnectionError:
            pass  # the page was closed
        finally:
            viewer.unsubscribe(queue)
        return response

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """Return a frame as a JPEG."""
        found = self._found(request)
        if isinstance(found, web.Response):
            return found
        viewer, shown, frame = found
        look = _look_in(request)
        if isinstance(look, str):
            return problem(400, look, "wrong call")
        etag = _etag(frame.url, frame.version, frame.size, look) if frame.version is not None else None
        if etag is not None and _matches(request, etag):
            return Response(status=304, headers=_caching(request, etag))
        try:
            made = await asyncio.wrap_future(viewer.proxies.picture(frame, look, shown.stored and shown.stored.jpeg))
        except SeqSaveError as error:
            viewer.note_failure(shown, frame, error)
            return _failure(error)
        viewer.note_picture(shown, frame, made.version)
        viewer.note_lacking(shown)
        is_listed = made.version == frame.version and etag is not None
        etag = etag if is_listed and etag is not None else _etag(made.data)
        headers = _caching(request if is_listed else None, etag)
        return Response(body=made.data, content_type="image/jpeg", headers=headers)

    async def original(self, request: web.Request) -> web.StreamResponse:
        """Return a frame's file, or a range of it."""
        found = self._found(request)
        if isinstance(found, web.Response):
            return found
        viewer, shown, frame = found
        try:
            source = await asyncio.wrap_future(viewer.proxies.source(frame))
        except SeqSaveError as error:
            viewer.note_failure(shown, frame, error)
            return _failure(error)
        etag = _etag(source.version) if source.version is not None else _etag(source.data)
        headers = {
            **_caching(None, etag),
            "Accept-Ranges": "bytes",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(frame.name, safe='')}",
        }
        if _matches(request, etag):
            return Response(status=304, headers=headers)
        return _ranged(request, source.data, etag, headers)

    async def about(self, request: web.Request) -> web.StreamResponse:
        """Return what is known of a frame."""
        found = self._found(request)
        if isinstance(found, web.Response):
            return found
        viewer, shown, frame = found
        try:
            source = await asyncio.wrap_future(viewer.proxies.source(frame))
            decoded = await asyncio.wrap_future(viewer.proxies.decoded(frame))
            problem = None
        except DecodeError as error:
            decoded, problem = None, str(error)
        except SeqSaveError as error:
            if isinstance(error, TargetError):
                viewer.note_failure(shown, frame, error)
                return _failure(error)
            decoded, problem = None, str(error)
        return json_response(await about.describe(frame, source.data, decoded, problem))

    async def pixel(self, request: web.Request) -> web.StreamResponse:
        """Return the values of one pixel, as the file holds them."""
        found = self._found(request)
        if isinstance(found, web.Response):
            return found
        viewer, shown, frame = found
        try:
            x, y = (int(request.query[name]) for name in "xy")
        except (KeyError, ValueError):
            return problem(400, "x and y must be whole numbers", "wrong call")
        try:
            decoded = await asyncio.wrap_future(viewer.proxies.decoded(frame))
        except SeqSaveError as error:
            viewer.note_failure(shown, frame, error)
            return _failure(error)
        return json_response(about.pixel(decoded, x, y))

    def _found(self, request: web.Request) -> Any:
        """Return viewer, sequence and frame, or the answer that there is none."""
        viewer = self._viewer(request)
        batch = request.query.get("b") or "0"
        if batch in ("null", "undefined"):
            batch = "0"
        if not re.fullmatch(r"[0-9]{1,6}", batch, re.ASCII):
            return problem(400, "b must be the position of a batch", "wrong call")
        number, index = int(request.match_info["sequence"]), int(request.match_info["index"])
        try:
            shown, _, frame = viewer.frame(number, index, int(batch))
        except LookupError:
            return problem(404, "there is no such sequence or batch", "missing")
        if frame is None:
            return problem(404, f"frame {index} is missing", "missing")
        return viewer, shown, frame


def _look_in(request: web.Request) -> Look | str:
    """Return how a frame is to be shown; a text that says what is wrong."""
    channel = request.query.get("ch", "rgb")
    if channel not in CHANNELS:
        return f"ch must be one of {', '.join(CHANNELS)}"
    numbers = {}
    for name, default, (least, most) in (("ev", 0.0, _EVS), ("gamma", 1.0, _GAMMAS)):
        try:
            value = float(request.query.get(name, default))
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            return f"{name} must be a number from {least:g} to {most:g}"
        numbers[name] = round(value, 3)
    size: Any = request.match_info["size"]
    return Look(size=size, channel=channel, **numbers)


def _failure(error: SeqSaveError) -> web.Response:
    reason = reason_of(error)
    return problem(_STATUS[reason], str(error), reason)


def _etag(*parts: Any) -> str:
    hashed = hashlib.blake2s(digest_size=12)
    for part in parts:
        hashed.update(part if isinstance(part, bytes) else repr(part).encode())
        hashed.update(b"\0")
    return f'"{hashed.hexdigest()}"'


def _matches(request: web.Request, etag: str) -> bool:
    stated = request.headers.get("If-None-Match", "")
    return stated == "*" or etag in (one.strip().removeprefix("W/") for one in stated.split(","))


def _caching(request: web.Request | None, etag: str) -> dict[str, str]:
    """Return the headers for a browser's cache. A URL that names a version is always that of one picture."""
    is_fixed = request is not None and bool(request.query.get("v"))
    lasts = "private, max-age=31536000, immutable" if is_fixed else "private, no-cache"
    return {"ETag": etag, "Cache-Control": lasts}


def _ranged(request: web.Request, data: bytes, etag: str, headers: Mapping[str, str]) -> web.Response:
    stated = request.headers.get("If-Range")
    asked = request.headers.get("Range", "") if stated in (None, etag) else ""
    match = re.fullmatch(r"bytes=([0-9]{0,19})-([0-9]{0,19})", asked.strip(), re.ASCII)
    kind = "application/octet-stream"
    if match is None or match.groups() == ("", ""):
        return Response(body=data, content_type=kind, headers=headers)
    first, last = match.groups()
    begin = int(first) if first else max(0, len(data) - int(last))
    end = min(len(data), int(last) + 1 if first and last else len(data))
    if begin >= end:
        return Response(status=416, headers={**headers, "Content-Range": f"bytes */{len(data)}"})
    more = {"Content-Range": f"bytes {begin}-{end - 1}/{len(data)}"}
    return Response(status=206, body=data[begin:end], content_type=kind, headers={**headers, **more})


async def serve(rooms: Rooms, port: int, on_ready: Callable[[int], None], hosts: Collection[str] = ()) -> None:
    """Serve on this machine until SIGINT, SIGTERM or SIGHUP. port: 0 for any. Raises OSError for a busy one.

    on_ready: called with the port once the server listens. hosts: names that a proxy in front of it passes on.
    """
    options: dict[str, Any] = {"access_log": None, "handler_cancellation": True, "shutdown_timeout": GRACE}
    runner = web.AppRunner(application(rooms, hosts), **options)
    await runner.setup()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            try:
                loop.add_signal_handler(number, ended.set)
            except (NotImplementedError, RuntimeError, ValueError):  # Windows, or another thread
                break
    listening: socket.socket | None = None
    try:
        listening = socket.create_server(("127.0.0.1", port))
        await web.SockSite(runner, listening).start()
        on_ready(runner.addresses[0][1])
        await ended.wait()
    finally:
        rooms.close()
        try:
            if listening is not None:
                await _stop_accepting(listening)
            await runner.cleanup()
        finally:  # also if it is interrupted again
            if listening is not None:
                listening.close()


async def _stop_accepting(listening: socket.socket) -> None:
    """Accept no connection any more, and make those that are being accepted the server's own.

    asyncio leaves them open if it closes the server first.
    """
    with contextlib.suppress(NotImplementedError):  # Windows
        asyncio.get_running_loop().remove_reader(listening)
    for _ in range(3):  # the task that takes a connection, its protocol, and what waits for both
        await asyncio.sleep(0)
