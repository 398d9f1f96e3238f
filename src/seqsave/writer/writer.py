"""The writer itself: it checks, numbers and converts each image, and hands it to the pipeline."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

from seqsave import targets
from seqsave.errors import (
    ImageError,
    OptionError,
    SaveError,
    SeqSaveError,
    WriterAbortedError,
    WriterClosedError,
)
from seqsave.plugins.observers import open_observers
from seqsave.runtime.progress import open_progress
from seqsave.runtime.threads import run_with_timeout
from seqsave.spool import open_spool
from seqsave.types import SavedFrame, SaveResult
from seqsave.writer import telling
from seqsave.writer.config import SETTINGS, WriterConfig, with_settings
from seqsave.writer.encode import Work, checked_file
from seqsave.writer.events import Ledger
from seqsave.writer.fallback import Outage
from seqsave.writer.frames import IN_TIME, VARIATIONS, each
from seqsave.writer.joined import joined
from seqsave.writer.numbering import Numbering, Place
from seqsave.writer.outputs import Common, Picture, Track
from seqsave.writer.settings import check_recipe
from seqsave.writer.table import show_settings
from seqsave.writer.unclosed import leave, open_writers, warn_unclosed

if TYPE_CHECKING:
    from typing_extensions import Self

    from seqsave.writer.preview import Preview

__all__ = ["SequenceWriter"]

# How long an interrupted writer waits for what it cannot take back.
ABORT_SECONDS = 0.8


class SequenceWriter:
    """Writes the frames of one animation to a target. Use it in a ``with`` block, or call ``close``.

    ``write`` may be called from several threads, but not from a forked child. An exception in the ``with`` block lets
    the accepted frames finish and goes on; KeyboardInterrupt gives up what has not begun.

    Raises OptionError, FrameNameError, MetadataError, EncoderNotFoundError, EncoderConflictError,
    EncoderUnavailableError, TargetError.
    """

    @show_settings(SETTINGS)
    def __init__(self, url: str | os.PathLike[str], config: WriterConfig | None = None, **settings: Any) -> None:
        """Check the settings and look for the target; nothing is written yet.

        url:    an fsspec URL, a local path, an ``os.PathLike``, a UPath, or a configured name (``renders://shot010``).
        config: checked settings, as ``seqsave.check_settings`` returns them; those given beside it go before them.
        """
        self._config = config = with_settings(config, settings)
        delivery, total = config.delivery, config.naming.total
        observers = open_observers()
        self._rule = config.formats[0].rule
        self._numbering = Numbering(
            self._rule,
            start=config.naming.start,
            step=config.naming.step,
            total=total,
            at_end=config.naming.at_end,
        )
        self._target = targets.resolve(url, delivery.storage_options, connections=config.limits.publishers)
        self._target.check(create=delivery.if_exists == "error")
        self._pipeline = config.limits.open_pipeline(self._target)
        files = None if total is None else total * len(config.formats)
        self._bar = open_progress(self._rule.pattern, files) if config.reports.progress else None
        self._ledger = Ledger(
            url_of=self._target.url_of,
            total=files,
            counts=self._pipeline.waiting,
            listeners=[
                listener for listener in (config.reports.on_event, self._bar, *observers) if listener is not None
            ],
        )
        common = Common(
            target=self._target,
            numbering=self._numbering,
            ledger=self._ledger,
            embedding=config.embedding,
            policy=delivery.policy,
            if_exists=delivery.if_exists,
            keeps_manifest=delivery.manifest,
            recipe=delivery.recipe,
            kept_in=open_spool(delivery.spool_folder),
            behind=delivery.publish_behind,
            stop_event=self._pipeline.stop_event,
            on_stop=self._pipeline.stop,
            on_throttled=self._pipeline.slow_down,
        )
        self._tracks = [Track(form, common) for form in config.formats]
        self._preview: Preview | None = None
        if delivery.preview is not None:
            from seqsave.writer.preview import open_preview

            self._preview = open_preview(
                delivery.preview,
                config.formats,
                config.embedding,
                self._target,
                start=self._numbering.start,
                create=delivery.if_exists == "error",
                policy=delivery.policy,
                warn=self._ledger.warn,
            )
        self._state: Literal["open", "closed", "aborted"] = "open"
        self._pid = os.getpid()
        open_writers.add(self)

    # --- writing -----------------------------------------------------------------------------------------------------

    def write(
        self,
        image: Any,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        metadata: Mapping[str, Any] | None = None,
        recipe: str | None = None,
    ) -> Future[SavedFrame]:
        """Write one image: H,W or H,W,C; numpy, PIL, torch, or anything with ``__array__`` or DLPack.

        index:    which frame; by default ``step`` after the frame written last (``start`` at first).
        batch:    the number of the variation; the file goes to ``batch_0000/`` and so on.
        metadata: for this frame, merged over the writer's.
        recipe:   for this frame, instead of the writer's.

        Returns the future of a SavedFrame: the call waits only when too much is under way already. The image may be
        changed as soon as it returns. A call that raises has saved nothing and used no index up.

        Raises ImageError, FrameNameError, MetadataError, FrameExistsError (this writer has written that frame
        already), EndOfSequenceError, WriterClosedError, WriterAbortedError.
        """
        return self._write([image], index, [batch], metadata, recipe)[0]

    def write_frames(
        self,
        frames: Any,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        metadata: Mapping[str, Any] | None = None,
        recipe: str | None = None,
    ) -> list[Future[SavedFrame]]:
        """Write consecutive frames: an array with exactly the four axes T,H,W,C, or an iterable of images.

        ``index`` is that of the first one. An iterable is consumed one by one, only as fast as frames are taken.
        """
        futures = []
        for image in each(frames, IN_TIME):
            futures.append(self.write(image, index=index, batch=batch, metadata=metadata, recipe=recipe))
            index = None
        return futures

    def write_batch(
        self,
        frames: Any,
        *,
        index: SupportsIndex | None = None,
        metadata: Mapping[str, Any] | None = None,
        recipe: str | None = None,
    ) -> list[Future[SavedFrame]]:
        """Write variations of ONE frame: an array with exactly the four axes B,H,W,C, or an iterable of images.

        One image is written as by ``write``; several go into ``batch_0000/``, ``batch_0001/`` ... All of them are
        checked before the first one is accepted.
        """
        variations = list(each(frames, VARIATIONS))
        batches = [None] if len(variations) == 1 else list(range(len(variations)))
        return self._write(variations, index, batches, metadata, recipe)

    def write_encoded(
        self,
        data: bytes,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        leftover: Mapping[str, str] | None = None,
        recipe: str | None = None,
    ) -> Future[SavedFrame]:
        """Publish a file of this writer's filetype that is encoded already, byte for byte, as one frame.

        leftover: texts that belong to the frame but are not inside the file; they are kept beside it.

        Numbering, at_end, if_exists and errors are those of ``write``.
        """
        self._check_usable()
        encoded = checked_file(data, leftover)
        chosen = self._chosen_recipe(recipe)
        if len(self._tracks) > 1:
            raise OptionError("a file that is encoded already is of one filetype: open a writer for that one alone")
        if self._preview is not None:
            self._preview.give_up("frames came that were encoded elsewhere")
        return self._accept(index, [batch], [lambda _, place: Work(lambda: encoded, len(data), None, chosen)])[0]

    def flush(self) -> None:
        """Wait until every accepted frame is saved or has failed. What failed is raised by ``close``.

        Raises what ``on_event`` raised meanwhile.
        """
        self._check_process()
        self._pipeline.drain(self._ledger.deliver)
        self._ledger.deliver()
        self._ledger.raise_trouble()

    def close(self) -> None:
        """Wait for everything and let threads and progress go. Closing again does nothing.

        Raises SaveError, with ``result``, when a frame that was accepted is not saved, or the manifest is not; else
        what ``on_event`` raised.
        """
        if self._state != "open":
            return
        self._check_process()
        self._end("closed")
        result = self.result
        if result.failures or (result.counts["spooled"] and not self._publishes_behind):
            raise SaveError(telling.summary(result, self._outage), result) from telling.cause(
                result, self._pipeline.error
            )
        if self._unrecorded is not None:
            raise SaveError(f"all frames are saved, but the manifest is not: {self._unrecorded}", result)
        self._ledger.raise_trouble()

    def abort(self) -> None:
        """Give up what has not begun, and stop within a second. What is saved stays saved."""
        if self._state != "open":
            return
        self._check_process()
        self._pipeline.abort(ABORT_SECONDS)
        self._end("aborted", broken=True)

    @property
    def result(self) -> SaveResult:
        """What has become of the frames so far; complete once the writer is closed."""
        return self._ledger.result(self._target.url)

    @property
    def url(self) -> str:
        """The target as it may be shown, without secrets; an absolute path when it is a local folder."""
        return self._target.url

    def close_at_exit(self) -> None:
        """Finish a writer that the program forgot to close, and say so."""
        if os.getpid() == self._pid and self._state == "open":
            warn_unclosed(self)
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, WriterAbortedError):
            # Aborted: a frame failed, and the write after it said so. SaveError tells what is saved and what is not.
            self.close()
        elif isinstance(error, Exception):
            self._close_after(error)
        else:
            self.abort()  # KeyboardInterrupt and its like: somebody wants out, now

    def __del__(self) -> None:
        if getattr(self, "_state", "") == "open" and os.getpid() == self._pid:
            leave(self._pipeline)
            if self._preview is not None:
                self._preview.finish(wanted=False)
            warn_unclosed(self)

    def __repr__(self) -> str:
        return f"<SequenceWriter {self._rule.pattern} in {self._target.url}, {self._state}>"

    # --- one frame ---------------------------------------------------------------------------------------------------

    def _write(
        self,
        pictures: Sequence[Any],
        index: SupportsIndex | None,
        batches: Sequence[SupportsIndex | None],
        metadata: Mapping[str, Any] | None,
        recipe: str | None,
    ) -> list[Future[SavedFrame]]:
        own, chosen = self._config.embedding.own_texts(metadata), self._chosen_recipe(recipe)

        def prepare(picture: Picture, track: Track, place: Place) -> Work:
            work = track.prepare(picture, own, chosen, place)
            if self._preview is not None and track is self._tracks[0] and place.batch in (None, 0):
                self._preview.add(place.index, picture.picture)
            return work

        return self._accept(index, batches, [partial(prepare, Picture(picture)) for picture in pictures])

    def _chosen_recipe(self, recipe: str | None) -> str | None:
        delivery = self._config.delivery
        chosen = delivery.recipe if recipe is None else check_recipe(recipe)
        if chosen is None and delivery.if_exists == "skip same recipe":
            raise OptionError("`if_exists='skip same recipe'` needs a `recipe`, of the writer or of each frame")
        return chosen

    def _accept(
        self,
        index: SupportsIndex | None,
        batches: Sequence[SupportsIndex | None],
        preparations: Sequence[Callable[[Track, Place], Work]],
    ) -> list[Future[SavedFrame]]:
        """Number the pictures of one frame, and pass each over or submit it, once all of them are prepared."""
        self._check_usable()
        places = self._numbering.take(index, batches)
        try:
            steps = [
                [self._step(track, track.own(place), prepare) for track in self._tracks]
                for place, prepare in zip(places, preparations, strict=True)
            ]
            futures = [joined([self._submit(*step) for step in files]) for files in steps]
        except ImageError as error:
            self._numbering.give_back(places)
            raise ImageError(f"frame {places[0].index}: {error.args[0]}") from error
        except BaseException:
            self._numbering.give_back(places)
            raise
        self._ledger.deliver()
        return futures

    def _step(
        self, track: Track, place: Place, prepare: Callable[[Track, Place], Work]
    ) -> tuple[Track, Place, Work | None]:
        """What is to be done for one file; no work when it is passed over."""
        if place.after_end is not None or track.publication.is_there(place):
            return track, place, None
        try:
            return track, place, prepare(track, place)
        except ImageError as error:
            if len(self._tracks) == 1:
                raise
            raise ImageError(f"as {track.rule.extension}: {error.args[0]}") from error

    def _submit(self, track: Track, place: Place, work: Work | None) -> Future[SavedFrame]:
        if work is None:
            return self._passed_over(track, place)
        publication, stop = track.publication, self._pipeline.stop_event
        publish = publication.publish_async if self._pipeline.is_async else publication.publish
        return self._pipeline.submit(
            partial(track.payload, place, work),
            lambda payload: publish(place, payload, stop),
            cost=work.cost,
            size_of=lambda payload: 0 if payload is None else payload.size,
            on_accepted=partial(self._ledger.add, place),
            while_waiting=self._ledger.deliver,
        )

    def _passed_over(self, track: Track, place: Place) -> Future[SavedFrame]:
        """The finished future of a frame that is not to be written at all."""
        future: Future[SavedFrame] = Future()
        future.set_result(track.publication.passed_over(place, "stopped" if place.after_end else "skipped"))
        if self._preview is not None and place.after_end is None:
            self._preview.give_up(f"frame {place.index} was there already")
        self._ledger.add(place, future)
        return future

    # --- endings -----------------------------------------------------------------------------------------------------

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise WriterClosedError("this writer belongs to another process: open one in each process, after the fork")

    def _check_usable(self) -> None:
        self._check_process()
        if self._state != "open":
            raise WriterClosedError(f"this writer is {self._state}: open a new one (`if_exists='skip'` goes on)")

    def _close_after(self, error: Exception) -> None:
        """The caller's code failed: finish what was accepted, and let its error go on, with what became of that."""
        if os.getpid() != self._pid or self._state != "open":
            return
        self._end("closed", broken=True)
        result = self.result
        aftermath = telling.aftermath(result, self._outage)
        if isinstance(error, SeqSaveError):
            error.saved, error.aftermath = result.counts["saved"], aftermath
        elif aftermath and hasattr(error, "add_note"):  # Python 3.11
            error.add_note(f"seqsave: {aftermath}, in {result.url}")

    def _end(self, state: Literal["closed", "aborted"], *, broken: bool = False) -> None:
        """Wait for what is under way, then let everything go."""
        try:
            self._pipeline.close(self._ledger.deliver)
            if self._preview is not None:
                self._preview.finish(wanted=state == "closed" and not broken and self._pipeline.error is None)
            if state == "closed":
                self._ledger.settle(frame for track in self._tracks for frame in track.come_back())
            if state == "aborted":
                run_with_timeout(partial(self._settle, broken=True), ABORT_SECONDS)
            else:
                self._settle(broken=broken)
        except BaseException:  # Ctrl-C while waiting
            self._pipeline.abort(ABORT_SECONDS)
            if self._preview is not None:
                self._preview.finish(wanted=False)
            run_with_timeout(partial(self._settle, broken=True), ABORT_SECONDS)
            raise
        finally:
            self._state = state
            open_writers.discard(self)
            self._ledger.note("closed")
            self._ledger.deliver()
            if self._bar is not None:
                self._bar.close()

    def _settle(self, *, broken: bool) -> None:
        """Put what has become of the frames into the manifests."""
        result, stopped = self.result, self._pipeline.error is not None
        for track in self._tracks:
            track.settle(result, broken=broken, stopped=stopped)

    @property
    def _outage(self) -> Outage | None:
        """That of the first filetype with which something was wrong; all of them share one spool."""
        found = [track.outage for track in self._tracks]
        return next((outage for outage in found if outage is not None and outage.why), found[0])

    @property
    def _unrecorded(self) -> SeqSaveError | None:
        return next((track.unrecorded for track in self._tracks if track.unrecorded is not None), None)

    @property
    def _publishes_behind(self) -> bool:
        return self._outage is not None and self._outage.behind
