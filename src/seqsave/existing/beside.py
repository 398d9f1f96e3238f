"""Compare a finished run's frames with its settings and with the other frames in its folder, mostly without requests.

The manifest states the size of each recorded picture, and the run's last listing shows the files that no run recorded.
Of frames whose size is not recorded, one is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from seqsave import naming, targets
from seqsave.errors import DecodeError, EncoderNotFoundError, EncoderUnavailableError, TargetError
from seqsave.manifest import Facts, FrameEntry, Manifest
from seqsave.manifest.intervals import count, subtract, unite
from seqsave.manifest.outcome import Listing
from seqsave.manifest.records import declared
from seqsave.naming import NameRule
from seqsave.sequences.frame import decode
from seqsave.wording import counted

__all__ = ["FramesBeside", "lacking_of_total"]

# A larger file is not read for its size alone.
MOST_READ = 64 * 2**20

Size = tuple[int, int]


def lacking_of_total(facts: Facts, made: Manifest | None, written: Collection[int], *, has_none: bool = False) -> str:
    """Return a warning about frames that ``total`` states and that do not exist; "" without any.

    A run that does not save the first frame is one part of the sequence, and the others are not its concern.

    made: the manifest as the run left it; None without one. written: the indices of the frames that the run has saved
    or kept. has_none: the run got no frame at all.
    """
    if not facts.total:
        return ""
    if has_none:
        return f"no frame was written, and `total` states {facts.total}: nothing is saved"
    if facts.start not in written or (made is not None and made.writers):
        return ""
    wanted = declared(facts.start, facts.step, facts.total)
    if made is None:
        lacking = subtract(wanted, naming.to_ranges(sorted(written)))
    else:
        lacking = subtract(wanted, subtract(wanted, unite(*made.missing.values())))
    if not lacking:
        return ""
    numbers, missing = naming.format_ranges(lacking, 10), count(lacking)
    are = "is" if missing == 1 else "are"
    return (
        f"{missing} of the {counted(facts.total, 'frame')} that `total` states {are} not saved: {numbers}; "
        f"the sequence is unfinished without {'it' if missing == 1 else 'them'}"
    )


@dataclass(frozen=True)
class FramesBeside:
    """The frames of a sequence that one run did not write.

    made: the manifest as the run left it. run: its id there. seen: the run's last listing; None without one.
    """

    target: targets.Target
    rule: NameRule
    made: Manifest
    run: str
    seen: Listing | None

    def warnings(self) -> Iterator[str]:
        """Yield warnings about these frames. Reads one file at most."""
        yield from self.doubles()
        yield from self.in_other_folders()
        strangers = self._strangers()
        if strangers:
            numbers = _numbers(strangers.values())
            yield f"frames that no run recorded lie beside those of this one: {numbers}"
        yield from self._sizes(strangers)

    def in_other_folders(self) -> Iterator[str]:
        """Yield a warning about frames outside of batch folders if those of the run lie in them, or the reverse."""
        mine = {frame.batch is None for frame in self.made.frames if frame.run == self.run}
        if len(mine) != 1:
            return
        is_single = True in mine
        rest = [one for one in self.made.frames if one.run != self.run and not one.disputed]  # these state no run
        others = {one.index for one in rest if (one.batch is None) != is_single}
        others |= {index for name, index in self._unrecorded.items() if ("/" in name) == is_single}
        if others:
            where, here = ("in", "outside of") if is_single else ("outside of", "in")
            yield (
                f"other frames of this name lie {where} batch folders, and those of this run {here} them: "
                f"{_numbers(others)}; remove what is not wanted, or save with another prefix"
            )

    def doubles(self) -> Iterator[str]:
        """Yield a warning about files that have the number of a recorded frame: frame_7.png beside frame_00007.png."""
        if not self._unrecorded:
            return
        recorded = {(name.rpartition("/")[0], index) for name, index in self._recorded.items()}
        doubles = {name: one for name, one in self._unrecorded.items() if (name.rpartition("/")[0], one) in recorded}
        if doubles:
            have = "another file has the number" if len(doubles) == 1 else "other files have the numbers"
            yield (
                f"{have} of frames of this sequence: {_numbers(doubles.values())}, such as {min(doubles)}; remove what "
                "is not wanted, and save with the same `digits`"
            )

    def _strangers(self) -> dict[str, int]:
        """Return the files that no run recorded, name to index; none if unfinished runs may have left some."""
        recorded = set(self._recorded.values())
        found = self._unrecorded if self.made.complete else {}
        return {name: index for name, index in found.items() if index not in recorded}

    @cached_property
    def _recorded(self) -> dict[str, int]:
        """Return the recorded frames, name to index."""
        return {naming.normalized(frame.name): frame.index for frame in self.made.frames}

    @cached_property
    def _unrecorded(self) -> dict[str, int]:
        """Return the other files that are read as frames of the sequence, name to index."""
        found = {}
        for name, seen in (self.seen or {}).items():
            if naming.normalized(name) in self._recorded:  # skips nearly all names: parsing takes ten times as long
                continue
            index = self.rule.name.number_in(name.rpartition("/")[2])
            if index is not None and seen.size:
                found[name] = index
        return found

    def _sizes(self, strangers: Collection[str]) -> Iterator[str]:
        """Yield warnings about frames whose size differs from this run's; from most frames, if it wrote none."""
        mine = Counter(_size(frame) for frame in self.made.frames if frame.run == self.run)
        others = [frame for frame in self.made.frames if frame.run != self.run]
        del mine[None]
        every = Counter(filter(None, map(_size, others)))
        usual = next((size for size, _ in (mine or every).most_common(1)), None)
        if usual is None:
            return
        whose = "those of this run are" if mine else "most are"
        differing: dict[Size, list[int]] = {}
        for frame in others:
            size = _size(frame)
            if size not in (None, usual):
                differing.setdefault(size, []).append(frame.index)
        if differing:
            size, indices = next(iter(differing.items()))
            yield f"frames of several sizes: {_numbers(indices)} {_are(indices)} {_text(size)}, {whose} {_text(usual)}"
            return
        name = min(strangers, default=None) or next((one.name for one in others if one.picture is None), None)
        size = None if name is None or not mine else self._size_in(name)
        if size not in (None, usual):
            yield f"frames of several sizes: {name} is {_text(size)}, {whose} {_text(usual)}"

    def _size_in(self, name: str) -> Size | None:
        """Return the size of the picture in a file; None if it cannot be read."""
        seen = None if self.seen is None else self.seen.get(name)
        if seen is None or not 0 < seen.size <= MOST_READ:
            return None
        try:
            found = decode(name, self.target.read("/".join(filter(None, (self.rule.folder, name)))))
        except (TargetError, DecodeError, EncoderNotFoundError, EncoderUnavailableError):
            return None
        return found.canvas or (found.array.shape[1], found.array.shape[0])


def _size(frame: FrameEntry) -> Size | None:
    return None if frame.picture is None else (frame.picture.width, frame.picture.height)


def _text(size: Size | None) -> str:
    return "x".join(map(str, size or ()))


def _are(indices: Collection[int]) -> str:
    return "is" if len(set(indices)) == 1 else "are"


def _numbers(indices: Collection[int]) -> str:
    return naming.format_ranges(naming.to_ranges(sorted(set(indices))), 10)
