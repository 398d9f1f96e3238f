"""Runs without an engine: each task stores its records as an object beside the frames, and one command commits them.

The objects of a run are in ``.seqsave/runs/<id>/``: ``0-99.json`` has the records of the task that wrote frames 0 to
99. They are never replaced: another attempt of the same task adds one of its own, ``0-99.2.json``. While a task is
active, ``0-99.started`` states which frames it is to write; ``from-0.started`` if only the first one is known.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from seqsave import manifest, naming, targets
from seqsave.errors import FrameExistsError, FrameNameError, ManifestError, OptionError, RunError, TargetError
from seqsave.manifest.intervals import Intervals, subtract, unite
from seqsave.runs.begin import folder_of, remove_empty_folder
from seqsave.runs.records import FrameRecord
from seqsave.runs.run import Run, check_id

if TYPE_CHECKING:
    import os

    from seqsave.manifest import Manifest
    from seqsave.runs.commit import Ending

__all__ = ["FarmTask", "abandon_run", "commit_run"]

VERSION = 1
_JSON = "application/json"
_STARTED, _ENDED = ".started", ".json"
# The name's beginning for a task that knows the number of its first frame only.
_UNKNOWN = "from-"
# Names of longer lists of frames are shortened, and stay different by a checksum.
LONGEST_NAME = 80
# How many attempts of one task may store records; more are an error of the farm.
MOST_ATTEMPTS = 1000

Ranges = tuple[range, ...]
_DAMAGED = (
    *(LookupError, TypeError, ValueError, RecursionError),
    *(OptionError, FrameNameError, ManifestError),
)


@dataclass(frozen=True, slots=True)
class FarmTask:
    """One task of a run: ``start`` before its first frame, ``leave`` after its last one.

    asked: its indices; empty where their number is not known before the end.
    """

    run: Run
    asked: Ranges

    def start(self) -> None:
        """Begin the run, unless another task has, and note that this task is active. Raises as ``Run.begin``."""
        self.run.begin()
        while True:
            name, exists = self._note()
            with contextlib.suppress(FrameExistsError):  # another task was faster: look again
                self._publish(name, self._document(()), create=not exists)
                return

    def leave(self, records: Iterable[FrameRecord]) -> str:
        """Store the records of the saved frames, and return the object's URL. Raises TargetError, RunError."""
        name = self._leave(self._document(records))
        with contextlib.suppress(TargetError):  # records go before a note without any
            self.run.target.delete(self._path(self._note()[0]))
        return self.run.target.url_of(self._path(name))

    @property
    def name(self) -> str:
        """Return the name of the objects of the task, without its ending."""
        name = naming.format_ranges(self.asked) or f"{_UNKNOWN}{self.run.config.naming.start}"
        return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}...{zlib.crc32(name.encode()):08x}"

    def _note(self) -> tuple[str, bool]:
        """Return the name of this task's note, and whether it exists.

        A task of another sequence in the folder may have the same frames.

        Raises TargetError, RunError.
        """
        for number in range(1, MOST_ATTEMPTS + 1):
            name = f"{self.name}{_STARTED}" if number == 1 else f"{self.name}.{number}{_STARTED}"
            try:
                data = self._with_retries(partial(self.run.target.read, self._path(name)))
            except targets.FileMissingError:
                return name, False
            if _pattern_in(data) in (self.run.rule.pattern, None):
                return name, True
        raise self._too_many()

    def _leave(self, data: bytes) -> str:
        for attempt in range(1, MOST_ATTEMPTS + 1):
            name = f"{self.name}{_ENDED}" if attempt == 1 else f"{self.name}.{attempt}{_ENDED}"
            try:
                self._publish(name, data, create=True)
            except FrameExistsError:
                if self._with_retries(partial(self.run.target.read, self._path(name))) == data:
                    return name  # of this very attempt, whose answer was lost
            else:
                return name
        raise self._too_many()

    def _too_many(self) -> RunError:
        return RunError(
            f"task {self.name} of run {self.run.id} has left {MOST_ATTEMPTS} records: commit the run",
            reason="foreign",
        )

    def _publish(self, name: str, data: bytes, *, create: bool) -> None:
        target, path = self.run.target, self._path(name)
        can_refuse = target.capabilities.create != "none"
        if create and not can_refuse and self._with_retries(partial(target.exists, path)):
            raise FrameExistsError(f"{target.url_of(path)} exists")
        self._with_retries(partial(target.publish, path, data, content_type=_JSON, create=create and can_refuse))

    def _with_retries(self, function: Any) -> Any:
        return targets.with_retries(self.run.target, function, self.run.config.delivery.policy)

    def _path(self, name: str) -> str:
        return f"{folder_of(self.run.id)}/{name}"

    def _document(self, records: Iterable[FrameRecord]) -> bytes:
        run = self.run.as_document()
        # The manifest holds it since the run began; it may be large.
        settings = {name: value for name, value in run["settings"].items() if name != "metadata"}
        document = {
            "version": VERSION,
            "run": {**run, "settings": settings},
            "asked": naming.format_ranges(self.asked),
            "frames": [record.as_document() for record in records],
        }
        return json.dumps(document).encode()


