"""A sequence saved elsewhere: its files byte for byte, under their own names and numbers."""

from __future__ import annotations

import itertools
import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

import seqsave
from seqsave import naming
from seqsave.saving.copies import Copy
from seqsave.sequences import repair
from seqsave.sequences.progress import progress_of
from tests.cli.runner import seqsave as command
from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets

PICTURE = np.zeros((4, 6, 3), np.uint8)
NAME = st.text(st.sampled_from(string.ascii_letters + string.digits + "..__-- ()é日"), max_size=10)
_runs = itertools.count()


@st.composite
def names(draw: st.DrawFn) -> list[str]:
    """The names of one sequence as other programs write it: padding, extension and separators of any kind."""
    # No folder, no hidden file, and one number: what is left of bad names raises, and is seldom.
    head, tail = draw(NAME).lstrip(". "), draw(NAME).translate(dict.fromkeys(map(ord, string.digits))).rstrip(". ")
    digits = draw(st.integers(1, 6))
    extension = draw(st.sampled_from(["png", "exr", "dpx", "PNG", "xyz"]))
    try:
        rule = naming.NameRule(head, digits, extension, "", tail)
        return [rule.file_name(index) for index in draw(st.sets(st.integers(-99, 20_000), min_size=2, max_size=5))]
    except seqsave.FrameNameError:
        return []


lacks_frames = pytest.mark.filterwarnings("ignore:.* (missing in|has no frames?) :seqsave.SeqSaveWarning")


def _content(name: str) -> bytes:
    """Return the content of a file that no decoder has to understand, with the beginning that its name asks for."""
    head = {"png": b"", "exr": b"\x76\x2f\x31\x01"}.get(name.rpartition(".")[2].lower(), b"")
    return head + name.encode() * 40  # a file of a few bytes is a truncated one


def _pictures() -> bytes:
    with seqsave.open_writer("memory://copying/one", filetype="png", manifest=False) as writer:
        writer.write(PICTURE)
    return seqsave.open_frame("memory://copying/one/frame_00000.png").read_bytes()


@settings(max_examples=60, deadline=None)
@given(names())
@lacks_frames
def test_every_file_arrives_as_it_is_under_its_own_name(files: list[str]) -> None:
    assume(files)
    run, png = next(_runs), _pictures()
    source, there = (Place("memory", f"memory://copying/{run}/{end}") for end in ("from", "to"))
    for name in files:
        source.write(name, png if name.lower().endswith("png") else _content(name))
    sequences = [one for one in seqsave.find_sequences(source.url) if len(one) == len(files)]
    assume(sequences)  # a name may read as that of another kind of sequence
    result = seqsave.save(sequences[0], there.url)
    assert there.frames() == sorted(files)
    assert [there.read(name) for name in sorted(files)] == [source.read(name) for name in sorted(files)]
    assert result.counts["saved"] == len(files)
    manifest = next(iter(seqsave.find_sequences(there.url))).manifest
    assert manifest is not None
    assert {frame.name: frame.size for frame in manifest.frames} == {name: len(source.read(name)) for name in files}


def _rendered(place: Place, folder: str = "from", **more: Any) -> seqsave.FrameSequence:
    url = f"{place.url}/{folder}/shot.####.png"
    seqsave.save([PICTURE + index for index in range(5)], url, storage_options=place.storage_options, **more)
    return seqsave.open_sequence(f"{place.url}/{folder}", storage_options=place.storage_options)


def _save(sequence: Any, place: Place, end: str, **more: Any) -> seqsave.SaveResult:
    return seqsave.save(sequence, f"{place.url}/{end}", storage_options=place.storage_options, **more)


def _opened(place: Place, end: str) -> seqsave.FrameSequence:
    return seqsave.open_sequence(f"{place.url}/{end}", storage_options=place.storage_options)


def test_the_manifest_keeps_what_the_source_states(place: Place) -> None:
    workflow = {"workflow": {"nodes": [1]}}
    source = _rendered(place, start=1001, rate=24, metadata=workflow, recipe="abc")
    _save(source, place, "to")
    one, other = source.manifest, _opened(place, "to").manifest
    assert one is not None
    assert other is not None
    for name in ("rate", "metadata", "recipe", "filetype", "expected", "complete", "start", "pattern"):
        assert getattr(one, name, None) == getattr(other, name, None), name
    stated = [[(f.name, f.size, f.checksum, f.picture, f.recipe) for f in found.frames] for found in (one, other)]
    assert stated[0] == stated[1]
    assert _opened(place, "to").frame(1003).read_metadata() == workflow


