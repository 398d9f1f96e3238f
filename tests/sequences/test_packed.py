"""Stored small pictures go where their frames go: with ``rm`` and with ``mv``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import seqsave
from seqsave.pictures.packs import unpack_all
from tests.cli.runner import options
from tests.cli.runner import seqsave as command
from tests.look.proxied import packs, picture, shown

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place


def save(place: Place, values: range, **more: Any) -> None:
    frames = [picture(value) for value in values]
    seqsave.save(frames, place.url, proxies=True, storage_options=place.storage_options, **more)


def in_packs(place: Place) -> list[int]:
    return sorted(source.index for name in packs(place) for source, _ in unpack_all(place.read(name)))


@pytest.mark.parametrize("manifest", [True, False])
def test_a_sequence_goes_with_its_pictures_and_nothing_else(place: Place, manifest: bool) -> None:
    save(place, range(70), manifest=manifest)
    save(place, range(3), prefix="other")
    command("rm", place.url, "--prefix", "frame", "--yes", *options(place))
    assert {name.split("/")[1] for name in packs(place)} == {"other.png.proxies"}
    assert shown(place) == {(value, None): (value, value) for value in range(3)}


def test_a_local_folder_is_left_empty(tmp_path: Path) -> None:
    seqsave.save([picture(1)], tmp_path / "a", proxies=True)
    command("rm", tmp_path / "a", "--yes")
    assert list((tmp_path / "a").rglob("*")) == []


@pytest.mark.parametrize("manifest", [True, False])
def test_removed_frames_leave_no_picture(place: Place, manifest: bool) -> None:
    save(place, range(130), manifest=manifest)
    command("rm", place.url, "--frames", "3,64-129", "--yes", *options(place))
    assert len(packs(place)) == 1
    assert in_packs(place) == [value for value in range(64) if value != 3]
    assert shown(place) == {(value, None): (value, value) for value in range(64) if value != 3}


@pytest.mark.parametrize("manifest", [True, False])
def test_pictures_move_with_their_frames(place: Place, tmp_path: Path, manifest: bool) -> None:
    save(place, range(70), manifest=manifest)
    command("mv", place.url, tmp_path / "new" / "shot.####.png", *options(place, "--source-storage-option"))
    assert [name for name in place.names() if ".seqsave" in name] in ([], [".seqsave/frame.png.json.lock"])
    there = type(place)("local", str(tmp_path / "new"))
    assert len(packs(there)) == 2
    if manifest:  # otherwise a copy has another version, and nothing shows that it has the same bytes
        assert shown(there) == {(value, None): (value, value) for value in range(70)}


def test_pictures_are_found_under_new_numbers(place: Place) -> None:
    save(place, range(70))
    command("mv", place.url, place.url, "--offset", 1000, *options(place))
    assert shown(place) == {(value + 1000, None): (value, value) for value in range(70)}
    command("rm", place.url, "--frames", "1003", "--yes", *options(place))
    assert 3 not in in_packs(place)
    assert shown(place)[1004, None] == (4, 4)


def test_frames_with_the_earlier_numbers_of_others_take_none_of_theirs(place: Place) -> None:
    save(place, range(70))
    command("mv", place.url, place.url, "--offset", 30, *options(place))
    command("rm", place.url, "--frames", "40-50", "--yes", *options(place))
    assert shown(place) == {(value + 30, None): (value, value) for value in range(70) if not 10 <= value <= 20}
    assert in_packs(place) == [value for value in range(70) if not 10 <= value <= 20]


def test_a_renamed_sequence_keeps_them_without_a_manifest(place: Place) -> None:
    save(place, range(3), manifest=False)
    pattern = f"{place.url}/shot_#####.png"
    command("mv", place.url, pattern, *options(place))
    found = shown(place)
    assert {value for pair in found.values() for value in pair} <= {None, 0, 1, 2}
    if place.kind != "memory":
        assert found == {(value, None): (value, value) for value in range(3)}
