"""A run over many tasks: one small record, which its driver and its tasks share."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from seqsave import manifest, naming, targets
from seqsave.errors import EndOfSequenceError, FrameNameError, OptionError, SeqSaveError, TargetError
from seqsave.metadata.text import RawText
from seqsave.plugins.options import check_storage_options
from seqsave.runs.begin import leave_note, note_path, refuse_other_names, remove_empty_folder
from seqsave.runs.commit import Ending, remove_temporaries
from seqsave.runs.plan import Plan
from seqsave.runtime import retry
from seqsave.settings import WriterConfig
from seqsave.settings.config import SETTINGS
from seqsave.settings.destination import at_destination
from seqsave.settings.limits import Limits
from seqsave.settings.table import show_settings
from seqsave.wording import abridged

if TYPE_CHECKING:
    from seqsave.manifest import Manifest
    from seqsave.naming import NamePattern
    from seqsave.runs.part import Part
    from seqsave.runs.records import FrameRecord
    from seqsave.settings.destination import Url
    from seqsave.targets import Target

__all__ = ["Run", "check_id", "open_run"]

# Of documents and pickles: another one, once a run has something that an older seqsave would overlook.
VERSION = 1
# Characters of an error about a document.
_LONGEST_ERROR = 500
# It is part of names of files and objects.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Settings that each task has for itself, or that a run over many tasks does not support, and why.
_REFUSED: Mapping[str, str] = {
    "concurrency": "pass it to run.part, for each task",
    "max_bytes": "pass it to run.part, for each task",
    "progress": "an engine shows the progress of its tasks",
    "on_event": "tasks run in other processes; an observer of a plugin gets their events",
    "spool": "a task whose storage is unavailable fails, and its engine tries it again",
    "publish_behind": "a task has to be finished when it returns",
    "preview": "make it from the finished sequence, with 'seqsave preview'",
}
_NAMED_BY_PATTERN = ("prefix", "separator", "digits", "filetype")
_SETTINGS = {name: one for name, one in SETTINGS.items() if name not in {*_REFUSED, "manifest", "total"}}


@show_settings({name: one for name, one in _SETTINGS.items() if name != "storage_options"})
def open_run(
    url: str | os.PathLike[str],
    *,
    run: str | None = None,
    total: int | None = None,
    frames: str | Iterable[int] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """Open a run in which many tasks, on any machine, write one sequence. Writes nothing.

    The URL is that of a folder, or ends in a pattern such as ``shot.####.exr``, as for ``open_writer``.

    run:    its id; a random one by default. The same id again continues the same run.
    total:  how many frames it writes, from ``start`` in steps of ``step``.
    frames: instead, which frames it writes: indices, or a text such as ``"0-99"``, ``"1-10x2"`` or ``"1,5,9"``.
    storage_options: part of the run's pickle. It is better if each machine has its own credentials.

    The settings are those of ``open_writer``, with one file type.

    Raises what ``check_settings`` raises, and TargetError.
    """
    check_storage_options(storage_options)
    options = {**targets.parse_url(url).options, **(storage_options or {})}
    name = secrets.token_hex(8) if run is None else check_id(run)
    folder, config = _checked(url, {**settings, "total": total, "storage_options": options or None})
    target = targets.resolve(folder, options or None)
    wanted = None if frames is None else _checked_frames(frames)
    if manifest.is_too_many(config.naming.step, config.naming.total):
        raise OptionError(f"`total` is {total}: that is more frames than one run over many tasks can have")
    if wanted is not None and total is not None:
        raise OptionError("`total` and frames are both given: pass only one of them")
    if wanted is not None and not wanted:
        raise OptionError("frames is empty: pass the frames that the run writes")
    names = dict.fromkeys((*settings, "total", *(_NAMED_BY_PATTERN if config.pattern is not None else ())))
    given = {one: getattr(getattr(config, SETTINGS[one].group), one) for one in names}
    if given.get("metadata") is not None:
        given["metadata"] = {one: RawText(text) for one, text in config.embedding.texts.items()}
    where = target.url if target.is_local else targets.parse_url(folder).url
    chosen = {one: value for one, value in given.items() if value is not None}
    return Run(where, name, wanted, chosen, options or None, config.pattern)


@dataclass(frozen=True, repr=False)
class Run(Plan):
    """One saving of a sequence by many tasks; ``open_run`` opens it.

    A pickled run contains its storage options.

    The driver calls ``begin`` before the first task and ``commit`` after the last one. Each task writes with ``part``,
    or with ``write`` for a single frame.

    url:      the URL of the frames' folder.
    id:       the run's name.
    frames:   the frames that it writes, as ascending ranges; None if neither total nor frames is given.
    settings: the given settings of the writer.
    storage_options: the given options of the storage, None if none were given; ``repr`` leaves them out.
    pattern:  the names of the files as the URL stated them; None for a URL of a folder.
    """

    # --- the driver ---

    def begin(self) -> None:
        """Note in the manifest that the sequence is being changed. A run that was begun before continues.

        If existing frames must be kept, this tests that the storage refuses to replace them.

        Raises TargetError, ManifestError; FrameExistsError and FrameNameError if the storage ignores case and has
        frames or the manifest of a name in another case.
        """
        target, policy = self.target, self._policy
        if_exists = self.config.delivery.if_exists
        target.check(create=if_exists == "error")
        if if_exists != "overwrite" and target.capabilities.create != "none":
            trial = f"{self._folder}{naming.PRIVATE_FOLDER}/create.txt"
            retry.call(policy, partial(target.probe_create, trial), contact=target.known)
        refuse_other_names(target, self.rule, policy)
        self._session(target).open()
        if if_exists == "error":
            leave_note(target, self.id, self.rule, policy)

    def commit(self, records: Iterable[FrameRecord]) -> Manifest:
        """Record the frames of all parts in the manifest, after listing the storage, and return the manifest.

        records: of all parts, in any order; a record may appear several times. If two attempts at a frame differ, the
                 storage is asked which of them it has. Committing again changes nothing.

        Raises RunError, and changes nothing, if frames lack a record, are gone or were replaced; TargetError,
        ManifestError.
        """
        return self.end(self.ending(records))

    def ending(self, records: Iterable[FrameRecord]) -> Ending:
        """Return the end of the run with these records, which are checked without a request. Raises RunError."""
        return Ending.of(
            self.target,
            self.rule,
            self.id,
            records,
            expected=self.expected,
            step=self.config.naming.step,
            policy=self._policy,
        )

    def rehearse(self, ending: Ending) -> None:
        """Raise what ``end`` raises now, and change nothing."""
        ending.rehearse(self._session(self.target))

    def end(self, ending: Ending) -> Manifest:
        """Do what ``commit`` does, with records that ``ending`` has checked. Raises as ``commit``."""
        made = ending.commit(self._session(self.target))
        self._remove_note(self.target)
        return made

    def abandon(self) -> None:
        """Give up the run: the manifest then lists it as interrupted, and no longer as active.

        Frames that it has written stay. Raises TargetError, ManifestError.
        """
        target = self.target

        def change(current: Manifest | None) -> Manifest | None:
            return None if current is None else manifest.without(current, [self._writer_id])

        path = manifest.path_of(self.rule.folder, self.rule.name)
        manifest.change(target, path, change, policy=self._policy)
        remove_temporaries(target, self.rule, self.id, ())
        self._remove_note(target)

    # --- the tasks ---

    def part(self, concurrency: int = 1, max_bytes: int | None = None) -> Part:
        """Open a part, which writes frames of this run. Use it in a ``with`` block; it has ``records`` at the end.

        concurrency: how many frames are encoded and sent at once; 1 starts no thread.
        max_bytes:   how much memory frames under way may hold.

        Raises OptionError, TargetError.
        """
        from seqsave.runs.part import Part  # here, as encoding comes with it

        return Part(self, Limits(concurrency=concurrency, max_bytes=max_bytes))

    def write(
        self,
        image: Any,
        *,
        index: int,
        batch: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        recipe: str | None = None,
    ) -> FrameRecord:
        """Write one image, and return its record once the storage has it. The arguments are those of ``Part.write``.

        Raises what ``Part.write`` raises; SaveError; EndOfSequenceError for a frame after the last one.
        """
        with self.part() as part:
            part.write(image, index=index, batch=batch, metadata=metadata, recipe=recipe)
        if not part.records:
            raise EndOfSequenceError(f"frame {index} is after the end of the sequence, and was not saved")
        return part.records[0]

    # --- documents and pickles ---

    def as_document(self) -> dict[str, Any]:
        """Return the run as JSON values, without storage options and other secrets; ``from_document`` reads them."""
        return {
            "version": VERSION,
            "url": self.target.url,
            "run": self.id,
            "pattern": None if self.pattern is None else str(self.pattern),
            "frames": None if self.frames is None else naming.format_ranges(self.frames),
            "settings": {name: _as_json(name, value) for name, value in self.settings.items()},
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any], storage_options: Mapping[str, Any] | None = None) -> Run:
        """Return the run of a document. Raises OptionError for a damaged one, and as ``open_run``."""
        try:
            if document["version"] != VERSION:
                raise OptionError(f"the document of the run has version {document['version']!r:.20}: update seqsave")
            settings = {name: _from_json(name, value) for name, value in document["settings"].items()}
            total = settings.pop("total", None)
            given = (document["url"], document["run"], document["frames"])
            pattern = None if document.get("pattern") is None else _pattern(document["pattern"])
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, OptionError):
                raise
            raise OptionError(f"the document of the run is damaged: {error!r:.200}") from None
        url, run, frames = given
        # With a slash, the URL is that of a folder, whatever its name is.
        try:
            opened = open_run(
                _as_folder(url), run=run, total=total, frames=frames, storage_options=storage_options, **settings
            )
        except SeqSaveError as error:
            error.args = (abridged(str(error.args[0]), _LONGEST_ERROR), *error.args[1:])  # a damaged value may be long
            raise
        return replace(opened, pattern=pattern)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without values that are computed from the fields."""
        names = ("url", "id", "frames", "settings", "storage_options", "pattern")
        return {"version": VERSION, **{name: self.__dict__[name] for name in names}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a pickle. Raises OptionError for that of another version of seqsave."""
        if state.get("version") != VERSION:
            raise OptionError(
                f"the run was pickled as version {state.get('version')!r:.20}, and this seqsave reads version "
                f"{VERSION}: install the same seqsave on all machines"
            )
        self.__dict__.update({name: value for name, value in state.items() if name != "version"})

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.rule.pattern} in {targets.parse_url(self.url).shown}>"

    # --- pieces ---

    def _remove_note(self, target: Target) -> None:
        if self.config.delivery.if_exists == "error":
            with contextlib.suppress(TargetError):  # it does no harm
                target.delete(note_path(self.id, self.rule))
            remove_empty_folder(target, self.id)


def check_id(run: Any) -> str:
    """Return the id of a run. Raises OptionError for one that cannot be a part of a file's name."""
    if not isinstance(run, str) or not _ID.fullmatch(run):
        raise OptionError(
            f"run is {run!r:.80}: it must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit"
        )
    return run


def _pattern(text: str) -> NamePattern | None:
    found = naming.parse_pattern(text)
    return None if found is None else found[1]


def _as_folder(url: Any) -> Any:
    return url if not isinstance(url, str) or url.endswith("/") else f"{url}/"


def _checked(url: Url, settings: Mapping[str, Any]) -> tuple[Url, WriterConfig]:
    """Return the folder and the settings, checked. Raises OptionError for settings that such a run does not support."""
    for name, why in _REFUSED.items():
        if settings.get(name) not in (None, False):
            raise OptionError(f"a run over many tasks has no setting {name!r}: {why}")
    if not settings.get("manifest", True):
        raise OptionError("a run over many tasks has a manifest: it cannot be committed with `manifest=False`")
    if settings.get("if_exists") == "replace":
        raise OptionError(
            "a run over many tasks has no `if_exists='replace'`, since no task knows the others' frames: use "
            "`if_exists='overwrite'`, and delete the frames that `manifest.outside` names"
        )
    if settings.get("if_exists") == "skip same recipe":
        raise OptionError(
            "tasks do not read the manifest, which holds the recipes: leave out the frames that need no work when the "
            "run is opened (open_sequence(url).manifest has their recipes), with frames"
        )
    folder, config = at_destination(url, None, settings)
    if len(config.formats) > 1:
        raise OptionError("a run over many tasks has one file type: open one for each")
    return folder, config


def _checked_frames(frames: str | Iterable[int]) -> tuple[range, ...]:
    if isinstance(frames, str):
        return naming.parse_frames(frames)
    try:
        indices = {naming.check_frame(index, "a frame of frames") for index in frames}
    except TypeError:
        raise FrameNameError(f"frames is {frames!r:.80}: it must be indices, or text such as '0-99'") from None
    return naming.to_ranges(sorted(indices))


def _as_json(name: str, value: Any) -> Any:
    if isinstance(value, retry.RetryPolicy):
        return asdict(value)
    if isinstance(value, Fraction):
        return str(value)
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        raise OptionError(f"the setting {name!r} cannot be written as JSON: pickle the run instead") from None


def _from_json(name: str, value: Any) -> Any:
    if name == "metadata" and value is not None:
        return {one: RawText(text) for one, text in value.items()}
    if name == "retry" and value is not None:
        return retry.RetryPolicy(**value)
    return Fraction(value) if name == "rate" and isinstance(value, str) else value
