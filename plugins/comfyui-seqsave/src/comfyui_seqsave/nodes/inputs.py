"""The inputs that several nodes have, as ComfyUI declares them: one place for types, defaults, limits and tooltips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import seqsave
from seqsave import SeqSaveError, naming
from seqsave.writer import SETTINGS

from .. import access, host, listing, wanted

__all__ = [
    "CATEGORY",
    "FRAME_COUNTER",
    "HIDDEN",
    "SEQUENCE",
    "Looking",
    "Saving",
    "at_end",
    "checked",
    "digits",
    "directory_path",
    "filetype",
    "if_exists",
    "indexing",
    "number",
    "options",
    "pattern",
    "picture",
    "prefix",
    "rate",
    "start",
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
    return _widget("prefix")


def start() -> Input:
    """The first frame's number."""
    return _widget("start", note="0, 1 or 1001 are usual.", min=-MOST, max=MOST)


def digits() -> Input:
    """The width of numbers in names."""
    return _widget("digits", note="Larger numbers simply are wider.")


def at_end() -> Input:
    """What happens to a frame after the last one."""
    return _widget("at_end")


def if_exists() -> Input:
    """What happens when a frame exists already."""
    return _widget("if_exists", note="The recipe is the graph with its values.")


def filetype() -> Input:
    """What seqsave can write here, with what plugins add; PNG with workflow first."""
    default = SETTINGS["filetype"].default
    known = seqsave.filetypes()
    first = [default, *(name for name in ("png", "jpg") if name in known)]
    tooltip = (
        "The file format. Only '... with embedded workflow' writes the workflow into the file. Plugins of seqsave add "
        "more, for example: pip install seqsave-webp"
    )
    return ([*first, *(name for name in known if name not in first)], {"default": default, "tooltip": tooltip})


def options() -> Input:
    """Encoder options as text."""
    return _widget("options", default="", note="As NAME=VALUE: quality=92, compression=balanced; " + _OF_ONE)


def picture() -> dict[str, Input]:
    """The widgets of ``wanted.PICTURE``: what pictures are in their files, and what these state of them."""
    chosen = wanted.PICTURE
    also_as = "A second file of each frame in another format, in the same run: EXR for compositing, PNG for a look."
    made = {name: _widget(name, default=chosen[name], note=_NOTES.get(name, "")) for name in chosen if name in SETTINGS}
    kinds = [chosen["also_as"], *filetype()[0]]
    return {"also_as": (kinds, {"default": chosen["also_as"], "advanced": True, "tooltip": also_as}), **made}


_OF_ONE = "of one of two formats: jpg.quality=92. 'seqsave filetypes' lists them."
# How the text of a widget is written, and what the nodes add to a setting.
_NOTES = {
    "color": "ComfyUI's own nodes give srgb.",
    "convert_to": "acescg for EXR files, for example.",
    "dpi": "0 states none.",
    "tags": "With ; between: artist=Ada; copyright=2026 Studio.",
    "withhold": "With , between: *.api_key, Note.*, CLIPTextEncode.text",
    "preview": "The workflow is inside. Of single frames it is made with the last.",
}


def _widget(name: str, *, note: str = "", **different: Any) -> Input:
    """The widget for a setting of the writer, as it is declared. different: what the node has in another way."""
    one = SETTINGS[name]
    values = {"default": one.default, **different}
    kind = one.type.partition(" | None")[0]
    shown: str | list[str] = {"int": "INT", "float": "FLOAT"}.get(kind, "STRING")
    if one.choices or one.offered:
        unset = [values["default"]] if values["default"] not in one.choices else []
        shown = [*unset, *(one.choices or one.offered)]
    elif shown == "STRING":
        values["multiline"] = False
    else:
        limits = {"min": one.min, "max": one.max, **values}
        values = {**limits, "min": min(limits["min"], limits["default"])}
    tooltip = " ".join(filter(None, (one.help, one.details, note)))
    return (shown, {**values, **({"advanced": True} if one.widget == "advanced" else {}), "tooltip": tooltip})


def pattern() -> Input:
    """Which files count."""
    return ("STRING", {"default": "*", "multiline": False, "tooltip": "Which file names count; * and ? stand for any."})


def indexing() -> Input:
    """How files are numbered."""
    tooltip = (
        "numeric: by the number in the file's name that varies, the last one if several do. alphabetic order: by "
        "position, whatever the names are."
    )
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
        texts = {"tags": tags, "withhold": withhold, "preview": preview}
        return checked(lambda: _check_saving(directory_path, prefix, filetype, options, {**given, **texts}))


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
        asked = wanted.of(
            filetype=filetype, options=options or "", prefix=prefix or SETTINGS["prefix"].default, picture=picture
        )
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
