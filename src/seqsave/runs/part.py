"""A part of a run, which one task writes: it only sends frames."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, SupportsIndex

from seqsave import naming, targets
from seqsave.errors import DecodeError, FrameExistsError, FrameNameError, OptionError
from seqsave.existing.skipping import ExistingFrames
from seqsave.manifest import Facts, FrameEntry, Picture, Session
from seqsave.manifest.run import RunRecord
from seqsave.naming.key import FrameKey
from seqsave.runs.records import FrameRecord
from seqsave.runtime import retry
from seqsave.runtime.flow import Call, Flow, wait
from seqsave.sequences.frame import decode
from seqsave.settings.groups import Naming, Reports
from seqsave.settings.limits import Limits
from seqsave.settings.texts import FrameTexts
from seqsave.types import SavedFrame, SaveResult
from seqsave.wording import crc32_text
from seqsave.writer import SequenceWriter
from seqsave.writer.common import Common
from seqsave.writer.frame import FileToPublish, FrameTask
from seqsave.writer.numbering import Numbering
from seqsave.writer.outputs import Output
from seqsave.writer.publish import FramePublisher

if TYPE_CHECKING:
    from seqsave.runs.plan import Plan
    from seqsave.settings.formats import Format

__all__ = ["Part"]


class Part(SequenceWriter):
    """Writes frames of a run, as a writer does, but reads no manifest and lists no folder. ``Run.part`` opens it.

    Each ``write`` needs the ``index`` of its frame. Pass ``records`` to ``Run.commit``.
    """

    def __init__(self, run: Plan, limits: Limits, reports: Reports | None = None) -> None:
        """Open a part of ``run``. limits: this part's. reports: how a program learns of its progress."""
        self._of = run
        config = replace(run.config, limits=limits, reports=reports or Reports())
        # With a slash, the URL is that of a folder, whatever its name is, and no request has to find that out.
        super().__init__(run.url if run.url.endswith("/") else f"{run.url}/", config)

    @property
    def records(self) -> list[FrameRecord]:
        """Return the records of frames in the storage, written or found and kept, ordered by index, then batch."""
        entries = [entry for output in self._outputs for entry in output.entries]  # type: ignore[attr-defined]
        return [FrameRecord.of(self._of.id, entry) for entry in sorted(entries, key=_order)]

    def note_unfinished(self) -> bool:
        """Return False: the run states its frames, and is recorded when all of them are saved."""
        return False

    def _open_target(self, url: Any) -> targets.Target:
        return super()._open_target(url).of_run(self._of.id)

    def _open_outputs(self, common: Common) -> list[Output]:
        return [_PartOutput(form, common, self._of) for form in self._config.formats]

    def _open_texts(self) -> FrameTexts:
        return _PartTexts(self._config.embedding, self._config.formats, self._log.warn)

    def _open_numbering(self) -> Numbering:
        return _PartNumbering(self._rule, self._config.naming, self._of.frames)


def _order(entry: FrameEntry) -> tuple[int, int]:
    return entry.index, -1 if entry.batch is None else entry.batch


class _PartNumbering(Numbering):
    """The numbers of one part's frames. frames: those of the run; None if its settings do not state them."""

    def __init__(self, rule: naming.NameRule, numbers: Naming, frames: Sequence[range] | None) -> None:
        super().__init__(rule, numbers)
        self._frames = frames

    def following(self, index: SupportsIndex | None, batches: Sequence[SupportsIndex | None]) -> list[FrameKey]:
        """Return the keys of ``index``, which has to be one of the run's frames."""
        if index is None:
            raise OptionError("a frame of a part needs its index: other parts write the frames before and after it")
        number = naming.check_frame(index)
        if self._frames is not None and not any(number in run for run in self._frames):
            raise FrameNameError(
                f"frame {number} is not one of this run's frames, {naming.format_ranges(self._frames, 10)}: pass "
                "open_run all frames that the run writes"
            )
        return super().following(number, batches)


class _PartTexts(FrameTexts):
    """The metadata of one part's frames, which may be a few of many."""

    def note_end(self) -> None:
        """Do nothing: values that no frame of this part has may be in the frames of other parts."""


class _PartRecord(RunRecord):
    """Keeps the records of the part; they enter the manifest when the run is committed."""

    def __init__(self, target: targets.Target, facts: Facts) -> None:
        super().__init__(Session(target, facts, creates=False), creates=False)
        self.has_started = True

    @property
    def entries(self) -> list[FrameEntry]:
        """Return the frames so far."""
        with self._lock_entries:
            return list(self._entries.values())

    def start(
        self, on_retry: retry.OnRetry, stop_event: threading.Event, policy: retry.RetryPolicy | None = None
    ) -> None:
        """Do nothing: the run has begun."""

    def earlier(self, index: int, batch: int | None) -> FrameEntry | None:
        """Return None: a part does not read the manifest."""
        return None

    def add(self, entry: FrameEntry) -> None:
        """Add a frame with its checksum, which the commit compares, also if it is disputed."""
        entry = self.judged(entry)
        with self._lock_entries:
            self._entries[entry.key] = entry

    def finish(self, result: SaveResult, *, broken: bool, stopped: bool = False) -> None:
        """Do nothing: the run is committed with the records."""