@pytest.mark.every_day
def test_gaps_and_batches_stay(place: Place) -> None:
    with seqsave.open_writer(f"{place.url}/from", storage_options=place.storage_options) as writer:
        for index in (3, 4, 7):
            writer.write_batch([PICTURE, PICTURE + 1], index=index)
    _save(_opened(place, "from"), place, "to")
    assert [one for one in place.frames() if one.startswith("to/")] == [
        f"to/batch_{batch:04}/frame_{index:05}.png" for batch in (0, 1) for index in (3, 4, 7)
    ]
    _save(_opened(place, "from"), place, "moved", start=-1)
    assert _opened(place, "moved").indices == (-1, 0, 3)


def test_gaps_of_a_source_without_a_manifest_are_named(tmp_path: Path) -> None:
    for index in (1, 3, 9):
        seqsave.save([PICTURE], tmp_path / "from", start=index, manifest=False)
    for more in ({}, {"filetype": "jpg"}):
        with pytest.warns(seqsave.SeqSaveWarning, match="has no frames 5-7x2"):
            result = seqsave.save(seqsave.open_sequence(tmp_path / "from"), tmp_path / "to", **more)
        assert result.warnings == (
            f"{tmp_path / 'from'} has no frames 5-7x2: the copy is recorded as complete nevertheless",
        )


@lacks_frames
def test_an_unfinished_sequence_stays_unfinished(place: Place) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        seqsave.open_writer(f"{place.url}/from", total=8, storage_options=place.storage_options) as writer,
    ):
        for index in range(3):
            writer.write(PICTURE + index)
        raise ZeroDivisionError
    _save(_opened(place, "from"), place, "to")
    manifest = _opened(place, "to").manifest
    assert manifest is not None
    assert not manifest.complete
    assert manifest.expected == (range(8),)


@lacks_frames
def test_a_frame_that_was_lost_is_missing_in_the_copy_too(tmp_path: Path) -> None:
    place = Place("local", str(tmp_path))
    source = _rendered(place)
    Path(source.frame(2).url).unlink()
    _save(_opened(place, "from"), place, "to")
    manifest = _opened(place, "to").manifest
    assert manifest is not None
    assert not manifest.complete
    assert manifest.missing == {None: (range(2, 3),)}


def test_other_names_are_copies_and_another_type_is_none(place: Place) -> None:
    source = _rendered(place)
    data = source.frame(0).read_bytes()
    _save(source, place, "named/x-##.png")
    assert place.read("named/x-00.png") == data
    _save(source, place, "prefix", prefix="y")
    assert place.read("prefix/y.0000.png") == data
    _save(source, place, "jpg", filetype="jpg")
    assert place.read("jpg/shot.0000.jpg")[:3] == b"\xff\xd8\xff"
    _save(source, place, "changed", dpi=300)
    assert place.read("changed/shot.0000.png") != data
    with pytest.raises(seqsave.OptionError, match="contradicts"):
        _save(source, place, "jpg/a.####.jpg", filetype="png")


@pytest.mark.parametrize("to", ["to", "to/shot.####.jpg", "to/"])
def test_pictures_that_a_setting_changes_keep_the_type_of_their_files(place: Place, to: str) -> None:
    workflow = {"nodes": [1]}
    frames, embedded = np.zeros((2, 8, 8, 3), np.uint8), "jpg with embedded workflow"
    _save(frames, place, "from", filetype=embedded, metadata={"workflow": workflow})
    sequence = _opened(place, "from")
    _save(sequence, place, to, options={"quality": 30})
    made = _opened(place, "to")
    assert made.extension == "jpg"
    assert made[0].read_metadata()["workflow"] == workflow
    assert made[0].read_bytes() != sequence[0].read_bytes()
    _save(sequence, place, "as/x.####.png", channels="R,G,B")
    assert _opened(place, "as").extension == "png"


def test_a_workflow_that_the_new_type_drops_is_named(place: Place) -> None:
    source = _rendered(place, metadata={"workflow": {"nodes": []}})
    with pytest.warns(seqsave.SeqSaveWarning, match="metadata 'workflow' is not saved"):
        _save(source, place, "to", filetype="jpg")


