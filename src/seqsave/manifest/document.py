"""The manifest's records, and the JSON that they are written as: docs/manifest.md, and ``manifest.schema.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from typing import Any

from seqsave import naming
from seqsave.errors import FrameNameError, ManifestError

__all__ = [
    "MOST_FRAMES",
    "UNKNOWN_VERSION",
    "VERSION",
    "Facts",
    "FrameEntry",
    "Manifest",
    "Picture",
    "WriterEntry",
    "dump",
    "load",
    "path_of",
]

VERSION = 1
# Of one sequence, so that a damaged or hostile file cannot fill the memory: four days of film.
MOST_FRAMES = 10_000_000
UNKNOWN_VERSION = "?"

_RATE = re.compile(r"[0-9]{1,20}(?:[./][0-9]{1,20})?", re.ASCII)

Key = tuple[int, int | None]
_REQUIRED: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a frame's file holds: width and height in pixels, channels, and the numpy name of the dtype."""

    width: int
    height: int
    channels: int
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameEntry:
    """One frame.

    name:         the path below the sequence's folder: ``frame_00017.png``, ``batch_0003/frame_00017.png``.
    size:         bytes; None if unknown.
    checksum:     ``"crc32:9ae0daaf"`` of what was sent; None for a frame that was there already when it was found.
    etag:         what the store called it, where it has such a thing.
    version:      what a listing of the storage shows for this file until it is replaced; None where it shows nothing;
                  ``UNKNOWN_VERSION`` where the answer to the PUT was lost, so that the file has to be read.
    acknowledged: the store answered that it has bytes with this very checksum.
    recipe:       what it was made from, as the caller says it.
    disputed:     the storage shows another file than the one that was recorded, so that its bytes are not known.
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

    @property
    def key(self) -> Key:
        """(index, batch)."""
        return self.index, self.batch

    def as_document(self) -> dict[str, Any]:
        """As JSON values; ``from_document`` reads them."""
        return _frame_document(self, None, None)

    @classmethod
    def from_document(cls, document: Any) -> FrameEntry:
        """Raises ManifestError."""
        return _frame(_Reader(document, "a frame"), None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterEntry:
    """A run that is changing the sequence, or was when it died.

    host, pid: its process. since: when it began, as UTC in ISO 8601. replaces: it may replace frames that are there.
    started:   when that process was started, as ``runtime.processes.started`` puts it; "" where that is not known.
    defines:   the run is over the whole sequence, so that it leaves it unfinished if it dies; else it mends frames.
    """

    id: str
    host: str
    pid: int
    since: str
    replaces: bool = True
    started: str = ""
    defines: bool = True

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a run knows of its sequence before the first frame.

    rate:     frames per second. metadata: what is embedded in each frame; ``{}`` where nothing is.
    recipe:   what all frames are made from, as the caller says it.
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

    @property
    def path(self) -> str:
        """Where the manifest lies below the target."""
        return path_of(self.prefix, self.extension)

    def as_document(self) -> dict[str, Any]:
        """As JSON values; ``from_document`` reads them."""
        return _facts_document(self)

    @classmethod
    def from_document(cls, document: Any) -> Facts:
        """Raises ManifestError."""
        return Facts(**_facts(_Reader(document, "the facts")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Facts):
    """A whole manifest. The facts are those of the run that began last.

    complete:   a listing of the folder confirmed every expected frame, no run is at work, and nothing is in doubt.
    expected:   the indices that there should be, as ascending runs.
    frames:     by index, then batch.
    writers:    who is changing it now.
    unfinished: ids of runs that were interrupted before the number of their frames was known; a later run that ends
                well makes up for those that it has found.
    confirmed:  the run that ended last listed the folder; without that right, it takes its own frames on trust, and the
                manifest is not complete.
    updated:    UTC, ISO 8601. software: what wrote it.
    """

    complete: bool = False
    expected: tuple[range, ...] = ()
    frames: tuple[FrameEntry, ...] = ()
    writers: tuple[WriterEntry, ...] = ()
    unfinished: tuple[str, ...] = ()
    confirmed: bool = True
    updated: str = ""
    software: str = ""

    @property
    def picture(self) -> Picture | None:
        """Of the first frame that says so."""
        return next((frame.picture for frame in self.frames if frame.picture is not None), None)

    @property
    def batches(self) -> tuple[int | None, ...]:
        """The batches in which each expected frame should be; (None,) without variations.

        Frames beside batch folders are another run's.
        """
        found = {frame.batch for frame in self.frames} or {None}
        numbered = sorted(batch for batch in found if batch is not None)
        return tuple(numbered) or (None,)

    @property
    def missing(self) -> dict[int | None, tuple[range, ...]]:
        """Expected indices without a frame, as runs, for each batch that lacks any."""
        wanted = expanded(self.expected)
        there: dict[int | None, set[int]] = {batch: set() for batch in self.batches}
        for frame in self.frames:
            there.get(frame.batch, set()).add(frame.index)
        lacking = {batch: naming.to_ranges(sorted(wanted - own)) for batch, own in there.items()}
        return {batch: runs for batch, runs in lacking.items() if runs}

    @property
    def disputed(self) -> tuple[FrameEntry, ...]:
        """Frames whose bytes are not those that were recorded for them."""
        return tuple(frame for frame in self.frames if frame.disputed)

    def frame(self, index: int, batch: int | None = None) -> FrameEntry | None:
        """What is known of one frame. (To ask for many, make a dictionary of ``frames`` by ``key``.)"""
        return next((frame for frame in self.frames if frame.key == (index, batch)), None)

    def obstacles(self) -> list[str]:
        """Why it is not complete, each as one clause; [] when it is."""
        return [] if self.complete else [*_obstacles(self)] or ["the run that wrote it did not save all of its frames"]


def path_of(prefix: str, extension: str) -> str:
    """Where the manifest of a sequence lies below the target: ``shots/.seqsave/frame.png.json`` for ``shots/frame``."""
    folder, slash, stem = prefix.rpartition("/")
    return f"{folder}{slash}{naming.PRIVATE_FOLDER}/{stem}.{extension}.json"


def expanded(runs: Iterable[range]) -> set[int]:
    """Runs as single numbers."""
    return {index for run in runs for index in run}


def sort_key(frame: FrameEntry) -> tuple[int, int]:
    """By index, then batch; those outside of batch folders first."""
    return frame.index, -1 if frame.batch is None else frame.batch


def _obstacles(manifest: Manifest) -> Iterable[str]:
    for writer in manifest.writers:
        yield f"{writer} is changing it"
    for batch, runs in manifest.missing.items():
        where = "" if batch is None else f" in {naming.batch_folder(batch)}"
        yield f"frames are missing{where}: {naming.format_ranges(runs, 10)}"
    if manifest.disputed:
        indices = naming.to_ranges(sorted({frame.index for frame in manifest.disputed}))
        yield f"frames were replaced after they were recorded: {naming.format_ranges(indices, 10)}"
    if manifest.unfinished:
        yield "a run was interrupted"
    if not manifest.confirmed:
        yield "no listing confirmed the frames, since the key of the run that ended last may not list the folder"


# --- writing ---------------------------------------------------------------------------------------------------------


def dump(manifest: Manifest) -> bytes:
    """The file: JSON in ASCII, one frame in each line."""
    picture = manifest.picture
    document = {
        "version": VERSION,
        "complete": manifest.complete,
        **_facts_document(manifest),
        "picture": _picture_document(picture),
        "expected": naming.format_ranges(manifest.expected),
        "writers": [asdict(writer) for writer in manifest.writers],
        "unfinished": list(manifest.unfinished),
        "confirmed": manifest.confirmed,
        "updated": manifest.updated,
        "software": manifest.software,
    }
    head = json.dumps(document, indent=2).removesuffix("\n}")
    frames = ",\n".join(
        "    " + json.dumps(_frame_document(frame, picture, manifest.recipe)) for frame in manifest.frames
    )
    body = f"[\n{frames}\n  ]" if frames else "[]"
    return f'{head},\n  "frames": {body}\n}}\n'.encode()


def _facts_document(facts: Facts) -> dict[str, Any]:
    return {
        "prefix": facts.prefix,
        "digits": facts.digits,
        "extension": facts.extension,
        "filetype": facts.filetype,
        "start": facts.start,
        "step": facts.step,
        "total": facts.total,
        "rate": None if facts.rate is None else str(facts.rate),
        "metadata": dict(facts.metadata),
        "recipe": facts.recipe,
    }


def _frame_document(frame: FrameEntry, picture: Picture | None, recipe: str | None) -> dict[str, Any]:
    """``picture`` and ``recipe`` are those of the whole; what is the same is left out."""
    document: dict[str, Any] = {
        "index": frame.index,
        "batch": frame.batch,
        "name": frame.name,
        "size": frame.size,
        "checksum": frame.checksum,
        "etag": frame.etag,
        "acknowledged": frame.acknowledged,
    }
    if frame.recipe != recipe:
        document["recipe"] = frame.recipe
    if frame.picture != picture:
        document["picture"] = _picture_document(frame.picture)
    if frame.disputed:
        document["disputed"] = True
    if frame.version != frame.etag:
        document["version"] = frame.version
    return document


def _picture_document(picture: Picture | None) -> dict[str, Any] | None:
    return None if picture is None else {one.name: getattr(picture, one.name) for one in fields(picture)}


# --- reading ---------------------------------------------------------------------------------------------------------


def load(data: bytes) -> Manifest:
    """Read the file. Raises ManifestError for one that is damaged or of a newer version."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"the manifest is damaged: it is not JSON ({error})") from None
    reader = _Reader(document, "the manifest")
    version = reader.number("version", least=1)
    if version > VERSION:
        raise ManifestError(
            f"the manifest has version {version} and this seqsave knows {VERSION}: update seqsave", is_newer=True
        )
    try:
        return _manifest(reader)
    except (FrameNameError, ZeroDivisionError) as error:
        raise ManifestError(f"the manifest is damaged: {error}") from None


