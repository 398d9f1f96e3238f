"""One task that runs twice at the same time, in two processes: engines start a second attempt of a slow or lost task.

Both attempts end. The request of one of them is held at a proxy before the real S3 server, until the other one has
ended, or until the run has been committed.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

import seqsave
from seqsave.sequences.verify import verify
from tests.runs.child import picture
from tests.support.forks import Forks
from tests.support.patience import PATIENCE
from tests.support.places import Place

if TYPE_CHECKING:
    from tests.support.proxy import Fault, Proxy
    from tests.support.s3 import S3Server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only on systems with fork")

MANIFEST = ".seqsave/frame.png.json"
FRAMES = [0, 1, 2, 3]
FIRST, SECOND = 5, 6
"""The seeds of the attempts: the pictures differ, as those of a renderer that is not exact may."""


@pytest.fixture(scope="module")
def forks() -> Iterator[tuple[Forks, Forks]]:
    """Two of them, each of which carries out one order at a time."""
    with Forks("tests.runs.child") as one, Forks("tests.runs.child") as other:
        yield one, other


class Twice:
    """A run of one task, whose first attempt is held before it sends the frame ``at``."""

    def __init__(self, forks: tuple[Forks, Forks], server: S3Server, proxy: Proxy, **settings: Any) -> None:
        self.forks, self.proxy = forks, proxy
        self.place = Place("s3", server.new_prefix(), server.storage_options, server)
        self.through = {**server.storage_options, "endpoint_url": proxy.endpoint_url}
        self.run = seqsave.open_run(
            self.place.url, storage_options=server.storage_options, total=len(FRAMES), filetype="png", **settings
        )
        self.run.begin()
        self.first: Any = None

    def hold_first(self, at: int, seed: int = FIRST) -> None:
        self.fault: Fault = self.proxy.hold(path=rf"frame_0000{at}\.png$", first=1)

        def work() -> None:
            self.first = self._attempt(self.forks[0], seed)

        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()
        assert self.fault.reached.wait(PATIENCE)

    def second(self, seed: int = SECOND) -> Any:
        return self._attempt(self.forks[1], seed)

    def let_first_end(self) -> Any:
        self.fault.may_go_on.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.first

    def _attempt(self, forks: Forks, seed: int) -> Any:
        """Return the records, or the error, which has a message."""
        order = {"run": self.run.as_document(), "options": self.through, "records": []}
        (stated,) = forks.run(what="task", indices=FRAMES, seed=seed, **order)
        return json.loads(stated)

    def commit(self, *records: Any) -> Any:
        return self.run.commit([seqsave.FrameRecord.from_document(one) for one in records])

    # --- the outcome, as a look at the bucket shows it ---

    @property
    def seeds(self) -> list[int | None]:
        """Whose picture each file has."""
        found = [seqsave.open_frame(f"{self.place.url}/frame_{n:05d}.png", self.place.storage_options) for n in FRAMES]
        pictures = [one.read().tobytes() for one in found]
        return [
            next((seed for seed in (FIRST, SECOND) if picture(n, seed).tobytes() == pictures[n]), None) for n in FRAMES
        ]

    @property
    def is_true(self) -> bool:
        """Whether the manifest states ``complete``, and the checksum of each file."""
        made = json.loads(self.place.read(MANIFEST))
        wrong = [
            one for one in made["frames"] if one["checksum"] != f"crc32:{zlib.crc32(self.place.read(one['name'])):08x}"
        ]
        return made["complete"] and len(made["frames"]) == len(FRAMES) and not wrong

    @property
    def changed(self) -> tuple[int, ...]:
        """The frames that ``verify`` finds, without reading all of them."""
        found = verify(seqsave.open_sequence(self.place.url, storage_options=self.place.storage_options))
        assert found.indices() == found.indices("changed")
        return found.indices()


@pytest.fixture
def twice(forks: tuple[Forks, Forks], s3_server: S3Server, proxy: Proxy) -> Twice:
    return Twice(forks, s3_server, proxy)


@pytest.mark.parametrize("at", [0, 2, 3])
def test_both_attempts_end_before_the_commit(twice: Twice, at: int) -> None:
    """The storage has the frames of the attempt that sent them last, and the manifest states these."""
    twice.hold_first(at)
    second = twice.second()
    first = twice.let_first_end()
    assert twice.seeds == [SECOND] * at + [FIRST] * (4 - at)
    assert twice.commit(*first, *second).complete
    assert twice.is_true
    assert twice.changed == ()


def test_records_of_one_attempt_alone_are_no_proof_of_the_other_s_files(twice: Twice) -> None:
    """An engine drops the result of the attempt that ends second."""
    twice.hold_first(2)
    second = twice.second()
    first = twice.let_first_end()
    with pytest.raises(seqsave.RunError, match="other bytes than their records: 2-3") as caught:
        twice.commit(*second)
    assert (caught.value.reason, caught.value.frames) == ("replaced", (range(2, 4),))
    assert json.loads(twice.place.read(MANIFEST))["complete"] is False
    assert twice.commit(*second, *first).complete
    assert twice.is_true


def test_attempts_with_the_same_pictures_need_the_records_of_one(twice: Twice) -> None:
    twice.hold_first(2, seed=SECOND)
    second = twice.second()
    twice.let_first_end()
    assert twice.commit(*second).complete
    assert twice.is_true
    assert twice.changed == ()


@pytest.mark.parametrize("mended_by", ["its records", "frames saved again"])
def test_a_late_frame_after_the_commit_is_found_without_reading_all(twice: Twice, mended_by: str) -> None:
    """The zombie's frames have the sizes of those that were committed, so that only their versions differ."""
    twice.hold_first(2)
    second = twice.second()
    assert twice.commit(*second).complete
    assert twice.is_true
    first = twice.let_first_end()
    assert [one["size"] for one in first] == [one["size"] for one in second]
    assert twice.seeds == [SECOND, SECOND, FIRST, FIRST]
    assert not twice.is_true
    assert twice.changed == (2, 3)
    twice.commit(*second)  # again, which states nothing new
    assert twice.changed == (2, 3)
    if mended_by == "its records":
        assert twice.commit(*second, *first).complete
    else:
        assert twice.commit(*twice.second()).complete
    assert twice.is_true
    assert twice.changed == ()


def test_a_late_frame_with_the_same_picture_changes_nothing(twice: Twice) -> None:
    twice.hold_first(0, seed=SECOND)
    second = twice.second()
    assert twice.commit(*second).complete
    twice.let_first_end()
    assert twice.is_true
    assert twice.changed == ()


@pytest.mark.parametrize("if_exists", ["error", "skip", "skip valid"])
def test_a_late_frame_never_replaces_one_that_must_be_kept(
    forks: tuple[Forks, Forks], s3_server: S3Server, proxy: Proxy, if_exists: str
) -> None:
    """Each request has a condition, which the storage checks when it arrives."""
    twice = Twice(forks, s3_server, proxy, if_exists=if_exists)
    twice.hold_first(0)
    second = twice.second()
    assert twice.commit(*second).complete
    ended = twice.let_first_end()
    if if_exists == "error":  # what the run knew of its own frames ends with the commit
        assert (ended["error"], "frame_00000.png already exists" in ended["message"]) == ("SaveError", True)
    else:
        assert [one["checksum"] for one in ended] == [one["checksum"] for one in second]
    assert twice.seeds == [SECOND] * 4
    assert twice.is_true
    assert twice.changed == ()
