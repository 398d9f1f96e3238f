"""The manifest of a run: it exists at the end, and it is true at every moment, also while other runs are at work."""

from __future__ import annotations

import json
import os
import warnings
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import seqsave
import seqsave.targets
from seqsave import manifest, naming
from seqsave.manifest.run import RunRecord
from seqsave.sequences.progress import progress_of
from tests.manifest.saved import PATH, found, indices, is_there, picture
from tests.support.patience import PATIENCE
from tests.support.places import Place
from tests.support.s3 import S3Server

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets

# --- one run ---------------------------------------------------------------------------------------------------------


@pytest.mark.every_day
def test_what_a_run_leaves_behind(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save(
        [picture(i) for i in range(4)],
        place.url,
        metadata={"workflow": {"nodes": []}},
        rate=24000 / 1001,
        start=7,
        recipe="abc",
        **settings,
    )
    one = found(place)
    assert one.complete
    assert one.obstacles() == []
    assert (one.prefix, one.digits, one.extension, one.filetype) == ("frame", 5, "png", "png with embedded workflow")
    assert (one.start, one.step, one.total, str(one.rate)) == (7, 1, None, "24000/1001")
    assert (one.metadata, one.recipe, one.writers, one.unfinished) == ({"workflow": {"nodes": []}}, "abc", (), ())
    assert one.expected == (range(7, 11),)
    assert one.picture == manifest.Picture(width=6, height=4, channels=3, dtype="uint8")
    assert one.software == f"seqsave {seqsave.__version__}"
    for entry in one.frames:
        data = place.read(entry.name)
        assert (entry.size, entry.checksum) == (len(data), f"crc32:{zlib.crc32(data):08x}")
        assert (entry.recipe, entry.picture) == ("abc", one.picture)
        assert (entry.etag is not None) == (place.kind == "s3")


def test_a_frame_that_differs_carries_its_own(place: Place, settings: dict[str, Any]) -> None:
    writer = seqsave.open_writer(place.url, recipe="a", **settings)
    writer.write(picture())
    with pytest.warns(seqsave.SeqSaveWarning, match="is 6x9"):
        writer.write(picture(0, 9), recipe="b")
    writer.write_encoded(place_png())
    writer.close()
    lines = [json.loads(line.rstrip(",")) for line in place.read(PATH).decode().splitlines() if '"index"' in line]
    assert [line.get("recipe", "as all") for line in lines] == ["as all", "b", "as all"]
    assert [line.get("picture", {}) and (line["picture"] or {}).get("height") for line in lines[:2]] == [{}, 9]
    # The header of an encoded file states the picture, which is that of all.
    assert "picture" not in lines[2]
    assert [frame.recipe for frame in found(place).frames] == ["a", "b", "a"]


def place_png() -> bytes:
    seqsave.save([picture(3)], "memory://one-png", filetype="png")
    return seqsave.open_sequence("memory://one-png")[0].read_bytes()


@pytest.mark.filterwarnings("ignore:metadata 'workflow' is not saved")
def test_what_is_not_embedded_is_not_in_the_manifest_either(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture()] * 2, place.url, filetype="png", metadata={"workflow": "secret sauce"}, **settings)
    assert b"sauce" not in place.read(PATH)


def test_values_that_are_not_json_stay_text(place: Place, settings: dict[str, Any]) -> None:
    given = {"a": seqsave.RawText("NaN"), "b": seqsave.RawText("{"), "c": float("nan"), "d": seqsave.RawText("[1]")}
    with pytest.warns(seqsave.SeqSaveWarning, match="metadata c is nan, and JSON has finite numbers only"):
        seqsave.save([picture()] * 2, place.url, metadata=given, **settings)
    assert found(place).metadata == {"a": "NaN", "b": "{", "c": None, "d": [1]}


def test_batches_and_subfolders(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, prefix="a/b/frame", filetype="jpg", **settings) as writer:
        for _ in range(2):
            writer.write_batch([picture(), picture()])
    one = found(place, "a/b/.seqsave/frame.jpg.json")
    assert one.complete
    assert one.prefix == "a/b/frame"
    assert [frame.name for frame in one.frames[:2]] == ["batch_0000/frame_00000.jpg", "batch_0001/frame_00000.jpg"]
    sequence = seqsave.open_sequence(place.url, prefix="a/b/frame", **settings)
    assert sequence.manifest == one


