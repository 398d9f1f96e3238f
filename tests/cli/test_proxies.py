"""``seqsave proxies``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqsave import save
from tests.cli.runner import options, seqsave
from tests.look.proxied import picture, shown

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place


def test_each_frame_gets_its_picture(place: Place) -> None:
    save([picture(value) for value in range(5)], place.url, storage_options=place.storage_options)
    assert "stored proxies of 5 frames of frame_#####.png in" in seqsave("proxies", place.url, *options(place)).out
    assert shown(place) == {(value, None): (value, value) for value in range(5)}
    assert "complete" in seqsave("verify", place.url, *options(place)).out
    reported = seqsave("proxies", place.url, "--json", *options(place)).document
    assert (reported["made"], reported["kept"], reported["failed"]) == (0, 5, [])


def test_damaged_frames_are_named(tmp_path: Path) -> None:
    save([picture(value) for value in range(7)], tmp_path)
    for index in range(4):
        whole = (tmp_path / f"frame_{index:05d}.png").read_bytes()
        (tmp_path / f"frame_{index:05d}.png").write_bytes(whole[:-40])
    done = seqsave("proxies", tmp_path, status=1)
    assert "stored proxies of 3 frames" in done.out
    assert "frame_00002.png has no proxy: the file is truncated" in done.err
    assert "frame_00003" not in done.err
    assert "4 frames have no proxies in all" in done.err


def test_a_place_without_a_sequence(tmp_path: Path) -> None:
    assert "no sequence" in seqsave("proxies", tmp_path, status=1).err
