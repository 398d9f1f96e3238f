"""Publish an encoded frame as files in the storage. One generator, the flow, serves threads and event loops.

1. Start the run in the manifest, once.
2. For each file: test whether the storage refuses to replace files, if that matters; put it; retry temporary failures.
3. If a file exists already: it is this frame, of which an earlier answer was lost, or a collision.
4. If the storage does not take the frame: put it into the spool, if there is one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from seqsave import naming, targets
from seqsave.errors import FrameExistsError, TargetError
from seqsave.existing.skipping import ExistingFrames
from seqsave.manifest import UNKNOWN_VERSION, FrameEntry
from seqsave.manifest.run import RunRecord
from seqsave.naming.key import FrameKey
from seqsave.runtime import flow, retry
from seqsave.runtime.flow import Call, Either, Flow, SharedCall
from seqsave.sequences.packed import PACK_TYPE
from seqsave.types import Encoded, SavedFrame, Status
from seqsave.wording import crc32_text
from seqsave.writer.frame import FileToPublish, FrameTask

if TYPE_CHECKING:
    from seqsave.look.packing import Pack
    from seqsave.look.run_proxies import RunProxies
    from seqsave.runtime.pipeline import Pipeline
    from seqsave.settings.formats import Format
    from seqsave.writer.common import Common
    from seqsave.writer.events import EventLog
    from seqsave.writer.fallback import Fallback

__all__ = ["FramePublisher"]

_JSON = "application/json"

T = TypeVar("T")


class FramePublisher:
    """The publisher of one file type's frames.

    fallback: decides about frames that the storage does not take; None without a spool.
    proxies:  gets the small pictures of frames that are in the storage or in the spool; None without them.
    """

    def __init__(
        self,
        form: Format,
        common: Common,
        record: RunRecord,
        existing: ExistingFrames,
        fallback: Fallback | None,
        proxies: RunProxies | None,
    ) -> None:
        delivery, folder = common.config.delivery, form.rule.folder
        self._target, self._log, self._pipeline = common.target, common.log, common.pipeline
        self._stop_event = common.pipeline.error_event  # set when the run fails: ends the waits between attempts
        self._policy, self._if_exists = delivery.policy, delivery.if_exists
        self._content_type = form.resolved.spec.content_type
        self._below = len(f"{folder}/") if folder else 0  # where the path below the sequence's folder begins
        self._record, self._run_id = record, record.run
        self._existing = existing
        self._fallback = fallback
        self._proxies = proxies
        self._known = common.target.known
        self._start: SharedCall[None] = SharedCall()
        self._proof: SharedCall[None] = SharedCall()
        self._copy_trial: SharedCall[bool] = SharedCall()
        self._under_way: dict[str, FrameTask] = {}
        self._renamed: set[str] = set()

    # --- the flow ----------------------------------------------------------------------------------------------------

    def publish(self, task: FrameTask) -> SavedFrame | Coroutine[Any, Any, SavedFrame]:
        """Publish a frame's files; return a coroutine for that where the pipeline runs coroutines."""
        run = flow.arun if self._pipeline.is_async else flow.run
        return run(self._flow(task))

    def _flow(self, task: FrameTask) -> Flow[SavedFrame]:
        """Publish a frame, or let the fallback keep it. Raises TargetError, FrameExistsError, SpoolError."""
        fallback = self._fallback
        if task.passed_over is not None:
            return self.pass_over(task.key, task.passed_over)
        if fallback is None:
            return (yield from self._into_storage(task, self._policy))
        if not fallback.has_begun:
            yield Call(fallback.begin)
        policy = fallback.policy_for(task)
        if policy is None:
            kept: SavedFrame = yield Call(partial(fallback.keep, task, self._spooled_entry(task)))
            return kept
        try:
            saved = yield from self._into_storage(task, policy)
        except TargetError as error:
            failure = error
        else:
            fallback.note_success()
            return saved
        kept = yield Call(partial(fallback.keep_after, task, self._spooled_entry(task), failure))
        return kept

    def _into_storage(self, task: FrameTask, policy: retry.RetryPolicy) -> Flow[SavedFrame]:
        if not self._record.has_started:
            attempts = _Attempts(self._log, self._pipeline, task.key)
            yield self._start.step(partial(self._record.start, attempts.note, self._stop_event, policy))
        answer = None
        if self._existing.may_have_other_form(task.key):
            yield from self._find_other_form(task, policy)
        self._under_way[task.key.path] = task
        if self._existing.may_be_misspelled(task.key):
            yield from self._ask(task.key, partial(self._existing.check_spelling, task.key), policy)
        for file in task.files:
            attempts = _Attempts(self._log, self._pipeline, task.key)
            try:
                attempt = partial(self._send, file, attempts)
                published = yield from self._retrying(attempt, policy, attempts.note)
            except FrameExistsError:
                published = yield from self._after_collision(task, file, was_tried=attempts.any)
                if isinstance(published, SavedFrame):
                    return published
            answer = published if file.path == task.key.path else answer
        # Storages with an event loop leave no temporary files.
        if self._target.loop is None and self._existing.is_time_to_clean(task.key.folder):
            yield Call(partial(self._existing.remove_stale_files, task.key.folder))
        entry = self._entry(task, answer)
        if self._proxies is not None:
            entry, full = self._packed(self._proxies, task, entry)
            if full is not None:
                yield from self._proxies.publish(full, policy, self._stop_event)
        return self._saved(task, entry)

    def _find_other_form(self, task: FrameTask, policy: retry.RetryPolicy) -> Flow[None]:
        """Let the frame have the name of its existing file, if that is the other Unicode form of its own."""
        other = yield from self._ask(task.key, partial(self._existing.in_other_form, task.key), policy)
        if other is not None:
            task.rename(other)
            self._renamed.add(other)

    @staticmethod
    def _packed(proxies: RunProxies, task: FrameTask, entry: FrameEntry) -> tuple[FrameEntry, Pack | None]:
        """Add the frame's small pictures to a pack: return the entry that names it, and a pack that is full."""
        proxy, task.proxy = task.proxy, None
        return (entry, None) if proxy is None else proxies.add(proxy, entry)

    def _spooled_entry(self, task: FrameTask) -> FrameEntry:
        """Return the entry of a frame that goes into the spool. A full pack of proxies goes there with it."""
        entry = self._entry(task)
        if self._proxies is not None:
            entry, full = self._packed(self._proxies, task, entry)
            if full is not None:
                pack = FileToPublish.of(self._proxies.path_of(full), full.data, PACK_TYPE)
                task.files = (pack, *task.files)
                self._proxies.note_published(full)
        return entry

    def _send(self, file: FileToPublish, attempts: _Attempts) -> Flow[targets.Published]:
        """Let the storage copy a file, or put it."""
        original = None if attempts.has_broken else file.original
        if original is not None and (not file.create or (yield from self._refuses_copies(file))):
            how: dict[str, Any] = {"content_type": file.content_type, "create": file.create}
            copied: targets.Published | None = yield Either(
                partial(self._target.copy_in, file.path, original, **how),
                partial(self._target.copy_in_async, file.path, original, **how),
            )
            if copied is not None:
                return copied
        if not file.is_read:
            file = replace(file, content=(yield Call(lambda: file.data)))
        return (yield from self._put(file))

    def _refuses_copies(self, file: FileToPublish) -> Flow[bool]:
        """Return whether the storage can refuse a copy because of an existing file, which a trial shows once."""
        if self._known.creates_copies is None:
            yield self._copy_trial.step(partial(self._target.refuses_copies, _trial_beside(file.path)))
        return bool(self._known.creates_copies)

    def _put(self, file: FileToPublish) -> Flow[targets.Published]:
        if file.create and not self._known.refuses and self._existing.would_be_lost(file.path):
            yield self._proof.step(partial(self._target.probe_create, _trial_beside(file.path)))
        data = file.data
        how: dict[str, Any] = {"content_type": file.content_type, "create": file.create, "checksum": file.crc32}
        answer: targets.Published = yield Either(
            partial(self._target.publish, file.path, data, **how),
            partial(self._target.publish_async, file.path, data, **how),
        )
        return answer

    def _after_collision(
        self, task: FrameTask, file: FileToPublish, *, was_tried: bool
    ) -> Flow[SavedFrame | targets.Published]:
        """Decide about a file that exists already and must not be replaced.

        Returns the record of a frame that is skipped, or of a file that is this frame. Raises FrameExistsError.
        """
        if was_tried and (yield from self._is_ours(task.key, file)):
            return _compared(file)
        yield from self._refuse_other_name(task.key)
        return self._collided(task.key)

    def _refuse_other_name(self, key: FrameKey) -> Flow[None]:
        """Raise FrameExistsError that names the existing file, if its name differs in case from the frame's."""
        if self._target.capabilities.folders:  # object stores distinguish case
            with contextlib.suppress(TargetError):  # the folder cannot be listed
                yield from self._ask(key, partial(self._existing.check_spelling, key, again=True))

    def _is_ours(self, key: FrameKey, file: FileToPublish) -> Flow[bool]:
        """Return whether the existing file has the bytes that an earlier attempt sent, whose answer was lost.

        Without the right to read, the file cannot be compared: with if_exists="skip" it counts as another frame,
        otherwise that is an error.
        """
        try:
            content: bytes = yield from self._ask(key, partial(self._target.read, file.path))
        except TargetError as error:
            if self._if_exists == "skip":
                return False
            raise TargetError(
                f"{self._target.url_of(file.path)} already exists. It may be this very frame, since the answer to an "
                f"earlier attempt was lost, but it cannot be looked at: {error}",
                fault=error.fault,
            ) from error
        return file.is_equal(content)

    def _ask(self, key: FrameKey, function: Callable[[], T], policy: retry.RetryPolicy | None = None) -> Flow[T]:
        """Call a function that asks the storage something about a frame, and retry temporary failures."""
        attempts = _Attempts(self._log, self._pipeline, key)
        return self._retrying(partial(flow.wait, Call(function)), policy, attempts.note)

    def _retrying(
        self,
        attempt: Callable[[], Flow[Any]],
        policy: retry.RetryPolicy | None = None,
        on_retry: retry.OnRetry | None = None,
    ) -> Flow[Any]:
        return retry.attempts(
            policy or self._policy,
            attempt,
            on_retry=on_retry,
            stop_event=self._stop_event,
            contact=self._known,
        )

    # --- results -----------------------------------------------------------------------------------------------------

    def pass_over(self, key: FrameKey, status: Status) -> SavedFrame:
        """Return the record of a frame that is not written."""
        if status == "skipped":
            key, size, picture = self._existing.kept(key)
            name = self._name(key)
            self._record.add(FrameEntry(index=key.index, batch=key.batch, name=name, size=size, picture=picture))
        return key.saved(self._target.url_of(key.path), status)

    def _collided(self, key: FrameKey) -> SavedFrame:
        """Skip or refuse a frame, since another saver's frame exists.

        (The flow does not come here for a frame of its own whose answer was late or lost.)
        """
        if self._if_exists == "skip":
            return self.pass_over(key, "skipped")
        found = f"{self._target.url_of(key.path)} already exists"
        if key.path in self._renamed:
            found += f", with its name in Unicode's {naming.in_words(key.name)} form"
        raise FrameExistsError(
            f"{found}: use `if_exists='overwrite'` or `if_exists='skip'`, or another prefix or start",
            topic="exists",
        )

    def _saved(self, task: FrameTask, entry: FrameEntry) -> SavedFrame:
        """Return the record of a saved frame, which enters the manifest."""
        self._record.add(entry)
        self._under_way.pop(task.key.path, None)
        url = self._target.url_of(task.key.path)
        return task.key.saved(url, "saved", size=entry.size or 0, checksum=entry.checksum, etag=entry.etag)

    def arrived(self) -> Iterator[SavedFrame]:
        """Read the frames that were being published when the run was aborted, and yield those that the storage has."""
        for path, task in list(self._under_way.items()):
            with contextlib.suppress(TargetError):
                if task.frame.is_equal(self._target.read(path)):
                    entry = self._entry(task, _compared(task.frame))
                    if self._proxies is not None:
                        entry, _ = self._packed(self._proxies, task, entry)
                    yield self._saved(task, entry)

    # --- before it ---------------------------------------------------------------------------------------------------

    def add_files(self, task: FrameTask, encoded: Encoded) -> None:
        """Add the files to the task: the frame and one sidecar for each text that did not fit into it.

        The frame is published last, so that its sidecars exist when it does. A frame that must not replace another one
        is published first, so that a collision does not replace the other frame's sidecars.
        """
        key = task.key
        create, file = self._existing.must_create(key), task.file
        if file is not None and file.crc32 is not None:
            content = encoded.data or (lambda: file.load().data)
            facts = (self._content_type, create, file.crc32, file.length)
            frame = FileToPublish(key.path, content, *facts, original=task.original)
        else:
            frame = FileToPublish.of(key.path, encoded.data, self._content_type, create=create)
        sidecars = tuple(
            FileToPublish.of(key.beside(naming.sidecar_name(key.name, frame.crc32, name)), text.encode(), _JSON)
            for name, text in encoded.leftover.items()
        )
        task.files = (frame, *sidecars) if frame.create else (*sidecars, frame)

    def _entry(self, task: FrameTask, answer: targets.Published | None = None) -> FrameEntry:
        """Return the manifest's entry of an encoded frame. answer: None before the storage has answered."""
        key, frame = task.key, task.frame
        answer = answer or targets.Published(size=frame.size)
        beside = [file.path.rpartition("/")[2] for file in task.files if file is not frame]
        keys = (naming.sidecar_key(one, key.name, frame.crc32) for one in beside)
        return FrameEntry(
            index=key.index,
            batch=key.batch,
            name=self._name(key),
            size=frame.size,
            checksum=crc32_text(frame.crc32),
            etag=answer.etag,
            acknowledged=answer.acknowledged,
            recipe=task.recipe,
            picture=task.picture,
            version=answer.version,
            run=self._run_id,
            sidecars=tuple(one for one in keys if one is not None),
        )

    def _name(self, key: FrameKey) -> str:
        """Return the frame's name in the manifest: its path below the sequence's folder."""
        return key.path[self._below :]


class _Attempts:
    """The attempts for one file: reports failures as events, and records whether there were any."""

    def __init__(self, log: EventLog, pipeline: Pipeline[Any, SavedFrame], key: FrameKey) -> None:
        self.any = False
        self.has_broken = False
        """An attempt has failed, and not because the storage throttles: a store may fail at copies alone."""
        self._log, self._pipeline, self._key = log, pipeline, key

    def note(self, attempt: int, wait: float, error: BaseException) -> None:
        self.any = True
        if getattr(error, "throttled", False):
            self._pipeline.slow_down()
        else:
            self.has_broken = True
        self._log.note("retry", self._key, f"attempt {attempt} failed, next in {wait:.1f} s: {error}")


def _trial_beside(path: str) -> str:
    """Return the path of the file with which ``probe_create`` tests the storage."""
    return naming.join(path.rpartition("/")[0], f"{naming.PRIVATE_FOLDER}/create.txt")


def _compared(file: FileToPublish) -> targets.Published:
    """Return the record of a file whose answer was lost, and which the storage was found to have."""
    return targets.Published(size=file.size, acknowledged=True, version=UNKNOWN_VERSION)
