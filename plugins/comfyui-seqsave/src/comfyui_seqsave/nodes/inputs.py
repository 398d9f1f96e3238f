"""The inputs that several nodes have, as ComfyUI declares them: one place for types, defaults, limits and tooltips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import seqsave
from seqsave import naming
from seqsave.errors import SeqSaveError
from seqsave.plugins import registry

from .. import access, host, listing, wanted

__all__ = [
    "CATEGORY",
    "FRAME_COUNTER",
    "HIDDEN",
    "SEQUENCE",
    "Looking",
    "Saving",
    "checked",
    "digits",
    "directory_path",
    "filetype",
    "indexing",
    "number",
    "options",
    "pattern",
    "picture",
    "prefix",
    "rate",
    "validate_loading",
]

Input = tuple[Any, ...]

CATEGORY = "image/animation"
MOST = 2**31 - 1

FRAME_COUNTER: Input = ("FRAME_COUNTER", {"tooltip": "Which frame this is, and of how many."})
SEQUENCE: Input = ("ANIMATION_SEQUENCE", {"tooltip": "The files of a finished animation."})
HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


def directory_path(what: str) -> Input:
    """A folder, URL or configured name; ComfyUI's output folder by default."""
    return (
        "STRING",
        {
            "default": host.folders().output,
            "multiline": False,
            "tooltip": f"{what}: a path (relative to ComfyUI's output folder), or the name of a configured target, "
            "such as renders://shot010. Empty is the output folder itself. Other folders and URLs (s3://bucket/folder) "
            "have to be allowed on the server. Never write a password or a key here: it would end up in every file.",
        },
    )


def prefix() -> Input:
    """The first part of file names."""
    tooltip = "The first part of each file's name: prefix_00017.png. With '/' it makes subfolders."
    return ("STRING", {"default": "frame", "multiline": False, "tooltip": tooltip})


def digits() -> Input:
    """The width of numbers in names."""
    tooltip = "Zeros are put before the number until it has so many digits. Larger numbers simply are wider."
    return ("INT", {"default": 5, "min": 0, "max": naming.MAX_DIGITS, "tooltip": tooltip})


def filetype() -> Input:
    """What seqsave can write here, with what plugins add; PNG with workflow first."""
    default = registry.DEFAULT_FILETYPE
    known = seqsave.filetypes()
    first = [default, *(name for name in ("png", "jpg") if name in known)]
    return (
        [*first, *(name for name in known if name not in first)],
        {
            "default": default,
            "tooltip": "The file format. Only '... with embedded workflow' writes the workflow into the file. Plugins "
            "of seqsave add more, for example: pip install seqsave-webp",
        },
    )


def options() -> Input:
    """Encoder options as text."""
    return _advanced(
        "STRING",
        "",
        "For the file format, as NAME=VALUE: quality=92, compression=balanced; of one of two formats: jpg.quality=92. "
        "'seqsave filetypes' lists them.",
    )


def picture() -> dict[str, Input]:
    """The widgets of ``wanted.PICTURE``: what pictures are in their files, and what is said of them."""
    chosen = wanted.PICTURE
    spaces = list(seqsave.COLOR_SPACES)
    return {
        "also_as": _advanced(
            [chosen["also_as"], *filetype()[0]],
            chosen["also_as"],
            "A second file of each frame in another format, in the same run: EXR for compositing, PNG for a look.",
        ),
        "dtype": _advanced(
            [chosen["dtype"], "uint8", "uint16", "float16", "float32"],
            chosen["dtype"],
            "The values in the file, of those that the format takes: uint16 makes 16-bit PNGs, float16 half floats.",
        ),
        "color": _advanced(
            [chosen["color"], *spaces],
            chosen["color"],
            "What the values mean; it is written into the files. ComfyUI's own nodes give srgb. Nothing is guessed.",
        ),
        "convert_to": _advanced(
            [chosen["convert_to"], *spaces],
            chosen["convert_to"],
            "Convert the colours before saving: acescg for EXR files, for example. Needs color, and 'opencolorio'.",
        ),
        "dpi": (
            "FLOAT",
            {
                "default": chosen["dpi"],
                "min": 0.0,
                "max": 100_000.0,
                "advanced": True,
                "tooltip": "Pixels per inch, written into the files; 0 says nothing.",
            },
        ),
        "tags": _advanced(
            "STRING",
            chosen["tags"],
            "What is said of each picture, with ; between: artist=Ada; copyright=2026 Studio; "
            "digital_source_type=trainedAlgorithmicMedia (made by AI); description, software.",
        ),
        "metadata_in": _advanced(
            ["each frame", "first frame", "sidecar", "none"],
            chosen["metadata_in"],
            "Where the workflow goes: into each frame, the first one only, files in .seqsave beside it, or nowhere.",
        ),
        "withhold": _advanced(
            "STRING",
            chosen["withhold"],
            "Inputs of nodes that are taken out of the workflow before it is saved: *.api_key, Note.*, "
            "CLIPTextEncode.text",
        ),
        "preview": _advanced(
            [chosen["preview"], "mp4", "webm"],
            chosen["preview"],
            "A small movie beside the frames, with the workflow inside. Of single frames it is made with the last.",
        ),
    }


