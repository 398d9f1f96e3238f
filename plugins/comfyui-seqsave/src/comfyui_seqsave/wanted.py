"""Convert a saver's widgets to seqsave's settings, and check them before anything is rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import seqsave
from seqsave import naming
from seqsave.metadata import PARAMETERS, Withholding, parameters_of
from seqsave.writer import SETTINGS

from . import host, prompts, settings

if TYPE_CHECKING:
    from seqsave import SavedFrame, SaveResult
    from seqsave.writer import Format

__all__ = ["LINEAR", "PICTURE", "Wanted", "metadata_of", "of", "parameters", "withheld"]

# The values of widgets that stand for None, the setting's own default.
_UNSET = {
    "dtype": "automatic",
    "color": "not stated",
    "convert_to": "as it is",
    "dpi": 0.0,
    "tags": "",
    "withhold": "",
    "preview": "none",
}
PICTURE: Mapping[str, Any] = MappingProxyType(
    {
        "also_as": "nothing else",
        "parameters": False,
        **{
            name: _UNSET.get(name, one.default)
            for name, one in SETTINGS.items()
            if one.widget == "advanced" and name not in ("options", "proxies")
        },
        "proxies": SETTINGS["proxies"].default,
    }
)
"""The widgets for pixels and metadata, with the value of each that means "not set"."""

LINEAR = "linear-srgb, from srgb"
"""The choice of ``convert_to`` that makes of ComfyUI's pictures what its own EXR saver writes."""

_LONGEST = 2000
# Where a frame's number goes, beyond doubt.
_PLACE = re.compile(r"##|@@|%0[0-9]+[di]|\$\{?F|<F[0-9]*>")
_COMMAS, _SEMICOLONS = "[,\n]", "[;\n]"


@dataclass(frozen=True)
class Wanted:
    """The settings of one saver.

    settings: settings for ``seqsave.open_writer``, without ``preview``.
    config:   the same settings and ``preview``, checked.
    below:    what follows the folder in the writer's URL: the names as a pattern, or "".
    """

    settings: Mapping[str, Any]
    config: seqsave.WriterConfig
    below: str = ""

    @property
    def formats(self) -> tuple[Format, ...]:
        """Return the format of each file type; the node's outputs describe the first one."""
        return self.config.formats

    @property
    def proxies(self) -> bool:
        """Return whether small pictures are stored beside the frames."""
        return self.config.delivery.proxies

    @property
    def preview(self) -> str | None:
        """Return the extension of the movie, or None."""
        return self.config.delivery.preview

    def pattern_of(self, form: Format) -> str:
        """Return the names of a file type as a pattern below the folder; "" where prefix and digits say it all."""
        return form.rule.pattern if self.below else ""

    def by_filetype(self, result: SaveResult) -> list[list[SavedFrame]]:
        """Return the results of the frames, for each of ``formats``."""
        filetypes = [form.resolved.filetype for form in self.formats]
        return [[frame for frame in result.frames if frame.filetype == filetype] for filetype in filetypes]

    @property
    def width(self) -> int:
        """Return the bytes of one value of a picture, in all file types together."""
        return sum(_width(form, self.settings["dtype"]) for form in self.formats)


def of(
    *,
    filetype: str,
    options: str = "",
    prefix: str = SETTINGS["prefix"].default,
    digits: int = SETTINGS["digits"].default,
    rate: float | None = None,
    picture: Mapping[str, Any] = PICTURE,
    metadata: Mapping[str, Any] | None = None,
) -> Wanted:
    """Return the settings that the widgets state. Values of ``picture`` that are missing or None are not set.

    Raises OptionError, MetadataError, FrameNameError, EncoderNotFoundError, EncoderUnavailableError.
    """
    # While a graph is checked, the inputs that come from other nodes are None. Older graphs lack newer widgets.
    given = {name: nothing if picture.get(name) is None else picture[name] for name, nothing in PICTURE.items()}
    chosen = {name: None if given[name] == nothing else given[name] for name, nothing in PICTURE.items()}
    keeps_metadata = _keeps_metadata(filetype, chosen["also_as"], given["metadata_in"])
    if given["parameters"] and not keeps_metadata:
        raise seqsave.OptionError(
            f"parameters are written where the workflow is, and {filetype} files have none: choose the file type "
            f"'{filetype} with embedded workflow'"
        )
    asked: dict[str, Any] = {
        "filetype": [filetype] if chosen["also_as"] is None else [filetype, chosen["also_as"]],
        "options": _pairs("options", options, _COMMAS, "quality=92, compression=balanced"),
        "dtype": chosen["dtype"],
        **_color(chosen["color"], chosen["convert_to"], filetype, chosen["also_as"]),
        # Otherwise the user wants files without a workflow, so there is no reason to warn.
        "metadata": metadata if keeps_metadata else None,
        "metadata_in": given["metadata_in"],
        "withhold": withheld(given["withhold"]),
        "rate": rate,
        "dpi": chosen["dpi"],
        "tags": _pairs("tags", given["tags"], _SEMICOLONS, "artist=Ada; copyright=2026 Studio"),
        "proxies": given["proxies"],
    }
    pattern = _pattern_of(prefix, filetype)
    if pattern is None:
        asked |= {"prefix": prefix, "digits": digits}
        return Wanted(asked, seqsave.check_settings(**asked, preview=chosen["preview"]))
    folder, name = pattern
    named: dict[str, Any] = {"prefix": folder + name.prefix, "separator": name.separator, "digits": name.digits}
    config = replace(seqsave.check_settings(**asked, **named, preview=chosen["preview"]), pattern=name)
    _check_extension(config, name)
    return Wanted(asked, config, folder + str(name))


