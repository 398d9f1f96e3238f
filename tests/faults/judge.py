"""Judge the frames independently: nothing of seqsave is used here.

The files are compared bit by bit with those of a run without any fault, and these with the pictures
themselves, as Pillow reads them.
"""

from __future__ import annotations

import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.faults.child import Order, name_of, picture
from tests.faults.saver import Saver
from tests.faults.trial import Lab, Trial
from tests.support.places import Place

__all__ = ["Judge", "flaws_of", "healthy_run"]

FRAME = re.compile(r"(?:.*/)?frame_\d+\.png")
# What a killed saver may leave: never a frame's name, and hidden.
LEFT = re.compile(r"(?:.*/)?\.seqsave(?:/|-).*")
TEMPORARY = re.compile(r"(?:.*/)?\.seqsave-.*")
MANIFEST = ".seqsave/frame.png.json"


class Judge:
    """The judge of one sequence, which must end with the frames ``healthy`` (name to bytes) and a complete manifest."""

    def __init__(self, trial: Trial, place: Place, healthy: dict[str, bytes], *, has_manifest: bool = True) -> None:
        self.trial = trial
        self.has_manifest = has_manifest
        self.place = place
        self.healthy = healthy

    def look(self) -> dict[str, bytes]:
        """Return all frames that exist now. Count frames that are not whole as damaged."""
        seen = {}
        for name in self.place.names():
            if FRAME.fullmatch(name):
                data = seen[name] = self.place.read(name)
                if data != self.healthy.get(name):
                    self.damaged(f"{name} has {len(data)} bytes, {self._difference(name, data)}")
            elif not LEFT.fullmatch(name):
                self.damaged(f"{name} is neither a frame nor hidden")
        self.check_manifest()
        return seen

    def hear(self, saver: Saver, also: tuple[str, ...] = ()) -> None:
        """Compare a saver's reports so far with the files; ``also``: further statuses that mean saved."""
        seen = self.look()
        for word in list(saver.words):
            if word.get("status") in ("saved", *also):
                self._compare(word, seen)
        self.weigh(saver, seen)

    def weigh(self, saver: Saver, seen: dict[str, bytes] | None = None) -> None:
        """Compare only its last report, if another saver may have replaced its frames."""
        seen = self.look() if seen is None else seen
        for word in saver.words:
            if "end" in word:
                self._weigh(word, seen)

    def end(self) -> None:
        """Count the frames at the end, when all should be saved."""
        seen = self.look()
        if self.has_manifest and not self._is_complete():
            self.false("all is over and the manifest does not say that the sequence is complete")
        self.trial.due += len(self.healthy)
        missing = [name for name in self.healthy if name not in seen]
        self.trial.lost += len(missing)
        self.trial.written += sum(seen.get(name) == data for name, data in self.healthy.items())
        if missing:
            self.note(f"lost: {missing}")

    def leaves_nothing_behind(self) -> None:
        """Check that a saver that has ended by itself left no temporary files."""
        left = [name for name in self.place.names() if TEMPORARY.fullmatch(name)]
        if left:
            self.damaged(f"left behind: {left}")

    def fails(self, last: dict[str, Any], error: str, words: str = "") -> None:
        """Check that this saver ended with an error of that kind, and with a message."""
        if last["end"] != error or words not in last["message"]:
            self.false(f"it ended with {last['end'] or 'no error'}, not {error} ({words!r}): {last['message']}")

    def vanished(self, names: set[str]) -> None:
        """Count frames that a reader did not find although they existed."""
        self.trial.lost += len(names)
        self.note(f"vanished: {sorted(names)}")

    # --- reports ---

    def _compare(self, word: dict[str, Any], seen: dict[str, bytes]) -> None:
        data = seen.get(name_of(word["frame"]))
        if data is None:
            self.false(f"{name_of(word['frame'])} was reported as saved and is not there")
        elif word["checksum"] != f"crc32:{zlib.crc32(data):08x}":
            self.false(f"{name_of(word['frame'])} was reported with another checksum")

    def _weigh(self, word: dict[str, Any], seen: dict[str, bytes]) -> None:
        """The last report names every accepted frame, and each frame that it calls saved exists."""
        named = {int(index) for index in (*word["frames"], *word["failed"])}
        for index in sorted(set(word["accepted"]) - named):
            self.false(f"not a word about {name_of(index)}, which was accepted")
        for index, status in word["frames"].items():
            if status in ("saved", "skipped") and name_of(int(index)) not in seen:
                self.false(f"{name_of(int(index))} was reported as {status} at the end and does not exist")
        if word["failed"] and not word["end"]:
            self.false("frames failed and no error was raised")

    # --- the manifest ---

    def check_manifest(self) -> None:
        """A manifest that states complete has to name exactly the existing and the expected frames.

        While the frames are read, it may be marked as incomplete, and frames may be replaced.
        """
        data = self._manifest()
        lies = [] if data is None else list(self._lies(data))
        if lies and data == self._manifest():
            for lie in lies:
                self.false(lie)

    def _manifest(self) -> bytes | None:
        try:
            return self.place.read(MANIFEST)
        except Exception:  # noqa: BLE001 - whatever the storage says of what is not there
            return None

    def _is_complete(self) -> bool:
        return bool(json.loads(self._manifest() or b"{}").get("complete"))

    def _lies(self, data: bytes) -> Iterator[str]:
        try:
            manifest = json.loads(data)
        except ValueError:
            yield "the manifest is no JSON"
            return
        if not manifest["complete"]:
            return
        listed = {frame["name"]: frame for frame in manifest["frames"]}
        if set(listed) != set(self.healthy):
            yield f"the manifest is complete with {sorted(listed)}"
        for name, frame in listed.items():
            if not self._is_true(name, frame):
                yield f"the manifest is complete and says something else of {name} than is there"

    def _is_true(self, name: str, frame: dict[str, Any]) -> bool:
        try:
            data = self.place.read(name)
        except Exception:  # noqa: BLE001 - whatever the storage says: it cannot be read
            return False
        return frame["size"] == len(data) and frame["checksum"] in (None, f"crc32:{zlib.crc32(data):08x}")

    # --- notes ---

    def _difference(self, name: str, data: bytes) -> str:
        right = self.healthy.get(name)
        if right is None:
            return "and should not be there"
        at = next((i for i, (a, b) in enumerate(zip(data, right, strict=False)) if a != b), min(len(data), len(right)))
        return f"different from byte {at} of {len(right)} on"

    def damaged(self, what: str) -> None:
        self.trial.damaged += 1
        self.note(f"damaged: {what}")

    def false(self, what: str) -> None:
        self.trial.falsely += 1
        self.note(f"false: {what}")

    def note(self, what: str) -> None:
        self.trial.trouble.append(f"{what} (time {self.trial.tried}, {self.place.url})")


