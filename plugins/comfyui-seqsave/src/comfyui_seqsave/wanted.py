"""What was entered into a saver's widgets, as seqsave's settings; checked before anything is rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import seqsave
from seqsave.writer import SETTINGS

from . import host, settings

if TYPE_CHECKING:
    from seqsave import SavedFrame, SaveResult
    from seqsave.writer import Format

__all__ = ["PICTURE", "Wanted", "metadata_of", "of"]

# What a widget holds when its setting is not given, where the setting's own default is None.
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
        **{
            name: _UNSET.get(name, one.default)
            for name, one in SETTINGS.items()
            if one.widget == "advanced" and name != "options"
        },
    }
)
"""The widgets about what pictures are and what is stated of them, with what each holds when nothing is wanted."""

_LONGEST = 2000
_COMMAS, _SEMICOLONS = "[,\n]", "[;\n]"


@dataclass(frozen=True)
class Wanted:
    """What a saver is to do.

    settings: for ``seqsave.open_writer``, without ``preview``. config: the same and ``preview``, checked.
    """

    settings: Mapping[str, Any]
    config: seqsave.WriterConfig

    @property
    def formats(self) -> tuple[Format, ...]:
        """Each file type; the node's outputs are about the first one."""
        return self.config.formats

    @property
    def preview(self) -> str | None:
        """The kind of movie, or None."""
        return self.config.delivery.preview

    def by_filetype(self, result: SaveResult) -> list[list[SavedFrame]]:
        """What became of the frames, for each of ``formats``."""
        filetypes = [form.resolved.filetype for form in self.formats]
        return [[frame for frame in result.frames if frame.filetype == filetype] for filetype in filetypes]

    @property
    def width(self) -> int:
        """Bytes of one value of a picture, in all file types together."""
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
    """What the widgets ask for. Of ``picture``, what is missing or None is not wanted.

    Raises OptionError, MetadataError, FrameNameError, EncoderNotFoundError, EncoderUnavailableError.
    """
    # A widget that another node is to fill is None while the graph is checked; old graphs lack the newer ones.
    given = {name: nothing if picture.get(name) is None else picture[name] for name, nothing in PICTURE.items()}
    chosen = {name: None if given[name] == nothing else given[name] for name, nothing in PICTURE.items()}
    asked: dict[str, Any] = {
        "filetype": [filetype] if chosen["also_as"] is None else [filetype, chosen["also_as"]],
        "prefix": prefix,
        "digits": digits,
        "options": _pairs("options", options, _COMMAS, "quality=92, compression=balanced"),
        **{name: chosen[name] for name in ("dtype", "color", "convert_to")},
        # Without it the user wants files without a workflow, which is worth no warning.
        "metadata": metadata if _keeps_metadata(filetype, chosen["also_as"], given["metadata_in"]) else None,
        "metadata_in": given["metadata_in"],
        "withhold": [*settings.load().withhold, *_parts("withhold", given["withhold"], _COMMAS)],
        "rate": rate,
        "dpi": chosen["dpi"],
        "tags": _pairs("tags", given["tags"], _SEMICOLONS, "artist=Ada; copyright=2026 Studio"),
    }
    return Wanted(asked, seqsave.check_settings(**asked, preview=chosen["preview"]))


def metadata_of(prompt: Any, extra_pnginfo: Any) -> dict[str, Any]:
    """What is embedded: each value of ``extra_pnginfo``, and the prompt. Both may be missing in calls over the API."""
    if not host.metadata_wanted():
        return {}
    values: dict[str, Any] = dict(extra_pnginfo) if isinstance(extra_pnginfo, Mapping) else {}
    return values if prompt is None else {**values, "prompt": prompt}


def _keeps_metadata(filetype: str, also_as: str | None, metadata_in: str) -> bool:
    return metadata_in == "sidecar" or any("embedded workflow" in (one or "") for one in (filetype, also_as))


def _parts(name: str, text: str, separators: str) -> list[str]:
    if len(text) > _LONGEST:
        raise seqsave.OptionError(f"{name}: this is {len(text)} characters long: at most {_LONGEST}")
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
