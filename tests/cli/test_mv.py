"""``seqsave mv``."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from botocore.exceptions import ClientError
from fsspec.implementations.memory import MemoryFile

from seqsave import SeqSaveWarning, open_sequence, open_writer, save
from seqsave.errors import TargetError
from seqsave.targets.local import LocalTarget
from seqsave.targets.memory import MemoryTarget
from tests.cli.runner import options, seqsave
from tests.support.folding import Folding
from tests.support.needs import needs_copies_that_create, needs_obstore
from tests.support.patience import PATIENCE
from tests.support.places import Place
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.s3 import S3Server

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets

PICTURES = np.arange(5 * 4 * 6 * 3, dtype="uint8").reshape(5, 4, 6, 3)


def contents(place: Place) -> list[bytes]:
    return [place.read(name) for name in place.frames()]


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return Place("local", str(tmp_path / "here"))


def test_to_other_names_and_numbers_in_the_same_folder(place: Place) -> None:
    save(PICTURES, place.url, metadata={"workflow": 1}, rate=25, storage_options=place.storage_options)
    before = contents(place)
    result = seqsave("mv", place.url, f"{place.url}/shot.####.png", "--start", 1001, *options(place))
    assert result.out.startswith(
        f"moved frame_#####.png 0-4 in {place.url} to shot.####.png 1001-1005 in {place.url} (5 "
    )
    assert place.frames() == [f"shot.{index}.png" for index in range(1001, 1006)]
    assert contents(place) == before
    assert "complete and intact, as recorded" in seqsave("verify", place.url, "--deep", *options(place)).out
    names = [name for name in place.names() if name.startswith(".seqsave/")]
    assert [name for name in names if not name.endswith(".lock")] == [".seqsave/shot.@.png.json"]
    known = open_sequence(place.url, storage_options=place.storage_options).manifest
    assert known is not None
    assert (known.rate, known.metadata, known.start, known.digits) == (25, {"workflow": 1}, 1001, 4)
    assert [run.start for run in known.runs] == [1001]
    assert all(frame.checksum is not None and frame.run == known.runs[0].id for frame in known.frames)


@pytest.mark.parametrize("offset", [1, -1, 2, 7, -7])
def test_numbers_that_move_among_themselves(place: Place, offset: int) -> None:
    writer = open_writer(place.url, start=10, total=6, storage_options=place.storage_options)
    for index in (10, 11, 12, 14):
        writer.write(PICTURES[index - 10], index=index)
    with pytest.warns(SeqSaveWarning, match="2 of the 6 frames that `total` states are not saved: 13,15"):
        writer.close()
    before = contents(place)
    seqsave("mv", place.url, place.url, f"--offset={offset}", *options(place))
    assert place.frames() == [f"frame_{index + offset:05d}.png" for index in (10, 11, 12, 14)]
    assert contents(place) == before
    found = seqsave("verify", place.url, "--json", *options(place), status=1).document
    assert found["render_again"] == f"{13 + offset},{15 + offset}"
    assert found["findings"] == [
        {"kind": "missing", "index": index + offset, "batch": None, "url": None, "message": ""} for index in (13, 15)
    ]


@pytest.mark.every_day
def test_to_another_storage_and_back(here: Place, place: Place) -> None:
    with open_writer(here.url, filetype="jpg", metadata={"workflow": [1]}, metadata_in="sidecar") as writer:
        for batch in (0, 1):
            for index in range(3):
                writer.write(PICTURES[index], index=index, batch=batch)
    before = contents(here)
    metadata = open_sequence(here.url)[0].read_metadata()
    assert metadata == {"workflow": [1]}
    there = f"{place.url}/there"
    seqsave("mv", here.url, there, *options(place))
    assert here.names() == []
    assert place.frames() == [f"there/batch_000{batch}/frame_0000{index}.jpg" for batch in (0, 1) for index in range(3)]
    assert contents(place) == before
    moved = open_sequence(there, storage_options=place.storage_options)
    assert moved[0].read_metadata() == metadata
    assert "complete, as recorded" in seqsave("verify", there, *options(place)).out
    seqsave("mv", there, f"{here.url}/a b.%03d.jpg", *options(place, "--source-storage-option"))
    assert place.names() == []
    assert contents(here) == before
    assert open_sequence(here.url)[0].read_metadata() == metadata
    assert "complete and intact" in seqsave("verify", here.url, "--deep").out


def test_the_preview_comes_along_under_its_new_name(here: Place) -> None:
    save(PICTURES, here.url)
    seqsave("preview", here.url, "-q")
    seqsave("mv", here.url, f"{here.url}/take/shot.#.png")
    frames = [f"take/shot.{index}.png" for index in range(5)]
    assert [name for name in here.names() if ".seqsave/" not in name] == [*frames, "take/shot.mp4"]


def test_names_of_other_programs_stay_as_they_are(here: Place, tmp_path: Path) -> None:
    for name in ("render8.PNG", "render9.png", "render10.png", "notes.txt", ".hidden"):
        here.write(name, name.encode())
    seqsave("mv", here.url, tmp_path / "there/")
    assert here.names() == [".hidden", "notes.txt"]
    assert Place("local", str(tmp_path / "there")).names() == ["render10.png", "render8.PNG", "render9.png"]


@pytest.mark.every_day
def test_never_onto_existing_frames(place: Place) -> None:
    a, b = f"{place.url}/a", f"{place.url}/b"
    save(PICTURES, a, storage_options=place.storage_options)
    save(PICTURES[::-1], b, start=3, storage_options=place.storage_options)
    before = {name: place.read(name) for name in place.names()}
    error = seqsave("mv", a, b, *options(place), status=1).err
    assert (
        f"cannot move frame_#####.png to {b}: 2 files already exist there: frame_00003.png, frame_00004.png." in error
    )
    assert {name: place.read(name) for name in place.names()} == before
    by_number = seqsave("mv", a, f"{b}/frame_###.png", *options(place), status=1).err
    assert "2 files already exist there: frame_00003.png, frame_00004.png." in by_number
    assert {name: place.read(name) for name in place.names()} == before


def test_two_parts_become_one_sequence(place: Place) -> None:
    a, b = f"{place.url}/a", f"{place.url}/b"
    save(PICTURES, a, storage_options=place.storage_options)
    save(PICTURES, b, start=3, storage_options=place.storage_options)
    seqsave("mv", a, b, "--start=8", *options(place))
    assert place.frames() == [f"b/frame_{index:05d}.png" for index in range(3, 13)]
    assert "10 frames, 10 decoded" in seqsave("verify", b, "--deep", *options(place)).out
    assert "complete" in seqsave("ls", b, *options(place)).out


def test_a_part_without_a_manifest_joins_one_with(here: Place) -> None:
    save(PICTURES, f"{here.url}/a", manifest=False)
    save(PICTURES, f"{here.url}/b", start=5)
    seqsave("mv", f"{here.url}/a", f"{here.url}/b")
    assert "complete" in seqsave("verify", f"{here.url}/b").out
    save(PICTURES, f"{here.url}/c", start=10, manifest=False)
    seqsave("mv", f"{here.url}/b", f"{here.url}/c")
    assert "15 frames, not decoded: complete" in seqsave("verify", f"{here.url}/c").out


def test_an_unfinished_sequence_stays_unfinished(here: Place, tmp_path: Path) -> None:
    with pytest.warns(SeqSaveWarning, match="that `total` states"), open_writer(here.url, total=9) as writer:
        writer.write_frames(PICTURES)
    seqsave("mv", here.url, tmp_path / "x.####.png", "--start", 1)
    found = seqsave("verify", tmp_path, "--json", status=1).document
    assert (found["progress"]["done"], found["progress"]["wanted"], found["render_again"]) == (5, 9, "6-9")


@pytest.mark.parametrize(
    ("destination", "message"),
    [
        ("{here}", "is to be moved to the names that it has"),
        ("{here}/x.####.jpg", "has another format than frame_#####.png: 'seqsave save' converts frames"),
        ("{here}/shot.####", "no extension: write {here}/shot.####.png for numbered files, or {here}/shot.####/"),
        ("{here}/movie.mp4", "has the name of one file: write a pattern, as {here}/movie_#####.png"),
        ("{here}/frame_00001.png", "is a file: give a folder, or a pattern as frame_#####.png"),
        ("{here}/*.png", "is a glob"),
        ("{here}/a.##.##.png", "has two numbers"),
        ("{here}/.x_####.png", "makes hidden files"),
        ("nosuch://x", "'nosuch'"),
    ],
)
def test_wrong_destinations(here: Place, destination: str, message: str) -> None:
    save(PICTURES, here.url)
    before = here.names()
    error = seqsave("mv", here.url, destination.format(here=here.url), status=2).err
    assert message.format(here=here.url) in error
    assert here.names() == before


def test_wrong_calls(here: Place, tmp_path: Path) -> None:
    save(PICTURES, here.url)
    assert "use one of them" in seqsave("mv", here.url, tmp_path, "--offset=1", "--start=1", status=2).err
    assert "Missing argument 'DEST'" in seqsave("mv", here.url, status=2).err
    assert "does not exist" in seqsave("mv", tmp_path / "nothing", tmp_path, status=1).err
    here.write("frame_3.png", b"")
    assert "two files of one number (frame_3.png): remove one first" in seqsave("mv", here.url, tmp_path, status=2).err


def failing(monkeypatch: pytest.MonkeyPatch, kind: type, method: str, at: int) -> None:
    original, calls = getattr(kind, method), []

    def fail(self: object, path: str, *args: object, **settings: object) -> object:
        if "frame_" in path and not path.startswith(".") and ".seqsave" not in path:
            calls.append(path)
            if len(calls) == at:
                raise TargetError(f"cannot do it at {path}: the disk is full")
        return original(self, path, *args, **settings)

    monkeypatch.setattr(kind, method, fail)


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("method", ["publish", "move_in"])
def test_after_a_failure_everything_is_as_before(
    here: Place, monkeypatch: pytest.MonkeyPatch, method: str, offset: int
) -> None:
    save(PICTURES, here.url)
    before = {name: here.read(name) for name in here.frames()}
    there = Place("memory", "memory://mv-failure") if method == "publish" else Place("local", f"{here.url}-2")
    destination = here.url if offset else there.url
    if method == "publish" and offset:
        monkeypatch.setattr(LocalTarget, "move_in", lambda *_: False)
    with monkeypatch.context() as patch:
        kind = MemoryTarget if method == "publish" and not offset else LocalTarget
        failing(patch, kind, method, 3)
        error = seqsave("mv", here.url, destination, f"--offset={offset}", status=1).err
    assert "the disk is full" in error
    assert {name: here.read(name) for name in here.frames()} == before
    assert there.frames() == []
    assert "complete" in seqsave("verify", here.url).out
    assert not any(name.endswith(".json") for name in there.names())
    assert offset or there.kind == "memory" or not (Path(there.url) / ".seqsave").exists()


def test_a_manifest_that_cannot_be_begun_leaves_no_folder(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    save(PICTURES, here.url)
    there = Path(f"{here.url}-2")
    original = LocalTarget.publish
    with monkeypatch.context() as patch:

        def publish(self: LocalTarget, path: str, *args: object, **settings: object) -> object:
            if Path(self.url) == there:
                raise TargetError(f"cannot save {path}: the disk is full")
            return original(self, path, *args, **settings)  # type: ignore[arg-type]

        patch.setattr(LocalTarget, "publish", publish)
        assert "the disk is full" in seqsave("mv", here.url, there, status=1).err
    assert not (there / ".seqsave").exists()
    assert "complete" in seqsave("verify", here.url).out


@contextlib.contextmanager
def two_moves_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let two files be moved; each later move fails, also one that puts a file back."""
    original = LocalTarget.move_in
    calls: list[str] = []

    def fail(self: LocalTarget, path: str, source: LocalTarget, old: str) -> bool:
        calls.append(path)
        if len(calls) > 2:
            raise TargetError("no more")
        return original(self, path, source, old)

    with monkeypatch.context() as patch:
        patch.setattr(LocalTarget, "move_in", fail)
        yield


