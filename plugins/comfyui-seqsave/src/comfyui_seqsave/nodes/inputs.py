"""The inputs that several nodes have, as ComfyUI declares them: one place for types, defaults, limits and tooltips."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import seqsave
from seqsave import naming, plugins
from seqsave.errors import SeqSaveError
from seqsave.options import check_options

from .. import access, host, listing, saving

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
    default = plugins.DEFAULT_FILETYPE
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
    tooltip = "For the file format, as NAME=VALUE: quality=92, compression=balanced. 'seqsave filetypes' lists them."
    return ("STRING", {"default": "", "multiline": False, "advanced": True, "tooltip": tooltip})


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
    ) -> bool | str:
        """True, or what is wrong. None is an input that is not known yet."""
        return checked(lambda: _check_saving(directory_path, prefix, filetype, options))


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


def _check_saving(directory_path: str | None, prefix: str | None, filetype: str | None, options: str | None) -> None:
    extension = "png"
    if filetype is not None:
        resolved = plugins.resolve(filetype)
        extension = resolved.extension
        if options is not None:
            check_options(resolved.spec, saving.options_of(options))
    rule = None if prefix is None else naming.NameRule(prefix, extension=extension)
    if directory_path is not None:
        place = access.admit(directory_path)
        if rule is not None:
            place.check_name(rule, 1)
        place.target.check()


def _check_loading(directory_path: str | None, prefix: str | None) -> None:
    folder = naming.NameRule(prefix).folder if prefix else ""
    if directory_path is not None:
        access.admit(directory_path).check(folder)
