"""Names that another program has copied to the other Unicode form: they are those of the same frames and manifest."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.look.stored import StoredProxies
from seqsave.sequences import progress
from seqsave.sequences.verify import verify
from tests.cli.runner import seqsave as command
from tests.support.needs import needs_package
from tests.support.places import Place
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

OLD, NEW = np.full((4, 4, 3), 10, np.uint8), np.full((4, 4, 3), 200, np.uint8)
COMPOSED, DECOMPOSED = "\xe9", "e\u0301"
BOTH = pytest.mark.parametrize(("own", "other"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])


# A run adds frames in its own form to those that exist in the other one.
pytestmark = pytest.mark.filterwarnings("ignore:.*some names are in Unicode's composed form:seqsave.SeqSaveWarning")


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def copied(place: Place, to: Place) -> None:
    """Copy all files of a place as an archive of a Mac has them."""
    for name in place.names():
        to.write(decomposed(name), place.read(name))


@pytest.fixture
def there(place: Place) -> Place:
    """Another folder of the same storage."""
    return Place(place.kind, f"{place.url}-copy", place.storage_options, place.server)


def open_there(there: Place) -> seqsave.FrameSequence:
    return seqsave.open_sequence(there.url, storage_options=there.storage_options)


def state(there: Place) -> str:
    return str(progress.progress_of(open_there(there)))


def values(there: Place) -> list[int]:
    return [int(array[0, 0, 0]) for array in open_there(there).arrays()]


def interrupted(place: Place, prefix: str = COMPOSED, **settings: Any) -> None:
    """Save two frames of five."""
    with pytest.warns(seqsave.SeqSaveWarning, match="not saved"):
        seqsave.save([OLD] * 2, place.url, prefix=prefix, total=5, storage_options=place.storage_options, **settings)


# --- the manifest ----------------------------------------------------------------------------------------------------


@pytest.mark.every_day
def test_an_interrupted_run_is_known_by_a_manifest_of_the_other_form(place: Place, there: Place) -> None:
    interrupted(place)
    copied(place, there)
    assert state(there) == "unfinished, 2 of 5"


def test_the_manifest_is_changed_under_the_name_that_it_has(place: Place, there: Place) -> None:
    interrupted(place)
    copied(place, there)
    files = there.names()
    seqsave.save([NEW] * 5, there.url, prefix=COMPOSED, total=5, storage_options=there.storage_options)
    manifests = [name for name in there.names() if name.endswith(".json")]
    assert manifests == [f".seqsave/{DECOMPOSED}.png.json"]
    assert set(files) < set(there.names())
    assert state(there) == "complete"


@pytest.mark.parametrize("if_exists", ["skip", "skip valid"])
def test_frames_of_the_other_form_are_kept_and_recorded(place: Place, there: Place, if_exists: Any) -> None:
    interrupted(place)
    copied(place, there)
    how: Any = {"prefix": COMPOSED, "total": 5, "storage_options": there.storage_options, "if_exists": if_exists}
    result = seqsave.save([NEW] * 5, there.url, **how)
    assert [frame.status for frame in result.frames] == ["skipped"] * 2 + ["saved"] * 3
    assert [frame.url.rpartition("/")[2] for frame in result.frames] == there.frames()
    for frame in result.frames:
        seqsave.open_frame(frame.url, storage_options=there.storage_options)
    assert state(there) == "complete"
    assert verify(open_there(there)).findings == ()
    assert values(there) == [10, 10, 200, 200, 200]


def test_batches_and_proxies_of_the_other_form(place: Place, there: Place) -> None:
    how: Any = {"storage_options": place.storage_options, "proxies": True}
    with seqsave.open_writer(place.url, prefix=COMPOSED, total=2, **how) as writer:
        writer.write_batch(np.stack([OLD, NEW]))
        writer.write_batch(np.stack([NEW, OLD]))
    copied(place, there)
    assert state(there) == "complete"
    assert len(StoredProxies(open_there(there)).packs()) == 2


def test_sidecars_of_the_other_form(place: Place, there: Place) -> None:
    how: Any = {"prefix": COMPOSED, "storage_options": place.storage_options, "filetype": "jpg"}
    seqsave.save([OLD], place.url, metadata={"seed": 7}, metadata_in="sidecar", **how)
    name = f"{COMPOSED}_00000.jpg"
    for file in place.names():  # the frame keeps its name, and the sidecar does not
        there.write(file if file == name else decomposed(file), place.read(file))
    assert open_there(there)[0].read_metadata()["seed"] == 7


def test_commands_find_a_manifest_of_the_other_form(tmp_path: Path) -> None:
    place, there = Place("local", str(tmp_path / "a")), Place("local", str(tmp_path / "b"))
    interrupted(place, proxies=True)
    copied(place, there)
    assert "unfinished, 2 of 5; to render again: 2-4" in command("ls", there.url, status=1).out
    assert "missing: 2-4" in command("verify", there.url, status=1).out
    moved = tmp_path / "c"
    command("mv", there.url, f"{moved}/x.####.png")
    assert there.names() == []
    assert "unfinished, 2 of 5" in command("ls", moved, status=1).out
    copied(place, there)
    command("rm", there.url, "--yes")
    assert there.names() == []


def test_preview_and_page_of_the_other_form_are_replaced(tmp_path: Path) -> None:
    needs_package("av")
    place, there = Place("local", str(tmp_path / "a")), Place("local", str(tmp_path / "b"))
    seqsave.save([np.full((64, 64, 3), value, np.uint8) for value in (10, 200)], place.url, prefix=COMPOSED)
    for name in ("preview", "page"):
        command(name, place.url)
    copied(place, there)
    before = there.names()
    for name in ("preview", "page"):
        command(name, there.url)
    seqsave.save([np.full((64, 64, 3), 7, np.uint8)] * 2, there.url, prefix=COMPOSED, preview="mp4")
    assert there.names() == before


# --- frames ----------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("if_exists", ["overwrite", "replace"])
def test_an_existing_frame_of_the_other_form_is_replaced(place: Place, own: str, other: str, if_exists: Any) -> None:
    how: Any = {"storage_options": place.storage_options}
    seqsave.save([OLD] * 3, place.url, prefix=other, **how)
    result = seqsave.save([NEW] * 3, place.url, prefix=own, if_exists=if_exists, **how)
    assert place.frames() == [f"{other}_0000{index}.png" for index in range(3)]
    assert [frame.url.rpartition("/")[2] for frame in result.frames] == place.frames()
    sequence = open_there(place)
    assert values(place) == [200] * 3
    assert state(place) == "complete"
    assert verify(sequence, deep=True).findings == ()


@BOTH
def test_an_existing_frame_of_the_other_form_is_refused(place: Place, own: str, other: str) -> None:
    how: Any = {"storage_options": place.storage_options}
    seqsave.save([OLD] * 3, place.url, prefix=other, **how)
    before = {name: place.read(name) for name in place.frames()}
    form = "decomposed" if other == DECOMPOSED else "composed"
    with pytest.raises(seqsave.SaveError, match=f"already exists, with its name in Unicode's {form} form"):
        seqsave.save([NEW] * 3, place.url, prefix=own, if_exists="error", **how)
    assert {name: place.read(name) for name in place.frames()} == before
    assert state(place) == "complete"


@pytest.mark.parametrize("if_exists", ["overwrite", "error", "skip"])
def test_a_part_of_a_run_finds_frames_of_the_other_form(place: Place, if_exists: Any) -> None:
    how: Any = {"storage_options": place.storage_options}
    seqsave.save([OLD] * 2, place.url, prefix=DECOMPOSED, **how)
    run_ = seqsave.open_run(place.url, prefix=COMPOSED, total=3, if_exists=if_exists, **how)
    run_.begin()
    if if_exists == "error":
        with pytest.raises(seqsave.SaveError, match="already exists, with its name in Unicode's decomposed form"):
            run_.write(NEW, index=0)
        return
    run_.commit([run_.write(NEW, index=index) for index in range(3)])
    assert place.frames() == [*(f"{DECOMPOSED}_0000{index}.png" for index in range(2)), f"{COMPOSED}_00002.png"]
    assert state(place) == "complete"
    assert values(place) == ([10, 10, 200] if if_exists == "skip" else [200] * 3)


def test_a_frame_with_files_of_both_forms_is_written_to_its_own(place: Place) -> None:
    how: Any = {"storage_options": place.storage_options, "prefix": COMPOSED}
    seqsave.save([OLD] * 2, place.url, **how)
    place.write(f"{DECOMPOSED}_00000.png", place.read(f"{COMPOSED}_00000.png"))
    seqsave.save([NEW] * 2, place.url, **how)
    assert place.read(f"{COMPOSED}_00000.png") != place.read(f"{DECOMPOSED}_00000.png")
    found = verify(open_there(place))
    assert [(one.kind, one.message) for one in found.findings] == [
        (
            "duplicate",
            f"{DECOMPOSED}_00000.png (in Unicode's decomposed form) has the number of {COMPOSED}_00000.png (composed)",
        )
    ]


def test_replace_leaves_one_of_two_forms(place: Place) -> None:
    how: Any = {"storage_options": place.storage_options, "prefix": COMPOSED}
    seqsave.save([OLD] * 2, place.url, **how)
    place.write(f"{DECOMPOSED}_00000.png", place.read(f"{COMPOSED}_00000.png"))
    seqsave.save([NEW] * 2, place.url, if_exists="replace", **how)
    assert place.frames() == [f"{COMPOSED}_00000.png", f"{COMPOSED}_00001.png"]
    assert state(place) == "complete"


@pytest.mark.parametrize(("prefix", "looks"), [("frame", 0), ("\u5c71", 0), (COMPOSED, 3 + 1)])
def test_only_names_of_two_forms_cost_a_request(s3_server: S3Server, proxy: Proxy, prefix: str, looks: int) -> None:
    """One for each frame and one for the manifest, and no listing."""
    options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    seqsave.save([OLD] * 3, s3_server.new_prefix(), prefix=prefix, storage_options=options)
    methods = [request.method for request in proxy.requests]
    assert (methods.count("HEAD"), methods.count("GET"), methods.count("PUT")) == (looks, 2, 5)