def _advanced(kind: str | list[str], default: str, tooltip: str) -> Input:
    """One that few need: the front end hides it until it is asked for."""
    more = {"multiline": False} if kind == "STRING" else {}
    return (kind, {"default": default, **more, "advanced": True, "tooltip": tooltip})


def pattern() -> Input:
    """Which files count."""
    return ("STRING", {"default": "*", "multiline": False, "tooltip": "Which file names count; * and ? stand for any."})


def indexing() -> Input:
    """How files are numbered."""
    tooltip = "numeric: by the last number in the file's name. alphabetic order: by position, whatever the names are."
    return (["numeric", "alphabetic order"], {"default": "numeric", "tooltip": tooltip})


def rate(kind: str, default: float) -> Input:
    """Frames per second."""
    return (
        kind,
        {"default": default, "min": 1, "max": 1000, "tooltip": "Frames per second of the animation."},
    )


def number(default: int, least: int, tooltip: str, most: int = MOST) -> Input:
    """A whole number."""
    return ("INT", {"default": default, "min": least, "max": most, "tooltip": tooltip})


class Saving:
    """What nodes that save have in common: everything is checked before anything is rendered."""

    @classmethod
    def VALIDATE_INPUTS(  # noqa: N802 - ComfyUI's name
        cls,
        directory_path: str | None = None,
        prefix: str | None = None,
        filetype: str | None = None,
        options: str | None = None,
        also_as: str | None = None,
        dtype: str | None = None,
        color: str | None = None,
        convert_to: str | None = None,
        dpi: float | None = None,
        tags: str | None = None,
        withhold: str | None = None,
        preview: str | None = None,
    ) -> bool | str:
        """True, or what is wrong. None is an input that is not known yet."""
        given = {"also_as": also_as, "dtype": dtype, "color": color, "convert_to": convert_to, "dpi": dpi}
        said = {"tags": tags, "withhold": withhold, "preview": preview}
        return checked(lambda: _check_saving(directory_path, prefix, filetype, options, {**given, **said}))


class Looking:
    """What nodes that look into a folder have in common: it is looked at again in each run."""

    @classmethod
    def VALIDATE_INPUTS(cls, directory_path: str | None = None, pattern: str | None = None) -> bool | str:  # noqa: N802
        """True, or what is wrong. None is an input that is not known yet."""
        return checked(lambda: listing.check(directory_path, pattern))

    @classmethod
    def IS_CHANGED(cls, **_: Any) -> float:  # noqa: N802 - ComfyUI's name
        """Always: there may be other frames by now. NaN is equal to nothing."""
        return float("nan")


def validate_loading(directory_path: str | None, prefix: str | None) -> bool | str:
    """The same for a sequence that is to be loaded; an empty prefix is any."""
    return checked(lambda: _check_loading(directory_path, prefix))


def checked(check: Callable[[], object]) -> bool | str:
    """True, or the message of the error that ``check`` raises: ComfyUI shows it on the node, before the graph runs."""
    try:
        check()
    except SeqSaveError as error:
        return str(error)
    return True


def _check_saving(
    directory_path: str | None,
    prefix: str | None,
    filetype: str | None,
    options: str | None,
    picture: Mapping[str, Any],
) -> None:
    rules = [] if prefix is None else [naming.NameRule(prefix, extension="png")]
    if filetype is not None:
        asked = wanted.of(filetype=filetype, options=options or "", prefix=prefix or "frame", picture=picture)
        rules = rules and [form.rule for form in asked.formats]
    if directory_path is not None:
        place = access.admit(directory_path)
        for rule in rules:
            place.check_name(rule, 1)
        place.target.check()


def _check_loading(directory_path: str | None, prefix: str | None) -> None:
    folder = naming.NameRule(prefix).folder if prefix else ""
    if directory_path is not None:
        access.admit(directory_path).check(folder)
