"""The inputs that several nodes share, as ComfyUI declares them: types, defaults, limits and tooltips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import seqsave
from seqsave import SeqSaveError, naming
from seqsave.writer import SETTINGS

from .. import access, host, listing, names, wanted
from ..helped import with_help

__all__ = [
    "CATEGORY",
    "FRAME_COUNTER",
    "HIDDEN",
    "SEQUENCE",
    "Looking",
    "Saving",
    "at_end",
    "check_loading",
    "check_saving",
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
]

Input = tuple[Any, ...]

CATEGORY = "image/animation"
MOST = 2**31 - 1

FRAME_COUNTER: Input = ("FRAME_COUNTER", {"tooltip": "The frame's number, and the number of frames."})
SEQUENCE: Input = ("ANIMATION_SEQUENCE", {"tooltip": "The files of a finished animation."})
HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO", "unique_id": "UNIQUE_ID"}


def directory_path(what: str) -> Input:
    """Return the input for a folder, URL or configured name; ComfyUI's output folder by default."""
    return (
        "STRING",
        {
            "default": host.folders().output,
            "multiline": False,
            "tooltip": f"{what}: a path (relative to ComfyUI's output folder), or the name of a configured target, "
            "such as renders://shot010. Empty means the output folder itself. Other folders and URLs "
            "(s3://bucket/folder) have to be allowed on the server. Never enter a password or a key here: it would be "
            "saved in every file.",
        },
    )


def prefix() -> Input:
    """Return the input for the first part of file names."""
    note = (
        "Or the whole name, as shot.####.exr. %date:yyyy-MM-dd%, %width%, %height%, %batch_num%, %counter% and "
        "%Node.widget% are replaced by their values, in directory_path too."
    )
    return _widget("prefix", note=note)


def start() -> Input:
    """Return the input for the first frame's number."""
    note = "0, 1 or 1001 are usual. -1 continues after the highest frame that exists."
    return _widget("start", note=note, min=-MOST, max=MOST)


def digits() -> Input:
    """Return the input for the width of numbers in names."""
    return _widget("digits", note="Larger numbers are wider.")


def at_end() -> Input:
    """Return the input for the handling of frames after the last one."""
    return _widget("at_end")


def if_exists() -> Input:
    """Return the input for the handling of existing frames."""
    return _widget("if_exists", note="The recipe is the graph with its inputs.")


def filetype() -> Input:
    """Return the input for the filetype: all that are installed, PNG with workflow first."""
    default = SETTINGS["filetype"].default
    known = seqsave.filetypes()
    first = [default, *(name for name in ("png", "jpg") if name in known)]
    tooltip = (
        "The file type. Only '... with embedded workflow' writes the workflow into the file. Plugins of seqsave add "
        "more file types, for example: pip install seqsave-webp"
    )
    return ([*first, *(name for name in known if name not in first)], {"default": default, "tooltip": tooltip})


def options() -> Input:
    """Return the input for encoder options, as text."""
    return _widget("options", default="", note="As NAME=VALUE: quality=92, compression=balanced; " + _OF_ONE)


def picture() -> dict[str, Input]:
    """Return the inputs of ``wanted.PICTURE``, by name: conversion of pixels, and metadata of the files."""
    chosen = wanted.PICTURE
    also_as = "A second file type for each frame, saved in the same run: EXR for compositing, say, and PNG to view."
    made = {name: _widget(name, default=chosen[name], note=_NOTES.get(name, "")) for name in chosen if name in SETTINGS}
    proxies = made.pop("proxies")
    made["convert_to"][0].append(wanted.LINEAR)
    kinds = [chosen["also_as"], *filetype()[0]]
    parameters = (
        "Also write the text that AUTOMATIC1111 writes and galleries such as Civitai read: prompts, steps, sampler, "
        "seed, size, model, and the hashes that the workflow states. Only values that the graph has."
    )
    return {
        "also_as": (kinds, {"default": chosen["also_as"], "advanced": True, "tooltip": also_as}),
        **made,
        "parameters": ("BOOLEAN", {"default": chosen["parameters"], "advanced": True, "tooltip": parameters}),
        "proxies": proxies,  # last, so that the widgets of older workflows stay where they are
    }


_OF_ONE = "for one of two file types: jpg.quality=92. 'seqsave filetypes' lists them."
# Additions to the help of settings: the syntax of a widget's text, and defaults of the nodes.
_NOTES = {
    "color": "ComfyUI's own nodes produce srgb, and EXR files state it unless something else is chosen.",
    "convert_to": (
        "For EXR files 'linear-srgb, from srgb', as compositors expect and ComfyUI's own EXR saver writes them."
    ),
    "dpi": "0 writes none.",
    "tags": "Separated by semicolons: artist=Ada; copyright=2026 Studio.",
    "withhold": "Separated by commas: *.api_key, Note.*, CLIPTextEncode.text",
    "proxies": "For frames saved one by one, they are made after the last frame.",
    "preview": "The movie contains the workflow. For frames saved one by one, it is made after the last frame.",
}