class _PartExisting(ExistingFrames):
    """Knows no existing frames, because a part lists no folder: the storage decides for each frame."""

    def exists(self, key: FrameKey) -> bool:
        """Return False."""
        return False

    def size(self, key: FrameKey) -> int | None:
        """Return None."""
        return None

    def would_be_lost(self, path: str) -> bool:
        """Return False: the run has tested at its beginning that the storage refuses to replace files."""
        return False

    def is_time_to_clean(self, folder: str) -> bool:
        """Return False: the commit removes stale files from whole folders."""
        return False

    def _may_fold_case(self, path: str) -> bool:
        # Of other storages the run has asked that when it began: a part lists no folder.
        return self._target.is_local and super()._may_fold_case(path)

    def must_create(self, key: FrameKey) -> bool:
        """Return whether the storage must refuse an existing frame."""
        return self._if_exists in _LEAVING and self._target.capabilities.create != "none"


# These keep an existing frame, if it passes their check.
_LEAVING = ("error", "skip", "skip valid")


class _PartOutput(Output):
    """Makes and publishes the frames of one file type of a part."""

    _existing_frames = _PartExisting

    def __init__(self, form: Format, common: Common, run: Plan) -> None:
        self._run = run
        super().__init__(form, common)

    @property
    def entries(self) -> list[FrameEntry]:
        """Return the frames that are in the storage by now."""
        return self.record.entries  # type: ignore[attr-defined,no-any-return]

    def _open_record(self, facts: Facts) -> RunRecord:
        return _PartRecord(self._common.target, facts)

    def settle(self, result: SaveResult) -> None:
        """Do nothing: the other parts of the sequence are not known here."""

    @property
    def _copies_unread(self) -> bool:
        return False  # an existing frame is compared with the bytes

    def _open_publisher(self, form: Format) -> FramePublisher:
        return _PartPublisher(self._run, form, self._common, self.record, self._existing, self.fallback, self._proxies)


class _PartPublisher(FramePublisher):
    """Publishes the frames of a part. A frame that exists may be one that an earlier attempt of the same task wrote."""

    def __init__(self, run: Plan, *parts: Any) -> None:
        super().__init__(*parts)
        self._run = run

    def _put(self, file: FileToPublish) -> Flow[targets.Published]:
        if self._must_look_first(file) and (yield from wait(Call(partial(self._target.exists, file.path)))):
            raise FrameExistsError(f"{self._target.url_of(file.path)} exists")
        return (yield from super()._put(file))

    def _must_look_first(self, file: FileToPublish) -> bool:
        """Return whether frames must be kept on a storage that cannot refuse to replace them."""
        can_refuse = self._target.capabilities.create != "none"
        return self._if_exists in _LEAVING and not can_refuse and naming.PRIVATE_FOLDER not in file.path.split("/")

    def _after_collision(
        self, task: FrameTask, file: FileToPublish, *, was_tried: bool
    ) -> Flow[SavedFrame | targets.Published]:
        data: bytes
        there: targets.Published
        try:
            data, there = yield from self._ask(task.key, partial(self._target.read_published, file.path))
        except targets.FileMissingError:  # it was deleted since
            return (yield from self._put_again(file))
        if data == bytes(file.data):  # an earlier attempt wrote it, or its answer was lost
            return replace(there, acknowledged=True)
        yield from self._refuse_other_name(task.key)
        if self._if_exists == "error":
            if not (yield from wait(Call(partial(self._run.may_adopt, task.key)))):
                return self._collided(task.key)
            yield from self._publish_sidecars(task, file, zlib.crc32(data))
            return self._left_alone(task, data, there, task.picture, task.recipe)
        picture = None
        if self._if_exists == "skip valid":
            picture = yield from wait(Call(partial(self._picture_in, task, data)))
        if data and (picture is not None or self._if_exists == "skip"):
            return self._left_alone(task, data, there, picture, None)
        # An empty or a damaged file is not a frame.
        return (yield from self._put_again(replace(file, create=False)))

    def _put_again(self, file: FileToPublish) -> Flow[targets.Published]:
        published: targets.Published = yield from self._retrying(partial(super()._put, file))
        return published

    def _publish_sidecars(self, task: FrameTask, file: FileToPublish, crc32: int) -> Flow[None]:
        """Publish the texts that are not in the file beside the bytes of the earlier attempt."""
        for sidecar in task.files:
            key = naming.sidecar_key(sidecar.path.rpartition("/")[2], task.key.name, file.crc32)
            if key is not None:
                path = task.key.beside(naming.sidecar_name(task.key.name, crc32, key))
                yield from self._put_again(replace(sidecar, path=path))

    def _picture_in(self, task: FrameTask, data: bytes) -> Picture | None:
        """Return the decoded picture of an existing file, if it can be decoded and has the size of the frame."""
        try:
            array = decode(task.key.name, data).array
        except DecodeError:
            return None
        found, wanted = Picture.of(array.shape, array.dtype), task.picture
        return found if wanted is None or (wanted.width, wanted.height) == (found.width, found.height) else None

    def _left_alone(
        self, task: FrameTask, data: bytes, there: targets.Published, picture: Picture | None, recipe: str | None
    ) -> SavedFrame:
        entry = replace(
            self._entry(task),
            size=len(data),
            checksum=crc32_text(zlib.crc32(data)),
            etag=there.etag,
            acknowledged=False,
            version=there.version,
            picture=picture,
            recipe=recipe,
        )
        self._record.add(entry)
        skipped = self.pass_over(task.key, "stopped")  # "skipped" would look for the size in a listing
        return replace(skipped, status="skipped", checksum=entry.checksum, etag=entry.etag)
