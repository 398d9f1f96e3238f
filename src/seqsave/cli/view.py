"""``seqsave view``: look at sequences in a browser, wherever they lie."""

from __future__ import annotations

import asyncio
import errno
import getpass
import os
import sys
from typing import Any
from urllib.parse import urlsplit

import click

from seqsave.cli.app import FAILED, Command, Failure
from seqsave.cli.completion import urls as complete_urls
from seqsave.cli.output import Messages, print_line
from seqsave.cli.parameters import folder_at, max_pixels_option, only_prefix_option, recursive_option, storage_option
from seqsave.wording import counted

__all__ = ["view_command"]

_PORT = "{port}"


def _as_address(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Check the address of a proxy, and end it with a slash."""
    if value is None:
        return None
    try:
        parts = urlsplit(value.replace(_PORT, "1"))
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        is_one = False
    if not is_one or "@" in parts.netloc:
        allowed = "it must be the address of a proxy, as https://hub.example/prefix/, without a password"
        raise click.BadParameter(allowed, ctx, param)
    return f"{value.rstrip('/')}/"


@click.command(
    "view",
    cls=Command,
    short_help="Look at sequences in a browser.",
    examples=[
        "seqsave view ./renders",
        "seqsave view s3://renders/shot010 s3://renders/shot010_v2",
        "seqsave view 'renders/shot.####.exr' --no-open --port 8600",
        "seqsave view ./renders --behind 'https://hub.example/user/me/proxy/{port}/'",
    ],
)
@click.argument("urls", metavar="[URL]...", nargs=-1, shell_complete=complete_urls)
@recursive_option
@only_prefix_option
@click.option("--open/--no-open", "opens", default=True, help="Open the browser, or only print the address.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to listen on; by default a free one.")
@click.option(
    "--behind",
    metavar="ADDRESS",
    callback=_as_address,
    help="The address of a proxy in front of it, as https://hub.example/user/me/proxy/{port}/, with {port} for the "
    "real port. It is printed, and requests may name its host.",
)
@max_pixels_option()
@storage_option()
def view_command(
    urls: tuple[str, ...],
    recursive: bool,
    prefix: str | None,
    opens: bool,
    port: int,
    behind: str | None,
    max_pixels: int,
    storage_option: dict[str, Any],
) -> int:
    """Play, step through and compare sequences in a browser, from folders and every storage.

    URL is a folder (by default the working folder), a pattern such as 'renders/shot.####.exr', a glob, or the file
    of a frame. A sequence that is being saved is followed. Only this machine can open the address, which is printed and
    holds a secret; --behind is for a proxy on this machine, such as Jupyter's. Ctrl-C ends the server, with exit status
    0.

    Exit status 1 if a URL holds no sequence, or the port is busy.
    """
    from seqsave.look.catalog import find
    from seqsave.look.proxies import Proxies
    from seqsave.look.server import Rooms, new_token, serve
    from seqsave.look.viewer import Viewer
    from seqsave.runtime.heaps import use_one_heap

    use_one_heap()
    messages = Messages()
    with messages.catching():
        places = urls or (".",)
        for url in places:
            folder_at(url, storage_option)
        catalog, seen = find(places, storage_option, recursive=recursive, prefix=prefix)
    for note in catalog.notes:
        messages.note(f"not listed: {note}")
    hosts = [] if behind is None else [urlsplit(behind).hostname or ""]
    proxies, rooms, token, count = Proxies(max_pixels=max_pixels), Rooms(), new_token(), len(seen)

    def on_ready(real: int) -> None:
        base = f"http://127.0.0.1:{real}/" if behind is None else behind.replace(_PORT, str(real))
        url = f"{base}{token}/"
        messages.note(f"{counted(count, 'sequence')}; Ctrl-C ends the server")
        print_line(url)
        for line in _tunnel(real) if behind is None else ():
            messages.note(line)
        if opens and _has_browser():
            _open(url)

    async def run() -> None:
        rooms.open(Viewer(catalog, seen, proxies, messages.note), token)
        seen.clear()  # later looks take its place, and it may be large
        await serve(rooms, port, on_ready, hosts)

    try:
        with messages.catching():
            asyncio.run(run())
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = "is in use" if error.errno == errno.EADDRINUSE else "may not be used by this user"
        raise Failure(f"port {port} {why}: give another one, or none for a free one", FAILED) from error
    finally:
        proxies.close()
    return 0


def _tunnel(port: int) -> list[str]:
    """Return how to open the address from the machine that this one is used from; nothing if that is this one."""
    parts = os.environ.get("SSH_CONNECTION", "").split()
    if len(parts) != 4:
        return []
    host, ssh_port = parts[2], parts[3]
    try:
        user = f"{getpass.getuser()}@"
    except (OSError, KeyError, ImportError):
        user = ""
    at = "" if ssh_port == "22" else f" -p {ssh_port}"
    return [
        "to open it on the machine that you work at, run there:",
        f"  ssh -N -L {port}:127.0.0.1:{port}{at} {user}{host}",
    ]


def _has_browser() -> bool:
    """Return False where a browser would open on another machine, or in this terminal."""
    if os.environ.get("SSH_CONNECTION") and not os.environ.get("BROWSER"):
        return False
    is_other_unix = sys.platform not in ("win32", "darwin", "cygwin")
    return not is_other_unix or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _open(url: str) -> None:
    import webbrowser

    from seqsave.runtime.threads import spawn_daemon

    spawn_daemon(webbrowser.open, url, name="seqsave-browser")
