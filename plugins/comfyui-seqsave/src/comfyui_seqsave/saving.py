"""Save pictures for a node, with its progress bar, the interrupt button, and its log."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import seqsave

from . import behind, host, looking
from .access import Place
from .objects import LogEntry
from .prompts import Run

if TYPE_CHECKING:
    from seqsave import SavedFrame, SaveResult, SequenceWriter
    from seqsave.naming import NameRule

__all__ = ["Kept", "check_picture", "log_of", "save", "shown", "texts_of", "urls_of"]

Write = Callable[["SequenceWriter", Any], Sequence["Future[SavedFrame]"]]

# Seconds between two checks of the interrupt button.
_PATIENCE = 0.1
# How many bytes pending pictures may hold, as stored in their files, before the next one waits. It waits here and not
# in the writer, whose own limit is no smaller, because a wait there could not be interrupted.
_WINDOW = {True: 128 * 2**20, False: 512 * 2**20}
_MOST_PENDING = 256  # all of them are checked for each picture


@dataclass(frozen=True)
class Kept:
    """A writer that the run of a prompt keeps open, because the node may run again.

    key: what the run knows its sequence by. node: the saver's id, for errors at the run's end.
    only_first: settings that later calls may have otherwise.
    """

    run: Run
    key: Hashable
    node: str
    only_first: Mapping[str, Any]


def save(
    place: Place,
    pictures: Sequence[Any],
    write: Write,
    *,
    width: int = 1,
    below: str = "",
    kept: Kept | None = None,
    bar: host.ProgressBar | None = None,
    **settings: Any,
) -> SaveResult:
    """Open a writer, ``write`` each of ``pictures``, and wait until all are saved. Return the outcomes of these frames.

    pictures: H,W,C each, or B,H,W,C with variations of a frame.
    width:    bytes of one value of a picture, in all of its files together.
    below:    the names as a pattern below the place; otherwise they are in ``settings``.
    kept:     the writer stays open for further calls.
    bar:      the node's progress bar, if these are only a part of its pictures.
    settings: settings of ``seqsave.open_writer``.

    When this function returns, frames may still be in the spool (``behind``). Raises seqsave's errors, and ComfyUI's
    own exception if the interrupt button is pressed: saved frames stay saved, and no partial file is left.
    """
    host.check_interrupt()
    count = sum(1 if one.ndim == 3 else len(one) for one in pictures)
    _fit_to(count, settings, is_alone=kept is None and place.is_local)
    target = place.target
    if place.within:
        settings["storage_options"] = place.options
    more = behind.writer_settings(target)
    trouble = behind.trouble(target) if more else None
    bar = bar or host.ProgressBar(len(pictures))
    bar.begin_part()
    pending: set[Future[SavedFrame]] = set()
    room = _room(place, pictures, width)
    url = f"{place.url.rstrip('/')}/{below}" if below else place.url
    written: list[Future[SavedFrame]] = []
    heard = 0 if kept is None else len(kept.run.warnings)  # opening a writer may close the one before it
    with _writer(url, kept, settings, more, written) as writer:
        if kept is None:
            writer.plan(len(pictures))
        try:
            for number, picture in enumerate(pictures):
                futures = write(writer, picture)
                written += futures
                pending.update(futures)
                pending = _await(pending, room, partial(bar.show_left, number + 1))
            _await(pending, 0, partial(bar.show_left, len(pictures)))
        except seqsave.SeqSaveError:
            raise
        except BaseException:
            writer.abort()
            raise
    if trouble is not None:
        raise trouble
    result = writer.result if kept is None else _result_of(writer, written, kept.run.warnings[heard:])
    conflict = behind.conflict(target, result.frames) if more else None
    if conflict is not None:
        raise conflict
    if result.counts["saved"]:
        behind.note_saved(target)
    return result


def _fit_to(count: int, settings: dict[str, Any], *, is_alone: bool) -> None:
    """Adapt the settings to the number of pictures that they save."""
    if is_alone and count == 1:
        settings["concurrency"] = 1  # no thread for a single picture
    if not count:
        settings.pop("total", None)  # the node names the one frame that lacks, and the others are not its concern


@contextmanager
def _writer(
    url: str,
    kept: Kept | None,
    settings: Mapping[str, Any],
    more: Mapping[str, Any],
    written: Sequence[Future[SavedFrame]],
) -> Iterator[SequenceWriter]:
    """Open a writer for a ``with`` block; one that is kept is closed only after an error or a failed frame.

    more:    settings that a writer that is open already need not have.
    written: the frames that the block has written, when it ends.
    """
    if kept is None:
        with seqsave.open_writer(url, **settings, **more) as writer:
            yield writer
        return
    first = {**settings, **more, **kept.only_first, "on_event": kept.run.hear}
    writer = kept.run.writer(kept.key, kept.node, settings, lambda: seqsave.open_writer(url, **first))
    try:
        yield writer
    except BaseException:
        kept.run.forget(kept.key)
        with writer:
            raise
    writer.flush()
    if any(future.cancelled() or future.exception() for future in written):
        kept.run.forget(kept.key)
        writer.close()


def _result_of(writer: SequenceWriter, written: Iterable[Future[SavedFrame]], warnings: Sequence[str]) -> SaveResult:
    """Return the outcomes of these frames alone: the result of a writer that is kept has those of all calls before."""
    frames = tuple(future.result() for future in written)
    return seqsave.SaveResult(url=writer.url, frames=frames, failures=(), warnings=tuple(warnings))


def check_picture(image: Any, name: str) -> None:
    """Raise ImageError for what is no IMAGE of ComfyUI: a tensor of four axes."""
    shape = tuple(getattr(image, "shape", ()))
    if len(shape) == 4:
        return
    what = f"a tensor of {len(shape)} axes, {shape}" if shape else type(image).__name__
    raise seqsave.ImageError(
        f"{name} is {what}: an IMAGE of ComfyUI has the four axes batch, height, width, channels. The node that it "
        "comes from gives something else; of a single picture H,W,C the axis for the batch is missing"
    )


def _await(pending: set[Future[SavedFrame]], room: int, show: Callable[[int], None]) -> set[Future[SavedFrame]]:
    """Wait until no more than ``room`` frames are pending, and return their futures. The writer reports failures."""
    host.check_interrupt()
    pending = {future for future in pending if not future.done()}
    while len(pending) > room:
        pending = wait(pending, _PATIENCE, FIRST_COMPLETED).not_done
        host.check_interrupt()
        show(len(pending))
    show(len(pending))
    return pending


def _room(place: Place, pictures: Sequence[Any], width: int = 1) -> int:
    shape = pictures[0].shape if len(pictures) else (1,)
    size = width
    for extent in shape:
        size *= int(extent)
    return max(2 + (os.cpu_count() or 1), min(_MOST_PENDING, _WINDOW[place.is_local] // max(1, size)))


def urls_of(*saved: Iterable[SavedFrame]) -> list[str]:
    """Return the URL of each frame that is or will be saved."""
    return [frame.url for frames in saved for frame in frames if frame.status != "stopped"]


def shown(
    images: Sequence[Any],
    text: Sequence[str],
    warnings: Iterable[str],
    places: Sequence[tuple[str, str, str, int]] = (),
) -> dict[str, list[Any]]:
    """Return what the front end and the history get of a saver: pictures, URLs, and warnings if there are any.

    places: as ``texts_of`` returns them; the front end offers to play what was saved there.
    """
    found: dict[str, list[Any]] = {"images": [*images], "text": [*text]}
    if seen := list(dict.fromkeys(warnings)):
        found["warnings"] = seen
    if look := [one for _, folder, pattern, count in places for one in looking.place_of(folder, pattern, count)]:
        found["look"] = look
    return found


def texts_of(place: Place, rule: NameRule, urls: Sequence[str]) -> tuple[str, str, str, int]:
    """Return what other nodes use of the frames at ``urls``: first URL, folder, names as a pattern, and their number.

    The folder is written as a graph may name it, so that a loader is allowed to read it.
    """
    folder = f"{place.url.rstrip('/')}/{rule.folder}" if rule.folder else place.url
    return (urls[0] if urls else ""), folder, str(rule.name), len(urls)


def log_of(log: LogEntry, result: SaveResult) -> LogEntry:
    """Return the log with one more line for each frame: its name, and its folder or URL."""
    lines = []
    for frame in result.frames:
        folder, name = os.path.split(frame.url) if os.path.isabs(frame.url) else frame.url.rsplit("/", 1)
        done = {"saved": "Saved", "spooled": "Saving", "skipped": "Kept"}.get(frame.status)
        lines.append(f"{done} {name} in {folder}" if done else f"Reached the end of the animation: {name} is not saved")
    return log.merge(LogEntry((time.time(), line) for line in [*lines, *result.warnings]))