def test_what_cannot_be_put_back_is_named(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    save(PICTURES, here.url)
    with two_moves_only(monkeypatch):
        error = seqsave("mv", here.url, f"{here.url}-2", status=1).err
    assert "Putting the files back failed too: no more." in error
    assert "Frames at the new place" in error
    assert "/here-2/frame_00000.png): 0-1; at the old one" in error
    assert "/here/frame_00000.png): 2-4" in error
    # The rest can be moved after all.
    seqsave("mv", here.url, f"{here.url}-2")
    assert here.names() == []
    assert "5 frames, not decoded: complete" in seqsave("verify", f"{here.url}-2").out


def test_files_that_cannot_be_deleted_are_named(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    save(PICTURES, here.url)
    failing(monkeypatch, LocalTarget, "delete", 2)
    result = seqsave("mv", here.url, "memory://mv-delete", "--json", status=1)
    assert "all frames are moved, but 4 files could not be removed" in result.err
    assert result.document["left"] == [f"frame_0000{index}.png" for index in range(1, 5)]
    assert "complete" in seqsave("verify", "memory://mv-delete").out
    assert open_sequence(here.url).indices == (1, 2, 3, 4)


def test_a_frame_that_is_rewritten_since_is_left(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    save(PICTURES, here.url)
    original = MemoryTarget.publish

    def rewrite(self: MemoryTarget, path: str, *args: object, **settings: object) -> object:
        if path == "frame_00003.png":
            here.write("frame_00002.png", b"other bytes by another program")
        return original(self, path, *args, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryTarget, "publish", rewrite)
    error = seqsave("mv", here.url, "memory://mv-rewrite", status=1).err
    assert "frame_00002.png was changed while it was copied" in error
    assert here.frames() == ["frame_00002.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="no links without rights")
def test_links_become_files(here: Place, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    for index in range(3):
        (tmp_path / f"real{index}").write_bytes(b"%d" % index)
        (tmp_path / "here" / f"f_{index}.png").symlink_to(f"../real{index}")
    seqsave("mv", here.url, tmp_path / "a" / "b")
    assert here.names() == []
    assert [(tmp_path / "a" / "b" / f"f_{index}.png").read_bytes() for index in range(3)] == [b"0", b"1", b"2"]
    assert (tmp_path / "real0").read_bytes() == b"0"


KILLED = """
import os, sys
from seqsave.cli import cli
from seqsave.targets.local import LocalTarget
original, calls = LocalTarget.move_in, []
def move_in(self, path, source, old):
    calls.append(path)
    if len(calls) == 3:
        os.kill(os.getpid(), 9)
    return original(self, path, source, old)
LocalTarget.move_in = move_in
cli(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("offset", [0, 1])
def test_killed_in_the_middle(here: Place, offset: int) -> None:
    save(PICTURES, here.url)
    before = sorted(contents(here))
    there = Place("local", here.url if offset else f"{here.url}-2")
    command = [sys.executable, "-c", KILLED, "mv", here.url, there.url, f"--offset={offset}"]
    assert subprocess.run(command, timeout=PATIENCE).returncode == -9
    both = contents(here) if offset else contents(here) + contents(there)
    assert sorted(both) == before
    for place in {here.url, there.url}:
        assert seqsave("verify", place, "--json", status=1).document["ok"] is False
    if not offset:
        seqsave("mv", here.url, there.url)
        assert here.names() == []
        assert json.loads(there.read(".seqsave/frame.png.json"))["complete"] is True
        assert "complete and intact" in seqsave("verify", there.url, "--deep").out


def test_a_run_at_work_is_not_disturbed(here: Place) -> None:
    with open_writer(here.url) as writer:
        writer.write(PICTURES[0])
        writer.write(PICTURES[1])
        writer.flush()
        assert "is in use: process" in seqsave("mv", here.url, f"{here.url}-2", status=1).err
        save(PICTURES, f"{here.url}-3", start=50)
        assert "is in use: process" in seqsave("mv", f"{here.url}-3", here.url, status=1).err
    assert "complete" in seqsave("verify", here.url).out
    assert "complete" in seqsave("verify", f"{here.url}-3").out


def test_dry_run(here: Place) -> None:
    save(PICTURES, here.url)
    before = here.names()
    result = seqsave("mv", here.url, f"{here.url}/a.##.png", "--dry-run", "--json").document
    assert result["dry_run"] is True
    assert result["destination"] == {"url": here.url, "pattern": "a.##.png", "frames": "0-4"}
    assert here.names() == before


@pytest.mark.parametrize("offset", [0, 1])
def test_an_interrupt_right_after_a_rename(here: Place, monkeypatch: pytest.MonkeyPatch, offset: int) -> None:
    save(PICTURES, here.url)
    before = {name: here.read(name) for name in here.frames()}
    original = LocalTarget.move_in
    calls: list[str] = []

    def interrupted(self: LocalTarget, path: str, source: LocalTarget, old: str) -> bool:
        calls.append(path)
        is_moved = original(self, path, source, old)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return is_moved

    with monkeypatch.context() as patch:
        patch.setattr(LocalTarget, "move_in", interrupted)
        seqsave("mv", here.url, here.url if offset else f"{here.url}-2", f"--offset={offset}", status=130)
    assert {name: here.read(name) for name in here.frames()} == before
    assert "complete" in seqsave("verify", here.url).out


def test_an_interrupt_between_a_copy_and_the_deletion(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Place("memory", "memory://mv-half")
    save(PICTURES, here.url)
    before = {name: here.read(name) for name in here.frames()}
    original = MemoryTarget.delete

    def interrupted(self: MemoryTarget, path: str) -> None:
        if path == "frame_00002.png":
            monkeypatch.setattr(MemoryTarget, "delete", original)
            raise KeyboardInterrupt
        original(self, path)

    monkeypatch.setattr(MemoryTarget, "delete", interrupted)
    seqsave("mv", here.url, here.url, "--offset=1", status=130)
    assert {name: here.read(name) for name in here.frames()} == before
    assert "complete" in seqsave("verify", here.url).out


def test_a_manifest_of_frames_that_could_not_be_put_back_is_not_complete(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(PICTURES, here.url)
    with two_moves_only(monkeypatch):
        seqsave("mv", here.url, here.url, "--offset=1", status=1)
    known = open_sequence(here.url).manifest
    assert known is not None
    assert not known.complete


def test_a_copied_file_that_is_gone_is_not_left(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    save(PICTURES, here.url)
    original = LocalTarget.delete

    def fail(self: LocalTarget, path: str) -> None:
        if path == "frame_00001.png":
            for index in (3, 4):  # as where several are deleted at a time
                original(self, f"frame_0000{index}.png")
            raise TargetError("not this one")
        original(self, path)

    monkeypatch.setattr(LocalTarget, "delete", fail)
    result = seqsave("mv", here.url, "memory://mv-gone", "--json", status=1)
    assert result.document["left"] == ["frame_00001.png", "frame_00002.png"]
    known = open_sequence(here.url).manifest
    assert known is not None
    assert [frame.index for frame in known.frames] == [1, 2]


def test_another_spelling_of_names_on_a_storage_that_ignores_case(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.registry import _registry

    monkeypatch.setitem(_registry, Folding.protocol, Folding)
    url = f"{Folding.protocol}://share/mv"
    try:
        for index in range(3):
            Folding.store[f"/share/mv/shot_{index}.PNG"] = MemoryFile(None, "", b"%d" % index)
        Folding.pseudo_dirs += ["/share", "/share/mv"]
        before = Folding.names()
        assert len(before) == 3
        for pattern in ("Shot_#.PNG", "shot_#.png"):
            error = seqsave("mv", url, f"{url}/{pattern}", status=1).err
            assert "are the same file there" in error
        assert Folding.names() == before
    finally:
        Folding.clear()


@pytest.mark.parametrize("offset", [0, 20])
def test_a_part_of_what_a_manifest_records_is_refused(here: Place, offset: int) -> None:
    save(PICTURES, f"{here.url}/f_#.png", start=7)
    before = here.names()
    destination = f"{here.url}/f_##.png" if offset else f"{here.url}-2"
    error = seqsave("mv", f"{here.url}/f_##.png", destination, f"--offset={offset}", status=2).err
    assert "f_##.png" in error
    assert "whose manifest records f_7.png, f_8.png, f_9.png too" in error
    assert here.names() == before
    seqsave("mv", f"{here.url}/f_#.png", destination.replace("##", "#"), f"--offset={offset}")


def test_the_source_of_a_copy_that_is_gone_stays(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    save(PICTURES, here.url)
    original = MemoryTarget.publish

    def publish(self: MemoryTarget, path: str, *args: object, **settings: object) -> object:
        if path == "frame_00003.png":
            self.delete("frame_00001.png")  # by another program
        return original(self, path, *args, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryTarget, "publish", publish)
    error = seqsave("mv", here.url, "memory://mv-copy-gone", status=1).err
    assert "frame_00001.png was removed after the copy: its source is kept" in error
    assert here.frames() == ["frame_00001.png"]


def test_the_only_copy_stays_after_a_failure(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    save(PICTURES, here.url)
    there = Place("memory", "memory://mv-only-copy")
    original = MemoryTarget.publish

    def publish(self: MemoryTarget, path: str, *args: object, **settings: object) -> object:
        if path == "frame_00003.png":
            LocalTarget(here.url).delete("frame_00001.png")  # by another program
            raise TargetError("the disk is full")
        return original(self, path, *args, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryTarget, "publish", publish)
    assert "the disk is full" in seqsave("mv", here.url, there.url, status=1).err
    assert there.frames() == ["frame_00001.png"]
    assert len(here.frames()) == 4


@pytest.fixture(params=["versions", "lock"])
def keeping(request: pytest.FixtureRequest, s3_server: S3Server) -> Place:
    """Return a bucket that keeps each version of an object, and one that also refuses to delete them for a day."""
    bucket, client = f"{request.param}-{uuid.uuid4().hex[:8]}", s3_server.client
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=request.param == "lock")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    if request.param == "lock":
        rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
    return Place("s3", f"s3://{bucket}/shot", s3_server.storage_options, s3_server)


def test_buckets_that_keep_versions(keeping: Place, s3_server: S3Server) -> None:
    for pictures in (PICTURES[::-1], PICTURES):
        save(pictures, f"{keeping.url}/a", filetype="png", storage_options=keeping.storage_options)
    before = contents(keeping)
    seqsave("mv", f"{keeping.url}/a", f"{keeping.url}/b", *options(keeping))
    seqsave("mv", f"{keeping.url}/b", f"{keeping.url}/b/shot.####.png", "--start", 1002, *options(keeping))
    assert keeping.frames() == [f"b/shot.{index}.png" for index in range(1002, 1007)]
    assert contents(keeping) == before
    assert "complete and intact, as recorded" in seqsave("verify", f"{keeping.url}/b", "--deep", *options(keeping)).out
    seqsave("rm", f"{keeping.url}/b", "--frames", "1003", "--yes", *options(keeping))
    assert (
        seqsave("ls", f"{keeping.url}/b", "--json", *options(keeping), status=1).document["sequences"][0]["count"] == 4
    )
    seqsave("rm", f"{keeping.url}/b", "--yes", *options(keeping))
    assert keeping.frames() == []
    bucket = keeping.url.split("/")[2]
    kept = s3_server.client.list_object_versions(Bucket=bucket)["Versions"]
    frames = [one for one in kept if one["Key"].endswith(".png")]
    assert len(frames) == 5 * (2 + 1 + 1)  # nothing removes a version
    if bucket.startswith("lock"):
        with pytest.raises(ClientError):
            s3_server.client.delete_object(Bucket=bucket, Key=frames[0]["Key"], VersionId=frames[0]["VersionId"])


@pytest.fixture(params=["s3fs", "obstore"])
def client(request: pytest.FixtureRequest) -> str:
    if request.param == "obstore":
        needs_obstore()
    return str(request.param)


@pytest.mark.parametrize("manifest", [True, False])
def test_a_store_copies_its_objects_by_itself(s3_server: S3Server, proxy: Proxy, client: str, manifest: bool) -> None:
    needs_copies_that_create(client)
    own = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url, "client": client}
    arguments = [part for name, value in own.items() for part in ("--storage-option", f"{name}={value}")]
    old, new = s3_server.new_prefix(), f"s3://{s3_server.new_bucket()}/to"
    save(
        PICTURES, old, filetype="png", manifest=manifest, storage_options=own, metadata={"a": 1}, metadata_in="sidecar"
    )
    before = [frame.read_bytes() for frame in open_sequence(old, storage_options=own)]
    for source, destination, count in ((old, new, 5), (new, f"{new}/shot.####.png", 5)):
        proxy.clear()
        seqsave("mv", source, destination, *arguments)
        frames = [one for one in proxy.requests if re.search(r"/(frame_|shot\.)\d+\.png$", one.path)]
        copies = [one for one in frames if "x-amz-copy-source" in one.headers]
        assert len(copies) == count
        assert {one.method for one in frames} == {"PUT", "DELETE"}
        assert len(frames) == 2 * count
    moved = open_sequence(new, storage_options=own)
    assert [frame.read_bytes() for frame in moved] == before
    assert (moved.manifest is not None) == manifest
    if manifest:
        assert "complete and intact, as recorded" in seqsave("verify", new, "--deep", *arguments).out


@pytest.mark.parametrize(("status", "code"), [(501, "NotImplemented"), (403, "AccessDenied"), (200, "InternalError")])
def test_a_store_that_refuses_to_copy(s3_server: S3Server, proxy: Proxy, client: str, status: int, code: str) -> None:
    needs_copies_that_create(client)
    own = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url, "client": client}
    arguments = [part for name, value in own.items() for part in ("--storage-option", f"{name}={value}")]
    old, new = s3_server.new_prefix(), s3_server.new_prefix()
    save(PICTURES, old, filetype="png", storage_options=own)
    before = [frame.read_bytes() for frame in open_sequence(old, storage_options=own)]
    fault = proxy.answer(status, code, header="x-amz-copy-source", path=r"\.png$")
    seqsave("mv", old, new, *arguments)
    assert fault.hits
    assert [frame.read_bytes() for frame in open_sequence(new, storage_options=own)] == before
    assert "complete and intact, as recorded" in seqsave("verify", new, "--deep", *arguments).out