def test_while_a_run_is_at_work_it_says_so(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture()] * 3, place.url, **settings)
    with seqsave.open_writer(place.url, **settings) as writer:
        assert found(place).complete  # nothing is changed yet
        writer.write(picture(1)).result(PATIENCE)
        one = found(place)
        assert not one.complete
        (who,) = one.writers
        assert who.pid == os.getpid()
        assert one.obstacles() == [f"{who} is changing it"]
    assert found(place).complete
    assert indices(found(place)) == [0, 1, 2]


@pytest.mark.every_day
def test_a_total_says_what_is_expected(place: Place, settings: dict[str, Any]) -> None:
    with pytest.warns(seqsave.SeqSaveWarning, match="1 of the 4 frames that `total` states is not saved: 25"):
        seqsave.save([picture()] * 3, place.url, start=10, step=5, total=4, **settings)
    one = found(place)
    assert not one.complete
    assert one.missing == {None: (range(25, 26),)}
    seqsave.save([picture()] * 4, place.url, start=25, step=5, total=1, **settings)
    assert found(place).complete  # the others were stopped, and are not expected
    assert found(place).expected == (range(10, 11), range(15, 16), range(20, 21), range(25, 26))


def test_the_same_animation_with_another_length(place: Place, settings: dict[str, Any]) -> None:
    with pytest.warns(seqsave.SeqSaveWarning, match="6 of the 9 frames"):
        seqsave.save([picture()] * 3, place.url, total=9, **settings)
    assert not found(place).complete
    seqsave.save([picture()] * 4, place.url, total=4, **settings)
    assert found(place).complete
    assert found(place).expected == (range(4),)


@pytest.mark.every_day
def test_a_second_run_adds_to_the_first(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture()] * 3, place.url, **settings)
    seqsave.save([picture(1)] * 3, place.url, start=2, **settings)
    one = found(place)
    assert one.complete
    assert one.expected == (range(5),)
    assert one.frames[2].checksum == one.frames[3].checksum != one.frames[1].checksum


def test_nothing_written_is_no_manifest(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, **settings):
        pass
    seqsave.save([picture()] * 2, place.url, total=0, **settings)
    assert place.names() == []


# --- single frames ---------------------------------------------------------------------------------------------------


def test_single_frames_write_none_but_keep_one_true(place: Place, settings: dict[str, Any]) -> None:
    for i in range(3):
        seqsave.save([picture(i)], place.url, start=i, **settings)
    assert not is_there(place)
    seqsave.save([picture()] * 3, place.url, metadata={"a": 1}, **settings)
    seqsave.save([picture(9)], place.url, start=1, metadata={"b": 1}, **settings)
    one = found(place)
    assert one.complete
    assert one.frames[1].checksum == f"crc32:{zlib.crc32(place.read('frame_00001.png')):08x}"
    assert one.metadata == {"a": 1}  # the statement about all frames is that of the run over all of them


def test_a_single_frame_does_not_finish_what_broke_off(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture()], place.url, manifest=True, **settings)
    with pytest.raises(ZeroDivisionError):
        with seqsave.open_writer(place.url, **settings) as writer:
            writer.write(picture())
            1 / 0  # noqa: B018
    seqsave.save([picture()], place.url, start=1, **settings)
    assert found(place).obstacles() == ["a run was interrupted or failed"]
    seqsave.save([picture()] * 3, place.url, **settings)
    assert found(place).complete


# --- endings ---------------------------------------------------------------------------------------------------------


@pytest.mark.every_day
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_run_that_breaks_off_stays_unfinished(place: Place, settings: dict[str, Any], error: Any) -> None:
    with pytest.raises(error):
        with seqsave.open_writer(place.url, **settings) as writer:
            writer.write(picture()).result(PATIENCE)
            raise error
    one = found(place)
    assert (one.complete, indices(one), one.writers) == (False, [0], ())
    assert one.obstacles() == ["a run was interrupted or failed"]
    seqsave.save([picture()], place.url, start=1, **settings)
    assert found(place).obstacles() == ["a run was interrupted or failed"]
    seqsave.save([picture()] * 2, place.url, if_exists="skip", **settings)
    assert found(place).complete


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_with_a_recipe_it_stays_unfinished(place: Place, settings: dict[str, Any], error: Any) -> None:
    with pytest.raises(error):
        with seqsave.open_writer(place.url, recipe="r", **settings) as writer:
            writer.write(picture()).result(PATIENCE)
            raise error
    assert not found(place).complete
    assert indices(found(place)) == [0]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_with_a_total_it_says_what_is_missing(place: Place, settings: dict[str, Any], error: Any) -> None:
    with pytest.raises(error):
        with seqsave.open_writer(place.url, total=10, **settings) as writer:
            for value in range(4):
                writer.write(picture(value)).result(PATIENCE)
            raise error
    assert not found(place).complete
    assert found(place).missing == {None: (range(4, 10),)}