def test_sidecars_go_along(place: Place) -> None:
    source = _rendered(place, metadata={"seed": 7}, metadata_in="sidecar")
    _save(source, place, "to")
    assert _opened(place, "to").frame(0).read_metadata() == {"seed": 7}
    manifest = _opened(place, "to").manifest
    assert manifest is not None
    assert manifest.metadata == {"seed": 7}


@pytest.mark.parametrize("change", ["cut", "flip"])
def test_a_file_that_is_not_the_recorded_one_is_an_error(tmp_path: Path, change: str) -> None:
    place = Place("local", str(tmp_path))
    path = Path(_rendered(place).frame(3).url)
    data = path.read_bytes()
    path.write_bytes(data[:-20] if change == "cut" else data[:-30] + b"\0" + data[-29:])
    with pytest.raises(seqsave.SaveError, match=r"frame 3: .*shot\.0003\.png is "):
        _save(_opened(place, "from"), place, "to")
    there = _opened(place, "to").indices
    assert {0, 1, 2} <= set(there) <= {0, 1, 2, 4}


def test_files_whose_checksums_cannot_be_computed_are_copied_and_named(tmp_path: Path) -> None:
    seqsave.save([PICTURE, PICTURE + 9], tmp_path / "from")
    manifest = tmp_path / "from/.seqsave/frame.png.json"
    manifest.write_text(manifest.read_text().replace('"crc32:', '"sha256:'))
    source = seqsave.open_sequence(tmp_path / "from")
    for _ in range(2):  # the second time, they exist
        with pytest.warns(seqsave.SeqSaveWarning, match=r"2 frames with a checksum of an unknown algorithm \(sha256:"):
            seqsave.save(source, tmp_path / "to", if_exists="skip valid")
        assert (tmp_path / "to/frame_00001.png").read_bytes() == (tmp_path / "from/frame_00001.png").read_bytes()
    path = tmp_path / "from/frame_00001.png"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.warns(seqsave.SeqSaveWarning), pytest.raises(seqsave.SeqSaveError, match=r"frame_00001\.png"):
        seqsave.save(seqsave.open_sequence(tmp_path / "from"), tmp_path / "other")


def test_nothing_is_copied_onto_itself(place: Place) -> None:
    source = _rendered(place)
    before = {name: place.read(name) for name in place.names() if name.endswith((".png", ".json"))}
    for more in ({}, {"start": 1}, {"filetype": "png"}):
        with pytest.raises(seqsave.FrameNameError, match="would replace a file of the source itself"):
            _save(source, place, "from", **more)
    assert {name: place.read(name) for name in place.names() if name.endswith((".png", ".json"))} == before


def test_nothing_is_copied_onto_itself_by_another_path(tmp_path: Path) -> None:
    source = _rendered(Place("local", str(tmp_path)))
    (tmp_path / "link").symlink_to(tmp_path / "from", target_is_directory=True)
    with pytest.raises(seqsave.FrameNameError, match="would replace a file of the source itself"):
        seqsave.save(source, tmp_path / "link")


@pytest.mark.every_day
def test_resuming_compares_bytes(place: Place) -> None:
    source = _rendered(place)
    _save(source, place, "to")
    old = place.read("to/shot.0002.png")
    place.write("to/shot.0002.png", old[:-1] + b"!")
    place.write("to/shot.0003.png", b"")
    result = _save(source, place, "to", if_exists="skip valid")
    assert result.counts["saved"] == 2
    assert place.read("to/shot.0002.png") == old
    assert _save(source, place, "to", if_exists="skip").counts["skipped"] == 5
    with pytest.raises(seqsave.SaveError, match="already exists"):
        _save(source, place, "to", if_exists="error")


@lacks_frames
def test_files_of_any_kind_by_their_pattern(place: Place) -> None:
    for index in (1, 2, 5):
        place.write(f"from/sim.{index:04}.vdb", bytes([index]) * 99)
    source = _opened(place, "from/sim.####.vdb")
    _save(source, place, "to")
    _save(source, place, "new/s_##.vdb")
    assert place.read("to/sim.0005.vdb") == place.read("new/s_05.vdb") == bytes([5]) * 99
    with pytest.raises(seqsave.EncoderNotFoundError):
        _save(source, place, "png", filetype="png")


