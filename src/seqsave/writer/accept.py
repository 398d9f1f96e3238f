"""Accept frames: number each one, add it to the preview and submit it, as one step that succeeds or fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, SupportsIndex

from seqsave.errors import ImageError
from seqsave.naming.key import FrameKey
from seqsave.runtime.jobs import gather
from seqsave.types import SavedFrame
from seqsave.writer.frame import FrameSource, FrameTask

if TYPE_CHECKING:
    from seqsave.runtime.pipeline import Pipeline
    from seqsave.sequences.run_preview import RunPreview
    from seqsave.writer.events import EventLog
    from seqsave.writer.numbering import Numbering
    from seqsave.writer.outputs import Output

__all__ = ["FrameAcceptor"]


class FrameAcceptor:
    """The acceptor of one writer's frames, one at a time. Thread-safe.

    lock: held while a frame is accepted, and by a writer that ends.
    """

    def __init__(
        self,
        outputs: Sequence[Output],
        numbering: Numbering,
        pipeline: Pipeline[Any, SavedFrame],
        log: EventLog,
        preview: RunPreview | None,
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
        """Number, prepare and submit the images of one index. If this raises, no file of them is submitted.

        Steps that take long or can fail come first, for the next number. Then numbering, preview and submission are one
        step under the lock. Without room, that step alone is tried again; if another thread has taken the number since,
        the call starts again.

        check_usable: raises if the writer accepts no more frames.
        """
        is_next = False
        while True:
            if not is_next:
                with self.lock:
                    check_usable()
                    keys = self._numbering.following(index, batches)
                frames = [self._prepare(key, source) for key, source in zip(keys, sources, strict=True)]
                jobs = [task for tasks in frames for task in tasks if task.passed_over is None]
            with self.lock:
                check_usable()
                is_next = self._numbering.still_follow(index, keys)
                if is_next and self._submit(jobs, partial(self._enter, keys, frames)):
                    try:
                        if self._preview is not None:
                            for key, source in zip(keys, sources, strict=True):
                                self._preview.add(key.index, source.shown)
                    except BaseException:
                        self._pipeline.run_inline(jobs)  # accepted jobs have to end
                        raise
                    break
            if jobs:
                self._pipeline.wait_for_room(jobs, self._log.delivery.deliver)
        self._pipeline.run_inline(jobs)
        self._log.delivery.deliver()
        return [gather([task.future for task in tasks]) for tasks in frames]

    def _prepare(self, key: FrameKey, source: FrameSource) -> list[FrameTask]:
        """Return one task for each file type. Raises ImageError, which names the frame."""
        tasks = [self._prepare_for(output, key, source) for output in self._outputs]
        if self._preview is not None:
            existed = any(task.passed_over == "skipped" for task in tasks)
            source.shown = self._preview.take(key, source.image, existed=existed)
        return tasks

    def _prepare_for(self, output: Output, key: FrameKey, source: FrameSource) -> FrameTask:
        try:
            return output.prepare(key, source)
        except ImageError as error:
            which = f"as {output.rule.extension}: " if len(self._outputs) > 1 else ""
            raise ImageError(f"frame {key.index}: {which}{error.args[0]}") from error

    def _submit(self, jobs: Sequence[FrameTask], on_accepted: Callable[[], None]) -> bool:
        if jobs:
            return self._pipeline.try_submit(jobs, on_accepted)
        on_accepted()  # no file is written
        return True

    def _enter(self, keys: Sequence[FrameKey], frames: Sequence[Sequence[FrameTask]]) -> None:
        """Take the numbers and record the files, before any file can be finished."""
        self._numbering.take(keys)
        for tasks in frames:
            for output, task in zip(self._outputs, tasks, strict=True):
                if task.passed_over is not None:
                    task.future.set_result(output.publisher.pass_over(task.key, task.passed_over))
                self._log.add(task.key, task.future)
                output.note_accepted(task)
