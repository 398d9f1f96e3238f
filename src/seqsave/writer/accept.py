"""The accept step: number a frame, add it to the preview and submit it, all of that or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, SupportsIndex

from seqsave.errors import ImageError
from seqsave.runtime.pipeline import Job, Pipeline, gather
from seqsave.types import SavedFrame
from seqsave.writer.frame import FrameKey, FrameTask
from seqsave.writer.outputs import FrameSource, Output

if TYPE_CHECKING:
    from seqsave.writer.events import EventLog
    from seqsave.writer.numbering import Numbering
    from seqsave.writer.preview import Preview

__all__ = ["FrameAcceptor"]


class _File(NamedTuple):
    """One file of a frame that is about to be accepted; without a job if it is passed over."""

    output: Output
    task: FrameTask
    job: Job[FrameTask, SavedFrame] | None
    future: Future[SavedFrame]


class FrameAcceptor:
    """The acceptor of one writer's frames, one at a time. Thread-safe.

    lock: held while a frame is accepted, and by a writer that ends.
    """

    def __init__(
        self,
        outputs: Sequence[Output],
        numbering: Numbering,
        pipeline: Pipeline[FrameTask, SavedFrame],
        log: EventLog,
        preview: Preview | None,
    ) -> None:
        self.lock = threading.RLock()
        self._outputs = outputs
        self._numbering = numbering
        self._pipeline = pipeline
        self._log = log
        self._preview = preview

    def accept(
        self,
        index: SupportsIndex | None,
        batches: Sequence[SupportsIndex | None],
        sources: Sequence[FrameSource],
        check_usable: Callable[[], None],
    ) -> list[Future[SavedFrame]]:
        """Number, prepare and submit the images of one index: all files of all of them, or none when this raises.

        Everything that takes long or can fail comes first, for the number that is next. Then numbering, preview and
        submission are one step; if another thread has taken that number, or there is no room, this starts again.

        check_usable: raises when the writer takes no more frames.
        """
        while True:
            with self.lock:
                check_usable()
                keys = self._numbering.following(index, batches)
            frames = [self._prepare(key, source) for key, source in zip(keys, sources, strict=True)]
            jobs = [file.job for files in frames for file in files if file.job is not None]
            with self.lock:
                check_usable()
                is_next = self._numbering.still_follow(index, keys)
                if is_next and self._submit(jobs, partial(self._enter, keys, frames)):
                    try:
                        self._add_to_preview(frames, sources)
                    except BaseException:
                        self._pipeline.run_inline(jobs)  # they are accepted, and have to end
                        raise
                    break
            if jobs:
                self._pipeline.wait_for_room(jobs, self._log.deliver)
        self._pipeline.run_inline(jobs)
        self._log.deliver()
        return [gather([file.future for file in files]) for files in frames]

    def _prepare(self, key: FrameKey, source: FrameSource) -> list[_File]:
        """Return one file for each filetype. Raises ImageError, which names the frame."""
        shown = self._preview is not None and key.batch in (None, 0) and not key.after_end
        if shown and self._preview is not None and source.image is not None and source.shown is None:
            source.shown = self._preview.take(source.image.image)
        return [self._prepare_file(output, key, source) for output in self._outputs]

    def _prepare_file(self, output: Output, key: FrameKey, source: FrameSource) -> _File:
        try:
            task = output.prepare(key, source)
        except ImageError as error:
            which = f"as {output.rule.extension}: " if len(self._outputs) > 1 else ""
            raise ImageError(f"frame {key.index}: {which}{error.args[0]}") from error
        if task.passed_over is not None:
            return _File(output, task, None, Future())
        publish = output.publisher.publish_async if self._pipeline.is_async else output.publisher.publish
        job: Job[FrameTask, SavedFrame] = Job(partial(output.encode, task), publish, attrgetter("size"), task.held)
        return _File(output, task, job, job.future)

    def _submit(self, jobs: Sequence[Job[FrameTask, SavedFrame]], on_accepted: Callable[[], None]) -> bool:
        if jobs:
            return self._pipeline.try_submit(jobs, on_accepted)
        on_accepted()  # all files are passed over
        return True

    def _enter(self, keys: Sequence[FrameKey], frames: Sequence[Sequence[_File]]) -> None:
        """Take the numbers and note the files, before anything can become of them."""
        self._numbering.take(keys)
        for files in frames:
            for output, task, job, future in files:
                if job is None:
                    future.set_result(output.pass_over(task))
                self._log.add(task.key, future)
                output.encoding.note_accepted(task)
                if task.key.batch is not None:
                    output.note_batch(task.key.batch)

    def _add_to_preview(self, frames: Sequence[Sequence[_File]], sources: Sequence[FrameSource]) -> None:
        if self._preview is None:
            return
        for files, source in zip(frames, sources, strict=True):
            key = files[0].task.key
            if any(file.task.passed_over == "skipped" and file.job is None for file in files):
                self._preview.give_up(f"frame {key.index} already existed")
            elif source.image is None:
                self._preview.give_up("some frames were encoded elsewhere")
            elif source.shown is not None and not key.after_end:
                self._preview.add(key.index, source.shown)
