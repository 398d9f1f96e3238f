"""The built site, and Chromium with it."""

from __future__ import annotations

import functools
import os
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.needs import missing, needs_package, needs_program

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site."""
    folder = os.environ.get("SEQSAVE_TEST_SITE", "")
    if not Path(folder, "index.html").is_file():
        missing("the built site", "run tox -e docs, or set SEQSAVE_TEST_SITE to its folder")
    return Path(folder)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium without a window, driven by Playwright."""
    program = needs_program("chromium")
    playwright = needs_package("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Print no line for each request."""


@pytest.fixture(scope="session")
def prefixed(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site on a server, below a prefix."""
    root = tmp_path_factory.mktemp("served")
    (root / "a" / "prefix").mkdir(parents=True)
    (root / "a" / "prefix" / "site").symlink_to(site)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/a/prefix/site"
    server.shutdown()
    thread.join()
    server.server_close()
