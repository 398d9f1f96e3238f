"""Who gets an answer from the server, and the rules for browsers in each answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import ClientSession, web

import seqsave
from seqsave.look import Pages, access
from tests.look.elsewhere import served_elsewhere
from tests.look.serving import Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("served")
    seqsave.save(np.full((2, 9, 16, 3), 0.5, np.float32), folder)
    with serving(folder) as running:
        yield running


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1", "", "localhost.evil"]
)
def test_another_host_is_refused(served: Served, host: str) -> None:
    answer = served.get("sequences.json", headers={"Host": host})
    assert answer.status == 421
    assert b"frame_" not in answer.body


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1:1234", "[::1]:80", "127.0.0.2"])
def test_this_machine_by_any_name_and_port(served: Served, host: str) -> None:
    assert served.get("sequences.json", headers={"Host": host}).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(served: Served, method: str) -> None:
    answer = served.get("sequences.json", method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_another_site_is_refused(served: Served) -> None:
    for site, status in (("cross-site", 403), ("same-origin", 200), ("none", 200)):
        headers = {"Sec-Fetch-Site": site, "Origin": "https://evil.example"}
        answer = served.get("sequences.json", headers=headers)
        assert answer.status == status
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_answer_has_the_rules_for_browsers(served: Served) -> None:
    for path in ("", "sequences.json", "0/f/1/half.jpg", "0/f/77/half.jpg", "nothing", "0/f/1/original"):
        headers = served.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["server"] == "seqsave"


def test_the_host_of_a_proxy_is_answered_if_it_was_named(tmp_path: Path) -> None:
    seqsave.save([np.zeros((8, 8, 3), np.uint8)], tmp_path)
    with serving(tmp_path, hosts=["Hub.example"]) as running:
        for host, status in (("hub.example", 200), ("HUB.example:8443", 200), ("localhost:9", 200)):
            assert running.get("sequences.json", headers={"Host": host}).status == status
        for host in ("example", "hub.example.evil", "a.hub.example", ""):
            answer = running.get("sequences.json", headers={"Host": host})
            assert answer.status == 421
            assert "--behind" in answer.document["error"]


def test_the_page_states_its_policy_itself(served: Served) -> None:
    """A proxy may put a header of its own in place of ours. frame-ancestors counts in headers only."""
    (stated,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', served.get("").body.decode())
    assert f"{stated}; frame-ancestors 'none'" == access.CSP


OTHER = "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:"


def test_the_policy_of_another_program_does_not_replace_ours(tmp_path: Path) -> None:
    """ComfyUI with --disable-api-nodes sets its policy on every answer after its handler has returned."""
    seqsave.save([np.zeros((8, 8, 3), np.uint8)], tmp_path)
    pages = Pages("/look")

    @web.middleware
    async def blocking(request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        response.headers["Content-Security-Policy"] = OTHER
        return response

    async def visit(client: ClientSession) -> None:
        page = await pages.open([(tmp_path, None)])
        for path in ("", "static/main.js", "0/f/0/half.jpg", "0/f/9/half.jpg", "sequences.json"):
            async with client.get(f"{page}{path}") as answer:
                assert answer.headers.getall("Content-Security-Policy") == [access.CSP, OTHER]
                assert answer.headers["X-Content-Type-Options"] == "nosniff"

    served_elsewhere(pages, visit, blocking)