def test_the_failure_of_another_writer_ends_a_run_unfinished(place: Place, settings: dict[str, Any]) -> None:
    with pytest.raises(seqsave.WriterAbortedError):
        with seqsave.open_writer(place.url, recipe="r", **settings) as writer:
            writer.write(picture()).result(PATIENCE)
            raise seqsave.WriterAbortedError("of another writer")
    assert not found(place).complete


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_one_that_was_there_stays_and_is_not_complete(place: Place, settings: dict[str, Any], error: Any) -> None:
    seqsave.save([picture()] * 3, place.url, **settings)
    with pytest.raises(error):
        with seqsave.open_writer(place.url, **settings) as writer:
            writer.write(picture(7), index=1).result(PATIENCE)
            raise error
    one = found(place)
    assert (one.complete, one.writers) == (False, ())
    assert one.frames[1].checksum == f"crc32:{zlib.crc32(place.read('frame_00001.png')):08x}"


def test_a_frame_that_fails_is_known_no_more(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture()] * 3, place.url, **settings)

    def refuse(path: str, *_: object, **__: object) -> Any:
        raise seqsave.TargetError(f"no more of it: {path}")

    with pytest.raises(seqsave.SaveError, match=r"no more of it: frame_00001\.png"):
        with seqsave.open_writer(place.url, concurrency=1, **settings) as writer:
            writer.write(picture(1))
            writer._target.publish = refuse  # type: ignore[method-assign]
            future = writer.write(picture(1))
            assert future.exception()
            del writer._target.publish
    one = found(place)
    assert not one.complete
    assert indices(one) == [0, 2]
    assert one.missing == {None: (range(1, 2),)}
    seqsave.save([picture()] * 3, place.url, if_exists="skip", **settings)
    assert found(place).complete


def test_a_collision_leaves_it_unfinished_until_a_run_skips_the_frame(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture()], place.url, start=1, **settings)
    with pytest.raises(seqsave.SaveError, match="already exists"):
        seqsave.save([picture()] * 3, place.url, if_exists="error", concurrency=1, **settings)
    assert not found(place).complete
    seqsave.save([picture()] * 3, place.url, if_exists="skip", **settings)
    one = found(place)
    assert one.complete
    assert (one.frames[1].checksum, one.frames[1].size) == (None, len(place.read("frame_00001.png")))


def test_frames_that_a_run_gave_up_keep_their_records(tmp_path: Path) -> None:
    """The storage says whether one that was under way has arrived: its file is another one then."""
    facts = manifest.Facts(prefix="frame", extension="png", filetype="png")
    session = manifest.Session(seqsave.targets.resolve(str(tmp_path)), facts)
    errors = {1: seqsave.FrameExistsError("1"), 2: seqsave.WriterAbortedError("2"), 3: seqsave.TargetError("3")}
    failures = tuple(
        seqsave.FailedFrame(index=index, batch=None, filetype="png", url="", error="", exception=error)
        for index, error in errors.items()
    )
    result = replace(seqsave.save([], "memory://nothing"), failures=failures)
    outcome = RunRecord(session, creates=True).outcome(result, broken=False, stopped=True)
    assert (outcome.wanted, outcome.lost) == ({1, 2}, {(3, None)})


# --- skip ------------------------------------------------------------------------------------------------------------


def test_resuming_when_all_is_there_makes_it_complete(place: Place, settings: dict[str, Any]) -> None:
    for i in range(3):
        seqsave.save([picture(i)], place.url, start=i, **settings)
    result = seqsave.save([picture()] * 3, place.url, if_exists="skip", **settings)
    assert result.counts["skipped"] == 3
    one = found(place)
    assert one.complete
    assert [frame.checksum for frame in one.frames] == [None] * 3
    assert [frame.size for frame in one.frames] == [len(place.read(name)) for name in place.frames()]
    before = place.read(PATH)
    seqsave.save([picture()] * 3, place.url, if_exists="skip", **settings)
    assert place.read(PATH) == before


