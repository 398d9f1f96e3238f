"""The judge sees what is wrong: trials that could not fail would prove nothing."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.judge import Judge
from tests.faults.trial import Trial
from tests.support.places import Place

HEALTHY = {f"frame_{index:05d}.png": bytes([index]) * 100 for index in range(4)}


class Heard:
    """A stand-in for a child: only its reports."""

    def __init__(self, *words: dict[str, Any]) -> None:
        self.words = list(words)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place("local", str(tmp_path))
    for name, data in HEALTHY.items():
        made.write(name, data)
    return made


@pytest.fixture
def judge(place: Place) -> Judge:
    return Judge(Trial("a fault", "local", tried=1), place, HEALTHY, has_manifest=False)


def saved(index: int, data: bytes) -> dict[str, Any]:
    return {"frame": index, "status": "saved", "checksum": f"crc32:{zlib.crc32(data):08x}"}


def last_words(**words: Any) -> dict[str, Any]:
    all_saved = {str(index): "saved" for index in range(4)}
    return {"end": "", "message": "", "accepted": [0, 1, 2, 3], "frames": all_saved, "failed": {}, **words}


def manifest(**words: Any) -> bytes:
    frames = [
        {"name": name, "size": len(data), "checksum": f"crc32:{zlib.crc32(data):08x}"} for name, data in HEALTHY.items()
    ]
    return json.dumps({"complete": True, "frames": frames, **words}).encode()


def test_all_is_well(judge: Judge, place: Place) -> None:
    place.write(".seqsave/frame.png.json", manifest())
    place.write(".seqsave-0123.tmp", b"half a fra")
    judge.hear(Heard(*(saved(index, bytes([index]) * 100) for index in range(4)), last_words()))
    judge.end()
    assert judge.trial.is_good
    assert (judge.trial.written, judge.trial.trouble) == (4, [])


def test_a_fault_that_never_happened_proves_nothing(judge: Judge) -> None:
    judge.trial.tried = 0
    judge.end()
    assert not judge.trial.is_good


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("frame_00002.png", b""),
        ("frame_00002.png", bytes([2]) * 99),
        ("frame_00002.png", bytes([2]) * 99 + b"x"),
        ("frame_00009.png", bytes([2]) * 100),
        ("frame_00002.png.part", b"x"),
    ],
)
def test_damage_is_seen(judge: Judge, place: Place, name: str, data: bytes) -> None:
    place.write(name, data)
    judge.end()
    assert judge.trial.damaged == 1
    assert not judge.trial.is_good


def test_loss_is_seen(judge: Judge, place: Place) -> None:
    Path(place.url, "frame_00003.png").unlink()
    judge.end()
    assert (judge.trial.lost, judge.trial.written, judge.trial.is_good) == (1, 3, False)


def test_a_frame_that_a_reader_did_not_find_is_lost(judge: Judge) -> None:
    judge.vanished({"frame_00001.png"})
    judge.end()
    assert (judge.trial.lost, judge.trial.is_good) == (1, False)


def test_what_is_left_behind_is_seen(judge: Judge, place: Place) -> None:
    place.write(".seqsave-0123.tmp", b"half a fra")
    judge.leaves_nothing_behind()
    assert judge.trial.damaged == 1


@pytest.mark.parametrize(
    "word",
    [
        saved(7, b"nowhere"),
        saved(1, b"other bytes"),
        last_words(accepted=[0, 1, 2, 3, 4]),
        last_words(frames={str(index): "saved" for index in range(5)}, accepted=[0, 1, 2, 3, 4]),
        last_words(frames={str(index): "skipped" for index in range(5)}, accepted=[0, 1, 2, 3, 4]),
        last_words(failed={"3": "TargetError"}),
    ],
)
def test_what_is_not_true_is_seen(judge: Judge, word: dict[str, Any]) -> None:
    judge.hear(Heard(word))
    judge.end()
    assert (judge.trial.falsely, judge.trial.is_good) == (1, False)


@pytest.mark.parametrize("last", [last_words(), last_words(end="SaveError", message="something else")])
def test_an_error_that_is_not_the_one_that_had_to_come(judge: Judge, last: dict[str, Any]) -> None:
    judge.fails(last, "SaveError", "the disk is full")
    assert judge.trial.falsely == 1


def _cut_off(place: Place) -> None:
    place.write(".seqsave/frame.png.json", manifest()[:20])


def _without_a_frame(place: Place) -> None:
    Path(place.url, "frame_00003.png").unlink()


def _of_fewer_frames(place: Place) -> None:
    place.write(".seqsave/frame.png.json", manifest(frames=json.loads(manifest())["frames"][:3]))


def _with_another_size(place: Place) -> None:
    place.write(".seqsave/frame.png.json", manifest().replace(b'"size": 100', b'"size": 101', 1))


def _with_another_checksum(place: Place) -> None:
    place.write(".seqsave/frame.png.json", manifest().replace(b"crc32:", b"crc32:0", 1))


@pytest.mark.parametrize(
    "spoil", [_cut_off, _without_a_frame, _of_fewer_frames, _with_another_size, _with_another_checksum]
)
def test_a_manifest_that_lies_is_seen(judge: Judge, place: Place, spoil: Callable[[Place], None]) -> None:
    place.write(".seqsave/frame.png.json", manifest())
    spoil(place)
    judge.look()
    assert judge.trial.falsely == 1


def test_a_manifest_that_is_incomplete_may_be_whatever_it_is(judge: Judge, place: Place) -> None:
    place.write(".seqsave/frame.png.json", manifest(complete=False, frames=[]))
    judge.look()
    assert judge.trial.falsely == 0


def test_in_the_end_the_manifest_is_complete(place: Place) -> None:
    for words, falsely in ((manifest(), 0), (manifest(complete=False), 1)):
        place.write(".seqsave/frame.png.json", words)
        judge = Judge(Trial("a fault", "local", tried=1), place, HEALTHY, has_manifest=True)
        judge.end()
        assert judge.trial.falsely == falsely


def test_a_manifest_that_changes_while_it_is_read_is_no_lie(judge: Judge, place: Place) -> None:
    place.write(".seqsave/frame.png.json", manifest())
    real = place.read

    def read(path: str) -> bytes:
        place.write(".seqsave/frame.png.json", manifest(complete=False))
        place.write("frame_00001.png", b"replaced")
        return real(path)

    place.read = read  # type: ignore[method-assign]
    judge.check_manifest()
    assert judge.trial.falsely == 0
