"""The tests that every storage should pass. Each is a method, and checks the storage through independent code.

A test that cannot apply to a storage is switched off by name, with a reason beside it:
``test_long_listing = None  # the server lists 1,000 entries at most``.
"""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqsave import targets
from seqsave.errors import FrameExistsError, SaveError, TargetError
from seqsave.plugins.declarations import target_problems
from seqsave.saving import save
from seqsave.sequences.opening import open_sequence
from seqsave.specs import TargetSpec
from seqsave.targets import registry
from seqsave.testing._encoding import expect

__all__ = ["TargetPlace", "TargetSuite"]

CONTENT_TYPE = "image/png"
LARGE = 3_000_000
MANY = 2_100  # more than S3 lists in one answer
THREADS = 8
REPLACED = 12
BAD_PATHS = ("", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\0b", "a\nb", "\x7f")


@dataclass
class TargetPlace:
    """An empty place of the storage: ``url`` and ``storage_options`` as a user gives them.

    ``read``, ``write`` and ``names`` go through fsspec alone; override them for a storage that fsspec does not know.
    Paths are relative to ``url``, with ``/`` between their parts.
    """

    url: str
    storage_options: Mapping[str, Any] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        filesystem, root = self._filesystem()
        return bytes(filesystem.cat_file(f"{root}/{path}"))

    def write(self, path: str, data: bytes) -> None:
        """Write a file, with its folders."""
        filesystem, root = self._filesystem()
        filesystem.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
        filesystem.pipe_file(f"{root}/{path}", data)

    def names(self) -> list[str]:
        """Return the path of every file below the place, sorted."""
        filesystem, root = self._filesystem()
        try:
            found = filesystem.find(root)
        except FileNotFoundError:
            return []
        return sorted(name.strip("/").removeprefix(root.strip("/")).strip("/") for name in found)

    def _filesystem(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        # A new instance: a cached one might answer from its cache.
        filesystem, root = url_to_fs(self.url, **self.storage_options, skip_instance_cache=True)
        filesystem.invalidate_cache()
        return filesystem, root.rstrip("/")


class TargetSuite:
    """The tests of a storage. Inherit from it in a class whose name starts with ``Test``, and define ``place``.

    spec:             the declaration to test; None for a storage without one.
    names:            file names that the storage accepts.
    updates_are_safe: no change is lost if several threads change one file at the same time.
    """

    spec: ClassVar[TargetSpec | None] = None
    names: ClassVar[tuple[str, ...]] = (
        "plain_00001.png",
        "with spaces  and\u3000more_00001.png",
        "dots.and..more",
        ".hidden",
        "ünïcödé_日本_🎬_00001.png",
        "100%_%20_%2F_%s_00001.png",
        "a+b&c=d;e,f_00001.png",
        "sub folder/batch_0001/frame_00001.png",
    )
    updates_are_safe: ClassVar[bool] = False

    # --- what the checks are made of ------------------------------------------------------------------------------

    def place(self, tmp_path: Path) -> TargetPlace:
        """Return an empty place of the storage. ``tmp_path`` is a folder of the running test."""
        raise NotImplementedError(f"{type(self).__name__} needs a method place(tmp_path) that returns a TargetPlace")

    def open(self, place: TargetPlace) -> targets.Target:
        """Open the target of a place."""
        return targets.resolve(place.url, place.storage_options)

    def publish(self, target: targets.Target, path: str, data: Any = b"data", **more: Any) -> targets.Published:
        """Publish one file."""
        return target.publish(path, data, content_type=CONTENT_TYPE, **more)

    # --- the declaration ------------------------------------------------------------------------------------------

    def test_declaration(self, tmp_path: Path) -> None:
        """Check that the declaration is valid, and is found by its URL."""
        if self.spec is None:
            return
        problems = target_problems(self.spec)
        expect(not problems, "the declaration is not valid:\n- " + "\n- ".join(problems))
        url = self.place(tmp_path).url
        protocol = url.partition("://")[0]
        expect(protocol in self.spec.protocols, f"{url} has none of the declared protocols {self.spec.protocols}")
        expect(
            registry.find(protocol) == self.spec,
            f"{protocol}:// does not find this declaration, but {registry.find(protocol)}: name its module in "
            "pyproject.toml under [project.entry-points.seqsave], then pip install -e .",
        )

    def test_check_changes_nothing(self, tmp_path: Path) -> None:
        """Check that opening a target and asking for its capabilities changes nothing."""
        place = self.place(tmp_path)
        target = self.open(place)
        target.check()
        expect(target.url and repr(target), "the target has no url: set it to the root, without secrets")
        expect(place.names() == [], f"opening the target has written {place.names()}: write only in publish and update")

    # --- saving ---------------------------------------------------------------------------------------------------

    def test_publish(self, tmp_path: Path) -> None:
        """Check that a published file exists, byte for byte, and nothing else; folders are created as needed."""
        place, data = self.place(tmp_path), bytes(range(256)) * 40
        target = self.open(place)
        published = self.publish(target, "batch_0003/frame_00017.png", data)
        expect(published.size == len(data), f"Published.size is {published.size}, not {len(data)}: count bytes")
        expect(place.names() == ["batch_0003/frame_00017.png"], f"the storage holds {place.names()}: write one file")
        expect(place.read("batch_0003/frame_00017.png") == data, "the file has other bytes than were published")
        expect(target.read("batch_0003/frame_00017.png") == data, "read returns other bytes than were published")

    def test_kinds_of_data(self, tmp_path: Path) -> None:
        """Check that bytes, bytearray and memoryview are accepted, also empty, and may change afterwards."""
        place = self.place(tmp_path)
        target = self.open(place)
        for kind in (bytes, bytearray, memoryview):
            source = bytearray(b"0123456789" * 30_000)
            self.publish(target, kind.__name__, source if kind is bytearray else kind(source))
            source[:3] = b"xxx"
            same = place.read(kind.__name__) == b"0123456789" * 30_000
            expect(same, f"changing a {kind.__name__} after publish changes the saved file: copy the bytes")
            self.publish(target, "empty", kind(b""))
            expect(target.read("empty") == b"", f"an empty {kind.__name__} is read back as something else")

    def test_names(self, tmp_path: Path) -> None:
        """Check that every name of ``names`` is kept unchanged, in each method."""
        for number, path in enumerate(self.names):
            (tmp_path / str(number)).mkdir()
            place = self.place(tmp_path / str(number))
            target, data = self.open(place), path.encode()
            self.publish(target, path, data)
            expect(place.names() == [path], f"{path!r} is stored as {place.names()}: refuse it, or keep it as it is")
            expect(target.read(path) == data and target.exists(path), f"{path!r} is not found under its name")
            folder, _, name = path.rpartition("/")
            listed = [(entry.name, entry.size, entry.is_folder) for entry in target.list(folder)]
            expect(listed == [(name, len(data), False)], f"{path!r} is listed as {listed}: return its name and size")
            parent, last = targets.resolve_file(target.url_of(path), place.storage_options)
            expect(parent.read(last) == data, f"url_of returns {target.url_of(path)}, which is the URL of another file")
            target.delete(path)
            expect(place.names() == [], f"{path!r} still exists after delete")

    def test_bad_paths(self, tmp_path: Path) -> None:
        """Check that an invalid path, or one that leaves the root, is refused before anything is written."""
        place = self.place(tmp_path)
        target = self.open(place)
        calls = (lambda path: self.publish(target, path), target.read, target.exists, target.delete, target.url_of)
        for path in BAD_PATHS:
            for call in calls:
                with _raises(TargetError, f"the path {path!r} is accepted: check each one with self._checked(path)"):
                    call(path)
        expect(place.names() == [], f"refused paths have written {place.names()}")

    def test_replaces(self, tmp_path: Path) -> None:
        """Check that publishing a name again replaces the file."""
        place = self.place(tmp_path)
        target = self.open(place)
        self.publish(target, "a", b"a longer first one")
        self.publish(target, "a", b"second")
        expect(place.read("a") == b"second", f"a file that is published again holds {place.read('a')!r}")
        expect(place.names() == ["a"], f"a file that is published again leaves {place.names()}")

    def test_whole_files_only(self, tmp_path: Path) -> None:
        """Check that a reader sees the old or the new file during a replacement, and never a part."""
        place = self.place(tmp_path)
        target = self.open(place)
        if not target.capabilities.atomic:
            return
        wholes = {bytes([digit]) * LARGE for digit in b"01"}
        self.publish(target, "a", min(wholes))
        done = threading.Event()

        def watch() -> list[int]:
            seen = []
            while not done.is_set():
                data = target.read("a")
                seen += [] if data in wholes else [len(data)]
            return seen

        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            try:
                for _ in range(REPLACED):
                    for whole in wholes:
                        self.publish(target, "a", whole)
            finally:
                done.set()
            torn = watching.result()
        expect(not torn, f"a reader saw a part of a file ({torn[:3]} bytes): declare publish='plain', or atomic=False")

    def test_create(self, tmp_path: Path) -> None:
        """Check that ``create=True`` refuses to replace a file, or is refused by a storage without that ability."""
        place = self.place(tmp_path)
        target = self.open(place)
        if target.capabilities.create == "none":
            with _raises(TargetError, "create=True is accepted although capabilities.create is 'none': refuse it"):
                self.publish(target, "a", create=True)
            return
        self.publish(target, "x/a", b"first", create=True)
        with _raises(FrameExistsError, "create=True replaces a file: declare create=False, or refuse it"):
            self.publish(target, "x/a", b"second", create=True)
        expect(place.read("x/a") == b"first", "create=True raises FrameExistsError, but has replaced the file")
        target.probe_create(".seqsave/create.txt")
        expect(place.names() == ["x/a"], f"probing create=True leaves {place.names()}")

    def test_create_has_one_winner(self, tmp_path: Path) -> None:
        """Check that one of several threads that create the same file at the same time succeeds."""
        place = self.place(tmp_path)
        target = self.open(place)
        if target.capabilities.create == "none":
            return
        start = threading.Barrier(THREADS)

        def create(number: int) -> int | None:
            start.wait()
            try:
                self.publish(target, "a", b"%d" % number * 1000, create=True)
            except FrameExistsError:
                return None
            return number

        with ThreadPoolExecutor(THREADS) as pool:
            winners = [number for number in pool.map(create, range(THREADS)) if number is not None]
        expect(len(winners) == 1, f"{len(winners)} threads have created one file: decide and write in one step")
        expect(place.read("a") == b"%d" % winners[0] * 1000, "the file is not the winner's")

    def test_threads(self, tmp_path: Path) -> None:
        """Check that threads can publish and read at the same time, through one target and through several."""
        place = self.place(tmp_path)
        shared = self.open(place)

        def work(number: int) -> bytes:
            path = f"batch_{number % 4:04d}/frame_{number:05d}.png"
            target = shared if number % 2 else self.open(place)
            self.publish(target, path, b"%d" % number * 2000)
            return target.read(path)

        with ThreadPoolExecutor(2 * THREADS) as pool:
            right = [got == b"%d" % number * 2000 for number, got in enumerate(pool.map(work, range(96)))]
        expect(all(right), f"{right.count(False)} of 96 files have another thread's bytes: let threads take turns")
        expect(len(place.names()) == 96, f"96 threads have left {len(place.names())} files")

    def test_publish_async(self, tmp_path: Path) -> None:
        """Check that ``publish_async`` works on ``loop``, or that both are None."""
        place = self.place(tmp_path)
        target = self.open(place)
        coroutine = target.publish_async("a", b"data", content_type=CONTENT_TYPE)
        if coroutine is None or target.loop is None:
            both = coroutine is None and target.loop is None
            if coroutine is not None:
                coroutine.close()
            expect(both, "publish_async and loop must either both be None, or both be set")
            return
        published = asyncio.run_coroutine_threadsafe(coroutine, target.loop).result()
        expect(published.size == 4 and place.read("a") == b"data", "publish_async has saved other bytes")

    def test_update(self, tmp_path: Path) -> None:
        """Check that ``update`` creates, changes and removes a small file, and notices a concurrent change."""
        place = self.place(tmp_path)
        target = self.open(place)

        def update(then: bytes | None, **more: Any) -> Any:
            seen: list[bytes | None] = []

            def change(now: bytes | None) -> bytes | None:
                seen.append(now)
                return then

            published = target.update("x.json", change, content_type="text/json", **more)
            return seen[-1], published

        seen, first = update(b"one")
        expect(seen is None and place.read("x.json") == b"one", "update does not create the file")
        place.write("x.json", b"another")
        seen, _ = update(b"three", known=(b"one", first.etag))
        expect(seen == b"another", f"update passes {seen!r} to the change: read the file if its content is not known")
        seen, published = update(None)
        expect(seen == b"three" and published is None, "update does not return the file's bytes")
        expect(not target.exists("x.json"), "update does not remove the file when the change returns None")

    def test_updates_from_threads(self, tmp_path: Path) -> None:
        """Check that no concurrent change is lost, if ``updates_are_safe``."""
        if not self.updates_are_safe:
            return
        place = self.place(tmp_path)
        target = self.open(place)

        def one_more(now: bytes | None) -> bytes:
            return b"%d" % (int(now or 0) + 1)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda _: target.update("a/x", one_more, content_type="text/plain"), range(40)))
        expect(
            place.read("a/x") == b"40",
            f"the file counts {place.read('a/x')!r} of 40 changes: compare and replace it in one step",
        )

    # --- reading --------------------------------------------------------------------------------------------------

    def test_missing_files(self, tmp_path: Path) -> None:
        """Check that reading a missing file is a permanent FileNotFoundError, and that deleting one is no error."""
        target = self.open(self.place(tmp_path))
        for read in (target.read, target.open_read):
            with _raises(FileNotFoundError, "a missing file must raise FileNotFoundError") as caught:
                read("none")
            transient = getattr(caught[0], "transient", True)
            expect(not transient, "a missing file is reported as a temporary failure: raise FileNotFoundError")
        for path in ("none", "nowhere/none"):
            expect(not target.exists(path), f"exists is True for {path!r}, which does not exist")
            target.delete(path)

    def test_open_read(self, tmp_path: Path) -> None:
        """Check that a file can be read in pieces, from any position, by several readers."""
        place, data = self.place(tmp_path), bytes(range(256)) * (LARGE // 256)
        place.write("a", data)
        place.write("empty", b"")
        target = self.open(place)
        with target.open_read("a") as one, target.open_read("a") as other:
            got = [one.read(10), other.read(5), one.seek(-6, 2), one.read(), one.read(), one.seek(LARGE // 2)]
            wanted = [data[:10], data[:5], len(data) - 6, data[-6:], b"", LARGE // 2]
            expect(got == wanted and other.read() == data[5:], "open_read does not seek, or readers share a position")
        with target.open_read("empty") as file:
            expect(file.read() == b"", "an empty file is not read as empty")

    def test_list(self, tmp_path: Path) -> None:
        """Check that a listing is one level, fresh, with sizes, and empty for a folder that does not exist."""
        place = self.place(tmp_path)
        target = self.open(place)
        missing = [target.list(), target.list("not/there")]
        expect(missing == [[], []], f"folders that do not exist are listed as {missing}: return []")
        place.write("a.png", b"1")
        place.write("batch_0001/b.png", b"22")
        place.write("batch_0001/deep/er.png", b"333")
        found = sorted((entry.name, entry.size, entry.is_folder) for entry in target.list())
        expect(found == [("a.png", 1, False), ("batch_0001", 0, True)], f"the root is listed as {found}")
        below = sorted((entry.name, entry.is_folder) for entry in target.list("batch_0001"))
        expect(below == [("b.png", False), ("deep", True)], f"a folder is listed as {below}")
        place.write("late.png", b"")
        names = {entry.name for entry in target.list()}
        expect("late.png" in names, "a new file is not listed: list must not answer from a cache")
        expect(target.exists("a.png") and not target.exists("batch_0001"), "exists must be True for files only")

    def test_long_listing(self, tmp_path: Path) -> None:
        """Check that a folder with many files is listed completely."""
        place = self.place(tmp_path)
        target = self.open(place)
        with ThreadPoolExecutor(2 * THREADS) as pool:
            list(pool.map(lambda number: self.publish(target, f"f{number}", b""), range(MANY)))
        found = [entry.name for entry in target.list()]
        expect(
            sorted(found) == sorted(f"f{number}" for number in range(MANY)), f"{len(found)} of {MANY} files are listed"
        )

    # --- whole sequences --------------------------------------------------------------------------------------------

    def test_pickle(self, tmp_path: Path) -> None:
        """Check that a target can be pickled for another process."""
        place = self.place(tmp_path)
        target = self.open(place)
        self.publish(target, "a")
        copy = pickle.loads(pickle.dumps(target))  # noqa: S301 - our own bytes
        expect(copy.read("a") == b"data" and copy.url == target.url, "a pickled target differs from the original")

    def test_save(self, tmp_path: Path) -> None:
        """Check that seqsave saves and reads a sequence, and that ``if_exists="error"`` keeps existing frames."""
        place = self.place(tmp_path)
        frames = np.arange(3 * 4 * 6 * 3, dtype=np.uint8).reshape(3, 4, 6, 3)
        can = self.open(place).capabilities
        settings: dict[str, Any] = {"storage_options": place.storage_options}
        save(frames, place.url, if_exists="overwrite" if can.create == "none" else "error", **settings)
        self._expect_frames(place, frames, "saved frames differ when they are read back")
        if can.create != "none":
            with _raises((SaveError, FrameExistsError), "if_exists='error' replaces frames"):
                save(frames + 1, place.url, if_exists="error", **settings)
            self._expect_frames(place, frames, "if_exists='error' fails, but has replaced frames")

    def _expect_frames(self, place: TargetPlace, frames: Any, otherwise: str) -> None:
        sequence = open_sequence(place.url, storage_options=place.storage_options)
        expect(np.array_equal(np.stack([frame.read() for frame in sequence]), frames), otherwise)


@contextmanager
def _raises(
    kinds: type[BaseException] | tuple[type[BaseException], ...], otherwise: str
) -> Iterator[list[BaseException]]:
    """Fail unless the block raises one of these errors; the list then contains it."""
    caught: list[BaseException] = []
    try:
        yield caught
    except kinds as error:
        caught.append(error)
    except Exception as error:
        raise AssertionError(f"{otherwise}; it raised {type(error).__name__}: {error}") from error
    else:
        raise AssertionError(otherwise)
