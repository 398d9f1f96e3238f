"""The settings of a writer, checked, as one frozen record; and the table of all settings."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from seqsave.errors import OptionError
from seqsave.naming import NamePattern, NameRule
from seqsave.settings.formats import Format, PixelFormat, format_of_copies
from seqsave.settings.groups import Delivery, EmbeddedMetadata, Naming, Reports
from seqsave.settings.limits import Limits
from seqsave.settings.table import Setting, check_names, show_settings, table

__all__ = ["GROUPS", "SETTINGS", "WriterConfig", "check_settings", "with_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterConfig:
    """All settings of a writer, checked, in groups. ``seqsave.check_settings`` makes it.

    naming:    names and numbers of the frames.
    pixels:    file types, and the conversion of pixels for them.
    embedding: facts that the files state about the pictures.
    delivery:  publication of the frames, and the files beside them.
    limits:    limits of concurrency and memory.
    reports:   reports of the progress.
    pattern:   the names of the files as the writer's URL states them; None for a URL of a folder.
    copies:    the file type of files that are copied unchanged, under the names of ``pattern``; "" for pictures.
    reads_slowly: these files come from a storage that is not as near as a disk.

    Raises what the groups raise.
    """

    naming: Naming = field(default_factory=Naming)
    pixels: PixelFormat = field(default_factory=PixelFormat)
    embedding: EmbeddedMetadata = field(default_factory=EmbeddedMetadata)
    delivery: Delivery = field(default_factory=Delivery)
    limits: Limits = field(default_factory=Limits)
    reports: Reports = field(default_factory=Reports)
    pattern: NamePattern | None = None
    copies: str = ""
    reads_slowly: bool = False
    _made: list[tuple[Format, ...]] = field(init=False, repr=False, compare=False, default_factory=list)

    def __post_init__(self) -> None:
        if self.pixels.is_usual and not self.copies:
            names = self.naming  # the format itself is made when it is asked for, as numpy comes with it
            NameRule(
                names.prefix, names.digits, "png", names.separator, "" if self.pattern is None else self.pattern.tail
            )
        else:
            self._made.append(self._formats())

    @property
    def formats(self) -> tuple[Format, ...]:
        """Return the settings resolved for each file type."""
        if not self._made:
            self._made.append(self._formats())
        return self._made[0]

    def _formats(self) -> tuple[Format, ...]:
        names, formats = self.naming, None
        if self.copies and self.pattern is not None:
            formats = (format_of_copies(self.pattern, self.copies),)
        own = self.pixels.formats if formats is None else formats
        return tuple(one.named(names.prefix, names.digits, names.separator, self.pattern) for one in own)

    @property
    def settings(self) -> dict[str, Any]:
        """Return every setting by its name, as ``seqsave.open_writer`` takes them."""
        return {name: getattr(getattr(self, one.group), name) for name, one in SETTINGS.items()}


GROUPS: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {
        "naming": Naming,
        "pixels": PixelFormat,
        "embedding": EmbeddedMetadata,
        "delivery": Delivery,
        "limits": Limits,
        "reports": Reports,
    }
)
"""The groups of WriterConfig, by the names of its fields."""

SETTINGS: Final[Mapping[str, Setting]] = table(GROUPS)
"""Every setting by its name, in the order in which they are shown."""


@show_settings(SETTINGS)
def check_settings(**settings: Any) -> WriterConfig:
    """Check the settings of a writer without opening one, and return them as a WriterConfig.

    Raises OptionError (also for an unknown name), FrameNameError, MetadataError, EncoderNotFoundError,
        EncoderConflictError, EncoderUnavailableError.
    """
    check_names(settings, SETTINGS)
    given: dict[str, dict[str, Any]] = {}
    for name, value in settings.items():
        given.setdefault(SETTINGS[name].group, {})[name] = value
    made = {group: GROUPS[group](**values) for group, values in given.items()}
    return WriterConfig(**{**_defaults(), **made})


@functools.cache
def _defaults() -> Mapping[str, Any]:
    """Return the groups' defaults that are the same for every writer; those of file types can change."""
    return {group: members() for group, members in GROUPS.items() if members is not PixelFormat}


def with_settings(config: WriterConfig | None, settings: Mapping[str, Any]) -> WriterConfig:
    """Return ``config`` (the defaults if None) with other values for some settings. Raises as ``check_settings``."""
    if config is not None and not isinstance(config, WriterConfig):
        raise OptionError(f"config is {config!r:.80}: it must be a WriterConfig, as seqsave.check_settings returns")
    if config is None or settings:
        return check_settings(**{**(config.settings if config is not None else {}), **settings})
    return config
