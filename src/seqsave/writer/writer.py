"""The writer: checks and numbers each image, converts it, and passes it to the pipeline."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, SupportsIndex

from seqsave import targets
from seqsave.errors import OptionError, WriterAbortedError, WriterClosedError
from seqsave.metadata.pillow import stated_in
from seqsave.naming.key import FrameKey
from seqsave.plugins.encoded import checked_file
from seqsave.plugins.observers import open_observers
from seqsave.runtime.life import Life
from seqsave.runtime.progress import open_progress
from seqsave.runtime.unclosed import note_closed, note_open, warn_unclosed
from seqsave.settings.config import SETTINGS, WriterConfig
from seqsave.settings.destination import at_destination
from seqsave.settings.table import show_settings
from seqsave.settings.texts import FrameTexts
from seqsave.types import ImageInfo, SavedFrame, SaveResult
from seqsave.writer.accept import FrameAcceptor
from seqsave.writer.common import Common, open_pipeline, spool_of
from seqsave.writer.ending import ABORT_SECONDS, Ending
from seqsave.writer.events import EventLog
from seqsave.writer.frame import FrameSource
from seqsave.writer.numbering import Numbering
from seqsave.writer.outputs import Output
from seqsave.writer.results import Results

if TYPE_CHECKING:
    from typing_extensions import Self

    from seqsave.sequences.file import FrameFile
    from seqsave.sequences.run_preview import RunPreview

__all__ = ["SequenceWriter"]


class SequenceWriter:
    """Writes the frames of one animation to a target. Use it in a ``with`` block, or call ``close``.

    A call that raises saves nothing and uses no index. If KeyboardInterrupt comes after a frame is accepted, all its
    files are saved and its index is used.

    ``write`` may be called from several threads, but not from a forked child. An exception in the ``with`` block, also
    SystemExit, lets the accepted frames finish and propagates; KeyboardInterrupt gives up frames that have not begun.

    Raises OptionError, FrameNameError, MetadataError, EncoderNotFoundError, EncoderConflictError,
    EncoderUnavailableError, TargetError.
    """

    @show_settings(SETTINGS)
    def __init__(self, url: str | os.PathLike[str], config: WriterConfig | None = None, **settings: Any) -> None:
        """Check the settings and resolve the target; nothing is written yet.

        url:    an fsspec URL, a local path, an ``os.PathLike``, a UPath, or a configured name (``renders://shot010``):
                a folder, or a pattern such as ``out/shot.####.exr``, which names the files and their file type.
        config: checked settings, from ``seqsave.check_settings``; settings given beside it override them.
        """
        url, config = at_destination(url, config, settings)
        self._config = config
        self._rule = config.formats[0].rule
        self._target = self._open_target(url)
        self._target.check(create=config.delivery.if_exists == "error")
        self._pipeline = open_pipeline(config, self._target)
        files = None if config.naming.total is None else config.naming.total * len(config.formats)
        results = Results(self._target.url_of)
        self._log = EventLog(self._target.url, results=results, total=files, waiting=self._pipeline.waiting)
        for listener in (config.reports.on_event, *open_observers()):
            self._log.listen(listener)
        self._texts = self._open_texts()
        spool = spool_of(config)
        common = Common(config=config, target=self._target, pipeline=self._pipeline, log=self._log, spool=spool)
        self._outputs: list[Output] = self._open_outputs(common)
        preview = self._open_preview()
        self._acceptor = FrameAcceptor(self._outputs, self._open_numbering(), self._pipeline, self._log, preview)
        # Last, as the bar has a thread of its own, which invalid settings must not leave running.
        bar = open_progress(self._rule.pattern, files) if config.reports.progress else None
        self._log.listen(bar)
        self._pid = os.getpid()
        self._life = Life(self._acceptor.lock)
        self._ending = Ending(self._life, common, self._outputs, self._texts, preview, bar)
        note_open(self, self._target.loop)

    def _open_target(self, url: str | os.PathLike[str]) -> targets.Target:
        return targets.resolve(url, self._config.delivery.storage_options, connections=self._config.limits.publishers)

    def _open_texts(self) -> FrameTexts:
        return FrameTexts(self._config.embedding, self._config.formats, self._log.warn)

    def _open_numbering(self) -> Numbering:
        return Numbering(self._rule, self._config.naming)

    def _open_outputs(self, common: Common) -> list[Output]:
        return [Output(form, common) for form in self._config.formats]

    def _open_preview(self) -> RunPreview | None:
        if self._config.delivery.preview is None:
            return None
        from seqsave.sequences.run_preview import open_preview  # here, as the library for movies comes with it

        return open_preview(self._config, self._target, self._log.warn)

    def plan(self, frames: int | Iterable[int], *, about: bool = False) -> None:
        """Set the frames that the manifest expects from the start. Call it before the first ``write``.

        Unlike ``total``, this sets no limit: a run that ends well with more or fewer frames is complete with these.

        frames: their numbers, or how many from ``start`` on.
        about:  the number is an estimate, such as the length of a video as its container states it.
        """
        if self._config.naming.total is None and self._config.delivery.manifest:
            for output in self._outputs:
                output.record.plan(frames, about=about)

    # --- writing -----------------------------------------------------------------------------------------------------

    def write(
        self,
        image: Any,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        metadata: Mapping[str, Any] | None = None,
        recipe: str | None = None,
        info: ImageInfo | None = None,
    ) -> Future[SavedFrame]:
        """Write one image: H,W or H,W,C; numpy, PIL, torch, or anything with ``__array__`` or DLPack.

        index:    which frame; by default ``step`` after the frame written last (``start`` at first).
        batch:    the number of the variation; the file goes to ``batch_0000/`` and so on.
        metadata: for this frame, merged over the writer's.
        recipe:   for this frame, instead of the writer's.
        info:     what the image's source states of it, as ``frame.decode().info``; settings go before it.

        Returns the future of a SavedFrame. The call waits only while accepted frames hold too much memory. The image
        may be changed as soon as the call returns. A call that raises saves nothing and uses no index.

        Raises ImageError, FrameNameError, MetadataError, OptionError (``info``, ``recipe``), FrameExistsError (this
        writer has already written the frame), EndOfSequenceError, WriterClosedError, WriterAbortedError.
        """
        return self._accept(index, [batch], [image], metadata, recipe, info)[0]

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

        index: that of the first frame. An iterable is consumed one image at a time, as fast as frames are accepted.
        """
        from seqsave.pictures import arrays  # here, as numpy comes with it

        futures = []
        for image in arrays.each_frame(frames, arrays.IN_TIME):
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

        A single image is written as by ``write``; several go into ``batch_0000/``, ``batch_0001/`` ... All images are
        checked before the first one is accepted.
        """
        from seqsave.pictures import arrays

        variations = list(arrays.each_frame(frames, arrays.VARIATIONS))
        batches = [None] if len(variations) == 1 else range(len(variations))
        return self._accept(index, batches, variations, metadata, recipe)

    def write_encoded(
        self,
        data: bytes,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        leftover: Mapping[str, str] | None = None,
        recipe: str | None = None,
    ) -> Future[SavedFrame]:
        """Publish an encoded file of this writer's file type, byte for byte, as one frame.

        leftover: metadata of the frame that is not in the file, as text by name; it is saved in sidecars.

        Numbering, at_end, if_exists and errors are those of ``write``.
        """
        self._check_usable()
        source = FrameSource(None, checked_file(data, leftover), recipe=self._config.delivery.chosen_recipe(recipe))
        return self._accept_file(source, index, batch)

    def write_file(
        self,
        file: FrameFile,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        name: str = "",
    ) -> Future[SavedFrame]:
        """Publish the file of another sequence's frame, byte for byte, as one frame. Another thread reads it.

        name: the name of the new file; by default the writer's.

        Numbering, at_end, if_exists and errors are those of ``write``. If the file cannot be read, the future raises
        SourceError, and the other frames continue.
        """
        self._check_usable()
        chosen = self._config.delivery.chosen_recipe(file.recipe)
        return self._accept_file(FrameSource(None, file=file, name=name, recipe=chosen), index, batch)

    def note_size(self, index: int, batch: int | None, size: tuple[int, int]) -> None:
        """Warn once of a written file whose picture has another size than those before. size: width and height."""
        self._outputs[0].note_size(FrameKey(index, batch), *size)

    def note_lacking(self, indices: Iterable[int], batches: Iterable[int | None] = ()) -> None:
        """Set frames that are expected and that this run cannot save: the sequence is then not complete.

        batches: the variations that lack some, of which this run may save no frame at all.
        """
        lacking, numbered = set(indices), [batch for batch in batches if batch is not None]
        for output in self._outputs:
            output.record.note_lacking(lacking)
            for batch in numbered:
                output.record.note_batch(batch)

    def note_doubtful(self, keys: Iterable[tuple[int, int | None]]) -> None:
        """Set frames, by index and batch, that are saved as they are and still have to be rendered again.

        The manifest records them as disputed, so that the sequence is not complete until others replace them.
        """
        doubtful = set(keys)
        for output in self._outputs:
            output.record.note_doubtful(doubtful)

    def note_unfinished(self) -> bool:
        """Record the sequence as unfinished, although this run may end without an error: its source is unfinished.

        Returns whether it is recorded so.
        """
        for output in self._outputs:
            output.record.note_unfinished()
        return True

    def note_warning(self, text: str) -> None:
        """Warn of something about the source of the frames, once."""
        self._log.warn(text, text)

    def flush(self) -> None:
        """Wait until every accepted frame is saved or has failed. ``close`` raises an error for failed frames.

        Raises the error that ``on_event`` raised; WriterClosedError in a callback of a frame's future.
        """
        self._check_process()
        self._pipeline.drain(self._log.delivery.deliver)
        self._log.delivery.deliver()
        self._log.delivery.raise_error()

    def close(self) -> None:
        """Finish all frames and the manifest, and end threads and progress bar. Closing again does nothing.

        A listener that closes the writer while another thread is closing it does not wait. At the end of the program,
        open writers are closed with a ResourceWarning.

        Raises SaveError, with ``result``, if an accepted frame or the manifest is not saved; otherwise the error that
        ``on_event`` raised. Raises WriterClosedError in a callback of a frame's future.
        """
        if self._life.has_ended:
            return
        self._check_process()
        self._pipeline.check_may_wait()
        if self._ending.begin():
            self._ending.run(self, "closed")
            self._ending.raise_failures()

    def abort(self) -> None:
        """Give up frames that have not begun, and stop within a second. Saved frames stay saved."""
        if self._life.has_ended:
            return
        self._check_process()
        self._pipeline.abort(ABORT_SECONDS)  # this also ends the wait of a thread that is closing the writer
        if self._ending.begin():
            self._ending.run(self, "aborted", broken=True)

    @property
    def result(self) -> SaveResult:
        """Return the outcomes of the frames so far; complete once the writer is closed."""
        return self._log.result()

    @property
    def url(self) -> str:
        """Return the URL of the target, without secrets; an absolute path for a local folder."""
        return self._target.url

    def close_at_exit(self) -> None:
        """Finish an unclosed writer as an interrupted run, with a warning. Raises as ``close``."""
        if os.getpid() != self._pid:
            return
        open_one = repr(self) if self._life.state == "open" else ""
        try:
            if self._ending.take_over():
                self._ending.run(self, "closed", broken=bool(open_one))
                self._ending.raise_failures()
        finally:
            if open_one:
                warn_unclosed(self, open_one)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or (isinstance(error, WriterAbortedError) and self._pipeline.error is not None):
            # A frame failed, and a later write raised. SaveError lists which frames are saved.
            self.close()
        elif isinstance(error, KeyboardInterrupt):
            self.abort()  # an interrupt ends the writer now
            self._ending.note(error)
        elif os.getpid() == self._pid and self._ending.begin():
            self._ending.run(self, "closed", broken=True)  # the accepted frames are saved all the same
            self._ending.note(error)

    def __del__(self) -> None:
        life: Life | None = getattr(self, "_life", None)
        if life is not None and life.state == "open" and os.getpid() == self._pid:
            # This may interrupt any code on any thread, and that code may hold any lock: take no lock here.
            note_closed(self)
            self._ending.leave()
            warn_unclosed(self, repr(self))

    def __repr__(self) -> str:
        return f"<SequenceWriter {self._rule.pattern} in {self._target.url}, {self._life.state}>"

    # --- one frame ---------------------------------------------------------------------------------------------------

    def _accept(
        self,
        index: SupportsIndex | None,
        batches: Sequence[SupportsIndex | None],
        images: Sequence[Any],
        metadata: Mapping[str, Any] | None,
        recipe: str | None,
        info: ImageInfo | None = None,
    ) -> list[Future[SavedFrame]]:
        from seqsave.pictures.checked import checked_info
        from seqsave.pictures.pixels import SharedImage

        info = checked_info(info)
        texts, chosen = self._texts.of(metadata, info), self._config.delivery.chosen_recipe(recipe)
        infos = [stated_in(image, self._log.warn) if info is None else info for image in images]
        sources = [FrameSource(SharedImage(*one), None, texts, chosen) for one in zip(images, infos, strict=True)]
        futures = self._acceptor.accept(index, batches, sources, self._check_usable)
        self._texts.note_accepted(texts)
        return futures

    def _accept_file(self, source: FrameSource, index: Any, batch: Any) -> Future[SavedFrame]:
        if len(self._outputs) > 1:
            raise OptionError("an encoded file has one file type: open a writer for that file type alone")
        return self._acceptor.accept(index, [batch], [source], self._check_usable)[0]

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise WriterClosedError("this writer belongs to another process: open one in each process, after the fork")

    def _check_usable(self) -> None:
        self._check_process()
        if self._life.state != "open":
            raise WriterClosedError(f"this writer is {self._life.state}: open a new one (`if_exists='skip'` resumes)")
