"""The filetypes that a writer was asked for: each with its names, options, and what it makes of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqsave import naming
from seqsave.errors import OptionError
from seqsave.plugins import registry
from seqsave.plugins.options import check_options
from seqsave.writer.pixels import Pixels

if TYPE_CHECKING:
    from seqsave.types import OptionValue

__all__ = ["Format", "open_formats"]


@dataclass(frozen=True, slots=True)
class Format:
    """One filetype of a writer."""

    resolved: registry.Resolved
    rule: naming.NameRule
    options: Mapping[str, OptionValue | None]
    pixels: Pixels


def open_formats(
    filetype: str | Sequence[str],
    *,
    prefix: str,
    digits: int,
    options: Mapping[str, Any] | None,
    dtype: str | None,
    color: str | None,
    convert_to: str | None,
) -> tuple[Format, ...]:
    """What the settings of a writer mean for each filetype.

    With several filetypes, an option goes to those that declare it, or is given for one of them:
    ``{"exr": {"compression": "zip"}}`` or ``{"exr.compression": "zip"}``; a dtype goes to those that take it.

    Raises OptionError, FrameNameError, EncoderNotFoundError, EncoderConflictError, EncoderUnavailableError.
    """
    found = [registry.resolve(one) for one in _names(filetype)]
    extensions = [one.extension for one in found]
    for extension in extensions:
        if extensions.count(extension) > 1:
            raise OptionError(f"filetype names two that write .{extension}: each file can be written once")
    shared = _shared(found, options)
    takers = [one for one in found if dtype in one.spec.dtypes] or found
    return tuple(
        Format(
            one,
            naming.NameRule(prefix, digits, one.extension),
            check_options(one.spec, own),
            Pixels(one.spec, dtype=dtype if one in takers else None, color=color, convert_to=convert_to),
        )
        for one, own in zip(found, shared, strict=True)
    )


def _names(filetype: str | Sequence[str]) -> list[str]:
    if not isinstance(filetype, list | tuple):
        return [filetype]  # type: ignore[list-item]  # whatever else it is, plugins.resolve says what it should be
    if not filetype:
        raise OptionError("filetype is an empty list: it must be one of seqsave.filetypes(), or a list of some")
    return list(filetype)


def _shared(found: Sequence[registry.Resolved], options: Mapping[str, Any] | None) -> list[Mapping[str, Any] | None]:
    """The options of each filetype."""
    if not isinstance(options, Mapping):
        return [options] * len(found)
    shared: list[dict[str, Any]] = [{} for _ in found]
    for name, value in options.items():
        takers, given = _takers(found, name, value)
        if not takers and len(found) > 1:
            known = sorted({option for one in found for option in one.spec.options})
            these = ", ".join(one.filetype for one in found)
            raise OptionError(f"none of {these} has an option {name!r}: they take {', '.join(known)}")
        for number in takers:
            shared[number].update(given)
        if not takers:
            shared[0][name] = value  # check_options says what the only one takes instead
    return list(shared)


def _takers(found: Sequence[registry.Resolved], name: Any, value: Any) -> tuple[list[int], Mapping[str, Any]]:
    """Whose option this is, by their numbers, and the option: ``exr.compression`` and ``{"exr": {...}}`` are exr's."""
    filetype, dot, option = str(name).partition(".")
    given = value if isinstance(value, Mapping) else {option: value} if dot else {name: value}
    if dot or isinstance(value, Mapping):
        return [number for number, one in enumerate(found) if filetype in (one.filetype, one.spec.filetype)], given
    return [number for number, one in enumerate(found) if name in one.spec.options], given