def test_sizes_that_change_are_named(place: Place) -> None:
    pictures = [PICTURE, PICTURE, np.zeros((9, 9, 3), np.uint8)]
    with pytest.warns(seqsave.SeqSaveWarning, match="9x9"):
        seqsave.save(pictures, f"{place.url}/from", storage_options=place.storage_options)
    with pytest.warns(seqsave.SeqSaveWarning, match="frame 2: is 9x9, the frames before are 6x4"):
        _save(_opened(place, "from"), place, "to")


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_the_sizes_of_copies_are_recorded(place: Place, kind: str) -> None:
    large = np.zeros((9, 9, 3), np.uint8)
    for folder, images in (("small", [PICTURE, PICTURE]), ("large", [large, large])):
        seqsave.save(
            images, f"{place.url}/{folder}", filetype=kind, manifest=False, storage_options=place.storage_options
        )
    _save(_opened(place, "large"), place, "to", start=2)
    made = _opened(place, "to").manifest
    assert made is not None
    assert {(one.picture.width, one.picture.height, one.picture.channels) for one in made.frames if one.picture} == {
        (9, 9, 3)
    }
    with pytest.warns(seqsave.SeqSaveWarning, match="frames of several sizes: 2-3 are 9x9, those of this run are 6x4"):
        _save(_opened(place, "small"), place, "to")


def test_the_sizes_of_files_that_a_program_encoded_are_recorded(place: Place) -> None:
    place.write("x/frame_00000.png", _pictures())
    with seqsave.open_writer(f"{place.url}/to", filetype="png", storage_options=place.storage_options) as writer:
        writer.write_encoded(place.read("x/frame_00000.png"))
    made = _opened(place, "to").manifest
    assert made is not None
    assert made.picture is not None
    assert (made.picture.width, made.picture.height) == (6, 4)


@pytest.mark.parametrize("name", ["frame_002.PNG", "frame_00002.png"])
def test_the_event_of_another_size_has_the_url_of_the_file(place: Place, name: str) -> None:
    with seqsave.open_writer("memory://copying/wide", filetype="png", manifest=False) as writer:
        writer.write(np.zeros((9, 9, 3), np.uint8))
    place.write("from/frame_00001.png", _pictures())
    place.write(f"from/{name}", seqsave.open_frame("memory://copying/wide/frame_00000.png").read_bytes())
    events: list[seqsave.Event] = []
    with pytest.warns(seqsave.SeqSaveWarning, match="frame 2: is 9x9"):
        _save(_opened(place, "from"), place, "to", on_event=events.append)
    urls = [event.url or "" for event in events if event.kind == "warning"]
    assert [url.rpartition("/")[2] for url in urls] == [name]


def test_replace_leaves_files_whose_names_differ_in_their_case(tmp_path: Path) -> None:
    place = Place("local", str(tmp_path))
    data = _pictures()
    for name in ("a.0001.PNG", "a.0002.png"):
        place.write(f"from/{name}", data)
    place.write("to/a.0007.png", data)
    _save(_opened(place, "from"), place, "to", if_exists="replace")
    assert [name for name in place.frames() if name.startswith("to/")] == ["to/a.0001.PNG", "to/a.0002.png"]


class _Counted(dict[int, int]):
    """Numbers that count how often all of them are looked at."""

    looks = 0

    def items(self) -> Any:
        self.looks += 1
        return super().items()


