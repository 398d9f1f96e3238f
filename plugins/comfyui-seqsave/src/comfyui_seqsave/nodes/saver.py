"""Image Sequence Saver: one frame of an animation at a time, as a frame counter says."""

from __future__ import annotations

import logging
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import seqsave
from seqsave import manifest, metadata, naming, plugins

from .. import access, manifests, parallel, preview, saving
from ..objects import AnimationSequence, LogEntry
from . import inputs

if TYPE_CHECKING:
    from seqsave.manifest import Facts

__all__ = ["ImageSequenceSaver"]

_log = logging.getLogger(__name__)


class ImageSequenceSaver(inputs.Saving):
    """Save one frame, or its variations. Source of the interface: the Dream Project Animation nodes' node of that name.

    Names: prefix, ``_``, the frame's number, ``.``, the file type's extension. Several images are variations of ONE
    frame and go to ``batch_0000/``, ``batch_0001/`` ...
    """

    TITLE = "Image Sequence Saver"
    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Saves one frame of an animation each time the graph runs: to ComfyUI's output folder, a bucket or another "
        "target. The frame counter says which frame it is. Several images are variations of that one frame and go to "
        "batch_0000, batch_0001 and so on; for a batch that is a video, use Save Frames."
    )
    SEARCH_ALIASES = ["save image sequence", "save animation frame", "save to s3", "save to bucket", "seqsave"]
    RETURN_TYPES = ("ANIMATION_SEQUENCE", "LOG_ENTRY")
    RETURN_NAMES = ("sequence", "log_entry")
    OUTPUT_TOOLTIPS = (
        "With the last frame: every frame that is there. Before that it is empty.",
        "What was saved, and where.",
    )
    FUNCTION = "save"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """What ComfyUI asks for."""
        at_end = (
            "What happens with a frame after the last one: 'stop output' leaves it out, 'raise error' stops the graph, "
            "'keep going' saves it."
        )
        return {
            "required": {
                "frame_counter": inputs.FRAME_COUNTER,
                "image": ("IMAGE", {"tooltip": "The frame; several images are variations of it, never time."}),
                "directory_path": inputs.directory_path("Where to save"),
                "prefix": inputs.prefix(),
                "digits": inputs.digits(),
                "at_end": (["stop output", "raise error", "keep going"], {"default": "stop output", "tooltip": at_end}),
                "filetype": inputs.filetype(),
            },
            "optional": {"options": inputs.options()},
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
    ) -> dict[str, Any]:
        """Save; ComfyUI shows what is raised on the node."""
        place = access.admit(directory_path)
        rule = naming.NameRule(prefix, digits, plugins.resolve(filetype).extension)
        place.check_name(rule, len(image))
        index = int(frame_counter.current_frame)
        try:
            result = saving.save(
                place,
                [image],
                lambda writer, images: writer.write_batch(images, index=index),
                prefix=prefix,
                digits=digits,
                filetype=filetype,
                total=int(frame_counter.total_frames),
                at_end=at_end,
                metadata=saving.metadata_of(prompt, extra_pnginfo),
                options=saving.options_of(options),
                rate=frame_counter.frames_per_second,
                manifest=False,  # one graph after the other would write it anew
            )
        except seqsave.EndOfSequenceError as error:
            _log.warning("Reached the end of the animation: %s", error)
            raise
        log = saving.told(LogEntry(), result)
        for _, line in log.get_filtered_entries(0):
            _log.info("%s", line)
        manifests.remember(place, rule, result.frames)
        frames = _found(place, rule, filetype, frame_counter, len(image))
        if frames:
            facts = _facts(rule, filetype, frame_counter, saving.metadata_of(prompt, extra_pnginfo))
            log = _recorded(log, place, facts, frames)
        sequence = AnimationSequence(frame_counter, None if frames is None else _urls(frames))
        images = preview.images_of(result.frames, image)
        return {"ui": {"images": images, "text": saving.urls_of(result)}, "result": (sequence, log)}


def _found(
    place: access.Place, rule: naming.NameRule, filetype: str, frame_counter: Any, batches: int
) -> list[seqsave.Frame] | None:
    """With the last frame: every frame of this prefix and extension that is there, one file for each batch."""
    if int(frame_counter.current_frame) + 1 != int(frame_counter.total_frames):
        return None
    there = parallel.away(lambda: place.open(rule.prefix, filetype))
    # Frames beside the batch folders, or in them when there are none here, are an older run's.
    return [frame for frame in there if (frame.batch is not None) == (batches > 1)]


def _urls(frames: list[seqsave.Frame]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for frame in frames:
        found.setdefault(frame.index, []).append(frame.url)
    return found


def _facts(rule: naming.NameRule, filetype: str, frame_counter: Any, values: dict[str, Any]) -> Facts:
    resolved = plugins.resolve(filetype)
    return manifest.Facts(
        prefix=rule.prefix,
        digits=rule.digits,
        extension=rule.extension,
        filetype=resolved.filetype,
        total=int(frame_counter.total_frames),
        rate=Fraction(frame_counter.frames_per_second).limit_denominator(1_001_000),
        metadata=metadata.load(metadata.dump(values)) if resolved.embed else {},
    )


def _recorded(log: LogEntry, place: access.Place, facts: Facts, frames: list[seqsave.Frame]) -> LogEntry:
    """Write the manifest. All frames are there: that this fails is no reason to stop the graph."""
    try:
        written = parallel.away(lambda: manifests.write(place, facts, frames))
    except seqsave.SeqSaveError as error:
        _log.warning("The animation is saved, but not its manifest: %s", error)
        return log.add(f"The manifest is not written: {error}")
    return log if written is None or written.complete else log.add(f"Not complete: {'; '.join(written.obstacles())}")
