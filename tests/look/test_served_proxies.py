"""Stored proxies in the server: what it reads for them, and that they never hide a newer frame."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from seqsave import save
from tests.look.proxied import picture
from tests.look.serving import serving
from tests.support.patience import PATIENCE, wait_until
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place


def test_stored_proxies_are_shown_without_reading_their_frames(s3_server: S3Server, proxy: Proxy) -> None:
    url = s3_server.new_prefix()
    save([picture(value) for value in range(8)], url, proxies=True, storage_options=s3_server.storage_options)
    options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}

    def read() -> list[str]:
        """Return the names of the frames that were read, and "pack" for each request to a pack."""
        names = [one.path.rpartition("/")[2] for one in list(proxy.requests)]
        return [name if name.endswith(".png") else "pack" for name in names if name.endswith((".png", ".pack"))]

    with serving(url, storage_options=options) as server:
        (sequence,) = server.sequences()
        assert (sequence["proxies"], sequence["width"], sequence["height"]) == (True, 40, 24)
        assert read() == []
        for index in range(8):
            for size in ("thumb", "half"):
                assert server.get(f"0/f/{index}/{size}.jpg").pixels[-3, -3, 1] == index
        wait_until(lambda: len(read()) > 1, "what the first frame states")
        assert read() == ["pack", "frame_00000.png"]
        server.get("0/f/3/half.jpg?ev=1")  # that of the file, brighter
        assert read() == ["pack", "frame_00000.png", "frame_00003.png"]


def test_what_a_frame_states_follows_the_first_picture(tmp_path: Path) -> None:
    save([picture(1)] * 2, tmp_path, proxies=True, color="display-p3")
    with serving(tmp_path) as server, server.events() as events:
        (before,) = server.sequences()
        wait_until(lambda: events.named("state"), "the first event")
        assert before["space"] is None
        server.get("0/f/0/half.jpg")
        wait_until(lambda: events.named("sequences"), "the event")
        (after,) = server.sequences()
        assert after["space"] == "display-p3"
        assert events.named("sequences")[-1]["version"] == after["version"] != before["version"]


def test_a_replaced_frame_is_shown_and_not_its_old_proxy(place: Place) -> None:
    how: dict[str, Any] = {"storage_options": place.storage_options}
    save([picture(value) for value in range(3)], place.url, proxies=True, **how)
    with serving(place.url, **how) as server:
        assert server.get("0/f/1/half.jpg").pixels[-3, -3, 1] == 1
        save([picture(200)], place.url, start=1, **how)
        asyncio.run_coroutine_threadsafe(server.viewer.look_again(), server.loop).result(PATIENCE)
        assert server.get("0/f/1/half.jpg").pixels[-3, -3, 1] == 200
        assert server.get("0/f/2/half.jpg").pixels[-3, -3, 1] == 2
        save([picture(100)], place.url, start=0, proxies=True, **how)
        asyncio.run_coroutine_threadsafe(server.viewer.look_again(), server.loop).result(PATIENCE)
        shown = server.viewer.shown[0]
        assert shown.stored is not None
        assert shown.stored.has(shown.sequence.frame(0))  # the new picture, as the server has looked again


def test_a_sequence_without_proxies_says_so(tmp_path: Path) -> None:
    save([picture(1)], tmp_path)
    with serving(tmp_path) as server:
        assert not server.sequences()[0]["proxies"]
