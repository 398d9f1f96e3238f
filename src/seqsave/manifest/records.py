"""The manifest's records, each with the JSON that it is written as: docs/manifest.md, and ``manifest.schema.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from seqsave import naming
from seqsave.errors import FrameNameError, ManifestError
from seqsave.manifest.checked import LEAST_INDEX, Reader
from seqsave.manifest.intervals import Intervals, count
from seqsave.manifest.path import path_of, unusual
from seqsave.manifest.picture import Picture

__all__ = [
    "MOST_FRAMES",
    "RUN_HEAD",
    "Facts",
    "FrameEntry",
    "Key",
    "RunEntry",
    "Shared",
    "WriterEntry",
    "declared",
    "is_too_many",
    "ranges_in",
]

MOST_FRAMES = naming.MOST_FRAMES
# The same for frames with gaps between their numbers, each of which is a range of its own.
MOST_STEPPED = 500_000
# The beginning of ids of runs over many tasks. These belong to no process, so they are never proved dead.
RUN_HEAD = "run-"

_RATE = re.compile(r"[0-9]{1,20}(?:[./][0-9]{1,20})?", re.ASCII)

Key = tuple[int, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The values that the frames of a manifest share, so that a frame states only values that differ.

    runs: the ids of the runs, by their position; a frame without a run of its own belongs to the first one.
    """

    picture: Picture | None = None
    recipe: str | None = None
    runs: Sequence[str] = ()

    @property
    def run(self) -> str | None:
        """Return the run of the frames that state none."""
        return self.runs[0] if self.runs else None


