"""Small pictures for sequences that exist."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave.look.stored import StoredProxies
from seqsave.look.storing import make_proxies
from seqsave.manifest import path_of
from tests.look.proxied import grey, opened, packs, picture, shown
from tests.support.patience import wait_until

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


def test_packs_of_frames_that_were_replaced_are_deleted(place: Place) -> None:
    save(place, range(3), proxies=True)
    (old,) = packs(place)
    save(place, range(10, 13))  # without proxies: the old pictures belong to no frame any more
    made = make_proxies(opened(place))
    assert (made.made, made.removed) == (3, 1)
    (new,) = packs(place)
    assert new != old
    assert shown(place)[1, None] == (11, 11)
    again = make_proxies(opened(place))
    assert (again.made, again.kept, again.removed) == (0, 3, 0)
    assert packs(place) == [new]


@pytest.mark.filterwarnings("ignore:64 saved frames were replaced before this run ended")
def test_packs_of_a_run_that_goes_on_stay(tmp_path: Path) -> None:
    seqsave.save([picture(1)], tmp_path)
    with seqsave.open_writer(tmp_path, start=64, proxies=True) as writer:
        for value in range(65):
            writer.write(picture(value)).result()
        wait_until(lambda: [*tmp_path.rglob("64_127.*.pack")], "the pack of the first 64")
        for path in tmp_path.glob("frame_*.png"):
            path.write_bytes((tmp_path / "frame_00000.png").read_bytes())
        assert make_proxies(seqsave.open_sequence(tmp_path)).removed == 0


def test_a_copy_by_another_program_is_healed(tmp_path: Path) -> None:
    """It has other times of change, so that nothing shows that its frames are those of the manifest."""
    seqsave.save([picture(value) for value in range(3)], tmp_path / "a", proxies=True)
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)
    sequence = seqsave.open_sequence(tmp_path / "b")
    assert not StoredProxies(sequence).has(sequence[1])
    made = make_proxies(sequence)
    assert (made.made, made.removed) == (3, 1)
    sequence = seqsave.open_sequence(tmp_path / "b")
    assert grey(StoredProxies(sequence).jpeg(sequence[1], "half")) == 1


@pytest.mark.parametrize("how", ["gone", "moved"])
def test_without_its_manifest_a_sequence_keeps_its_pictures(place: Place, how: str) -> None:
    """The listing shows that the frames are the files that the pictures were made of."""
    save(place, range(3), proxies=True)
    name = path_of("", opened(place).name)
    data = place.read(name)
    target = opened(place).target
    assert target is not None
    target.delete(name)
    if how == "moved":
        place.write(name.replace("frame", "other"), data)
    assert shown(place)[1, None] == (1, 1)
    assert make_proxies(opened(place)).kept == 3