def test_skipping_keeps_what_is_known_as_long_as_it_is_so(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(i) for i in range(3)], place.url, **settings)
    before = found(place)
    place.write("frame_00001.png", b"another's")
    seqsave.save([picture()] * 4, place.url, if_exists="skip", **settings)
    one = found(place)
    assert one.frames[0] == before.frames[0]
    assert (one.frames[1].checksum, one.frames[1].size) == (None, 9)
    assert one.obstacles() == ["frames were replaced after they were recorded: 1"]


def test_skip_valid_looks_into_what_is_there(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(1)] * 5, place.url, manifest=False, **settings)
    whole = place.read("frame_00001.png")
    place.write("frame_00001.png", whole[:-9])
    place.write("frame_00002.png", b"no picture")
    place.write("frame_00003.png", b"")
    seqsave.save([picture(1, 9)], place.url, start=4, **settings)
    result = seqsave.save([picture(2)] * 6, place.url, if_exists="skip valid", **settings)
    assert [frame.status for frame in result.frames] == ["skipped", *["saved"] * 5]
    assert found(place).complete
    again = seqsave.save([picture(3)] * 6, place.url, if_exists="skip valid", **settings)
    assert again.counts["skipped"] == 6


@pytest.mark.parametrize("is_recorded", [True, False])
def test_skip_valid_does_not_believe_what_was_replaced(
    place: Place, settings: dict[str, Any], is_recorded: bool
) -> None:
    seqsave.save([picture(1)] * 3, place.url, manifest=is_recorded, **settings)
    seqsave.save([picture(1)] * 3, place.url, if_exists="skip valid", **settings)
    place.write("frame_00001.png", place.read("frame_00001.png")[:-9])
    seqsave.save([picture(2)] * 3, place.url, if_exists="skip", **settings)
    result = seqsave.save([picture(2)] * 3, place.url, if_exists="skip valid", **settings)
    assert [frame.status for frame in result.frames] == ["skipped", "saved", "skipped"]
    assert found(place).complete


@pytest.mark.every_day
def test_skip_valid_reads_nothing_that_the_manifest_knows(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(1)] * 3, place.url, **settings)
    with seqsave.open_writer(place.url, if_exists="skip valid", **settings) as writer:
        read = writer._target.read
        asked: list[str] = []
        writer._target.read = lambda path: asked.append(path) or read(path)  # type: ignore[method-assign,func-returns-value]
        for _ in range(3):
            writer.write(picture(2))
    assert set(asked) == {PATH}
    assert writer.result.counts["skipped"] == 3


def test_skip_valid_of_files_that_are_encoded(place: Place, settings: dict[str, Any]) -> None:
    data = place_png()
    with seqsave.open_writer(place.url, filetype="png", **settings) as writer:
        writer.write_encoded(data)
        writer.write(picture(1, 5), index=1)
    with seqsave.open_writer(place.url, filetype="png", if_exists="skip valid", **settings) as writer:
        futures = [writer.write_encoded(data), writer.write_encoded(data)]
    assert [future.result().status for future in futures] == ["skipped", "saved"]


def test_skip_same_recipe(place: Place, settings: dict[str, Any]) -> None:
    def run(recipes: str) -> list[str]:
        with seqsave.open_writer(place.url, if_exists="skip same recipe", **settings) as writer:
            for recipe in recipes:
                writer.write(picture(1), recipe=recipe)
        return [frame.status for frame in writer.result.frames]

    assert run("aab") == ["saved"] * 3
    assert run("abbb") == ["skipped", "saved", "skipped", "saved"]
    place.write("frame_00000.png", b"something else")
    assert run("abbb") == ["saved", "skipped", "skipped", "skipped"]


def test_skip_same_recipe_needs_one(place: Place, settings: dict[str, Any]) -> None:
    with pytest.raises(seqsave.OptionError, match="needs a `recipe`"):
        seqsave.save([picture()], place.url, if_exists="skip same recipe", **settings)
    for wrong in ("", 3, "x" * 1001):
        with pytest.raises(seqsave.OptionError, match="recipe is"):
            seqsave.save([picture()], place.url, recipe=wrong, **settings)  # type: ignore[arg-type]
    assert place.names() == []


