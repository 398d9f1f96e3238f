"""Find the installed plugins by their entry points, and choose those that the user allows. Nothing is imported."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from seqsave.wording import shortened

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "Candidate", "PluginInfo", "candidate_of", "discover", "is_chosen"]

GROUP = "seqsave"

_HEADER = re.compile(r"^(Name|Version):[ \t]*(.*\S)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """One installed plugin: its entry point's name, its distribution, and either what it adds or why it failed."""

    name: str
    distribution: str
    version: str
    filetypes: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    observers: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that may be loaded: its names, and the code that its entry point names or the error from reading that.

    code: ``"module"`` or ``"module:attribute"``, as installed; ``""`` with an error.
    """

    info: PluginInfo
    code: str
    error: Exception | None = None


class _Record(Protocol):
    """What an installer leaves of a distribution, as of ``importlib.metadata.Distribution``."""

    def read_text(self, filename: str, /) -> str | None:
        """Return the text of a file of the record; None if there is none."""

    def locate_file(self, path: str, /) -> object:
        """Return where a file of the distribution is."""


def discover() -> Iterator[Candidate]:
    """Yield the entry points of everything installed, one distribution after the other.

    ``importlib.metadata.entry_points`` is not used, because one unreadable record of any package makes it fail.
    """
    seen = set()
    for record in _installed():
        text = _text_of(record, "entry_points.txt")
        if f"[{GROUP}]" not in text:
            continue
        info = _label(record)
        key = re.sub(r"[-_.]+", "-", info.distribution).lower()
        if key in seen:
            continue  # installed twice: as with modules, the first on the path is the one
        seen.add(key)
        try:
            found = _entries(text)
        except ValueError as error:
            yield Candidate(info, "", error)
            continue
        for name, code in found.items():
            yield Candidate(replace(info, name=name), code)


def candidate_of(entry_point: EntryPoint) -> Candidate:
    """Return the plugin of one entry point."""
    if entry_point.dist is not None:
        return Candidate(replace(_label(entry_point.dist), name=entry_point.name), entry_point.value)
    module = entry_point.value.partition(":")[0]
    return Candidate(PluginInfo(name=entry_point.name, distribution=module, version=""), entry_point.value)


class _Folder:
    """The record of a distribution in a folder beside its modules."""

    def __init__(self, place: Path, name: str) -> None:
        self._place = place
        self._name = name

    def read_text(self, filename: str, /) -> str | None:
        """Return the text of a file of the record; None if there is none."""
        try:
            return (self._place / self._name / filename).read_text(encoding="utf-8")
        except OSError:
            return None

    def locate_file(self, path: str, /) -> Path:
        """Return where a file of the distribution is."""
        return self._place / path


def _installed() -> Iterator[_Record]:
    """Yield the record of each installed distribution.

    ``importlib.metadata`` finds every kind. Importing it takes longer than most programs need to find their plugins,
    so it is used only where something other than a plain folder is on the path.
    """
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    places = [Path(place) for place in dict.fromkeys(sys.path)]
    if finders == [PathFinder] and not any(place.suffix == ".egg" or place.is_file() for place in places):
        for place in places:
            for name in _names_in(place):
                yield _Folder(place, name)
        return
    from importlib.metadata import distributions

    yield from distributions()


def _names_in(place: Path) -> list[str]:
    """Return the names of the records in a folder of the path, sorted."""
    try:
        names = os.listdir(place)  # noqa: PTH208 - a path object for each module that is installed would take longer
        return sorted(name for name in names if name.lower().endswith((".dist-info", ".egg-info")))
    except OSError:
        return []


def _text_of(record: _Record, name: str) -> str:
    """Return the text of a file of a record; ``""`` if it cannot be read."""
    try:
        return record.read_text(name) or ""
    except Exception:  # noqa: BLE001  (a missing or damaged record fails differently from Python to Python)
        return ""


def _entries(text: str) -> dict[str, str]:
    """Return what the entry points of plugins name, by their names. Raises ValueError for a line that is none."""
    found, section = {}, ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line
        elif section == f"[{GROUP}]" and line and not line.startswith("#"):
            name, equals, code = line.partition("=")
            if not equals:
                raise ValueError(f"{shortened(line)} has no '='")
            found[name.strip()] = code.strip()
    return found


def _label(record: _Record) -> PluginInfo:
    """Return name and version of a distribution; its location if its record has no name."""
    text = _text_of(record, "METADATA") or _text_of(record, "PKG-INFO")
    headers = text.partition("\n\n")[0]
    found = {name.title(): value for name, value in reversed(_HEADER.findall(headers))}
    name = found.get("Name") or f"a distribution without a name in {record.locate_file('')}"
    return PluginInfo(name=name, distribution=name, version=found.get("Version", ""))


def is_chosen(info: PluginInfo) -> bool:
    """Return whether the two environment variables allow this plugin, by its entry point's or distribution's name."""
    names = {info.name, info.distribution}
    only = os.environ.get("SEQSAVE_LOAD_PLUGINS")
    if only is not None and not names & _words(only):
        return False
    return not names & _words(os.environ.get("SEQSAVE_DISABLE_PLUGINS", ""))


def _words(text: str) -> set[str]:
    return {word.strip() for word in text.split(",") if word.strip()}