def _manifest(reader: _Reader) -> Manifest:
    facts = _facts(reader)
    expected = naming.parse_ranges(reader.text("expected"))
    frames = reader.objects("frames", "frame")
    if sum(map(len, expected)) > MOST_FRAMES or len(frames) > MOST_FRAMES:
        raise ManifestError(f"the manifest has more than {MOST_FRAMES} frames")
    picture = _picture(reader)
    entries = [_frame(one, picture, facts["recipe"]) for one in frames]
    return Manifest(
        **facts,
        complete=reader.flag("complete"),
        expected=expected,
        frames=tuple(sorted(entries, key=sort_key)),
        writers=tuple(map(_writer, reader.objects("writers", "writer"))),
        unfinished=tuple(map(str, reader.value("unfinished", list, []))),
        confirmed=reader.flag("confirmed", True),
        updated=reader.text("updated", ""),
        software=reader.text("software", ""),
    )


def _facts(reader: _Reader) -> dict[str, Any]:
    rate, total = reader.optional("rate", str), reader.value("total", (int, type(None)), None)
    # Checked before it is computed: "1e99999999" is a number with a hundred million digits.
    if rate is not None and not _RATE.fullmatch(rate):
        raise ManifestError(f"{reader.what} is damaged: rate is {rate[:60]!r}")
    exact = None if rate is None else Fraction(rate)
    return {
        "prefix": reader.text("prefix"),
        "digits": reader.number("digits"),
        "extension": reader.text("extension"),
        "filetype": reader.text("filetype"),
        "start": reader.number("start"),
        "step": reader.number("step", least=1),
        "total": None if total is None else reader.number("total"),
        "rate": exact,
        "metadata": reader.value("metadata", dict, {}),
        "recipe": reader.optional("recipe", str),
    }