# --- several at once -------------------------------------------------------------------------------------------------


# --- files that are not manifests ------------------------------------------------------------------------------------


def test_the_checksum_that_s3_repeats_is_acknowledged(s3_server: S3Server) -> None:
    options = {**s3_server.storage_options, "client": "s3fs"}
    url = s3_server.new_prefix()
    seqsave.save([picture()] * 2, url, storage_options=options)
    one = manifest.load(s3_server.read(f"{url}/{PATH}"))
    published = seqsave.open_sequence(url, storage_options=options)
    assert {frame.acknowledged for frame in one.frames} in ({True}, {False})  # as the store has it
    assert [frame.etag for frame in one.frames] == [s3_server.head(frame.url)["ETag"].strip('"') for frame in published]


def test_a_local_run_makes_no_folder_for_a_single_frame(tmp_path: Path) -> None:
    seqsave.save([picture()], tmp_path / "x")
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["frame_00000.png"]


# --- what a run set out to save, and which run wrote a frame ---------------------------------------------------------


class BrokenError(Exception):
    """Raised by the caller's code."""


def breaking_off(count: int) -> Any:
    """Frames of a sequence that knows its length, and fails at one of them."""

    class Frames(list[Any]):
        def __iter__(self) -> Any:
            for number, one in enumerate(super().__iter__()):
                if number == count:
                    raise BrokenError
                yield one

    return Frames([picture(value) for value in range(10)])


def test_what_a_run_sets_out_to_save_is_known_from_its_start(place: Place, settings: dict[str, Any]) -> None:
    seen = []

    def look(event: Any) -> None:
        if event.kind == "saved" and not seen:
            seen.append(found(place))

    seqsave.save([picture()] * 10, place.url, start=5, on_event=look, **settings)
    (one,) = seen
    (run,) = one.runs
    assert (one.complete, one.total, one.missing) == (False, None, {None: (range(5, 15),)})
    assert (run.id, run.start, run.step, run.total, run.about) == (one.writers[0].id, 5, 1, 10, False)
    assert (found(place).complete, found(place).runs[0].total) == (True, 10)


def test_variations_are_known_from_the_start(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, **settings) as writer:
        writer.plan(4)
        for future in writer.write_batch([picture()] * 3):
            future.result(PATIENCE)
        one = found(place)
    assert one.runs[0].batches == (0, 1, 2)
    assert set(one.missing) == {0, 1, 2}


def test_an_interrupted_run_stays_unfinished_until_the_rest_is_saved(place: Place, settings: dict[str, Any]) -> None:
    with pytest.raises(BrokenError):
        seqsave.save(breaking_off(4), place.url, **settings)
    one = found(place)
    assert (one.complete, one.progress, one.missing) == (False, (4, 10), {None: (range(4, 10),)})
    assert one.obstacles() == [
        "frames are missing: 4-9",
        "a run was interrupted or failed: 4 of 10 frames are recorded",
    ]
    for index in range(4, 10):
        assert not found(place).complete
        seqsave.save([picture()], place.url, start=index, **settings)
    one = found(place)
    assert one.complete
    assert len({frame.run for frame in one.frames}) == 7


def test_an_interrupted_rerender_is_not_whole_for_what_is_older(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(200)] * 10, place.url, **settings)
    first = found(place).frames[0].run
    with pytest.raises(BrokenError):
        seqsave.save(breaking_off(4), place.url, **settings)
    one = found(place)
    assert (one.complete, one.missing) == (False, {})
    assert one.obstacles() == ["a run was interrupted or failed: 4 of 10 frames are recorded"]
    assert [frame.run == first for frame in one.frames] == [False] * 4 + [True] * 6
    seqsave.save([picture(9)], place.url, start=4, **settings)
    assert not found(place).complete
    seqsave.save([picture(9)] * 5, place.url, start=5, **settings)
    assert found(place).complete