def _widget(name: str, *, note: str = "", **different: Any) -> Input:
    """Return the widget for a setting of the writer. different: values that differ from the declaration."""
    one = SETTINGS[name]
    values = {"default": one.default, **different}
    kind = one.type.partition(" | None")[0]
    shown: str | list[str] = {"int": "INT", "float": "FLOAT", "bool": "BOOLEAN"}.get(kind, "STRING")
    if one.choices or one.offered:
        unset = [values["default"]] if values["default"] not in one.choices else []
        shown = [*unset, *(one.choices or one.offered)]
    elif shown == "STRING":
        values["multiline"] = False
    elif shown != "BOOLEAN":
        limits = {"min": one.min, "max": one.max, **values}
        values = {**limits, "min": min(limits["min"], limits["default"])}
    tooltip = " ".join(filter(None, (one.help, one.details, note)))
    return (shown, {**values, **({"advanced": True} if one.widget == "advanced" else {}), "tooltip": tooltip})


def pattern() -> Input:
    """Return the input for a pattern of file names."""
    tooltip = "Which files to use, by name; * and ? are wildcards."
    return ("STRING", {"default": "*", "multiline": False, "tooltip": tooltip})


def indexing() -> Input:
    """Return the input for the numbering of files."""
    tooltip = (
        "numeric: by the number in the file's name that varies, or the last of them if several vary. alphabetic order: "
        "by position in the sorted names."
    )
    return (["numeric", "alphabetic order"], {"default": "numeric", "tooltip": tooltip})


def rate(kind: str, default: float) -> Input:
    """Return the input for frames per second."""
    return (
        kind,
        {"default": default, "min": 1, "max": 1000, "tooltip": "Frames per second of the animation."},
    )


def number(default: int, least: int, tooltip: str, most: int = MOST) -> Input:
    """Return an input for a whole number."""
    return ("INT", {"default": default, "min": least, "max": most, "tooltip": tooltip})


class Saving:
    """Base of nodes that save: all inputs are checked before anything is rendered."""

    @classmethod
    def VALIDATE_INPUTS(  # noqa: N802 - ComfyUI's name
        cls,
        directory_path: Any = None,
        *others: Any,
        prefix: str | None = None,
        filetype: str | None = None,
        options: str | None = None,
    ) -> bool | str:
        """Return True, or what is wrong. An input that is not known yet is None.

        ComfyUI asks for the first argument alone, and shows the message on that input. (It repeats a message for each
        input that it can pass by name.) The other inputs are checked by ``check_lazy_status``; programs may pass them
        here.

        others: prefix, file type and options, in this order.
        """
        given = {"prefix": prefix, "filetype": filetype, "options": options}
        given |= dict(zip(given, others, strict=False))
        # A node that takes lists gets one; of what comes from another node, (None,).
        folders = directory_path if isinstance(directory_path, list | tuple) else [directory_path]

        def check() -> None:
            for folder in folders:
                check_saving({"directory_path": folder, **given})

        return checked(check)

    def check_lazy_status(self, **given: Any) -> list[str]:
        """Check all inputs but the pictures, and ask for these. ComfyUI calls it before they are rendered."""
        listed = {name: [*values] if isinstance(values, list | tuple) else [values] for name, values in given.items()}
        pictures = {name: listed.pop(name) for name in ("image", "images") if name in listed}
        for number in range(max(map(len, listed.values()), default=0)):
            check_saving({name: values[min(number, len(values) - 1)] for name, values in listed.items() if values})
        return [name for name, values in pictures.items() if all(value is None for value in values)]


class Looking:
    """Base of nodes that list a folder: they list it again in each run."""

    @classmethod
    def VALIDATE_INPUTS(cls, directory_path: str | None = None, *pattern: str | None) -> bool | str:  # noqa: N802
        """Return True, or what is wrong. An input that is not known yet is None. ComfyUI passes the folder alone."""
        return checked(lambda: listing.check(directory_path, *(pattern or (None,))))

    @classmethod
    def IS_CHANGED(cls, **_: Any) -> float:  # noqa: N802 - ComfyUI's name
        """Return NaN, which always counts as changed: there may be new frames."""
        return float("nan")


def checked(check: Callable[[], object]) -> bool | str:
    """Return True, or the message of the error that ``check`` raises: ComfyUI shows it before the graph runs."""
    try:
        check()
    except SeqSaveError as error:
        return with_help(error)
    return True


def check_saving(given: Mapping[str, Any]) -> None:
    """Check what was entered into a saver. None is an input that is not known yet."""
    prefix, start, if_exists = given.get("prefix"), given.get("start"), given.get("if_exists")
    if start is not None:
        naming.check_index(start, "start", least=-1)
    if if_exists is not None:
        seqsave.check_settings(if_exists=if_exists)
    if start == -1 and if_exists == "replace":
        raise seqsave.OptionError("start is -1, which continues a sequence, and if_exists is 'replace': choose one")
    filetype = given.get("filetype")
    asked = wanted.of(
        filetype=SETTINGS["filetype"].default if filetype is None else filetype,
        options=given.get("options") or "",
        prefix=SETTINGS["prefix"].default if prefix is None else names.check(prefix),
        digits=SETTINGS["digits"].default if given.get("digits") is None else given["digits"],
        picture={name: given.get(name) for name in wanted.PICTURE},
    )
    if given.get("directory_path") is not None:
        place = access.admit(names.check(given["directory_path"]))
        for form in asked.formats:
            place.check_name(form.rule, 1)
        place.target.check()


def check_loading(directory_path: str | None, prefix: str | None) -> None:
    """Check which sequence is to be loaded; an empty prefix is any. None is an input that is not known yet."""
    folder = naming.NameRule(prefix).folder if prefix else ""
    if directory_path is not None:
        access.admit(directory_path).check(folder)
