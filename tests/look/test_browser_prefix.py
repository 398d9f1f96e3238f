"""The page in a real browser behind a proxy that adds a prefix to its path, and has a name of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.look.browsing import opened, save
from tests.look.prefixed import prefixed
from tests.look.serving import serving
from tests.support.patience import wait_until

pytestmark = pytest.mark.browser

PREFIX = "/user/me/proxy/8600/"
HOST = "hub.localhost"  # browsers look no name below localhost up


def test_below_a_prefix_everything_works(chromium: Any, tmp_path: Path) -> None:
    save(tmp_path, range(12), manifest=False)
    with serving(tmp_path, hosts=[HOST]) as served, prefixed(served.port, PREFIX) as proxy:
        base = f"http://{HOST}:{proxy.port}{PREFIX}{served.token}/"
        with opened(chromium, base) as page:
            page.ready(0)
            assert page.number() == 0
            page.go(7)
            page.ready(7)
            assert page.number() == 7
            page.has_text("#panel", "frame_00007.png")
            # An event comes through the proxy, and leads to the new picture.
            save(tmp_path / "new", [3], manifest=False)
            (tmp_path / "frame_00007.png").write_bytes((tmp_path / "new" / "frame_00003.png").read_bytes())
            wait_until(lambda: page.number() == 3, "the new picture")
        assert all(path.startswith(PREFIX) and status in (200, 304) for path, status in proxy.requests)
        kinds = {path.rpartition("?")[0] or path for path, _ in proxy.requests}
        assert {f"{PREFIX}{served.token}/{one}" for one in ("events", "sequences.json", "static/main.js")} <= kinds


def test_a_proxy_whose_host_was_not_named_is_refused_in_words(chromium: Any, tmp_path: Path) -> None:
    save(tmp_path, range(2))
    with serving(tmp_path) as served, prefixed(served.port, PREFIX) as proxy:
        page = chromium.new_page()
        answer = page.goto(f"http://{HOST}:{proxy.port}{PREFIX}{served.token}/")
        assert answer.status == 421
        assert "--behind" in page.content()
        page.close()
