"""The output of one file type of a writer: its frames are encoded, published and recorded here."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from seqsave import naming
from seqsave.errors import SeqSaveError, SpoolError, TargetError
from seqsave.existing.gone import removed_since
from seqsave.existing.others import OtherFrames
from seqsave.existing.skipping import ExistingFrames
from seqsave.manifest import Facts, Session
from seqsave.manifest.run import RunRecord
from seqsave.naming.key import FrameKey
from seqsave.sequences.header import picture_of
from seqsave.sequences.run_pictures import RunPictures
from seqsave.settings.facts import facts_of
from seqsave.settings.groups import REPLACING_ALL, REPLACING_NONE
from seqsave.types import Encoded, FailedFrame, SavedFrame, SaveResult
from seqsave.writer.encode import Encoding
from seqsave.writer.frame import FrameSource, FrameTask
from seqsave.writer.publish import FramePublisher

if TYPE_CHECKING:
    from seqsave.look.run_proxies import RunProxies
    from seqsave.manifest import Manifest
    from seqsave.sequences.file import FrameFile
    from seqsave.settings.formats import Format
    from seqsave.writer.common import Common
    from seqsave.writer.fallback import Fallback

__all__ = ["Output"]


class Output:
    """The output of one file type: encodes and publishes its frames.

    record: collects the facts for the manifest. publisher: publishes its files. fallback: keeps what cannot go there.
    """

    _existing_frames = ExistingFrames

    def __init__(self, form: Format, common: Common) -> None:
        self.rule = form.rule
        self.filetype = form.resolved.filetype
        self.unrecorded: SeqSaveError | None = None
        """The error because of which the manifest does not have the outcomes of the frames; None if it has."""
        self._common = common
        self._delivery = delivery = common.config.delivery
        self._named: dict[tuple[int, int | None], str] = {}  # paths that differ from the rule's
        self._made: Manifest | None = None
        self.record = self._open_record(facts_of(form, common.config))
        self._others = OtherFrames(common.target, form.rule, delivery, self.record, common.log.warn)
        self.fallback = self._open_fallback(common)
        self._existing = self._existing_frames(common.target, self.record, delivery.policy, delivery.if_exists)
        self._proxies = self._open_proxies(form)
        self.publisher = self._open_publisher(form)
        self.publish = self.publisher.publish
        is_shown = form is common.config.formats[0]  # one picture of a frame is enough
        thumbnails = common.log.thumbnails if is_shown else None
        self._encoding = Encoding(form, common.config, common.log.warn, thumbnails)
        self._pictures = RunPictures(common.log.warn)

    def _open_proxies(self, form: Format) -> RunProxies | None:
        if not self._delivery.proxies:
            return None
        from seqsave.look.run_proxies import RunProxies  # here, as Pillow comes with it

        return RunProxies(form, self._common.config, self._common.target, self.record, self._common.log.warn)

    def _open_fallback(self, common: Common) -> Fallback | None:
        if common.spool is None:
            return None
        from seqsave.writer.fallback import Fallback

        return Fallback(common.spool, common, self.record)

    # --- overridden for parts of runs over many tasks ---

    def _open_publisher(self, form: Format) -> FramePublisher:
        return FramePublisher(form, self._common, self.record, self._existing, self.fallback, self._proxies)

    def _open_record(self, facts: Facts) -> RunRecord:
        delivery = self._delivery
        session = Session(
            self._common.target,
            facts,
            creates=delivery.manifest,
            replaces=delivery.if_exists not in REPLACING_NONE,
            policy=delivery.policy,
        )
        return RunRecord(session, creates=delivery.manifest)

    def note_size(self, key: FrameKey, width: int, height: int) -> None:
        """Warn of a copied picture that has another size than those before."""
        path = self._named.get(key.numbers) or self.rule.format(key.index, key.batch)
        self._pictures.note_size(replace(key, path=path, filetype=self.filetype), width, height)

    # --- one frame ---------------------------------------------------------------------------------------------------

    def prepare(self, key: FrameKey, source: FrameSource) -> FrameTask:
        """Return the task of one frame, with the fields that are set before the frame is accepted. Raises ImageError.

        key: the frame under the writer's first file type.
        """
        key = self._own(key, source.name)
        self._others.note()
        if key.after_end:
            return FrameTask(key, self, passed_over="stopped")
        if self._existing.exists(key):
            return FrameTask(key, self, passed_over="skipped")
        task = FrameTask(key, self, texts=source.texts, recipe=source.recipe)
        if source.image is not None:
            self._encoding.take(task, source.image)
        elif source.file is not None:
            task.file, task.held = source.file, source.file.size
        elif source.encoded is not None:
            task.encoded, task.held = source.encoded, memoryview(source.encoded.data).nbytes
        return task

    def note_accepted(self, task: FrameTask) -> None:
        """Warn of the known losses of an accepted frame, and record its variation."""
        if task.passed_over is None:
            self._pictures.expect(task.key, task.future, None if task.taken is None else task.taken.shape)
        self._encoding.note_accepted(task)
        if task.key.batch is not None:
            self.record.note_batch(task.key.batch)

    def encode(self, task: FrameTask) -> int:
        """Make the frame's files, unless the existing frame may stay. Runs on an encoding thread.

        Returns the size of the files, in bytes.
        """
        picture, size = None, 0
        try:
            if task.file is not None:
                self._load(task, task.file)
            elif task.encoded is not None and isinstance(task.encoded.data, bytes):
                task.picture = picture_of(task.encoded.data)
            if self._is_as_good(task):
                task.passed_over, task.taken, task.encoded = "skipped", None, None
            else:
                taken, encoded = task.taken, task.encoded or self._encoding.encode(task)
                if self._proxies is not None:
                    task.proxy = self._proxies.make(task.key, taken, encoded.data, task.picture)
                self.publisher.add_files(task, encoded)
                picture, size = task.picture, sum([file.size for file in task.files])
                self._common.log.note("encoded", task.key, size=size)
        finally:
            task.picture = self._pictures.settle(task.key, picture)
        return size

    def _load(self, task: FrameTask, file: FrameFile) -> None:
        """Read a file that is copied, unless its storage can copy it as its manifest states it."""
        copies = self._common.target.can_copy(file.frame.source[0])
        if copies and self._copies_unread and file.take_as_stated():
            task.encoded = Encoded(data=b"", leftover=file.texts_beside())
        else:
            task.encoded = file.load()
        task.picture = file.picture
        task.original = file.original() if copies else None

    @property
    def _copies_unread(self) -> bool:
        """Return whether no step before publishing needs a frame's bytes."""
        is_plain = self._common.spool is None and self._proxies is None
        return is_plain and self._delivery.if_exists in (*REPLACING_NONE, *REPLACING_ALL)

    def _is_as_good(self, task: FrameTask) -> bool:
        """Return whether an existing frame may stay, for 'skip valid' and 'skip same recipe'."""
        data = b"" if task.encoded is None else task.encoded.data
        if task.file is not None:
            return self._existing.is_same(task.key, data, task.recipe)
        return self._existing.is_as_good(task.key, task.picture, task.recipe, data)

    def _own(self, key: FrameKey, name: str = "") -> FrameKey:
        """Return the frame's key for this file type, with the rule's name or its own."""
        path = self.rule.format(key.index, key.batch)
        if name and name != path.rpartition("/")[2]:
            path = naming.join(path.rpartition("/")[0], name)
            self._named[key.numbers] = path
        return FrameKey(key.index, key.batch, path, key.after_end, self.filetype)

    # --- after the last frame ----------------------------------------------------------------------------------------

    def flush_rest(self) -> list[SavedFrame | FailedFrame]:
        """Publish what is left: this run's spooled frames, once more, and the proxies.

        Return the outcomes of frames that left the spool.
        """
        outcomes = [] if self.fallback is None else self.fallback.finish()
        self.finish_proxies()
        return outcomes

    def note_arrived(self) -> None:
        """Correct the results of frames that were being published when the run was aborted, by reading them."""
        for frame in self.publisher.arrived():
            self._common.log.results.replace([frame])

    def finish_proxies(self) -> None:
        """Publish the packs of small pictures that are left. A failure is a warning."""
        if self._proxies is not None:
            self._proxies.finish(is_away=self.fallback is not None and self.fallback.is_away)

    def finish(self, result: SaveResult, *, broken: bool, stopped: bool) -> None:
        """Record the outcomes of the frames in the manifest. An error is kept in ``unrecorded``."""
        mine = self._mine(result)
        later = partial(self._finish_later, mine, broken=broken, stopped=stopped)
        try:
            if self.fallback is None or not self.fallback.is_away:
                self.record.is_tidied = not (broken or stopped) and self._others.tidy()
                self._made = self.record.finish(mine, broken=broken, stopped=stopped)
            else:
                later(self.fallback)
        except SeqSaveError as error:
            # With manifest=False, an existing manifest stays incomplete, which is correct.
            self.unrecorded = error if self._delivery.manifest else None
            if self.fallback is not None and isinstance(error, TargetError):
                later(self.fallback)

    def gone(self, result: SaveResult) -> list[FailedFrame]:
        """Return the saved frames that another program has removed since."""
        unseen = self.record.lacks([one for one in self._mine(result).frames if one.status == "saved"])
        if not unseen:
            return []
        paths = {naming.join(self.rule.folder, name): one for name, one in unseen.items()}
        return removed_since(self._common.target, paths)

    def _path(self, frame: SavedFrame) -> str:
        """Return the path of a saved frame."""
        name = self.record.name_of(frame.index, frame.batch)
        return self.rule.format(frame.index, frame.batch) if name is None else naming.join(self.rule.folder, name)

    def settle(self, result: SaveResult) -> None:
        """Remove or name the other frames of the sequence, after the run has ended well."""
        result = self._mine(result)
        if self._proxies is not None:
            self._proxies.note_kept([one for one in result.frames if one.status == "skipped"], self._made)
        made = self._others.settle(result, self._made, self._path)
        if made is not None and made.complete and self._proxies is not None:
            self._proxies.remove_unneeded(made)

    def _finish_later(self, result: SaveResult, fallback: Fallback, *, broken: bool, stopped: bool) -> None:
        try:
            is_noted = fallback.defer_manifest(result, broken=broken, stopped=stopped)
        except SpoolError as error:
            self.unrecorded = error
            return
        if is_noted and not fallback.behind:
            why = "" if self.unrecorded is None else f"{self.unrecorded}. "
            advice = f"Run {fallback.flush_command} once the storage is available again"
            self.unrecorded = SpoolError(f"{why}{advice}", reason="unpublished")

    def _mine(self, result: SaveResult) -> SaveResult:
        """Return the result for the frames of this file type only."""
        if len(self._common.config.formats) == 1:
            return result
        return replace(
            result,
            frames=tuple([frame for frame in result.frames if frame.filetype == self.filetype]),
            failures=tuple([failure for failure in result.failures if failure.filetype == self.filetype]),
        )
