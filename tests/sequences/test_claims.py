"""Files whose names fit several sequences: the manifests decide by what they record."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import seqsave
from seqsave.targets.memory import MemoryTarget
from tests.support.places import Place

SMALL, LARGE = np.random.default_rng(1).integers(0, 256, (2, 4, 6, 3), np.uint8)
PATTERN = "take_#_00001.png"


def lines(url: object, **settings: object) -> dict[str, tuple[int, ...]]:
    return {one.pattern: one.indices for one in seqsave.find_sequences(url, **settings)}  # type: ignore[arg-type]


def stale(place: Place) -> None:
    """Save a sequence whose manifest stays, and whose frames are removed."""
    inside = Place(place.kind, f"{place.url}/gone", place.storage_options, place.server)
    seqsave.save([SMALL] * 5, inside.url, prefix="take_3", storage_options=place.storage_options)
    place.write(".seqsave/take_3.png.json", inside.read(".seqsave/take_3.png.json"))


def takes(place: Place, picture: np.ndarray = LARGE, *, manifest: bool = True) -> None:
    """Save frames 1 to 4 of the sequence whose frame 3 looks like frame 1 of take_3."""
    how = {"start": 1, "storage_options": place.storage_options, "filetype": "png"}
    big = np.kron(picture, np.ones((2, 2, 1), np.uint8))
    seqsave.save([big] * 4, f"{place.url}/{PATTERN}", manifest=manifest, **how)


@pytest.mark.parametrize("manifest", [True, False])
def test_a_stale_manifest_takes_no_frame_of_another_sequence(place: Place, manifest: bool) -> None:
    stale(place)
    takes(place, manifest=manifest)
    assert lines(place.url, storage_options=place.storage_options) == {PATTERN: (1, 2, 3, 4)}


@pytest.mark.parametrize("manifest", [True, False])
def test_files_of_one_size_differ_in_their_bytes(tmp_path: Path, manifest: bool) -> None:
    place = Place("local", str(tmp_path))
    seqsave.save([SMALL] * 5, tmp_path / "gone", prefix="take_3", filetype="png", options={"compression": "fast"})
    (tmp_path / ".seqsave").mkdir()
    shutil.move(tmp_path / "gone" / ".seqsave" / "take_3.png.json", tmp_path / ".seqsave")
    size = (tmp_path / "gone" / "take_3_00001.png").stat().st_size
    shutil.rmtree(tmp_path / "gone")
    takes(place, manifest=manifest)
    path = tmp_path / "take_3_00001.png"
    data = path.read_bytes()
    text = (tmp_path / ".seqsave" / "take_3.png.json").read_text()
    (tmp_path / ".seqsave" / "take_3.png.json").write_text(text.replace(f'"size": {size}', f'"size": {len(data)}'))
    copy = tmp_path / "copy"  # without the version that proves which file it is
    shutil.copytree(tmp_path, copy)
    assert lines(copy) == {PATTERN: (1, 2, 3, 4)}


def test_interrupted_runs_whose_names_differ_in_their_shot_stay_apart(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for prefix in ("shot_v1", "shot_v2"):
        with pytest.warns(seqsave.SeqSaveWarning, match="not saved"):
            seqsave.save(
                [SMALL], place.url, prefix=prefix, total=5, manifest=True, storage_options=place.storage_options
            )
    read: list[str] = []
    real = MemoryTarget.read
    monkeypatch.setattr(MemoryTarget, "read", lambda target, path: [read.append(path), real(target, path)][1])
    found = lines(place.url, storage_options=place.storage_options)
    assert found == {"shot_v1_#####.png": (0,), "shot_v2_#####.png": (0,)}
    assert read == []  # no manifest is read where all of these files have one


def test_a_recorded_frame_stays_beside_files_of_other_programs(place: Place) -> None:
    options = place.storage_options
    seqsave.save([SMALL], place.url, prefix="take_3", start=1, manifest=True, storage_options=options)
    for index in (1, 2):
        place.write(f"take_{index}_00001.png", b"other")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = lines(place.url, storage_options=options)
    assert found == {"take_#_00001.png": (1, 2), "take_3_#####.png": (1,)}


def test_what_no_manifest_decides_is_named(place: Place) -> None:
    """A run over take_3 was killed before it could record its frame, which also continues take_1 and take_2."""
    for index in (1, 2, 3):
        place.write(f"take_{index}_00001.png", b"x")
    inside = Place(place.kind, f"{place.url}/killed", place.storage_options, place.server)
    options = place.storage_options
    with (
        pytest.raises(ZeroDivisionError),
        seqsave.open_writer(inside.url, prefix="take_3", total=9, storage_options=options) as writer,
    ):
        writer.write(SMALL)
        raise ZeroDivisionError
    place.write(".seqsave/take_3.png.json", inside.read(".seqsave/take_3.png.json"))
    with pytest.warns(
        seqsave.SeqSaveWarning, match=r"take_3_00001\.png in .* may be a frame of take_3_#####\.png or of"
    ):
        found = lines(place.url, storage_options=options)
    assert found == {"take_#_00001.png": (1, 2), "take_3_#####.png": (1,)}