_NOTHING_SHARED = Shared()
_MOST = naming.MAX_INDEX
# Values that few frames of a manifest have, or none.
_RARE = frozenset(("batch", "disputed", "recipe", "picture", "run", "sidecars"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameEntry:
    """One frame.

    name:         the path below the sequence's folder: ``frame_00017.png``, ``batch_0003/frame_00017.png``.
    size:         bytes; None if unknown.
    checksum:     ``"crc32:9ae0daaf"`` of what was sent; None for a frame that already existed.
    etag:         the store's ETag; None for storages without ETags.
    version:      the version that listings of the storage show until the file is replaced; None if they show none;
                  ``UNKNOWN_VERSION`` if the answer to the PUT was lost, so that the file has to be read.
    acknowledged: the store answered that it has bytes with this checksum.
    recipe:       the recipe that the caller gave.
    disputed:     the storage shows a different file than the recorded one, so its bytes are unknown.
    run:          the id of the run that wrote it (see ``Manifest.runs``); None for a frame that was only found.
    proxy:        the name of the pack with the small pictures of these bytes (``manifest.packs``); None without one.
    sidecars:     the names of the metadata in sidecar files of these bytes.
    """

    index: int
    batch: int | None
    name: str
    size: int | None
    checksum: str | None = None
    etag: str | None = None
    acknowledged: bool = False
    recipe: str | None = None
    picture: Picture | None = None
    disputed: bool = False
    version: str | None = None
    run: str | None = None
    proxy: str | None = None
    sidecars: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Return (index, batch)."""
        return self.index, self.batch

    def as_document(self, shared: Shared = _NOTHING_SHARED, runs: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Return JSON values; ``from_document`` reads them. Shared and default values are left out.

        runs: the position of each run in the manifest; another run is written by its id.
        """
        document: dict[str, Any] = {"index": self.index}
        if self.batch is not None:
            document["batch"] = self.batch
        document |= {"name": self.name, "size": self.size, "checksum": self.checksum}
        if self.etag is not None:
            document["etag"] = self.etag
        if self.acknowledged:
            document["acknowledged"] = True
        if self.recipe != shared.recipe:
            document["recipe"] = self.recipe
        if self.picture != shared.picture:
            document["picture"] = None if self.picture is None else self.picture.as_document()
        if self.disputed:
            document["disputed"] = True
        if self.version != self.etag:
            document["version"] = self.version
        if self.run != shared.run:
            document["run"] = (runs or {}).get(self.run or "", self.run)
        if self.proxy is not None or self.sidecars:
            document |= self._beside()
        return document

    def _beside(self) -> dict[str, Any]:
        """Return the names of the files beside the frame, as JSON values."""
        found: dict[str, Any] = {} if self.proxy is None else {"proxy": self.proxy}
        return {**found, "sidecars": list(self.sidecars)} if self.sidecars else found

    @classmethod
    def from_document(cls, document: Any, number: int | None = None, shared: Shared = _NOTHING_SHARED) -> FrameEntry:
        """Return the record of the frame at position ``number`` of a manifest, or alone. Raises ManifestError."""
        # A manifest may have millions of frames, most of which have these values only.
        if type(document) is dict and _RARE.isdisjoint(document):
            get = document.get
            index, name, size, checksum, etag = get("index"), get("name"), get("size"), get("checksum"), get("etag")
            version, acknowledged, proxy = get("version", etag), get("acknowledged", False), get("proxy")
            if (
                type(index) is type(size) is int
                and LEAST_INDEX <= index <= _MOST
                and 0 <= size <= _MOST
                and type(name) is str
                and (checksum is None or type(checksum) is str)
                and (etag is None or type(etag) is str)
                and (version is None or type(version) is str)
                and (proxy is None or type(proxy) is str)
                and type(acknowledged) is bool
            ):
                return cls(
                    index=index,
                    batch=None,
                    name=name,
                    size=size,
                    checksum=checksum,
                    etag=etag,
                    acknowledged=acknowledged,
                    recipe=shared.recipe,
                    picture=shared.picture,
                    version=version,
                    run=shared.run,
                    proxy=proxy,
                )
        return cls._checked(document, "a frame" if number is None else f"frame {number} of the manifest", shared)

    @classmethod
    def _checked(cls, document: Any, what: str, shared: Shared) -> FrameEntry:
        reader = Reader(document, what)
        etag = reader.optional("etag", str)
        return cls(
            index=reader.number("index", LEAST_INDEX),
            batch=reader.optional_number("batch"),
            name=reader.text("name"),
            size=reader.optional_number("size"),
            checksum=reader.optional("checksum", str),
            etag=etag,
            acknowledged=reader.flag("acknowledged", False),
            recipe=reader.optional("recipe", str) if "recipe" in document else shared.recipe,
            picture=Picture.from_document(document["picture"], what) if "picture" in document else shared.picture,
            disputed=reader.flag("disputed", False),
            version=reader.optional("version", str) if "version" in document else etag,
            run=_run_of(reader, shared.runs) if "run" in document else shared.run,
            proxy=reader.optional("proxy", str),
            sidecars=tuple(reader.texts("sidecars")),
        )


def _run_of(reader: Reader, runs: Sequence[str]) -> str | None:
    found = reader.value("run", (int, str, type(None)))
    if not isinstance(found, int):
        return found  # type: ignore[no-any-return]
    if isinstance(found, bool) or not 0 <= found < len(runs):
        raise reader.damaged("run", found)
    return runs[found]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterEntry:
    """A run that is changing the sequence, or was changing it when it died.

    host, pid: its process. since: when it began, as UTC in ISO 8601. replaces: it may replace existing frames.
    started:   when that process was started, as returned by ``runtime.processes.started``; "" if that is unknown.
    defines:   the run is over the whole sequence, which is unfinished if it dies; otherwise it replaces single frames.
    """

    id: str
    host: str
    pid: int
    since: str
    replaces: bool = True
    started: str = ""
    defines: bool = True

    @property
    def job(self) -> str:
        """Return the name of a run over many tasks; "" for a run of one process."""
        return self.id[len(RUN_HEAD) :] if self.id.startswith(RUN_HEAD) else ""

    def __str__(self) -> str:
        if self.job:
            return f"run {self.job} of many tasks, begun on {self.host} at {self.since},"
        return f"process {self.pid} on {self.host} since {self.since}"

    def as_document(self) -> dict[str, Any]:
        """Return JSON values; ``from_document`` reads them."""
        return asdict(self)

    @classmethod
    def from_document(cls, reader: Reader) -> WriterEntry:
        """Return the record. Raises ManifestError."""
        return cls(
            id=reader.text("id"),
            host=reader.text("host"),
            pid=reader.number("pid"),
            since=reader.text("since"),
            replaces=reader.flag("replaces", True),
            started=reader.text("started", ""),
            defines=reader.flag("defines", True),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """A run that wrote frames of the sequence, or is writing them.

    since:       when it began, as UTC in ISO 8601.
    start, step: the number of its first frame, and the distance to the next.
    total:       how many frames it was to save, of each variation; None if it did not know.
    about:       ``total`` is an estimate, such as the length of a video as its container states it.
    batches:     the variations that it was to save, as far as known; () without variations.
    expected:    the numbers that it is responsible for, ascending: those that it was to save, or accepted in the end. A
                 later run over the same frames takes its place, and then it has none.
    defines:     it covered a whole sequence, or a part of it; otherwise it replaced single frames.
    keeps:       it kept existing frames, all of them or those that passed a check; otherwise it replaced each one.
    mixed:       it ran to its end, and another run at the same time replaced a part of its frames.
    """

    id: str
    since: str = ""
    start: int = 0
    step: int = 1
    total: int | None = None
    about: bool = False
    batches: tuple[int, ...] = ()
    expected: Intervals = ()
    defines: bool = True
    keeps: bool = False
    mixed: bool = False

    def as_document(self) -> dict[str, Any]:
        """Return JSON values; ``from_document`` reads them."""
        document: dict[str, Any] = {"id": self.id, "since": self.since}
        document |= {"start": self.start, "step": self.step, "total": self.total}
        document |= {name: True for name in ("about", "keeps", "mixed") if getattr(self, name)}
        if self.batches:
            document["batches"] = list(self.batches)
        if not self.defines:
            document["defines"] = False
        if self.step != 1 or self.expected != declared(self.start, 1, self.total):
            document["expected"] = naming.format_ranges(self.expected)
        return document

    @classmethod
    def from_document(cls, reader: Reader) -> RunEntry:
        """Return the record. Raises ManifestError."""
        start, step = reader.number("start", LEAST_INDEX), reader.number("step", least=1)
        total, batches = reader.optional_number("total"), reader.value("batches", list, [])
        if not all(type(batch) is int and 0 <= batch <= naming.MAX_INDEX for batch in batches):
            raise reader.damaged("batches", batches)
        # Only where it is one range: the file's length bounds what is made of it.
        is_implied = step == 1 and "expected" not in reader.document
        return cls(
            id=reader.text("id"),
            since=reader.text("since", ""),
            start=start,
            step=step,
            total=total,
            about=reader.flag("about", False),
            batches=tuple(batches),
            expected=declared(start, 1, total) if is_implied else ranges_in(reader, "expected"),
            defines=reader.flag("defines", True),
            keeps=reader.flag("keeps", False),
            mixed=reader.flag("mixed", False),
        )


def is_too_many(step: int, total: int | None) -> bool:
    """Return True for more frames than one run can declare."""
    return total is not None and total > (MOST_FRAMES if step == 1 else MOST_STEPPED)


def declared(start: int, step: int, total: int | None) -> Intervals:
    """Return the numbers of ``total`` frames; () if that is unknown, or more than one sequence can have."""
    if total is None or is_too_many(step, total):
        return ()
    if step == 1:
        return (range(start, start + total),) if total else ()
    return naming.to_ranges(range(start, start + total * step, step))


def ranges_in(reader: Reader, name: str) -> Intervals:
    """Return the ranges in a text, which may be of ``MOST_FRAMES`` numbers. Raises ManifestError."""
    try:
        found = naming.parse_ranges(reader.text(name))
    except FrameNameError as error:
        raise ManifestError(f"{reader.what} is damaged: {error}") from None
    if count(found) > MOST_FRAMES:
        raise ManifestError(f"{reader.what} has more than {MOST_FRAMES} frames")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts that a run knows about its sequence before the first frame.

    rate:     frames per second. metadata: the values embedded in each frame; ``{}`` if there are none.
    recipe:   the recipe of all frames, as the caller gave it.
    total:    the number of frames of the animation, as the caller gave it.
    planned:  the numbers that this run is to save, if its source knows them and ``total`` is not given.
    about:    ``planned`` is an estimate, such as the length of a video as its container states it.
    keeps:    the run keeps existing frames, all of them or those that pass a check.
    separator, tail: the texts before and after the number in each name, apart from prefix and extension.
    """

    prefix: str
    extension: str
    filetype: str
    digits: int = 5
    start: int = 0
    step: int = 1
    total: int | None = None
    rate: Fraction | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    recipe: str | None = None
    planned: Intervals | None = None
    about: bool = False
    keeps: bool = False
    separator: str = naming.SEPARATOR
    tail: str = ""

    @property
    def path(self) -> str:
        """Return the path of the manifest below the target."""
        return path_of(self.prefix.rpartition("/")[0], self.pattern)

    @property
    def pattern(self) -> naming.NamePattern:
        """Return the names of the frames, without their folder."""
        stem = self.prefix.rpartition("/")[2]
        return naming.NamePattern(f"{stem}{self.separator}", self.digits, self.tail, self.extension)

    def as_document(self) -> dict[str, Any]:
        """Return JSON values; ``from_document`` reads them."""
        document = {
            "prefix": self.prefix,
            **unusual(self.separator, self.tail),
            "digits": self.digits,
            "extension": self.extension,
            "filetype": self.filetype,
            "start": self.start,
            "step": self.step,
            "total": self.total,
            "rate": None if self.rate is None else str(self.rate),
            "metadata": dict(self.metadata),
            "recipe": self.recipe,
        }
        if self.planned is not None:
            document["planned"] = naming.format_ranges(self.planned)
            document["about"] = self.about
        if self.keeps:
            document["keeps"] = True
        return document

    @classmethod
    def from_document(cls, document: Any) -> Facts:
        """Return the record. Raises ManifestError."""
        return cls(**facts_in(Reader(document, "the facts")))


def facts_in(reader: Reader) -> dict[str, Any]:
    """Return the values of ``Facts``. Raises ManifestError."""
    rate = reader.optional("rate", str)
    # Checked before it is computed: "1e99999999" is a number with a hundred million digits.
    if rate is not None and not _RATE.fullmatch(rate):
        raise reader.damaged("rate", rate)
    try:
        exact = None if rate is None else Fraction(rate)
    except ZeroDivisionError:
        raise reader.damaged("rate", rate) from None
    return {
        "prefix": reader.text("prefix"),
        "separator": reader.text("separator", naming.SEPARATOR),
        "tail": reader.text("tail", ""),
        "digits": reader.number("digits", most=naming.MAX_DIGITS),
        "extension": reader.text("extension"),
        "filetype": reader.text("filetype"),
        "start": reader.number("start", LEAST_INDEX),
        "step": reader.number("step", least=1),
        "total": reader.optional_number("total"),
        "rate": exact,
        "metadata": reader.shallow("metadata"),
        "recipe": reader.optional("recipe", str),
        "planned": ranges_in(reader, "planned") if reader.document.get("planned") is not None else None,
        "about": reader.flag("about", False),
        "keeps": reader.flag("keeps", False),
    }
