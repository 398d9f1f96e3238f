"""Find the installed plugins by their entry points, and choose those that the user allows. Nothing is imported."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

__all__ = ["GROUP", "Candidate", "PluginInfo", "candidate_of", "discover", "is_chosen"]

GROUP = "seqsave"


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


@dataclass(frozen=True)
class Candidate:
    """A plugin that may be loaded: its names, and its entry point or the error from reading that."""

    info: PluginInfo
    entry_point: EntryPoint | None
    error: Exception | None = None


def discover() -> Iterator[Candidate]:
    """Yield the entry points of everything installed, one distribution after the other.

    ``importlib.metadata.entry_points`` is not used, because one unreadable record of any package makes it fail.
    """
    from importlib.metadata import distributions

    seen = set()
    for distribution in distributions():
        text = distribution.read_text("entry_points.txt")
        if text is None or f"[{GROUP}]" not in text:
            continue
        info = _label(distribution)
        key = re.sub(r"[-_.]+", "-", info.distribution).lower()
        if key in seen:
            continue  # installed twice: as with modules, the first on the path is the one
        seen.add(key)
        try:
            found = [entry_point for entry_point in distribution.entry_points if entry_point.group == GROUP]
        except Exception as error:  # noqa: BLE001  (a record may be unreadable in any way)
            yield Candidate(info, None, error)
            continue
        for entry_point in found:
            yield Candidate(replace(info, name=entry_point.name), entry_point)


def candidate_of(entry_point: EntryPoint) -> Candidate:
    """Return the plugin of one entry point."""
    if entry_point.dist is not None:
        return Candidate(replace(_label(entry_point.dist), name=entry_point.name), entry_point)
    module = entry_point.value.partition(":")[0]
    return Candidate(PluginInfo(name=entry_point.name, distribution=module, version=""), entry_point)


def _label(distribution: Distribution) -> PluginInfo:
    """Return name and version of a distribution; its location if its record has no name."""
    found = {}
    try:
        metadata = distribution.metadata
        found = {key: metadata[key] for key in ("Name", "Version") if key in metadata}
    except Exception:  # noqa: BLE001  (a missing or damaged record fails differently from Python to Python)
        found.clear()
    name = found.get("Name") or f"a distribution without a name in {distribution.locate_file('')}"
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
