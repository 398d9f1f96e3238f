"""The writer itself: it checks, numbers and converts each image, and hands it to the pipeline."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from fractions import Fraction
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

from seqsave import images, naming, plugins, targets
from seqsave.errors import (
    EncodeError,
    ImageError,
    OptionError,
    SaveError,
    SeqSaveError,
    WriterAbortedError,
    WriterClosedError,
)
from seqsave.metadata import dump
from seqsave.options import check_choice, check_options
from seqsave.pipeline import Pipeline
from seqsave.progress import open_progress
from seqsave.retry import RetryPolicy
from seqsave.types import Encoded, Event, FrameInfo, SavedFrame, SaveResult
from seqsave.writer.ledger import Ledger
from seqsave.writer.numbering import Numbering, Place
from seqsave.writer.publication import Payload, Publication
from seqsave.writer.settings import AtEnd, IfExists

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from seqsave.types import ImageArray
    from seqsave.writer.settings import WriterSettings

__all__ = ["SequenceWriter", "open_writer", "save"]

AT_END: tuple[AtEnd, ...] = ("stop output", "raise error", "keep going")
IF_EXISTS: tuple[IfExists, ...] = ("overwrite", "error", "skip")

# How many bytes may be under way by default: some eighty 1080p pictures, so that a slow store is hidden for a while
# and memory stays flat.
DEFAULT_MAX_BYTES = 512 * 2**20
# How long an interrupted writer waits for what it cannot take back.
ABORT_SECONDS = 0.8


class SequenceWriter:
    """Writes the frames of one animation to a target. Use it in a ``with`` block, or call ``close``.

    url:             an fsspec URL, a local path, an ``os.PathLike``, a UPath, or a configured name (``renders://shot010``).
    prefix:          the first part of each file's name; may hold ``/`` for a subfolder.
    digits:          minimum width of the number in the name, zero padded; 0 to 32.
    filetype:        one of ``seqsave.filetypes()``; only ``... with embedded workflow`` writes metadata.
    start, step:     the first index, and the distance from one to the next.
    total:           number of frames of the animation; a frame is after the end when
                     ``index >= start + total * step``.
    at_end:          what happens to a frame after the end: ``stop output`` leaves it out, ``raise error`` raises
                     EndOfSequenceError, ``keep going`` saves it.
    if_exists:       ``overwrite``; ``error``, which never replaces a frame, also when somebody else writes at the same
                     time; or ``skip``, which leaves frames alone that are there (to resume).
    metadata:        name to any JSON value, such as ComfyUI's prompt and workflow.
    options:         the encoder's own options, see ``seqsave.describe_filetypes()``.
    storage_options: for the fsspec filesystem: endpoint, profile, credentials.
    concurrency:     how many frames are published at once; 1 does everything on the caller's thread.
    max_bytes:       how many bytes pictures and encoded frames may hold before ``write`` waits; 512 MiB by default.
    progress:        draw a bar on standard error when that is a terminal.
    on_event:        called with each Event, only on a thread that is inside ``write``, ``flush`` or ``close``.
    rate:            frames per second, for formats that note it.
    retry:           how often to try again what can pass: throttling, resets, time-outs, 5xx.

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
        filetype: str = plugins.DEFAULT_FILETYPE,
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
        retry: RetryPolicy | None = None,
    ) -> None:
        check_choice("at_end", at_end, AT_END)
        check_choice("if_exists", if_exists, IF_EXISTS)
        self._resolved = plugins.resolve(filetype)
        self._rule = naming.NameRule(prefix, digits, self._resolved.extension)
        self._numbering = Numbering(self._rule, start=start, step=step, total=total, at_end=at_end)
        self._options = check_options(self._resolved.spec, options)
        self._texts = dump(metadata or {})
        self._rate = None if rate is None else Fraction(rate).limit_denominator(1_001_000)
        limit = _at_least_one("max_bytes", DEFAULT_MAX_BYTES if max_bytes is None else max_bytes)
        wanted = None if concurrency is None else _at_least_one("concurrency", concurrency)

        self._target = targets.resolve(url, storage_options, connections=wanted or _default_publishers())
        self._target.check(create=if_exists == "error")
        self._pipeline = self._open_pipeline(wanted, limit)
        self._bar = open_progress(self._rule.pattern, total) if progress else None
        self._ledger = Ledger(
            url_of=self._target.url_of,
            total=total,
            counts=self._pipeline.waiting,
            listeners=[listener for listener in (on_event, self._bar) if listener is not None],
        )
        self._publication = Publication(
            self._target,
            policy=retry or RetryPolicy(),
            if_exists=if_exists,
            content_type=self._resolved.spec.content_type,
            on_retry=partial(self._ledger.note, "retry"),
        )
        self._shape: tuple[int, ...] | None = None
        self._state: Literal["open", "closed", "aborted"] = "open"
        self._pid = os.getpid()

    def _open_pipeline(self, wanted: int | None, max_bytes: int) -> Pipeline[Payload, SavedFrame]:
        if wanted == 1:
            return Pipeline(workers=0, publishers=0, max_bytes=max_bytes)
        if self._target.is_fast:
            # Publishing is a matter of milliseconds: the thread that encoded a frame also writes it.
            return Pipeline(workers=wanted or available_cores(), publishers=0, max_bytes=max_bytes)
        publishers = wanted or _default_publishers()
        workers = min(available_cores(), publishers)
        return Pipeline(workers=workers, publishers=publishers, max_bytes=max_bytes, loop=self._target.loop)

    # --- writing -----------------------------------------------------------------------------------------------------

    def write(
        self,
        image: Any,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Future[SavedFrame]:
        """Write one image: H,W or H,W,C; numpy, PIL, torch, or anything with ``__array__`` or DLPack.

        index:    which frame; by default ``step`` after the frame written last (``start`` at first).
        batch:    the number of the variation; the file goes to ``batch_0000/`` and so on.
        metadata: for this frame, merged over the writer's.

        Returns the future of a SavedFrame: the call waits only when too much is under way already. The image may be
        changed as soon as it returns. A call that raises has saved nothing and used no index up.

        Raises ImageError, FrameNameError, MetadataError, FrameExistsError (this writer has written that frame
        already), EndOfSequenceError, WriterClosedError, WriterAbortedError.
        """
        self._check_usable()
        texts = self._texts if metadata is None else {**self._texts, **dump(metadata)}
        return self._accept(index, batch, lambda place: self._write(place, image, texts))

    def write_frames(
        self,
        frames: Any,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> list[Future[SavedFrame]]:
        """Write consecutive frames: an array with exactly the four axes T,H,W,C, or an iterable of images.

        ``index`` is that of the first one. An iterable is consumed one by one, only as fast as frames are taken.
        """
        futures = []
        for image in _each(frames, "T,H,W,C with time first"):
            futures.append(self.write(image, index=index, batch=batch, metadata=metadata))
            index = None
        return futures

    def write_batch(
        self, frames: Any, *, index: SupportsIndex | None = None, metadata: Mapping[str, Any] | None = None
    ) -> list[Future[SavedFrame]]:
        """Write variations of ONE frame: an array with exactly the four axes B,H,W,C, or an iterable of images.

        One image is written as by ``write``; several go into ``batch_0000/``, ``batch_0001/`` ...
        """
        variations = list(_each(frames, "B,H,W,C with variations first"))
        number = self._numbering.next if index is None else index
        several = len(variations) > 1
        return [
            self.write(image, index=number, batch=batch if several else None, metadata=metadata)
            for batch, image in enumerate(variations)
        ]

    def write_encoded(
        self,
        data: bytes,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        leftover: Mapping[str, str] | None = None,
    ) -> Future[SavedFrame]:
        """Publish a file of this writer's filetype that is encoded already, byte for byte, as one frame.

        leftover: texts that belong to the frame but are not inside the file; they are kept beside it.

        Numbering, at_end, if_exists and errors are those of ``write``.
        """
        self._check_usable()
        encoded = Encoded(data=data, leftover=leftover or {})
        return self._accept(index, batch, lambda place: self._submit(place, lambda: encoded, len(data)))

    def flush(self) -> None:
        """Wait until every accepted frame is saved or has failed. What failed is raised by ``close``."""
        self._check_process()
        self._pipeline.drain(self._ledger.deliver)
        self._ledger.deliver()

    def close(self) -> None:
        """Wait for everything and let threads and progress go. Closing again does nothing.

        Raises SaveError, with ``result``, when a frame that was accepted is not saved.
        """
        if self._state != "open":
            return
        try:
            self.flush()
        finally:
            self._end("closed")
        result = self.result
        if result.failures:
            raise SaveError(_summary(result), result) from self._ledger.first_error()

    def abort(self) -> None:
        """Give up what has not begun, and stop within a second. What is saved stays saved."""
        if self._state != "open":
            return
        self._check_process()
        self._pipeline.abort(ABORT_SECONDS)
        self._end("aborted")

    @property
    def result(self) -> SaveResult:
        """What has become of the frames so far; complete once the writer is closed."""
        return self._ledger.result(self._target.url)

    @property
    def url(self) -> str:
        """The target as it may be shown, without secrets; an absolute path when it is a local folder."""
        return self._target.url

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

    def __repr__(self) -> str:
        return f"<SequenceWriter {self._rule.pattern} in {self._target.url}, {self._state}>"

    # --- one frame ---------------------------------------------------------------------------------------------------

    def _accept(
        self,
        index: SupportsIndex | None,
        batch: SupportsIndex | None,
        submit: Callable[[Place], Future[SavedFrame]],
    ) -> Future[SavedFrame]:
        """Number the frame, pass it over or submit it, and record what came of it."""
        place = self._numbering.take(index, batch)
        try:
            future = self._passed_over(place) or submit(place)
        except ImageError as error:
            self._numbering.give_back(place)
            raise ImageError(f"frame {place.index}: {error.args[0]}") from error
        except BaseException:
            self._numbering.give_back(place)
            raise
        self._ledger.add(place, future)
        self._ledger.deliver()
        return future

    def _passed_over(self, place: Place) -> Future[SavedFrame] | None:
        """The finished future of a frame that is not to be written at all."""
        if place.after_end is None and not self._publication.is_there(place):
            return None
        future: Future[SavedFrame] = Future()
        future.set_result(self._publication.passed_over(place, "stopped" if place.after_end else "skipped"))
        return future

    def _write(self, place: Place, image: Any, texts: Mapping[str, str]) -> Future[SavedFrame]:
        spec = self._resolved.spec
        prepared = images.prepare(images.as_array(image), spec.dtypes, spec.channels)
        self._tell_losses(place, prepared)
        info = FrameInfo(
            index=place.index,
            batch=place.batch,
            prefix=self._rule.prefix,
            filetype=self._resolved.filetype,
            name=place.name,
            total=self._numbering.total,
            rate=self._rate,
        )
        embedded = texts if self._resolved.embed else {}
        return self._submit(place, partial(self._encode, place, prepared.array, embedded, info), prepared.array.nbytes)

    def _encode(self, place: Place, array: ImageArray, texts: Mapping[str, str], info: FrameInfo) -> Encoded:
        """Runs on an encoding thread."""
        try:
            encoded = self._resolved.encoder.encode(array, metadata=texts, options=self._options, info=info)
        except SeqSaveError:
            raise
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise EncodeError(f"frame {info.index}: the encoder of {info.filetype!r} failed: {problem}") from error
        if not len(encoded.data):
            raise EncodeError(f"frame {info.index}: the encoder of {info.filetype!r} gave no bytes")
        for message in encoded.warnings:
            self._ledger.warn(message, place, message)
        if encoded.leftover:
            names = ", ".join(encoded.leftover)
            text = f"metadata that does not fit into the file is kept beside it in {naming.PRIVATE_FOLDER}/: {names}"
            self._ledger.warn("sidecar", place, text)
        return encoded

    def _submit(self, place: Place, encode: Callable[[], Encoded], cost: int) -> Future[SavedFrame]:
        publication, stop = self._publication, self._pipeline.stop_event
        publish = publication.publish_async if self._pipeline.is_async else publication.publish
        return self._pipeline.submit(
            lambda: self._note_encoded(place, publication.payload(place, encode())),
            lambda payload: publish(place, payload, stop),
            cost=cost,
            size_of=lambda payload: payload.size,
            while_waiting=self._ledger.deliver,
        )

    def _note_encoded(self, place: Place, payload: Payload) -> Payload:
        self._ledger.note("encoded", place, size=payload.size)
        return payload

    def _tell_losses(self, place: Place, prepared: images.Prepared) -> None:
        height, width = prepared.array.shape[:2]
        if self._shape is None:
            self._shape = (height, width)
        elif self._shape != (height, width):
            first = f"{self._shape[1]}x{self._shape[0]}"
            self._ledger.warn("size", place, f"is {width}x{height}, the frames before are {first}")
        if prepared.clipped:
            self._ledger.warn("clipped", place, "values outside 0..1 were clipped")
        if prepared.nan:
            self._ledger.warn("nan", place, "NaN became 0")
        if prepared.alpha_dropped:
            self._ledger.warn("alpha", place, f"{self._resolved.extension} files have no alpha: it was dropped")

    # --- endings -----------------------------------------------------------------------------------------------------

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise WriterClosedError("this writer belongs to another process: open one in each process, after the fork")

    def _check_usable(self) -> None:
        self._check_process()
        if self._state != "open":
            raise WriterClosedError(f"this writer is {self._state}: open a new one (if_exists='skip' goes on)")

    def _close_after(self, error: Exception) -> None:
        """The caller's code failed: finish what was accepted, and let its error go on, with what is saved."""
        if os.getpid() != self._pid or self._state != "open":
            return
        try:
            self.flush()
        finally:
            self._end("closed")
        saved = self._ledger.saved_count()
        if isinstance(error, SeqSaveError):
            error.saved = saved
        elif hasattr(error, "add_note"):  # Python 3.11
            error.add_note(f"seqsave: {saved} frames saved before this stay saved in {self._target.url}")

    def _end(self, state: Literal["closed", "aborted"]) -> None:
        self._state = state
        self._pipeline.close()
        self._ledger.note("closed")
        try:
            self._ledger.deliver()
        finally:
            if self._bar is not None:
                self._bar.close()


def open_writer(url: str | os.PathLike[str], **settings: Unpack[WriterSettings]) -> SequenceWriter:
    """Open a writer to ``url``. The settings, and what it raises, are those of ``SequenceWriter``."""
    return SequenceWriter(url, **settings)


def save(frames: Any, url: str | os.PathLike[str], **settings: Unpack[WriterSettings]) -> SaveResult:
    """Save ``frames`` and close: an array with exactly the four axes T,H,W,C, or an iterable of images.

    Takes the settings of ``open_writer``. Returns what was saved. Raises what ``write`` raises for a bad image (frames
    before it stay saved, and the error says how many) and SaveError when an accepted frame is not saved.
    """
    if _is_single(frames):
        settings.setdefault("concurrency", 1)  # no thread for a single frame
    with SequenceWriter(url, **settings) as writer:
        writer.write_frames(frames)
    return writer.result


def available_cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _default_publishers() -> int:
    return max(32, 2 * available_cores())


def _is_single(frames: Any) -> bool:
    try:
        return len(frames) == 1
    except TypeError:
        return False


def _each(frames: Any, layout: str) -> Iterator[Any]:
    axes = images.is_stack(frames)
    if axes is not None and axes != 4:
        raise ImageError(
            f"frames have {axes} axes: an array of frames is {layout}; for one image use write(image) or a list of it"
        )
    if axes is None and (not isinstance(frames, Iterable) or isinstance(frames, str | bytes | Mapping)):
        raise ImageError(f"frames are {type(frames).__name__}: give an array {layout}, or an iterable of images")
    return iter(frames)


def _at_least_one(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(f"{name} is {value!r}: it must be a whole number, 1 or more")
    return value


def _summary(result: SaveResult) -> str:
    first = result.failures[0]
    count = len(result.failures)
    rest = naming.format_ranges(naming.to_ranges(sorted({failure.index for failure in result.failures})))
    saved = result.counts["saved"]
    return (
        f"{count} of {count + len(result.frames)} frames not saved to {result.url} (frames {rest}; {saved} saved): "
        f"frame {first.index}: {first.error}"
    )
