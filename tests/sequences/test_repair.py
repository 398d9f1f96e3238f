"""A manifest is made out of the frames again, and runs that died are released from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import seqsave
from seqsave.sequences.repair import rebuild, release
from tests.sequences.placed import PICTURE

if TYPE_CHECKING:
    from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets


@pytest.mark.every_day
def test_it_is_made_out_of_what_can_be_decoded(place: Place, options: dict[str, Any]) -> None:
    seqsave.save([PICTURE + i for i in range(4)], place.url, filetype="png", manifest=False, **options)
    whole = rebuild(seqsave.open_sequence(place.url, **options))
    assert (whole.complete, whole.expected) == (True, (range(4),))
    known = seqsave.open_sequence(place.url, **options).manifest
    assert known is not None
    assert (known.frames, known.complete) == (whole.frames, True)
    place.write("frame_00001.png", place.read("frame_00001.png")[:-20])
    place.write("frame_00002.png", b"")
    seen: list[int] = []
    made = rebuild(seqsave.open_sequence(place.url, **options), on_frame=lambda frame: seen.append(frame.index))
    assert ([frame.index for frame in made.frames], made.complete, seen) == ([0, 3], False, [0, 1, 2, 3])


def test_recipes_of_unchanged_frames_are_kept_and_those_of_others_forgotten(
    place: Place, options: dict[str, Any]
) -> None:
    seqsave.save([PICTURE + i for i in range(2)], place.url, filetype="png", recipe="r", **options)
    place.write("frame_00001.png", place.read("frame_00000.png"))
    made = rebuild(seqsave.open_sequence(place.url, **options))
    assert [frame.recipe for frame in made.frames] == ["r", None]


def test_expected_frames_are_those_that_are_asked_for(place: Place, options: dict[str, Any]) -> None:
    seqsave.save([PICTURE] * 4, place.url, filetype="png", manifest=False, **options)
    made = rebuild(seqsave.open_sequence(place.url, **options), expected=range(2, 6))
    assert ([frame.index for frame in made.frames], made.complete) == ([2, 3], False)


def test_a_run_that_is_gone_is_released_and_what_it_began_stays_unfinished(
    place: Place, options: dict[str, Any]
) -> None:
    writer = seqsave.open_writer(place.url, filetype="png", **options)
    writer.write(PICTURE)
    writer.flush()
    made = release(seqsave.open_sequence(place.url, **options))
    assert (made.writers, made.complete) == ((), False)
    writer.close()


def test_without_a_manifest_there_is_nothing_to_release(place: Place, options: dict[str, Any]) -> None:
    seqsave.save([PICTURE], place.url, filetype="png", manifest=False, **options)
    with pytest.raises(seqsave.SequenceNotFoundError, match="has no manifest"):
        release(seqsave.open_sequence(place.url, **options))
