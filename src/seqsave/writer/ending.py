"""End a writer: wait for its accepted frames, record their outcomes, and report those that are not saved."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from seqsave.errors import SaveError, SeqSaveError, SeqSaveWarning
from seqsave.runtime.threads import run_stranded, run_with_timeout
from seqsave.runtime.unclosed import Closable, leave, note_closed
from seqsave.writer.summary import Summary

if TYPE_CHECKING:
    from seqsave.runtime.display import ProgressDisplay
    from seqsave.runtime.life import Life
    from seqsave.sequences.run_preview import RunPreview
    from seqsave.settings.texts import FrameTexts
    from seqsave.types import SaveResult
    from seqsave.writer.common import Common
    from seqsave.writer.outputs import Output

__all__ = ["Ending"]

# Seconds that an interrupted writer waits for requests that cannot be cancelled, and for each of its last steps.
ABORT_SECONDS = RECORD_SECONDS = 0.8


class Ending:
    """The end of one writer, which comes once. ``begin`` or ``take_over`` says which call brings it."""

    def __init__(
        self,
        life: Life,
        common: Common,
        outputs: Sequence[Output],
        texts: FrameTexts,
        preview: RunPreview | None,
        bar: ProgressDisplay | None,
    ) -> None:
        self._life, self._outputs, self._texts, self._preview, self._bar = life, outputs, texts, preview, bar
        self._log, self._pipeline = common.log, common.pipeline
        self._publishes_behind = common.config.delivery.publish_behind

    def begin(self) -> bool:
        """Return True if this call has to end the writer; otherwise wait for the one that does (not in a listener)."""
        return self._life.begin_end(waits=not self._log.delivery.is_here)

    def take_over(self) -> bool:
        """Return True if this call, at the end of the program, has to end the writer."""
        return self._life.take_over(self._while_ending)

    def _while_ending(self) -> None:
        run_stranded()
        self._log.delivery.deliver()

    def run(self, writer: Closable, state: Literal["closed", "aborted"], *, broken: bool = False) -> None:
        """Wait for the accepted frames, then release everything.

        broken: the run is interrupted, so that its sequence is not complete.
        """
        patience: float | None = ABORT_SECONDS
        try:
            self._pipeline.close(self._log.delivery.deliver)
            if state == "aborted":
                self._finish_aborted()
            else:
                if self._preview is not None:
                    self._preview.finish(wanted=not broken and self._pipeline.error is None)
                self._texts.note_end()
                self._log.results.replace(frame for output in self._outputs for frame in output.flush_rest())
                self._finish_outputs(broken=broken)
                patience = None
        except BaseException as error:
            self._pipeline.abort(ABORT_SECONDS)
            self._finish_aborted()
            if not isinstance(error, Exception):  # Ctrl-C while waiting
                self.note(error)
            raise
        finally:
            self._life.state = state
            note_closed(writer)
            try:
                self._log.close(patience)
            finally:
                if self._bar is not None:
                    self._bar.close()
                self._life.end()

    def _finish_aborted(self) -> None:
        if self._preview is not None:
            self._preview.finish(wanted=False)
        for output in self._outputs:
            run_with_timeout(output.note_arrived, RECORD_SECONDS)
        run_with_timeout(partial(self._finish_outputs, broken=True), RECORD_SECONDS)
        for output in self._outputs:
            run_with_timeout(output.finish_proxies, RECORD_SECONDS)

    def _finish_outputs(self, *, broken: bool) -> None:
        """Record the outcomes of the frames in the manifests."""
        result, stopped = self._log.result(), self._pipeline.error is not None
        for output in self._outputs:
            output.finish(result, broken=broken, stopped=stopped)
            self._log.results.replace(() if broken else output.gone(result))
        result = self._log.result()
        if not (broken or stopped or result.failures or result.counts["spooled"] or self._unrecorded):
            for output in self._outputs:
                output.settle(result)

    def leave(self) -> None:
        """Let the frames of a writer that is dropped finish by themselves. A finalizer calls this: it takes no lock."""
        lost = "frames of a writer that was never closed are not saved"
        leave(self._pipeline, [output.record.forget for output in self._outputs], lost)
        if self._bar is not None:
            self._bar.leave()
        if self._preview is not None:
            self._preview.leave()

    # --- reports -----------------------------------------------------------------------------------------------------

    def raise_failures(self) -> None:
        """Raise SaveError if an accepted frame or the manifest is not saved; otherwise the error of a listener."""
        result = self._log.result()
        if result.failures or (result.counts["spooled"] and not self._publishes_behind):
            raise self._summary(result).failure()
        if self._unrecorded is not None:
            raise SaveError(f"all frames are saved, but the manifest is not: {self._unrecorded}", result)
        self._log.delivery.raise_error()

    def note(self, error: BaseException) -> None:
        """Add the outcome of the accepted frames to an error of the caller.

        Where Python does not show that, lost frames are a warning.
        """
        result = self._log.result()
        summary = self._summary(result)
        if not summary.note(error) and (result.failures or result.counts["spooled"]):
            try:
                warnings.warn(summary.text(), SeqSaveWarning, stacklevel=3)
            except SeqSaveWarning as raised:  # of a program that turns warnings into errors: it must not hide Ctrl-C
                error.__context__ = error.__context__ or raised

    def _summary(self, result: SaveResult) -> Summary:
        """Return the summary with the fallback of the first file type that had a problem: all share one spool."""
        found = [output.fallback for output in self._outputs]
        fallback = next((one for one in found if one is not None and one.why), found[0])
        return Summary(result, fallback, self._pipeline.error)

    @property
    def _unrecorded(self) -> SeqSaveError | None:
        return next((output.unrecorded for output in self._outputs if output.unrecorded is not None), None)