def flaws_of(place: Place, frames: int, *, seed: int, shape: tuple[int, int, int]) -> list[str]:
    """Return each way in which a place does not hold one complete sequence of these pictures and nothing else.

    Every file is read and decoded, and compared with its picture and with what the manifest states of it: its size, and
    its checksum, which it does not state of a frame that a run found and left alone.
    """
    names = [name_of(index) for index in range(frames)]
    there = place.names()
    found = [f"{name} is missing" for name in sorted(set(names) - set(there))]
    found += [f"{name} is there twice" for name, count in Counter(there).items() if count > 1]
    found += [f"{name} should not be there" for name in there if name not in {*names, MANIFEST, f"{MANIFEST}.lock"}]
    manifest = json.loads(place.read(MANIFEST))
    stated = {"complete": True, "expected": f"0-{frames - 1}", "writers": [], "unfinished": [], "confirmed": True}
    found += [
        f"the manifest says {name}: {manifest[name]}" for name, value in stated.items() if manifest[name] != value
    ]
    recorded = [frame["name"] for frame in manifest["frames"]]
    if recorded != names:
        found.append(f"the manifest records {len(recorded)} frames, which are not the {frames} in their order")

    def flaw(frame: dict[str, Any]) -> str:
        try:
            data = place.read(frame["name"])
        except Exception as error:  # noqa: BLE001 - whatever the storage says: it cannot be read
            return f"{frame['name']} cannot be read: {error!r}"
        if len(data) != frame["size"] or frame["checksum"] not in (None, f"crc32:{zlib.crc32(data):08x}"):
            return f"{frame['name']} has other bytes than the manifest states"
        is_right = np.array_equal(np.asarray(Image.open(io.BytesIO(data))), picture(frame["index"], seed, shape))
        return "" if is_right else f"{frame['name']} has other pixels"

    import numpy as np
    from PIL import Image

    with ThreadPoolExecutor(4) as pool:
        return found + list(filter(None, pool.map(flaw, manifest["frames"])))


def healthy_run(lab: Lab, order: Order) -> dict[str, bytes]:
    """Return the files of a run without faults, whose pixels were checked."""

    def make(folder: Path) -> dict[str, bytes]:
        undisturbed = replace(
            order,
            url=str(folder),
            storage_options={},
            hold=None,
            pace=0.0,
            halt_before=None,
            settings={},
            retry=None,
            race=False,
        )
        with Saver(replace(undisturbed, wait_for_go=False)) as saver:
            last = saver.end()
        if last["end"]:
            raise AssertionError(f"the healthy run failed: {last['end']}: {last['message']}")
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        assert sorted(files) == [name_of(index) for index in sorted(order.indices)]
        _check_pixels(files, order)
        return files

    return lab.healthy(make, (tuple(order.indices), order.seed, order.shape))


def _check_pixels(files: dict[str, bytes], order: Order) -> None:
    import numpy as np
    from PIL import Image

    for index in order.indices:
        decoded = np.asarray(Image.open(io.BytesIO(files[name_of(index)])))
        np.testing.assert_array_equal(decoded, picture(index, order.seed, order.shape))
