"""A real web server is read only within the URLs of an option; redirects and its name lead elsewhere."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from seqsave import TargetError, targets
from tests.support.web import WebServer, set_names

pytest.importorskip("aiohttp")

FRAME = b"a frame"


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer.running() as one:
        one.files["/shots/frame_00000.png"] = FRAME
        yield one


@pytest.fixture
def secret() -> Iterator[WebServer]:
    """Another server of this machine, which only this machine reaches."""
    with WebServer.running() as one:
        one.files["/shots/key"] = one.files["/key"] = b"secret"
        yield one


def confined(url: str, *within: str) -> targets.Target:
    return targets.resolve(url, {"within": list(within)} if within else None)


def outside(target: targets.Target, path: str) -> None:
    for read in (target.read, target.look, target.exists, target.open_read):
        with pytest.raises(TargetError, match="leads to another address") as caught:
            read(path)
        assert caught.value.fault == "outside"
        assert not caught.value.transient
        assert "secret" not in str(caught.value)


def test_a_frame_is_read(server: WebServer) -> None:
    target = confined(f"{server.url}/shots", server.url)
    assert target.read("frame_00000.png") == FRAME
    assert pickle.loads(pickle.dumps(target)).read("frame_00000.png") == FRAME  # noqa: S301 - our own
    assert not target.exists("frame_00001.png")


def test_a_redirect_inside_is_followed(server: WebServer) -> None:
    server.redirects["/shots/old"] = "/shots/frame_00000.png"
    assert confined(f"{server.url}/shots", f"{server.url}/shots").read("old") == FRAME


@pytest.mark.parametrize(
    "place",
    [
        *("{secret}/key", "//127.0.0.1:{port}/key", "/private", "/shots/../private", "/shots/..%2fprivate"),
        *("/shots/%2e%2e/private", "http://localhost:{own}/shots/x", "https://127.0.0.1:{own}/shots/x"),
        *("http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]/", "http://[::ffff:127.0.0.1]:{port}/key"),
        *("http://2130706433:{port}/key", "http://127.1:{port}/key", "http://0x7f.0.0.1:{port}/key", "file:///etc/x"),
        *("http://0177.0.0.1:{port}/key", "http://user:secret@127.0.0.1:{port}/key", "http://[nonsense"),
    ],
)
def test_a_redirect_that_leads_away(server: WebServer, secret: WebServer, place: str) -> None:
    server.files["/private"] = b"secret"
    server.redirects["/shots/x"] = place.format(secret=secret.url, port=secret.server_port, own=server.server_port)
    target = confined(f"{server.url}/shots", f"{server.url}/shots")
    with pytest.raises(TargetError) as caught:
        target.read("x")
    assert caught.value.fault == "outside"
    assert secret.asked == []
    assert not any("private" in asked for asked in server.asked)


def test_a_chain_of_redirects(server: WebServer, secret: WebServer) -> None:
    server.redirects |= {"/shots/x": "/shots/y", "/shots/y": f"{secret.url}/key"}
    outside(confined(f"{server.url}/shots", server.url), "x")
    assert secret.asked == []


def test_without_the_option_redirects_are_followed(server: WebServer, secret: WebServer) -> None:
    server.redirects["/shots/x"] = f"{secret.url}/key"
    assert confined(f"{server.url}/shots").read("x") == b"secret"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "0.0.0.0"])  # noqa: S104
def test_a_name_that_leads_to_this_machine(secret: WebServer, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    looked_up = set_names(monkeypatch, {"renders.example": address})
    for within in ("http://", f"http://renders.example:{secret.server_port}"):
        outside(confined(f"http://renders.example:{secret.server_port}/shots", within), "key")
    assert looked_up
    assert secret.asked == []


def test_an_address_that_the_option_names(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_names(monkeypatch, {"renders.example": "127.0.0.1"})
    named = f"http://renders.example:{server.server_port}"
    assert confined(f"{named}/shots", named, "http://127.0.0.1").read("frame_00000.png") == FRAME
    local = f"http://localhost:{server.server_port}"
    assert confined(f"{local}/shots", local).read("frame_00000.png") == FRAME


def test_an_address_in_the_url_that_the_option_does_not_name(secret: WebServer) -> None:
    """``http://`` covers every host, and names none."""
    outside(confined(f"{secret.url}/shots", "http://"), "key")
    outside(confined(f"{secret.url}/shots", "http://127.0.0.1:1/shots"), "key")
    assert secret.asked == []


def test_targets_with_and_without_the_option_share_no_client(server: WebServer, secret: WebServer) -> None:
    server.redirects["/shots/x"] = f"{secret.url}/key"
    free, bound = confined(f"{server.url}/shots"), confined(f"{server.url}/shots", server.url)
    assert free.read("x") == b"secret"
    outside(bound, "x")
    assert free.read("x") == b"secret"


def test_options_of_the_client_stay(server: WebServer) -> None:
    made: list[Any] = []

    async def get_client(**settings: Any) -> Any:
        import aiohttp

        made.append(settings)
        return aiohttp.ClientSession(**settings)

    options = {"within": [server.url], "get_client": get_client, "client_kwargs": {"headers": {"X-Key": "5"}}}
    assert targets.resolve(f"{server.url}/shots", options).read("frame_00000.png") == FRAME
    assert made[0]["headers"] == {"X-Key": "5"}


def test_which_targets_can_be_confined() -> None:
    assert all(map(targets.takes_within, ("file", "HTTP", "https", "s3", "s3a")))
    assert not any(map(targets.takes_within, ("memory", "ftp")))
