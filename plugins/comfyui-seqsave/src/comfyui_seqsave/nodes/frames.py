"""Save Frames and Load Frames: a range of a video as one IMAGE batch, whose first axis is time."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from seqsave import FrameExistsError, OptionError, SaveError

from .. import access, animations, counting, host, names, parallel, pictures, preview, prompts, ranges, saving, wanted
from ..objects import AnimationSequence, FrameCounter, LogEntry
from . import inputs

if TYPE_CHECKING:
    from seqsave import Frame, FrameSequence, SaveResult

__all__ = ["LoadFrames", "SaveFrames"]

_log = logging.getLogger(__name__)

# The most that *count* takes: more than fits into memory.
_MOST_FRAMES = 1_000_000
_MOST_NAMES = 5


_META_BATCH = (
    "The Meta Batch Manager of VideoHelperSuite, for a video that is too long for the memory: the graph runs again for "
    "each part, until the video has ended. Not needed if a Video Combine node has it."
)


_CROSSED = (
    "{url} was saved by another program since this run began, and stays as it is. Run the graph again: `start` = -1 "
    "continues after it"
)


class SaveFrames(inputs.Saving):
    """Save a batch of images as consecutive frames."""

    TITLE = "Save Frames"
    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Saves a batch of images, such as a video model's output, as consecutive frames: to ComfyUI's output folder, a "
        "bucket or another target, on all cores. Needs no frame counter."
    )
    SEARCH_ALIASES = ["save video frames", "save image sequence", "export frames", "save to s3", "seqsave"]
    RETURN_TYPES = ("IMAGE", "STRING", "ANIMATION_SEQUENCE", "LOG_ENTRY", "STRING", "STRING", "STRING", "INT")
    RETURN_NAMES = ("images", "urls", "sequence", "log_entry", "first_url", "folder", "pattern", "count")
    INPUT_IS_LIST = True
    OUTPUT_IS_LIST = (True, True, True, False, True, True, True, True)
    OUTPUT_TOOLTIPS = (
        "The images, unchanged.",
        "The path or URL of each frame.",
        "The frames as one animation.",
        "What was saved, and where.",
        "The path or URL of the first frame.",
        "The folder of the frames, as Load Frames takes it.",
        "The names of the frames: frame_#####.png.",
        "The number of frames.",
    )
    FUNCTION = "save"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """Return the declarations of the inputs."""
        return {
            "required": {
                "images": ("IMAGE", {"lazy": True, "tooltip": "The frames, in order; the items of a list as well."}),
                "directory_path": inputs.directory_path("Where to save"),
                "prefix": inputs.prefix(),
                "start": inputs.start(),
                "digits": inputs.digits(),
                "filetype": inputs.filetype(),
                "if_exists": inputs.if_exists(),
            },
            "optional": {
                "frames_per_second": inputs.rate("FLOAT", 24.0),
                "options": inputs.options(),
                **inputs.picture(),
                "meta_batch": ("VHS_BatchManager", {"tooltip": _META_BATCH}),
            },
            "hidden": inputs.HIDDEN,
        }

    def save(
        self,
        images: Any,
        directory_path: Any,
        prefix: Any,
        start: Any,
        digits: Any,
        filetype: Any,
        if_exists: Any,
        frames_per_second: Any = 24.0,
        options: Any = "",
        prompt: Any = None,
        extra_pnginfo: Any = None,
        unique_id: Any = None,
        meta_batch: Any = None,
        **picture: Any,
    ) -> dict[str, Any]:
        """Save the images; ComfyUI shows errors on the node. picture: widgets of ``wanted.PICTURE``.

        Each argument is a list, as ComfyUI gives it, or a single value.
        """
        given = {
            "directory_path": directory_path,
            "prefix": prefix,
            "start": start,
            "digits": digits,
            "filetype": filetype,
            "if_exists": if_exists,
            "frames_per_second": frames_per_second,
            "options": options,
            **picture,
        }
        listed = images if isinstance(images, list) else [images]
        node = str(_single(unique_id) or "")
        run = prompts.current(_single(prompt), node)
        graph = _Graph(_single(prompt), _single(extra_pnginfo), node, run)
        log = LogEntry()
        urls: list[str] = []
        sequences: list[AnimationSequence] = []
        images_shown: list[dict[str, str]] = []
        urls_shown: list[str] = []
        warned: list[str] = []
        texts: list[tuple[str, str, str, int]] = []
        parts = [_prepared(values, some, graph) for values, some in _grouped(listed, given, graph)]
        bar = host.ProgressBar(sum(len(part.images) for part in parts))
        for part in parts:
            result = part.save(graph, bar)
            saved = part.asked.by_filetype(result)
            counter = FrameCounter(len(part.images) - 1, len(part.images), part.rate)
            sequences.append(AnimationSequence(counter, {frame.index: [frame.url] for frame in saved[0]}))
            urls += saving.urls_of(saved[0])
            texts.append(saving.texts_of(part.place, part.asked.formats[0].rule, saving.urls_of(saved[0])))
            log = saving.log_of(log.add(part.note) if part.note else log, result)
            images_shown += preview.images_of(saved, part.images)
            urls_shown += saving.urls_of(*saved)
            warned += [*filter(None, [part.note]), *result.warnings]
        if not any(part.images for part in parts):
            warned.append("images is an empty batch: no frame is saved")
            log = log.add(warned[-1])
        prompts.continue_batch(run, graph.prompt, node, "meta_batch", _single(meta_batch))
        merged = saving.shown(images_shown, urls_shown, warned, texts)
        if isinstance(images, list):
            each = [[one[number] for one in texts] for number in range(4)]
            return {"ui": merged, "result": (images, urls, sequences, log, *each)}
        return {"ui": merged, "result": (images, urls, sequences[0], log, *texts[0])}


@dataclass(frozen=True)
class _Graph:
    """The graph that runs. node: the id of this node in it."""

    prompt: Any
    extra: Any
    node: str
    run: prompts.Run

    @property
    def iteration(self) -> tuple[object, ...]:
        """Return what distinguishes this run of the node from others in the same graph."""
        is_made = isinstance(self.prompt, Mapping) and bool(self.node) and self.node not in self.prompt
        return (self.node if is_made else "", self.run.part)


@dataclass(frozen=True)
class _Part:
    """Consecutive images of one call that go to the same sequence. images: H,W,C each. note: a line for the log."""

    place: access.Place
    asked: wanted.Wanted
    images: list[Any]
    start: int
    if_exists: str
    rate: float
    note: str = ""

    def save(self, graph: _Graph, bar: host.ProgressBar) -> SaveResult:
        """Save them, from ``start`` or after what this run has saved already. bar: of all parts."""
        run, asked = graph.run, self.asked
        keys = [prompts.key_of(self.place, form.rule) for form in asked.formats]
        first = run.first(keys, self.start, len(self.images), self._highest)
        numbers = count(first)
        recipe = prompts.recipe_of(graph.prompt, *graph.iteration)
        try:
            return saving.save(
                self.place,
                self.images,
                lambda writer, image: [writer.write(image, index=next(numbers), recipe=recipe)],
                width=asked.width,
                below=asked.below,
                kept=saving.Kept(run, tuple(keys), graph.node, {"start": first}) if run.keeps else None,
                bar=bar,
                # What continues replaces nothing: not even a frame that another program saves in the meantime.
                if_exists="error" if self.start == -1 else self.if_exists,
                preview=asked.preview,
                **({} if run.keeps else {"start": first, "recipe": recipe}),
                **asked.settings,
            )
        except SaveError as error:
            failures = error.result.failures if error.result is not None else ()
            crossed = [one.url for one in failures if isinstance(one.exception, FrameExistsError)]
            if self.start == -1 and crossed:
                raise FrameExistsError(_CROSSED.format(url=crossed[0])) from error
            raise

    def _highest(self) -> int | None:
        return parallel.away(lambda: counting.highest(self.place, self.asked))


def _single(value: Any) -> Any:
    return (value[0] if value else None) if isinstance(value, list) else value


def _grouped(
    listed: Sequence[Any], inputs: Mapping[str, Any], graph: _Graph
) -> Iterator[tuple[Mapping[str, Any], list[Any]]]:
    """Yield inputs as single values, with the images that have them in common: as ComfyUI pairs the items of lists."""
    lists = {name: value if isinstance(value, list) else [value] for name, value in inputs.items()}
    length = max([len(listed), *map(len, lists.values())]) if listed else 0
    graph_values: dict[str, Any] = {"prompt": graph.prompt, "workflow": names.workflow_of(graph.extra)}
    group: tuple[Mapping[str, Any], list[Any]] | None = None
    for number in range(length):
        item = listed[min(number, len(listed) - 1)]
        saving.check_picture(item, "images" if length == 1 else f"item {number} of images")
        given = {name: values[min(number, len(values) - 1)] for name, values in lists.items() if values}
        folder, prefix = given["directory_path"], given["prefix"]
        one_by_one = any(map(names.is_of_each_image, (folder, prefix)))
        if "%" in folder + prefix:
            graph_values["withheld"] = wanted.withheld(given.get("withhold"))
        for batch_num, images in enumerate(item) if one_by_one else [(0, item)]:
            place = counting.expanded(folder, prefix, item, batch_num, graph.run, **graph_values)
            values = {**given, **dict(zip(("directory_path", "prefix"), place, strict=True))}
            if group is None or group[0] != values:
                if group is not None:
                    yield group
                group = (values, [])
            group[1].extend([images] if one_by_one else images)
    if group is not None:
        yield group


def _prepared(given: Mapping[str, Any], images: list[Any], graph: _Graph) -> _Part:
    missing = [name for name in ("start", "if_exists", "digits", "filetype") if given.get(name) is None]
    if missing:
        raise OptionError(f"{missing[0]} has no value: the node that it comes from gives none")
    inputs.check_saving(given)
    place = access.admit(given["directory_path"])
    workflow = names.workflow_of(graph.extra)
    text, note = wanted.parameters(graph.prompt, workflow, graph.node, images, given, "images")
    asked = wanted.of(
        filetype=given["filetype"],
        options=given["options"],
        prefix=given["prefix"],
        digits=given["digits"],
        rate=given["frames_per_second"],
        picture={name: given.get(name) for name in wanted.PICTURE},
        metadata=wanted.metadata_of(graph.prompt, graph.extra, text),
    )
    for form in asked.formats:
        place.check_name(form.rule, 1)
    return _Part(place, asked, images, given["start"], given["if_exists"], given["frames_per_second"], note)


class LoadFrames:
    """Load a range of a sequence as one batch of images."""

    TITLE = "Load Frames"
    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "Loads a range of a sequence as one batch of images, with a mask where the frames have alpha."
    SEARCH_ALIASES = ["load video frames", "load image sequence", "import frames", "load from s3", "seqsave"]
    RETURN_TYPES = ("IMAGE", "MASK", "INT")
    RETURN_NAMES = ("images", "mask", "count")
    OUTPUT_TOOLTIPS = ("The frames, in order.", "1 where a frame is transparent.", "The number of frames in the batch.")
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """Return the declarations of the inputs."""
        missing = (
            "What happens to missing frames: 'error' stops the graph, 'skip' leaves them out, 'repeat previous' loads "
            "the frame before them again. Frames that the manifest expects at the open ends of a range are missing too."
        )
        return {
            "required": {
                "directory_path": inputs.directory_path("Where the frames are"),
                "prefix": (
                    "STRING",
                    {"default": "", "multiline": False, "tooltip": "Which sequence; empty if there is only one."},
                ),
                "start": inputs.number(-1, -1, "The first frame's number; -1 is the first existing frame."),
                "count": inputs.number(0, 0, "How many frames; 0 loads all.", _MOST_FRAMES),
                "step": inputs.number(1, 1, "1 loads each frame, 2 every second one, and so on."),
                "missing": (["error", "skip", "repeat previous"], {"default": "error", "tooltip": missing}),
            },
            "optional": {
                "filetype": (
                    "STRING",
                    {"default": "", "advanced": True, "tooltip": "png, jpg ...: needed only if the folder has both."},
                )
            },
        }

    @classmethod
    def VALIDATE_INPUTS(cls, directory_path: str | None = None, *prefix: str | None) -> bool | str:  # noqa: N802
        """Return what is wrong, before anything is rendered. ComfyUI asks for the folder alone."""
        return inputs.checked(lambda: inputs.check_loading(directory_path, *(prefix or (None,))))

    @classmethod
    def IS_CHANGED(  # noqa: N802 - ComfyUI's name
        cls, directory_path: str | None, prefix: str | None, filetype: str | None = "", **_: Any
    ) -> str | float:
        """Return a hash of the names and sizes of the frames, and the times of local ones.

        Return NaN, which always counts as changed, if another node provides the folder.
        """
        if directory_path is None or prefix is None or filetype is None:
            return float("nan")
        found = hashlib.sha256()
        animation = animations.open_animation(directory_path)
        if animation is not None:
            return animation.digest
        for frame in _open(directory_path, prefix, filetype):
            time = os.stat(frame.url).st_mtime_ns if os.path.isabs(frame.url) else 0
            found.update(f"{frame.url} {frame.size} {time}\n".encode())
        return found.hexdigest()

    def load(
        self,
        directory_path: str,
        prefix: str,
        start: int,
        count: int,
        step: int,
        missing: str,
        filetype: str = "",
    ) -> dict[str, Any]:
        """Return IMAGE T,H,W,3, MASK T,H,W, and T; missing frames are named on the node."""
        animation = parallel.away(lambda: animations.open_animation(directory_path))
        if animation is not None:
            return _animated(
                animation, ranges.chosen_pictures(animation.name, len(animation), start, count, step, missing)
            )
        sequence = parallel.away(lambda: _open(directory_path, prefix, filetype))
        chosen = parallel.away(lambda: ranges.chosen(sequence, start, count, step, missing))
        frames = sorted(set(chosen.frames), key=lambda frame: frame.index)
        place = {frame.index: number for number, frame in enumerate(frames)}
        first = parallel.away(lambda: animations.decode(frames[0].name, frames[0].read_bytes()))
        image, mask = pictures.empty_stack(len(frames), first)
        pictures.put(first, 0, image, mask, frames[0].name)

        def load(frame: Frame) -> None:
            array = animations.decode(frame.name, frame.read_bytes())
            pictures.put(array, place[frame.index], image, mask, frame.name)

        parallel.each(load, frames[1:])
        return _loaded(
            image, mask, [place[frame.index] for frame in chosen.frames], [*_beside(sequence), *chosen.notes]
        )


def _animated(animation: animations.Animation, chosen: ranges.ChosenPictures) -> dict[str, Any]:
    """Return the pictures of one file."""
    bar = host.ProgressBar(len(chosen.read))
    image = mask = None
    for number, array in enumerate(animation.pictures(chosen.read)):
        host.check_interrupt()
        if image is None:
            image, mask = pictures.empty_stack(len(chosen.read), array)
        pictures.put(array, number, image, mask, animation.name)
        bar.show(number + 1)
    return _loaded(image, mask, chosen.order, chosen.notes)


def _loaded(image: Any, mask: Any, order: list[int], notes: list[str]) -> dict[str, Any]:
    """Return what the node gives. order: which of the loaded pictures each one of the batch is."""
    if image is not None and len(image) < len(order):  # some are repeated
        image, mask = image[order], mask[order]
    for note in notes:
        _log.warning("Load Frames: %s", note)
    # Without notes too, so that those of the last run disappear.
    shown: dict[str, Any] = {"text": [], **({"warnings": notes} if notes else {})}
    return {"ui": shown, "result": (image, mask, len(order))}


def _beside(sequence: FrameSequence) -> list[str]:
    """Return a note of the other sequences and pictures in the folder, which are not loaded; none without any."""
    names = sequence.left_out
    shown = ", ".join([*names[:_MOST_NAMES], *(["..."] if len(names) > _MOST_NAMES else [])])
    return [f"{sequence.pattern} is loaded; left out beside it: {shown}"] if names else []


def _open(directory_path: str, prefix: str, filetype: str) -> FrameSequence:
    return access.admit(directory_path).open(prefix, filetype)