def commit_run(
    url: str | os.PathLike[str],
    run: str,
    *,
    frames: Ranges | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> list[Manifest]:
    """Put the records of a run's tasks into the manifests, remove the records, and return the manifests.

    Any process may do that, and again: for a run that was already committed, the result is an empty list.

    url:    the folder of the sequence, or a pattern in it such as ``shot.####.exr``, as the tasks had it.
    frames: all expected indices; by default those that the tasks were to write. Frames that an earlier commit of the
            same run has recorded need no new record.

    Raises RunError, and changes nothing, if frames lack a record, are gone or were replaced, if a task that could not
    state its frames at its start has not ended, or if the run does not exist; TargetError, ManifestError.
    """
    target = _folder_at(url, storage_options)
    found = _collected(target, check_id(run), storage_options)
    if not found:
        _check_committed(target, run, frames)
    runs = [_expecting(target, one, frames) for one in found]
    several = len(found) > 1  # a sequence that cannot be committed must not leave the others committed
    endings: list[Ending] = []
    for expecting, one in zip(runs, found, strict=True):
        with _naming(expecting.rule.pattern) if several else contextlib.nullcontext():
            endings.append(expecting.ending(one.records))
            if several:
                expecting.rehearse(endings[-1])
    return [_commit(target, *one) for one in zip(runs, endings, found, strict=True)]


def abandon_run(
    url: str | os.PathLike[str], run: str, *, storage_options: Mapping[str, Any] | None = None
) -> list[Manifest]:
    """Give up a run that will not be committed: remove the records of its tasks, and its entry in the manifests.

    The frames that it has saved stay, and the manifests stay unfinished. A task that is still active may save more.

    Returns the manifests. Raises RunError if the run does not exist or a record is damaged; TargetError, ManifestError.
    """
    target = _folder_at(url, storage_options)
    found = _collected(target, check_id(run), storage_options)
    writer = _id_of(run)
    # A task that was killed between its first two requests has left an entry alone.
    paths = [path for path, made in _manifests(target) if any(one.id == writer for one in made.writers)]
    if not found and not paths:
        raise _unknown(target, run)
    for left in found:
        left.run.abandon()
        paths.append(manifest.path_of(left.run.rule.folder, left.run.rule.name))
    paths = list(dict.fromkeys(paths))
    made = [manifest.change(target, path, partial(_without, writer)) for path in paths]
    for entry in targets.with_retries(target, partial(target.list, folder_of(run))):
        targets.with_retries(target, partial(target.delete, f"{folder_of(run)}/{entry.name}"))
    remove_empty_folder(target, run)
    return [one for one in made if one is not None]


def _without(writer: str, current: Manifest | None) -> Manifest | None:
    return None if current is None else manifest.without(current, [writer])


@dataclass(slots=True)
class _Sequence:
    """The records and notes of the tasks for one sequence."""

    run: Run
    asked: Intervals = ()
    records: list[FrameRecord] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def unfinished(self) -> list[str]:
        """Return the names of the tasks that have begun, have not ended, and did not know their frames before."""
        begun = [_task_of(name) for name in self.names if name.endswith(_STARTED)]
        ended = {_task_of(name) for name in self.names if name.endswith(_ENDED)}
        return [name for name in begun if name.startswith(_UNKNOWN) and name not in ended]


@contextlib.contextmanager
def _naming(pattern: str) -> Iterator[None]:
    """Let errors name the sequence that they are about."""
    try:
        yield
    except RunError as error:
        error.args = (f"{pattern}: {error.args[0]}", *error.args[1:])
        raise


def _expecting(target: targets.Target, left: _Sequence, frames: Ranges | None) -> Run:
    """Return the run with the frames that records are expected of. Raises RunError where that is not known."""
    run = left.run
    if frames is None and run.expected is None and left.unfinished:
        raise RunError(
            f"a task of run {run.id} has not ended, and how many frames it has is not known "
            f"({', '.join(left.unfinished[:5])}): save its frames again, or commit with the frames that are expected",
            reason="missing",
        )
    if frames is None and run.expected is not None:
        return run
    # Records state the frames of tasks that did not know them at their start.
    recorded = naming.to_ranges(sorted({record.index for record in left.records}))
    settings = {name: value for name, value in run.settings.items() if name != "total"}
    if frames is not None:
        committed = manifest.read(target, manifest.path_of(run.rule.folder, run.rule.name))
        frames = subtract(frames, () if committed is None else _recorded_by(committed, {_id_of(run.id)}))
    return replace(run, frames=frames or unite(left.asked, recorded), settings=settings)


def _commit(target: targets.Target, run: Run, ending: Ending, left: _Sequence) -> Manifest:
    made = run.end(ending)
    for name in left.names:
        targets.with_retries(target, partial(target.delete, f"{folder_of(run.id)}/{name}"))
    remove_empty_folder(target, run.id)
    return made


def _collected(target: targets.Target, run: str, options: Mapping[str, Any] | None) -> list[_Sequence]:
    found: dict[str, _Sequence] = {}
    for entry in targets.with_retries(target, partial(target.list, folder_of(run))):
        if not entry.is_folder and entry.name.endswith((_STARTED, _ENDED)):
            path = f"{folder_of(run)}/{entry.name}"
            data = targets.with_retries(target, partial(target.read, path))
            _take(found, entry.name, data, target, target.url_of(path), options)
    return list(found.values())


def _take(
    found: dict[str, _Sequence],
    name: str,
    data: bytes,
    target: targets.Target,
    url: str,
    options: Mapping[str, Any] | None,
) -> None:
    try:
        document: Any = json.loads(data)
        if document["version"] != VERSION:
            raise RunError(f"{url} was written by a newer version: update seqsave", reason="unknown")
        # The place is where the object was found, however the task spelled it.
        run = replace(Run.from_document(document["run"], options), url=target.url)
        asked = _asked(document["asked"])
        records = [FrameRecord.from_document(one) for one in document["frames"]]
    except _DAMAGED as error:
        raise RunError(
            f"{url} is damaged ({error!r:.200}): delete it, and save its frames again", reason="unknown"
        ) from None
    left = found.setdefault(run.rule.pattern, _Sequence(run))
    left.asked = unite(left.asked, asked)
    left.records += records
    left.names.append(name)


def _task_of(name: str) -> str:
    """Return the name of a task that does not know its frames: ``from-0`` of ``from-0.2.json``."""
    return name.partition(".")[0]


def _pattern_in(data: bytes) -> str | None:
    """Return the pattern of the sequence of a note; None for a damaged one."""
    try:
        return Run.from_document(json.loads(data)["run"]).rule.pattern
    except _DAMAGED:
        return None


def _asked(text: Any) -> Ranges:
    if not isinstance(text, str):
        raise TypeError(f"the frames of the task are {text!r:.80}")
    return naming.parse_ranges(text)


def _folder_at(url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None) -> targets.Target:
    """Return the folder of a URL that may end in a pattern."""
    with targets.hiding(url):
        pattern = naming.parse_pattern(str(url))
    return targets.resolve(url if pattern is None else getattr(url, "parent", pattern[0] or "."), storage_options)


def _unknown(target: targets.Target, run: str) -> RunError:
    if any(one.id == _id_of(run) for _, made in _manifests(target) for one in made.writers):
        problem = (
            f"run {run} has begun in {target.url}, but no task has left records there: save the frames of killed tasks "
            "again under its name, or give it up with 'seqsave commit --abandon'. The records of tasks that a Python "
            "program runs are for that program, which commits them itself"
        )
    else:
        problem = f"there is no run {run} in {target.url}: no task has left records, and no manifest names it"
    return RunError(problem, reason="unknown")


def _manifests(target: targets.Target) -> Iterator[tuple[str, Manifest]]:
    """Yield each manifest of the folder that can be read, with its path."""
    for entry in targets.with_retries(target, partial(target.list, naming.PRIVATE_FOLDER)):
        path = f"{naming.PRIVATE_FOLDER}/{entry.name}"
        if entry.name.endswith(".json"):
            with contextlib.suppress(TargetError, ManifestError):
                yield path, manifest.load(targets.with_retries(target, partial(target.read, path)))


def _check_committed(target: targets.Target, run: str, frames: Ranges | None) -> None:
    """Raise RunError unless manifests show that the run was committed, with these frames."""
    found = [made for _, made in _manifests(target) if _was_committed(made, run)]
    if not found:
        raise _unknown(target, run)
    lacking = unite(*(subtract(frames or (), _saved_since(made, run)) for made in found))
    if lacking:
        raise RunError(
            f"run {run} was committed without frames {naming.format_ranges(lacking, 20)}: save them under its name, "
            "and commit it again",
            reason="missing",
            frames=lacking,
        )


def _saved_since(made: Manifest, run: str) -> Intervals:
    """Return the frames of this run and of those that began after it: frames of older runs are not its result."""
    ids = [one.id for one in made.runs]
    return _recorded_by(made, set(ids[ids.index(_id_of(run)) :]))


def _recorded_by(made: Manifest, runs: Set[str]) -> Intervals:
    return naming.to_ranges(sorted({frame.index for frame in made.frames if frame.run in runs}))


def _id_of(run: str) -> str:
    return f"{manifest.RUN_HEAD}{run}"


def _was_committed(made: Manifest, run: str) -> bool:
    run_id = _id_of(run)
    # A run that was abandoned, or that another one ended as dead, is among the unfinished ones.
    left = {*(writer.id for writer in made.writers), *made.unfinished}
    return made.run(run_id) is not None and run_id not in left