def _pattern_of(prefix: str, filetype: str) -> tuple[str, naming.NamePattern] | None:
    """Return the folder and the names that a prefix says as a whole, such as ``shot.####.exr``; None for a first part.

    The extension may be left out. A single ``#`` or ``@`` is a part of a name, unless a picture's extension follows.
    """
    if _PLACE.search(prefix.rpartition("/")[2]) and naming.split_extension(prefix)[1] == "":
        prefix = f"{prefix}.{filetype.partition(' ')[0]}"
    pattern = naming.parse_pattern(prefix) if _PLACE.search(prefix) or naming.is_pattern(prefix) else None
    if pattern is None or _PLACE.search(prefix) or naming.kind_of_extension(pattern[1].extension):
        return pattern
    return None


def _check_extension(config: seqsave.WriterConfig, name: naming.NamePattern) -> None:
    first = config.formats[0].resolved
    if name.extension.lower() not in first.spec.extensions:
        raise seqsave.FrameNameError(
            f"the names {name} are those of .{name.extension} files, and filetype is {first.filetype}: choose the "
            "file type of these names, or leave the extension out of prefix"
        )


def metadata_of(prompt: Any, extra_pnginfo: Any, text: str | None = None) -> dict[str, Any]:
    """Return the metadata to embed: the values of ``extra_pnginfo``, and the prompt. API calls may lack both.

    text: the text of ``parameters``, which is embedded too.
    """
    if not host.metadata_wanted():
        return {}
    values: dict[str, Any] = dict(extra_pnginfo) if isinstance(extra_pnginfo, Mapping) else {}
    values |= {} if prompt is None else {"prompt": prompts.without_parts(prompt)}
    return values if text is None else {**values, PARAMETERS: seqsave.RawText(text)}


def parameters(
    prompt: Any, workflow: Any, node: str, images: Any, picture: Mapping[str, Any], link: str
) -> tuple[str | None, str]:
    """Return the text that galleries read, of one saver's images; and what its log says of it.

    node: the saver's id. link: its input for the images, H,W,C each. picture: its widgets.
    """
    if not picture.get("parameters") or not len(images) or not host.metadata_wanted():
        return None, ""
    hidden = Withholding(tuple(withheld(picture.get("withhold"))))
    graph = hidden.apply({"prompt": prompt, "workflow": workflow})
    height, width = (int(extent) for extent in images[0].shape[:2])
    text = parameters_of(graph["prompt"], node, link, workflow=graph["workflow"], size=(width, height))
    return text, "" if text else "No parameters are written: it is not clear which sampler made this image"


def withheld(text: str | None) -> list[str]:
    """Return the patterns of the inputs to withhold: the administrator's, and those of a widget."""
    return [*settings.load().withhold, *_parts("withhold", text or "", _COMMAS)]


def _color(color: str | None, convert_to: str | None, *filetypes: str | None) -> dict[str, str | None]:
    """Return what the values are stated to be, and what they are converted to.

    Values in EXR files are taken for linear unless the file says otherwise, and ComfyUI's are not: so these files state
    srgb by default, as ComfyUI's own EXR saver assumes it.
    """
    if convert_to == LINEAR:
        return {"color": color or "srgb", "convert_to": "linear-srgb"}
    is_exr = any((one or "").partition(" ")[0] == "exr" for one in filetypes)
    return {"color": "srgb" if is_exr and color is None and convert_to is None else color, "convert_to": convert_to}


def _keeps_metadata(filetype: str, also_as: str | None, metadata_in: str) -> bool:
    return metadata_in == "sidecar" or any("embedded workflow" in (one or "") for one in (filetype, also_as))


def _parts(name: str, text: str, separators: str) -> list[str]:
    if len(text) > _LONGEST:
        raise seqsave.OptionError(f"{name}: the text has {len(text)} characters: at most {_LONGEST} are allowed")
    return [part.strip() for part in re.split(separators, text) if part.strip()]


def _pairs(name: str, text: str, separators: str, example: str) -> dict[str, str]:
    pairs = {}
    for part in _parts(name, text, separators):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise seqsave.OptionError(f"{name}: {part!r} is not NAME=VALUE; write {example}")
        pairs[key] = value
    return pairs


def _width(form: Format, dtype: str | None) -> int:
    import numpy as np

    known: Sequence[str] = form.resolved.spec.dtypes
    if dtype in known:
        return np.dtype(dtype).itemsize
    return next((np.dtype(name).itemsize for name in ("float32", "float16") if name in known), 1)