def _frame(reader: _Reader, picture: Picture | None, recipe: str | None) -> FrameEntry:
    etag = reader.optional("etag", str)
    batch, size = reader.value("batch", (int, type(None)), None), reader.value("size", (int, type(None)), None)
    return FrameEntry(
        index=reader.number("index"),
        batch=None if batch is None else reader.number("batch"),
        name=reader.text("name"),
        size=None if size is None else reader.number("size"),
        checksum=reader.optional("checksum", str),
        etag=etag,
        acknowledged=reader.flag("acknowledged", False),
        recipe=reader.optional("recipe", str) if "recipe" in reader.document else recipe,
        picture=_picture(reader) if "picture" in reader.document else picture,
        disputed=reader.flag("disputed", False),
        version=reader.optional("version", str) if "version" in reader.document else etag,
    )


def _picture(reader: _Reader) -> Picture | None:
    document = reader.optional("picture", dict)
    if document is None:
        return None
    inner = _Reader(document, f"the picture of {reader.what}")
    width, height, channels = (inner.number(name, least=1) for name in ("width", "height", "channels"))
    return Picture(width=width, height=height, channels=channels, dtype=inner.text("dtype"))


def _writer(reader: _Reader) -> WriterEntry:
    return WriterEntry(
        id=reader.text("id"),
        host=reader.text("host"),
        pid=reader.number("pid"),
        since=reader.text("since"),
        replaces=reader.flag("replaces", True),
        started=reader.text("started", ""),
        defines=reader.flag("defines", True),
    )


class _Reader:
    """Takes values out of a JSON object, each of the type that it has to be. Raises ManifestError."""

    def __init__(self, document: Any, what: str) -> None:
        if not isinstance(document, dict):
            raise ManifestError(f"{what} is damaged: it is not a JSON object")
        self.document: dict[str, Any] = document
        self.what = what

    def value(self, name: str, kind: Any, default: Any = _REQUIRED) -> Any:
        """One that is of this type."""
        found = self.document.get(name, default)
        if found is _REQUIRED:
            raise ManifestError(f"{self.what} is damaged: it has no {name!r}")
        if not isinstance(found, kind):
            raise ManifestError(f"{self.what} is damaged: {name} is {repr(found)[:60]}")
        return found

    def optional(self, name: str, kind: type[Any]) -> Any:
        """One that may be null, or not there."""
        return self.value(name, (kind, type(None)), None)

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        """A text."""
        return str(self.value(name, str, default))

    def flag(self, name: str, default: Any = _REQUIRED) -> bool:
        """True or false."""
        return bool(self.value(name, bool, default))

    def number(self, name: str, least: int = 0) -> int:
        """A whole number, ``least`` or more."""
        found = self.value(name, int)
        if isinstance(found, bool) or not least <= found <= naming.MAX_INDEX:
            raise ManifestError(f"{self.what} is damaged: {name} is {repr(found)[:60]}")
        return int(found)

    def objects(self, name: str, what: str) -> list[_Reader]:
        """A list of objects."""
        return [_Reader(one, f"{what} {number} of {self.what}") for number, one in enumerate(self.value(name, list))]
