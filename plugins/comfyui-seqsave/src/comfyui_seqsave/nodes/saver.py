"""Image Sequence Saver: saves one frame of an animation at a time, at the number of a frame counter."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import seqsave
from seqsave import manifest, naming

from .. import access, counting, manifests, names, parallel, preview, prompts, saving, wanted
from ..objects import AnimationSequence, LogEntry, check_counter
from . import inputs

if TYPE_CHECKING:
    from seqsave import SavedFrame
    from seqsave.manifest import Facts
    from seqsave.writer import Format

__all__ = ["ImageSequenceSaver"]

_log = logging.getLogger(__name__)


class ImageSequenceSaver(inputs.Saving):
    """Save one frame, or its variations. The interface is that of the Dream Project Animation node of the same name.

    Names: prefix, ``_``, the frame's number, ``.``, the filetype's extension. Several images are variations of ONE
    frame and go to ``batch_0000/``, ``batch_0001/`` ...
    """

    TITLE = "Image Sequence Saver"
    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Saves one frame of an animation each time the graph runs: to ComfyUI's output folder, a bucket or another "
        "target. The frame counter sets the frame's number. Several images are variations of that one frame and go to "
        "batch_0000, batch_0001 and so on. For a batch that is a video, use Save Frames."
    )
    SEARCH_ALIASES = ["save image sequence", "save animation frame", "save to s3", "save to bucket", "seqsave"]
    RETURN_TYPES = ("ANIMATION_SEQUENCE", "LOG_ENTRY", "IMAGE", "STRING", "STRING", "STRING", "INT")
    RETURN_NAMES = ("sequence", "log_entry", "image", "first_url", "folder", "pattern", "count")
    OUTPUT_TOOLTIPS = (
        "All frames of the animation, once the last frame is saved; empty before that.",
        "What was saved, and where.",
        "The image, unchanged.",
        "The path or URL of the saved frame, of its first variation; empty after the end.",
        "The folder of the animation, as Load Frames takes it.",
        "The names of the frames: frame_#####.png.",
        "The number of variations that were saved; 0 after the end.",
    )
    FUNCTION = "save"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """Return the declarations of the inputs."""
        return {
            "required": {
                "frame_counter": inputs.FRAME_COUNTER,
                "image": (
                    "IMAGE",
                    {"lazy": True, "tooltip": "The frame; several images are variations of it, never time."},
                ),
                "directory_path": inputs.directory_path("Where to save"),
                "prefix": inputs.prefix(),
                "digits": inputs.digits(),
                "at_end": inputs.at_end(),
                "filetype": inputs.filetype(),
            },
            "optional": {"options": inputs.options(), **inputs.picture()},
            "hidden": inputs.HIDDEN,
        }

    def save(
        self,
        frame_counter: Any,
        image: Any,
        directory_path: str,
        prefix: str,
        digits: int,
        at_end: str,
        filetype: str,
        options: str = "",
        prompt: Any = None,
        extra_pnginfo: Any = None,
        unique_id: Any = None,
        **picture: Any,
    ) -> dict[str, Any]:
        """Save the frame; ComfyUI shows errors on the node. picture: widgets of ``wanted.PICTURE``."""
        saving.check_picture(image, "image")
        check_counter(frame_counter)
        run = prompts.current(prompt, str(unique_id or ""))
        workflow = names.workflow_of(extra_pnginfo)
        graph = {"prompt": prompt, "workflow": workflow}
        hidden = wanted.withheld(picture.get("withhold"))
        folder, prefix = counting.expanded(directory_path, prefix, image, 0, run, withheld=hidden, **graph)
        place = access.admit(folder)
        text, note = wanted.parameters(prompt, workflow, str(unique_id), image, picture, "image")
        want = partial(
            wanted.of,
            filetype=filetype,
            options=options,
            digits=digits,
            rate=frame_counter.frames_per_second,
            picture=picture,
            metadata=wanted.metadata_of(prompt, extra_pnginfo, text),
        )
        parts = _parts(want, prefix, image)
        index = int(frame_counter.current_frame)
        if index < 0:
            raise seqsave.FrameNameError(f"the frame counter is at {index}: use numbers from 0")
        _check_names(place, parts)
        warned = [note] if note else []
        if index < int(frame_counter.total_frames) or at_end == "keep going":
            _take(run, place, parts, index)
            if not len(image):
                warned.append(f"image is an empty batch: frame {index} is not saved")
        log = LogEntry()
        for line in warned:
            log = log.add(line)
        saved: list[list[SavedFrame]] = []
        for asked, images in parts:
            result = _saved(place, asked, images, index, frame_counter, at_end)
            log = saving.log_of(log, result)
            warned += result.warnings
            found = asked.by_filetype(result)
            saved = [[*known, *more] for known, more in zip(saved, found, strict=True)] if saved else found
            for form, frames in zip(asked.formats, found, strict=True):
                manifests.remember(place, form.rule, frames)
        for _, line in log.get_filtered_entries(0):
            _log.info("%s", line)
        urls: dict[int, list[str]] | None = None
        if index + 1 == int(frame_counter.total_frames):
            urls, log = _all_finished(place, parts, frame_counter, at_end, log, warned)
        texts = saving.texts_of(place, parts[0][0].formats[0].rule, saving.urls_of(saved[0]))
        shown = saving.shown(preview.images_of(saved, image), saving.urls_of(*saved), warned, [texts])
        return {"ui": shown, "result": (AnimationSequence(frame_counter, urls), log, image, *texts)}


def _parts(want: Callable[..., wanted.Wanted], prefix: str, image: Any) -> list[tuple[wanted.Wanted, Any]]:
    """Return what is saved where. A folder in the prefix lies below that of each variation, as in the original."""
    if len(image) <= 1 or "/" not in prefix:
        return [(want(prefix=prefix), image)]
    return [
        (want(prefix=f"{naming.batch_folder(number)}/{prefix}"), image[number : number + 1])
        for number in range(len(image))
    ]


def _check_names(place: access.Place, parts: list[tuple[wanted.Wanted, Any]]) -> None:
    for asked, images in parts:
        for form in asked.formats:
            place.check_name(form.rule, len(images))


def _take(run: prompts.Run, place: access.Place, parts: list[tuple[wanted.Wanted, Any]], index: int) -> None:
    """Raise FrameExistsError if this run of the graph has saved the frame already."""
    for asked, images in parts:
        batches: list[int | None] = [None] if len(images) == 1 else [*range(len(images))]
        for form in asked.formats:
            name = form.rule.format(index, next(iter(batches), None))
            run.take([prompts.key_of(place, form.rule)], index, batches, name)


def _saved(
    place: access.Place, asked: wanted.Wanted, images: Any, index: int, frame_counter: Any, at_end: str
) -> seqsave.SaveResult:
    """Save one frame with its variations."""
    try:
        return saving.save(
            place,
            [images],
            lambda writer, some: writer.write_batch(some, index=index),
            width=asked.width,
            below=asked.below,
            total=int(frame_counter.total_frames),
            at_end=at_end,
            manifest=False,  # every graph would write it again
            **{**asked.settings, "proxies": False},  # and a file of one small picture
        )
    except seqsave.EndOfSequenceError as error:
        _log.warning("Reached the end of the animation: %s", error)
        raise


def _all_finished(
    place: access.Place,
    parts: list[tuple[wanted.Wanted, Any]],
    frame_counter: Any,
    at_end: str,
    log: LogEntry,
    warned: list[str],
) -> tuple[dict[int, list[str]], LogEntry]:
    urls: dict[int, list[str]] = {}
    for asked, images in parts:
        found, log = _finished(place, asked, frame_counter, at_end, len(images), log, warned)
        for index, files in found.items():
            urls.setdefault(index, []).extend(files)
    return urls, log


def _finished(
    place: access.Place,
    asked: wanted.Wanted,
    frame_counter: Any,
    at_end: str,
    batches: int,
    log: LogEntry,
    warned: list[str],
) -> tuple[dict[int, list[str]], LogEntry]:
    """Write manifests, proxies and the movie after the last frame.

    Return the first filetype's frames by index, and the log. The frames are saved by then, so an error in one of
    these goes into the log and ``warned``, and does not stop the graph.
    """
    urls: dict[int, list[str]] = {}
    for form in reversed(asked.formats):
        pattern = asked.pattern_of(form)
        sequence = parallel.away(partial(place.open, form.rule.prefix, form.resolved.filetype, pattern, is_exact=True))
        # Frames outside of batch folders, or inside of them if this run has no variations, are an older run's.
        frames = [frame for frame in sequence if (frame.batch is not None) == (batches > 1)]
        facts = _facts(form, asked, frame_counter)
        last = None if at_end == "keep going" else facts.total
        own = frames if last is None else [frame for frame in frames if frame.index < last]
        if frames:
            log = _with_result(log, "manifest", partial(_recorded, place, facts, frames, own, warned), warned)
        urls = _urls(frames)
        if frames and asked.proxies:
            log = _with_result(log, "proxies", partial(_proxies, place, form, pattern, warned), warned)
    if asked.preview is not None:
        movie = partial(_movie, place, asked.formats[0], asked.preview, sequence.part(own), warned)
        log = _with_result(log, "preview", movie, warned)
    return urls, log


def _urls(frames: list[seqsave.Frame]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for frame in frames:
        found.setdefault(frame.index, []).append(frame.url)
    return found


def _facts(form: Format, asked: wanted.Wanted, frame_counter: Any) -> Facts:
    return manifest.Facts(
        prefix=form.rule.prefix,
        digits=form.rule.digits,
        separator=form.rule.separator,
        tail=form.rule.tail,
        extension=form.rule.extension,
        filetype=form.resolved.filetype,
        total=int(frame_counter.total_frames),
        rate=asked.config.embedding.exact_rate,
        metadata=asked.config.embedding.for_manifest(embeds=form.resolved.embed),
    )


def _with_result(log: LogEntry, what: str, work: Callable[[], str], warned: list[str]) -> LogEntry:
    """Do the work while the interrupt button works, and log its result or failure."""
    try:
        line = parallel.away(work)
    except seqsave.SeqSaveError as error:
        _log.warning("The animation is saved, but its %s could not be written: %s", what, error)
        warned.append(f"The {what} could not be written: {error}")
        return log.add(warned[-1])
    return log.add(line) if line else log


def _recorded(
    place: access.Place, facts: Facts, frames: list[seqsave.Frame], own: list[seqsave.Frame], warned: list[str]
) -> str:
    """Write the manifest, and return a line about what is missing or too many, which goes into ``warned`` too.

    own: the frames of this animation. Others of ``frames`` come after its last one, and are of an older one.
    """
    written = manifests.write(place, facts, own)
    lines = []
    if written is not None and not written.complete:
        lines.append(f"Not complete: {'; '.join(written.obstacles())}")
    named = set() if written is None else {frame.index for frame in written.beyond}
    if beyond := {frame.index for frame in frames}.difference([frame.index for frame in own], named):
        numbers = naming.format_ranges(naming.to_ranges(sorted(beyond)), 10, noun="frame")
        lines.append(f"Frames after the last one lie beside those of this animation: {numbers}")
    warned.extend(line for line in lines if line not in warned)  # the second file type usually has the same frames
    return "; ".join(lines)


def _proxies(place: access.Place, form: Format, pattern: str, warned: list[str]) -> str:
    """Store small pictures of all frames, and return a line about those that have none, which goes into ``warned``."""
    from seqsave.look import make_proxies

    # Opened again, as the manifest has been written since.
    made = make_proxies(place.open(form.rule.prefix, form.resolved.filetype, pattern, is_exact=True))
    if not made.failed:
        return ""
    frame, error = made.failed[0]
    have = "1 frame has" if len(made.failed) == 1 else f"{len(made.failed)} frames have"
    warned.append(f"{have} no proxies, the first one is {frame.name}: {error}")
    return warned[-1]


def _movie(
    place: access.Place, form: Format, extension: str, sequence: seqsave.FrameSequence, warned: list[str]
) -> str:
    """Make the movie of an animation's frames, and return a line with its URL. Its notes go into ``warned``."""
    from seqsave.sequences import make_preview

    path = f"{form.rule.prefix}.{extension}"
    # Frames that are missing are named with the manifest.
    made = make_preview(sequence, place.target, path, keeps_others=True, chosen=True)
    notes = [f"preview: {note}" for note in made.notes]
    warned.extend(notes)
    return "; ".join([f"Saved {place.target.url_of(path)}", *notes])
