"""The writer itself: it checks, numbers and converts each image, and hands it to the pipeline."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from fractions import Fraction
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
from seqsave.plugins import registry
from seqsave.plugins.options import check_choice
from seqsave.runtime import pipeline
from seqsave.runtime.progress import open_progress
from seqsave.runtime.retry import RetryPolicy
from seqsave.spool import open_spool
from seqsave.types import Event, SavedFrame, SaveResult
from seqsave.writer import telling
from seqsave.writer.config import AT_END, IF_EXISTS, AtEnd, IfExists, MetadataIn, at_least_one, checked_recipe
from seqsave.writer.encode import METADATA_IN, Work, checked_file, checked_sayings
from seqsave.writer.events import Ledger
from seqsave.writer.fallback import Outage
from seqsave.writer.formats import open_formats
from seqsave.writer.frames import IN_TIME, VARIATIONS, each
from seqsave.writer.joined import joined
from seqsave.writer.numbering import Numbering, Place
from seqsave.writer.outputs import Common, Picture, Track
from seqsave.writer.stages import default_publishers, open_pipeline
from seqsave.writer.unclosed import open_writers, warn_unclosed

if TYPE_CHECKING:
    from seqsave.writer.preview import Preview

__all__ = ["SequenceWriter"]

# How long an interrupted writer waits for what it cannot take back.
ABORT_SECONDS = 0.8


class SequenceWriter:
    """Writes the frames of one animation to a target. Use it in a ``with`` block, or call ``close``.

    url:             an fsspec URL, a local path, an ``os.PathLike``, a UPath, or a configured name (``renders://shot010``).
    prefix:          the first part of each file's name; may hold ``/`` for a subfolder.
    digits:          minimum width of the number in the name, zero padded; 0 to 32.
    filetype:        one of ``seqsave.filetypes()``; only ``... with embedded workflow`` writes metadata. Or a list of
                     several, each of which every frame is saved as.
    start, step:     the first index, and the distance from one to the next.
    total:           number of frames of the animation; a frame is after the end when
                     ``index >= start + total * step``.
    at_end:          what happens to a frame after the end: ``stop output`` leaves it out, ``raise error`` raises
                     EndOfSequenceError, ``keep going`` saves it.
    if_exists:       ``overwrite``; ``error``, which never replaces a frame, also when somebody else writes at the same
                     time; ``skip``, which leaves frames alone that are there (to resume); ``skip valid``, only those
                     that can be decoded and are as large as the picture; ``skip same recipe``, only those that the
                     manifest knows to be made from the same ``recipe``.
    metadata:        name to any JSON value, such as ComfyUI's prompt and workflow.
    options:         the encoder's own options, see ``seqsave.describe_filetypes()``.
    storage_options: for the fsspec filesystem: endpoint, profile, credentials.
    concurrency:     how many frames are published at once; 1 does everything on the caller's thread.
    max_bytes:       how many bytes pictures and encoded frames may hold before ``write`` waits; by default 512 MiB, of
                     which pictures may hold 32 MiB, and more where that would leave cores idle.
    progress:        draw a bar on standard error when that is a terminal.
    on_event:        called with each Event, only on a thread that is inside ``write``, ``flush`` or ``close``.
    rate:            frames per second, for formats that note it.
    dtype:           which of the dtypes that the filetype takes is written: ``uint16`` makes 16-bit PNGs of floats,
                     ``float16`` half floats. By default the one nearest to the picture's.
    color:           what the values mean, such as ``srgb`` or ``acescg``, see ``seqsave.COLOR_SPACES``. It is written
                     into files that can say so. Nothing is guessed: None says nothing.
    convert_to:      the colour space to convert to before saving (``pip install 'seqsave[color]'``).
    dpi:             pixels per inch, for formats that note it.
    tags:            what is said of each picture: artist, copyright, description, software, digital_source_type (one of
                     IPTC's terms: ``trainedAlgorithmicMedia`` for pictures made by AI).
    metadata_in:     where metadata goes: ``each frame``; ``first frame`` only, the one with the index ``start``;
                     ``sidecar`` files beside that one; ``none``. What ``write`` is given goes with its frame.
    withhold:        what is taken out of prompt and workflow before they are written anywhere, as patterns
                     ``NodeType.input``: ``["Note.*", "*.api_key"]``.
    preview:         ``mp4`` or ``webm``: a small movie of the frames beside them (``pip install 'seqsave[video]'``).
    retry:           how often and how long to try again what can pass: throttling, resets, time-outs, 5xx.
    manifest:        keep a manifest in ``.seqsave`` beside the frames: which there are, their sizes and checksums, and,
                     once the writer is closed, that all are there. With False none is made; one that is there is kept
                     true all the same.
    recipe:          what the frames are made from, as a short text of your own such as a hash; kept in the manifest.
    spool:           a folder of this machine (True: the usual one) that keeps the frames which the storage does not
                     take, so that the run goes on. They are published as soon as the storage is back, at the latest by
                     the next writer or by ``seqsave flush``. ``close`` raises SaveError when any are left there.
    publish_behind:  put every frame into the spool first, and publish from there behind the program: a frame is
                     ``"spooled"`` as soon as it is safe there, and ``close`` waits for nothing else.

    ``write`` may be called from several threads, but not from a forked child. An exception in the ``with`` block lets
    the accepted frames finish and goes on; KeyboardInterrupt gives up what has not begun.

    Raises OptionError, FrameNameError, MetadataError, EncoderNotFoundError, EncoderConflictError,
    EncoderUnavailableError, TargetError.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        prefix: str = "frame",
        digits: int = 5,
        filetype: str | Sequence[str] = registry.DEFAULT_FILETYPE,
        start: int = 0,
        step: int = 1,
        total: int | None = None,
        at_end: AtEnd = "stop output",
        if_exists: IfExists = "overwrite",
        metadata: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        max_bytes: int | None = None,
        progress: bool = False,
        on_event: Callable[[Event], None] | None = None,
        rate: Fraction | float | None = None,
        dtype: str | None = None,
        color: str | None = None,
        convert_to: str | None = None,
        dpi: float | None = None,
        tags: Mapping[str, str] | None = None,
        metadata_in: MetadataIn = "each frame",
        withhold: Sequence[str] | None = None,
        preview: str | None = None,
        retry: RetryPolicy | None = None,
        manifest: bool = True,
        recipe: str | None = None,
        spool: str | os.PathLike[str] | bool | None = None,
        publish_behind: bool = False,
    ) -> None:
        check_choice("at_end", at_end, AT_END)
        check_choice("if_exists", if_exists, IF_EXISTS)
        check_choice("metadata_in", metadata_in, METADATA_IN)
        formats = open_formats(
            filetype,
            prefix=prefix,
            digits=digits,
            options=options,
            dtype=dtype,
            color=color,
            convert_to=convert_to,
        )
        self._rule = formats[0].rule
        self._numbering = Numbering(self._rule, start=start, step=step, total=total, at_end=at_end)
        self._sayings = checked_sayings(
            metadata=metadata, metadata_in=metadata_in, withhold=withhold, rate=rate, dpi=dpi, tags=tags
        )
        policy = RetryPolicy() if retry is None else retry
        if not isinstance(policy, RetryPolicy):
            raise OptionError(f"retry is {retry!r}: it must be a seqsave.RetryPolicy, as RetryPolicy(attempts=3)")
        if on_event is not None and not callable(on_event):
            raise OptionError(f"on_event is {on_event!r}: it must be a function that takes an Event")
        self._recipe = checked_recipe(recipe)
        self._needs_recipe = if_exists == "skip same recipe"
        limit = None if max_bytes is None else at_least_one("max_bytes", max_bytes)
        wanted = None if concurrency is None else at_least_one("concurrency", concurrency)

        self._target = targets.resolve(url, storage_options, connections=wanted or default_publishers())
        self._target.check(create=if_exists == "error")
        self._pipeline = open_pipeline(self._target, wanted, limit)
        files = None if total is None else total * len(formats)
        self._bar = open_progress(self._rule.pattern, files) if progress else None
        self._ledger = Ledger(
            url_of=self._target.url_of,
            total=files,
            counts=self._pipeline.waiting,
            listeners=[listener for listener in (on_event, self._bar) if listener is not None],
        )
        common = Common(
            target=self._target,
            numbering=self._numbering,
            ledger=self._ledger,
            sayings=self._sayings,
            policy=policy,
            if_exists=if_exists,
            keeps_manifest=bool(manifest),
            recipe=self._recipe,
            kept_in=open_spool(True if publish_behind and spool in (None, False) else spool),
            behind=bool(publish_behind),
            stop_event=self._pipeline.stop_event,
            on_stop=self._pipeline.stop,
            on_throttled=self._pipeline.slow_down,
        )
        self._tracks = [Track(form, common) for form in formats]
        self._preview: Preview | None = None
        if preview is not None:
            from seqsave.writer.preview import open_preview

            self._preview = open_preview(
                preview,
                formats,
                self._sayings,
                self._target,
                start=self._numbering.start,
                create=if_exists == "error",
                policy=policy,
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

    def __enter__(self) -> SequenceWriter:
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
        own, chosen = self._sayings.own_texts(metadata), self._chosen_recipe(recipe)

        def prepare(picture: Picture, track: Track, place: Place) -> Work:
            work = track.prepare(picture, own, chosen, place)
            if self._preview is not None and track is self._tracks[0] and place.batch in (None, 0):
                self._preview.add(place.index, picture.picture)
            return work

        return self._accept(index, batches, [partial(prepare, Picture(picture)) for picture in pictures])

    def _chosen_recipe(self, recipe: str | None) -> str | None:
        chosen = self._recipe if recipe is None else checked_recipe(recipe)
        if chosen is None and self._needs_recipe:
            raise OptionError("if_exists='skip same recipe' needs a recipe, of the writer or of each frame")
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
            raise WriterClosedError(f"this writer is {self._state}: open a new one (if_exists='skip' goes on)")

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
                pipeline.within(ABORT_SECONDS, partial(self._settle, broken=True))
            else:
                self._settle(broken=broken)
        except BaseException:  # Ctrl-C while waiting
            self._pipeline.abort(ABORT_SECONDS)
            if self._preview is not None:
                self._preview.finish(wanted=False)
            pipeline.within(ABORT_SECONDS, partial(self._settle, broken=True))
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
