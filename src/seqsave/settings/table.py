"""Declare settings, and derive from the declarations: the table, the check of names, signatures, docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from seqsave.errors import OptionError
from seqsave.wording import did_you_mean

__all__ = ["Setting", "check_names", "other_name", "setting", "show_settings", "table"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The declaration of one setting.

    group:    the field of WriterConfig that it belongs to.
    type:     the annotation, as text.
    choices:  every value that it can have; empty where it is not a choice.
    offered:  values that are worth offering where others are possible too, or depend on other settings.
    min, max: the limits of a number, inclusive.
    help:     what it means, in one short sentence for every reader.
    details:  further sentences for the documentation.
    example:  a value as Python code, where the default shows none.
    page:     the page of the documentation that explains it.
    flag:     the option of the command where its name is another one; None where the command has none.
    metavar:  the name of the value in the command's help.
    widget:   whether the nodes have a widget for it: always shown, or hidden until it is asked for.
    """

    name: str
    group: str
    type: str
    default: Any
    choices: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    help: str
    details: str = ""
    example: str = ""
    page: str = ""
    flag: str | None = ""
    metavar: str | None = None
    widget: Literal["", "shown", "advanced"] = ""

    @property
    def option(self) -> str:
        """Return the option of the command, ``""`` if it has none."""
        return "" if self.flag is None else self.flag or f"--{self.name.replace('_', '-')}"


# What other libraries call these settings.
_OTHER_NAMES = {
    "at_end": "on_end",
    "color": "colorspace color_space colour colour_space icc",
    "concurrency": "jobs max_workers n_jobs num_workers parallel threads workers",
    "digits": "frame_digits pad padding zero_pad zero_padding zeros zfill",
    "dpi": "density resolution",
    "dtype": "bit_depth bitdepth bits depth pixel_format",
    "filetype": "codec encoder ext extension file_extension file_format file_type format image_format suffix type",
    "if_exists='error'": "fail_if_exists no_clobber no_overwrite",
    "if_exists='overwrite'": "clobber exist_ok exists_ok force overwrite",
    "if_exists='skip'": "continue resume skip skip_existing",
    "max_bytes": "max_memory memory memory_limit",
    "metadata": "extra_pnginfo meta pnginfo prompt workflow",
    "on_event": "callback on_progress progress_callback",
    "options": "compress compress_level compression encoder_options lossless optimize quality subsampling",
    "prefix": "basename base_name file_name filename filename_prefix name stem",
    "progress": "progress_bar show_progress tqdm verbose",
    "rate": "fps frame_rate framerate frames_per_second",
    "retry": "attempts max_retries retries timeout",
    "start": "begin first first_frame offset start_at start_frame start_index start_number",
    "step": "increment stride",
    "storage_options": "anon client_kwargs endpoint endpoint_url key profile secret token",
    "tags": "artist author copyright description",
    "total": "count end end_frame frame_count last last_frame length n_frames num_frames stop total_frames",
    "withhold": "exclude redact strip",
}
_BY_OTHER_NAME = {other: use for use, others in _OTHER_NAMES.items() for other in others.split()}


def setting(default: Any, *, secret: bool = False, **declared: Any) -> Any:
    """Declare a field of a group. declared: the other fields of Setting. secret: leave the value out of ``repr``."""
    return field(default=default, repr=not secret, metadata=declared)


def table(groups: Mapping[str, type[Any]]) -> Mapping[str, Setting]:
    """Return every setting that the groups declare, by its name. groups: dataclasses, by the names of the groups."""
    return MappingProxyType(
        {
            one.name: Setting(name=one.name, group=group, type=str(one.type), default=one.default, **one.metadata)
            for group, members in groups.items()
            for one in fields(members)
            if one.init
        }
    )


def check_names(names: Iterable[str], known: Mapping[str, Setting]) -> None:
    """Raise OptionError, with a hint at the nearest name, for an unknown name."""
    for name in names:
        if name in known:
            continue
        if (use := other_name(name)) is not None:
            raise OptionError(
                f"unknown setting {name!r}: use `{use}`{_example(known.get(use), name)}", topic="unknown-setting"
            )
        near = did_you_mean(name, known)
        raise OptionError(
            f"unknown setting {name!r}{near}: the settings are {', '.join(known)}", topic="unknown-setting"
        )


def _example(one: Setting | None, name: str) -> str:
    if one is None or not one.example:
        return ""
    is_value = one.type.startswith("Mapping") and one.name != name
    return f", such as {one.name}={{{name!r}: ...}}" if is_value else f", such as {one.name}={one.example}"


def other_name(name: object) -> str | None:
    """Return the setting, ``rate`` or ``if_exists='skip'``, for its name in other libraries; None for other names."""
    return _BY_OTHER_NAME.get(str(name).lower().replace("-", "_"))


def show_settings(known: Mapping[str, Setting]) -> Callable[[F], F]:
    """Decorate a function so that its signature and its docstring show every setting in place of ``**settings``."""

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        shown = [
            inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type)
            for one in known.values()
        ]
        function.__signature__ = signature.replace(parameters=[*own, *shown])  # type: ignore[attr-defined]
        function.__doc__ = f"{inspect.getdoc(function)}\n\n{describe(known)}"
        return function

    return decorate


def describe(known: Mapping[str, Setting]) -> str:
    """Return a line for each setting, with everything that is declared of its meaning."""
    return "\n".join(f"{one.name}: {' '.join(filter(None, (one.help, one.details)))}" for one in known.values())
