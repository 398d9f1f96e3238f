"""Small pictures for sequences that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave.look.storing import make_proxies
from tests.look.proxied import opened, packs, picture, shown

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place


def save(place: Place, values: range, **more: Any) -> None:
    frames = [picture(value) for value in values]
    seqsave.save(frames, place.url, storage_options=place.storage_options, **more)


@pytest.mark.parametrize("manifest", [True, False])
def test_each_frame_gets_its_picture(place: Place, manifest: bool) -> None:
    save(place, range(70), manifest=manifest)
    seen: list[int] = []
    made = make_proxies(opened(place), on_frame=lambda frame: seen.append(frame.index))
    assert (made.made, made.kept, made.failed, made.unbound) == (70, 0, [], 0)
    assert sorted(seen) == list(range(70))
    assert shown(place) == {(value, None): (value, value) for value in range(70)}
    assert len(packs(place)) == 2
    assert made.bytes == sum(len(place.read(name)) for name in packs(place))
    again = make_proxies(opened(place))
    assert (again.made, again.kept) == (0, 70)
    if manifest:
        known = opened(place).manifest
        assert known is not None
        assert known.complete
        assert all(entry.proxy for entry in known.frames)


def test_only_frames_without_a_picture_get_one(place: Place) -> None:
    save(place, range(5), proxies=True)
    save(place, range(100, 102), start=2)
    made = make_proxies(opened(place))
    assert (made.made, made.kept) == (2, 3)
    assert [found[1] for found in shown(place).values()] == [0, 1, 100, 101, 4]


def test_damaged_frames_are_left_out(tmp_path: Path) -> None:
    seqsave.save([picture(value) for value in range(3)], tmp_path)
    whole = (tmp_path / "frame_00001.png").read_bytes()
    (tmp_path / "frame_00001.png").write_bytes(whole[:-40])
    made = make_proxies(seqsave.open_sequence(tmp_path))
    assert made.made == 2
    ((frame, error),) = made.failed
    assert frame.index == 1
    assert "frame_00001.png" in str(error)


def test_other_programs_frames_with_gaps_and_batches(tmp_path: Path) -> None:
    from PIL import Image

    from seqsave.look.stored import StoredProxies
    from tests.look.proxied import grey

    for batch in (0, 1):
        folder = tmp_path / f"batch_{batch:04d}"
        folder.mkdir()
        for index in (10, 12, 14, 90):
            Image.fromarray(np.full((8, 8, 3), index + batch, np.uint8)).save(folder / f"shot.{index:04d}.png")
    sequence = seqsave.open_sequence(tmp_path)
    made = make_proxies(sequence)
    assert (made.made, made.unbound) == (8, 0)
    reader = StoredProxies(sequence)
    for frame in sequence:
        assert grey(reader.jpeg(frame, "half")) == frame.index + (frame.batch or 0)
    assert len(list(tmp_path.glob(".seqsave/*/*.pack"))) == 2  # every other frame: a pack reaches from 10 to 136


def test_an_interrupt_keeps_what_was_made(tmp_path: Path) -> None:
    seqsave.save([picture(value) for value in range(5)], tmp_path)

    def interrupt(frame: Any) -> None:
        if frame.index == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_proxies(seqsave.open_sequence(tmp_path), on_frame=interrupt)
    again = make_proxies(seqsave.open_sequence(tmp_path))
    assert (again.made, again.kept) == (2, 3)