def test_numbers_are_compared_once_and_not_for_each_frame(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(20):
        (tmp_path / "in" / f"sim_{number}.vdb").write_bytes(b"x")
    sequence = seqsave.open_sequence(tmp_path / "in")
    counted = _Counted({number: number for number in range(20)})
    copy = replace(Copy.to(tmp_path / "out", sequence, {}), numbers=counted)
    assert [copy.name_of(frame) for frame in sequence] == [f"sim_{number}.vdb" for number in range(20)]
    copy.refuse_own_files()
    assert counted.looks == 1


def test_the_same_type_by_name_means_the_same_bytes(tmp_path: Path) -> None:
    """Other programs compress in another way, so a file that was encoded again is another one."""
    random = np.random.default_rng(0)
    (tmp_path / "a").mkdir()
    for number in range(2):
        picture = Image.fromarray(random.integers(0, 255, (16, 16, 3), np.uint8))
        picture.save(tmp_path / "a" / f"img_{number:04}.jpg", quality=60)
    seqsave.save(seqsave.open_sequence(tmp_path / "a"), tmp_path / "c", filetype="jpg")
    names = [f"img_{number:04}.jpg" for number in range(2)]
    assert [(tmp_path / "c" / name).read_bytes() for name in names] == [
        (tmp_path / "a" / name).read_bytes() for name in names
    ]
    # Quality needs new pixels.
    seqsave.save(seqsave.open_sequence(tmp_path / "a"), tmp_path / "d", filetype="jpg", options={"quality": 50})
    assert (tmp_path / "d" / names[0]).read_bytes() != (tmp_path / "a" / names[0]).read_bytes()


@pytest.mark.parametrize("manifest", [True, False])
@pytest.mark.parametrize(
    ("other", "words"),
    [
        (np.zeros((4, 6, 4), np.uint8), "has 4 channels of uint8, the frames before have 3 channels of uint8"),
        (np.zeros((4, 6, 3), np.uint16), "has 3 channels of uint16, the frames before have 3 channels of uint8"),
    ],
)
def test_copied_files_of_several_kinds_are_named(tmp_path: Path, manifest: bool, other: np.ndarray, words: str) -> None:
    for index in range(4):
        picture = other if index == 2 else PICTURE
        dtype = {"dtype": "uint16"} if picture.dtype == np.uint16 else {}
        seqsave.save([picture], tmp_path / "from", start=index, manifest=False, **dtype)
    if manifest:
        repair.rebuild(seqsave.open_sequence(tmp_path / "from"))
    with pytest.warns(seqsave.SeqSaveWarning, match=f"frame 2: {words}"):
        seqsave.save(seqsave.open_sequence(tmp_path / "from"), tmp_path / "to")
    again = seqsave.save(seqsave.open_sequence(tmp_path / "from"), tmp_path / "to", if_exists="skip")
    assert [text for text in again.warnings if "the frames before" in text] == []


# --- sequences that are not whole ------------------------------------------------------------------------------------


def interrupted_over_older(url: str, first: np.ndarray = PICTURE) -> None:
    """Save five frames, and let a second run over them be interrupted after frames 0 and 1."""
    seqsave.save([first] * 5, url)
    with pytest.raises(ZeroDivisionError), seqsave.open_writer(url, total=5) as writer:
        for index in range(2):
            writer.write(PICTURE + 9, index=index)
        raise ZeroDivisionError


@pytest.mark.parametrize("more", [{}, {"filetype": "jpg"}, {"start": 10}])
def test_a_copy_of_an_interrupted_run_over_older_frames_is_not_complete(tmp_path: Path, more: dict[str, Any]) -> None:
    interrupted_over_older(str(tmp_path / "from"))
    source = seqsave.open_sequence(tmp_path / "from")
    with pytest.warns(seqsave.SeqSaveWarning, match="are to be rendered again: 2-4; their copies are recorded so"):
        seqsave.save(source, tmp_path / "to", **more)
    copy = seqsave.open_sequence(tmp_path / "to")
    first = more.get("start", 0)
    found = progress_of(copy)
    assert (found.state, found.done, found.wanted) == ("unfinished", 2, 5)
    assert found.render_again == (range(first + 2, first + 5),)
    for index in range(2, 5):  # one by one, as a farm does
        seqsave.save([PICTURE + 9], tmp_path / "to", start=first + index, manifest=True, **_kept(more))
    assert progress_of(seqsave.open_sequence(tmp_path / "to")).state == "complete"


def _kept(more: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in more.items() if name == "filetype"}


def test_of_a_chosen_part_only_its_own_frames_are_doubtful(tmp_path: Path) -> None:
    interrupted_over_older(str(tmp_path / "from"))
    assert command("save", tmp_path / "from", tmp_path / "new", "--frames", "0-1").err.count("warning") == 0
    result = command("save", tmp_path / "from", tmp_path / "old", "--frames", "1-2")
    assert "are to be rendered again: 2; their copies are recorded so" in result.err


def test_frames_of_older_runs_and_of_no_run_are_named(tmp_path: Path) -> None:
    seqsave.save([PICTURE] * 5, tmp_path / "older")
    with pytest.warns(seqsave.SeqSaveWarning, match="of an older run lie beside"):
        seqsave.save([PICTURE] * 2, tmp_path / "older", total=2)
    seqsave.save([PICTURE] * 2, tmp_path / "strange")
    (tmp_path / "strange" / "frame_00005.png").write_bytes((tmp_path / "strange" / "frame_00000.png").read_bytes())
    for name, numbers in (("older", (range(2, 5),)), ("strange", (range(5, 6),))):
        shown = naming.format_ranges(numbers)
        match = f"{name} are of an older run, or of none that is recorded: {shown}; their copies are recorded"
        with pytest.warns(seqsave.SeqSaveWarning, match=match) as caught:
            seqsave.save(seqsave.open_sequence(tmp_path / name), tmp_path / f"{name} copy")
        assert len(caught) == 1
        found = progress_of(seqsave.open_sequence(tmp_path / f"{name} copy"))
        assert (found.state, found.done, found.render_again) == ("unfinished", 2, numbers)


def test_frames_in_a_batch_folder_that_no_run_recorded_are_named_and_none_is_missing(tmp_path: Path) -> None:
    seqsave.save([PICTURE] * 3, tmp_path / "from")
    (tmp_path / "from" / "batch_0000").mkdir()
    whole = (tmp_path / "from" / "frame_00001.png").read_bytes()
    (tmp_path / "from" / "batch_0000" / "frame_00001.png").write_bytes(whole)
    with pytest.warns(seqsave.SeqSaveWarning, match="of none that is recorded: 1 in batch_0000;") as caught:
        seqsave.save(seqsave.open_sequence(tmp_path / "from"), tmp_path / "to")
    assert len(caught) == 1


def test_a_frame_of_another_program_in_the_place_of_a_missing_one_is_named(tmp_path: Path) -> None:
    seqsave.save([PICTURE] * 4, tmp_path / "from")
    (tmp_path / "from" / "frame_00002.png").unlink()
    with pytest.warns(seqsave.SeqSaveWarning, match="1 of the 4 frames .* is not saved: 2"):
        seqsave.save([PICTURE] * 2, tmp_path / "from", total=4)
    (tmp_path / "from" / "frame_00002.png").write_bytes((tmp_path / "from" / "frame_00000.png").read_bytes())
    with pytest.warns(seqsave.SeqSaveWarning, match="of none that is recorded: 2; their copies are recorded"):
        seqsave.save(seqsave.open_sequence(tmp_path / "from"), tmp_path / "to")
    found = progress_of(seqsave.open_sequence(tmp_path / "to"))
    assert (found.state, found.done, found.render_again) == ("unfinished", 3, (range(2, 3),))


def test_of_a_chosen_part_frames_of_older_runs_beside_it_are_not_named(tmp_path: Path) -> None:
    seqsave.save([PICTURE] * 5, tmp_path / "older")
    with pytest.warns(seqsave.SeqSaveWarning, match="of an older run lie beside"):
        seqsave.save([PICTURE] * 2, tmp_path / "older", total=2)
    assert command("save", tmp_path / "older", tmp_path / "new", "--frames", "0-1").err.count("warning") == 0
    assert progress_of(seqsave.open_sequence(tmp_path / "new")).state == "complete"
    result = command("save", tmp_path / "older", tmp_path / "old", "--frames", "1-2")
    assert "of none that is recorded: 2; their copies are recorded" in result.err


def test_an_interrupted_run_without_a_known_end_is_named(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), seqsave.open_writer(tmp_path / "from") as writer:
        for index in range(3):
            writer.write(PICTURE, index=index)
        raise ZeroDivisionError
    with pytest.warns(seqsave.SeqSaveWarning, match="a run was interrupted or failed; .* recorded as unfinished"):
        seqsave.save(seqsave.open_sequence(tmp_path / "from"), tmp_path / "to")
    assert str(progress_of(seqsave.open_sequence(tmp_path / "to"))) == "unfinished, 3 frames and no known end"
    seqsave.save([PICTURE] * 4, tmp_path / "to")
    assert progress_of(seqsave.open_sequence(tmp_path / "to")).state == "complete"


def test_a_variation_that_is_gone_is_expected_in_the_copy(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path / "from", total=3) as writer:
        for index in range(3):
            writer.write_batch([PICTURE, PICTURE + 1], index=index)
    for path in (tmp_path / "from" / "batch_0001").iterdir():
        path.unlink()
    (tmp_path / "from" / "batch_0001").rmdir()
    with pytest.warns(seqsave.SeqSaveWarning, match="expects are missing in .*: 0-2 in batch_0001"):
        seqsave.save(seqsave.open_sequence(tmp_path / "from"), tmp_path / "to")
    found = progress_of(seqsave.open_sequence(tmp_path / "to"))
    assert (found.state, found.done, found.wanted, found.lacking) == ("unfinished", 3, 6, {1: (range(3),)})