def test_a_shorter_rerender_over_a_longer_one_is_not_whole(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(1)] * 10, place.url, **settings)
    older = found(place).runs[0].id
    with pytest.warns(seqsave.SeqSaveWarning, match="frames of an older run lie beside those of this one: 4-9"):
        seqsave.save([picture(2)] * 4, place.url, **settings)
    one = found(place)
    assert (one.complete, one.expected) == (False, (range(4),))
    assert [frame.index for frame in one.outside] == list(range(4, 10))
    assert {frame.run for frame in one.outside} == {older}
    assert one.obstacles() == ["frames of an older run are outside of the last one's range: 4-9"]
    if place.kind == "local":
        for frame in one.outside:
            Path(place.url, frame.name).unlink()
        seqsave.save([picture(3)] * 4, place.url, **settings)
        assert found(place).complete


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("has_batches", [True, False])
def test_frames_of_an_older_run_in_the_other_kind_of_folder_are_not_of_the_last_one(
    place: Place, settings: dict[str, Any], has_batches: bool, first: int
) -> None:
    def save(batches: bool, first: int = 0) -> None:
        with warnings.catch_warnings(), seqsave.open_writer(place.url, start=first, **settings) as writer:
            warnings.simplefilter("ignore")
            for index in range(first, 3):
                writer.write_batch([picture(index)] * 2, index=index) if batches else writer.write(picture(index))

    save(not has_batches, first)
    save(has_batches)
    one = found(place)
    assert (one.complete, one.missing, one.expected, one.beyond) == (False, {}, (range(3),), ())
    assert one.batches == ((0, 1) if has_batches else (None,))
    assert {frame.batch for frame in one.outside} == ({None} if has_batches else {0, 1})
    shown = naming.format_ranges([range(first, 3)])
    where, here = ("outside of", "in") if has_batches else ("in", "outside of")
    assert one.obstacles() == [
        f"frames of another run lie {where} batch folders, and the expected ones {here} them: {shown}"
    ]
    sequence = seqsave.open_sequence(place.url, storage_options=place.storage_options)
    assert str(progress_of(sequence)) == f"finished, but frames of another run lie beside it: {shown}"
    if place.kind == "local":
        for frame in one.outside:
            Path(place.url, frame.name).unlink()
        assert progress_of(seqsave.open_sequence(place.url)).state == "complete"


def test_a_run_of_both_kinds_and_runs_of_single_variations_are_whole(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, prefix="both", **settings) as writer:
        for index in range(2):
            writer.write(picture(9), index=index)
            writer.write_batch([picture(index)] * 2, index=index)
    for batch in range(3):
        with seqsave.open_writer(place.url, prefix="each", **settings) as writer:
            for index in range(2):
                writer.write(picture(batch), index=index, batch=batch)
    for prefix, batches in (("both", (0, 1)), ("each", (0, 1, 2))):
        known = seqsave.open_sequence(place.url, prefix=prefix, storage_options=place.storage_options).manifest
        assert known is not None
        assert (known.complete, known.batches, known.outside) == (True, batches, ())


def test_parts_that_are_saved_again_leave_the_others_alone(place: Place, settings: dict[str, Any]) -> None:
    for start in (0, 5, 0, 5, 5):
        seqsave.save([picture(start)] * 5, place.url, start=start, **settings)
    one = found(place)
    assert (one.complete, one.outside, one.expected) == (True, (), (range(10),))
    assert len(one.runs) == 2


def test_mending_a_frame_again_and_again_leaves_few_runs(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture()] * 3, place.url, **settings)
    for value in range(4):
        seqsave.save([picture(value)], place.url, start=1, **settings)
        seqsave.save([picture(value)], place.url, start=7, **settings)
    one = found(place)
    assert (one.complete, one.expected, len(one.runs)) == (True, (range(3), range(7, 8)), 4)


def test_an_estimate_does_not_bind_a_run_that_ends_well(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, **settings) as writer:
        writer.plan(10, about=True)
        writer.write_frames([picture()] * 8)
    one = found(place)
    assert (one.complete, one.expected, one.runs[0].total, one.runs[0].about) == (True, (range(8),), 8, False)


def test_a_manifest_of_version_1_goes_on(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(value) for value in range(4)], place.url, manifest=False, **settings)
    place.write(PATH, Path(__file__).with_name("version1.json").read_bytes())
    with pytest.warns(seqsave.SeqSaveWarning, match="frames of an older run lie beside those of this one: 2-3"):
        seqsave.save([picture(5)] * 2, place.url, **settings)
    one = found(place)
    assert json.loads(place.read(PATH))["version"] == 2
    assert not one.complete
    assert [frame.index for frame in one.outside] == [2, 3]


# --- cost ------------------------------------------------------------------------------------------------------------
