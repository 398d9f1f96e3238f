"""Find plugins by their entry points, load each one so that its errors are contained, and collect their declarations.

- A plugin is loaded as a whole: its module is imported, and each of its hooks that returns records is called. A plugin
  that fails is left out with everything that it declares, reported once, listed by ``infos``, and never breaks another.
- Names (a file type, a protocol, an observer's name, a command) belong to the plugin that claims them. Two plugins that
  claim the same name are an error only when that name is requested; the caller that looks up the name raises it.
- Plugins are loaded once per process, when an entry point is needed for the first time.

``SEQSAVE_STRICT_PLUGINS=1`` makes a broken plugin a PluginError. ``SEQSAVE_LOAD_PLUGINS`` and
``SEQSAVE_DISABLE_PLUGINS`` choose plugins by the name of their entry point or distribution, separated by commas.
"""

from __future__ import annotations

import importlib
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seqsave.errors import PluginError, SeqSaveWarning
from seqsave.plugins import declarations
from seqsave.plugins.discovery import Candidate, PluginInfo, candidate_of, discover, is_chosen
from seqsave.runtime.threads import ForkSafeLock
from seqsave.specs import EncoderSpec, ObserverSpec, TargetSpec
from seqsave.wording import described

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "Claim",
    "PluginInfo",
    "PluginManager",
    "check",
    "conflict",
    "current",
    "import_code",
    "missing",
]

COMMANDS = "seqsave_commands"


@dataclass(frozen=True, slots=True)
class Claim:
    """A name that a plugin claims: the plugin, and the record (or the command) behind the name."""

    info: PluginInfo
    spec: Any


@dataclass(frozen=True, slots=True)
class _Hook:
    """A hook that returns records.

    function: its name.
    record:   the class of its records.
    noun:     what one of their names is called in messages; its plural is the field of PluginInfo.
    names:    returns the names that a record claims.
    problems: returns the problems of a record, one line each.
    """

    function: str
    record: type
    noun: str
    names: Callable[[Any], tuple[str, ...]]
    problems: Callable[[Any], list[str]]


HOOKS: Mapping[str, _Hook] = {
    "encoders": _Hook(
        "seqsave_encoders", EncoderSpec, "filetype", lambda spec: (spec.filetype,), declarations.problems
    ),
    "targets": _Hook(
        "seqsave_targets", TargetSpec, "protocol", lambda spec: spec.protocols, declarations.target_problems
    ),
    "observers": _Hook(
        "seqsave_observers", ObserverSpec, "observer", lambda spec: (spec.name,), declarations.observer_problems
    ),
}


@dataclass
class _Plugin:
    """A plugin that was loaded. ``hook`` calls the hooks of this plugin only; None for a broken plugin."""

    info: PluginInfo
    hook: Any = None
    specs: dict[str, list[Any]] = field(default_factory=dict)


class _Loading(threading.local):
    """The plugins that a thread has loaded so far, while it loads them."""

    plugins: list[_Plugin] | None = None


class _UnfinishedError(Exception):
    """A plugin's module is already being imported, by a caller on this thread or in a circular import."""


class PluginManager:
    """The plugins of one set of entry points (by default, all installed ones), and the records registered by calls."""

    def __init__(self, entry_points: Iterable[EntryPoint] | None = None) -> None:
        self._entry_points = entry_points
        self._plugins: list[_Plugin] | None = None
        self._loading = _Loading()
        self._claims: dict[str, dict[str, list[Claim]]] = {}
        self._registered: dict[str, dict[str, Any]] = {kind: {} for kind in HOOKS}
        self._lock = ForkSafeLock()

    # --- what plugins declare ---

    def collect(self, kind: str) -> Mapping[str, list[Claim]]:
        """Return every name that plugins claim for ``kind`` ("encoders", "targets", "observers"), with its claims.

        In strict mode a broken plugin raises PluginError.
        """
        claims = self._claims.get(kind)
        if claims is None:
            plugins, is_whole = self._loaded()
            claims = {}
            for plugin, spec in ((one, spec) for one in plugins for spec in one.specs.get(kind, ())):
                for name in HOOKS[kind].names(spec):
                    claims.setdefault(name, []).append(Claim(plugin.info, spec))
            return self._kept(kind, claims) if is_whole else claims
        return claims

    def commands(self, make_group: Callable[[], Any]) -> Mapping[str, list[Claim]]:
        """Return every command that plugins claim, by name. make_group: makes the group that a plugin adds to."""
        claims = self._claims.get("commands")
        if claims is None:
            plugins, is_whole = self._loaded()
            claims = {}
            for plugin in plugins:
                for name, command in self._commands_of(plugin, make_group()).items():
                    claims.setdefault(name, []).append(Claim(plugin.info, command))
            claims = self._kept("commands", claims) if is_whole else claims
        return claims

    def infos(self) -> tuple[PluginInfo, ...]:
        """Return every installed plugin; broken ones have an error."""
        return tuple(plugin.info for plugin in self._loaded()[0])

    def _kept(self, kind: str, claims: dict[str, list[Claim]]) -> dict[str, list[Claim]]:
        """Store and return these claims, or return those that a faster thread has stored."""
        with self._lock:
            return self._claims.setdefault(kind, claims)

    # --- what calls register ---

    def register(self, kind: str, spec: Any, where: str, clobber: bool = False) -> str | None:
        """Add a record for this process. If a name is registered already, return it and add nothing.

        where:   the function that was called, for messages.
        clobber: replace a registered record.

        Raises PluginError for an invalid record.
        """
        names = HOOKS[kind].names(check(kind, spec, where))
        with self._lock:
            taken = [name for name in names if name in self._registered[kind]]
            if taken and not clobber:
                return taken[0]
            self._registered[kind] = {**self._registered[kind], **dict.fromkeys(names, spec)}
        return None

    def unregister(self, kind: str, name: str) -> Any | None:
        """Remove and return the record registered under ``name``, with all its names; None if there is none."""
        with self._lock:
            spec = self._registered[kind].get(name)
            if spec is not None:
                kept = {other: value for other, value in self._registered[kind].items() if value is not spec}
                self._registered[kind] = kept
            return spec

    def registered(self, kind: str) -> Mapping[str, Any]:
        """Return the records that calls registered, by name."""
        return self._registered[kind]

    # --- loading ---

    def _loaded(self) -> tuple[list[_Plugin], bool]:
        """Return the plugins, and whether these are all of them.

        No lock is held while they are imported: a plugin's code may wait for another thread that also needs plugins.
        If several threads load at the same time, all use the result of the first one to finish.
        """
        if self._plugins is not None:
            return self._plugins, True
        if self._loading.plugins is not None:
            return self._loading.plugins, False  # a plugin that asks while it is imported gets those before it
        found = discover() if self._entry_points is None else map(candidate_of, self._entry_points)
        chosen = [candidate for candidate in found if is_chosen(candidate.info)]
        chosen.sort(key=lambda candidate: (candidate.info.distribution, candidate.info.name))
        plugins = self._loading.plugins = []
        try:
            for candidate in chosen:
                plugins.extend(_load(candidate))
        finally:
            self._loading.plugins = None
        is_whole = len(plugins) == len(chosen)
        return (self._decided(plugins) if is_whole else plugins), is_whole

    def _decided(self, plugins: list[_Plugin]) -> list[_Plugin]:
        with self._lock:
            if self._plugins is not None:
                return self._plugins
            self._plugins = plugins
        try:
            for plugin in plugins:
                _warn(plugin.info)
        except BaseException:  # warnings are errors here: so it is each time
            self._plugins = None
            raise
        return plugins

    def _commands_of(self, plugin: _Plugin, group: Any) -> Mapping[str, Any]:
        if plugin.hook is None:
            return {}
        try:
            plugin.hook.seqsave_commands(cli=group)
            commands = _checked_commands(group.commands)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - as in _load
            plugin.info = replace(plugin.info, error=_error_text(plugin.info, error))
            _warn(plugin.info)
            return {}
        plugin.info = replace(plugin.info, commands=tuple(commands))
        return commands


def _load(candidate: Candidate) -> list[_Plugin]:
    """Import one plugin's declarations, register it with a manager of its own and call its hooks.

    Returns nothing for a module that is still being imported, because its hooks may not be defined yet.
    """
    try:
        hook, specs = _records_of(candidate)
    except _UnfinishedError:
        return []
    except KeyboardInterrupt:
        raise
    # A plugin may fail in any way, and may even try to end the program. It must not break other plugins.
    except BaseException as error:  # noqa: BLE001
        return [_Plugin(replace(candidate.info, error=_error_text(candidate.info, error)))]
    added: dict[str, Any] = {
        f"{HOOKS[kind].noun}s": tuple(name for spec in found for name in HOOKS[kind].names(spec))
        for kind, found in specs.items()
    }
    return [_Plugin(replace(candidate.info, **added), hook, specs)]


def _error_text(info: PluginInfo, error: BaseException) -> str:
    """Return the error of a broken plugin as text, or raise PluginError in strict mode."""
    message = described(error)
    if os.environ.get("SEQSAVE_STRICT_PLUGINS", "") not in ("", "0"):
        raise PluginError(f"plugin {info.name!r} of {info.distribution} is broken: {message}") from error
    return message


def _warn(info: PluginInfo) -> None:
    if info.error is not None:
        warnings.warn(f"plugin {info.name!r} of {info.distribution} is left out: {info.error}", SeqSaveWarning, 2)


def _records_of(candidate: Candidate) -> tuple[Any, dict[str, list[Any]]]:
    """Return pluggy's hooks of one plugin, and the records that they return.

    One pluggy manager for each plugin: a hook that raises ends pluggy's call for all that are registered with it.
    """
    import pluggy

    from seqsave.plugins import hookspecs

    if candidate.entry_point is None:
        raise PluginError(f"its entry points cannot be read: {candidate.error}") from candidate.error
    if getattr(importlib.import_module(candidate.entry_point.module).__spec__, "_initializing", False):
        raise _UnfinishedError
    module = candidate.entry_point.load()
    manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    implemented = _implemented(module, manager)
    specs = {}
    for kind, hook in HOOKS.items():
        if hook.function in implemented:
            results = getattr(manager.hook, hook.function)() or [None]  # pluggy leaves out a None
            specs[kind] = _checked(kind, [spec for result in results for spec in _as_list(hook, result)])
    return manager.hook, specs


def _implemented(module: Any, manager: Any) -> set[str]:
    """Return the names of the hooks that a module implements.

    Raises PluginError for a function that looks like a hook but is not one: it would silently do nothing.
    """
    for name in dir(module):
        if not name.startswith("seqsave_") or not callable(getattr(module, name)):
            continue
        if manager.parse_hookimpl_opts(module, name) is None:
            raise PluginError(f"{name} has no @seqsave.hookimpl in front of it")
    callers = manager.get_hookcallers(module)
    if not callers:
        known = ", ".join([*(hook.function for hook in HOOKS.values()), COMMANDS])
        raise PluginError(f"it implements no hook; the hooks are {known}")
    return {caller.name for caller in callers}


def _as_list(hook: _Hook, result: Any) -> list[Any]:
    if isinstance(result, (str, bytes, Mapping, hook.record)) or not isinstance(result, Iterable):
        raise PluginError(f"{hook.function} returned {result!r}: it must be a list of seqsave.{hook.record.__name__}")
    return list(result)


def _checked(kind: str, specs: list[Any]) -> list[Any]:
    hook = HOOKS[kind]
    names = [name for spec in specs for name in hook.names(check(kind, spec, hook.function))]
    if len(set(names)) < len(names):
        raise PluginError(f"{hook.function} declares a {hook.noun} twice: {', '.join(names)}")
    return specs


def _checked_commands(found: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the commands of a plugin's group by name. Raises PluginError for a value that is not a command."""
    for name, command in found.items():
        if not (isinstance(name, str) and name and callable(getattr(command, "make_context", None))):
            raise PluginError(f"{COMMANDS} added {command!r} as {name!r}: it must be a click.Command with a name")
    return dict(found)


def check(kind: str, spec: Any, where: str) -> Any:
    """Return ``spec`` if it is a valid record of this kind, otherwise raise PluginError. ``where``: its origin."""
    hook = HOOKS[kind]
    if not isinstance(spec, hook.record):
        raise PluginError(f"{where} returned {spec!r}: it must be a seqsave.{hook.record.__name__}")
    found = hook.problems(spec)
    if found:
        first = getattr(spec, {"encoders": "filetype", "targets": "protocols", "observers": "name"}[kind])
        raise PluginError(f"{where} declares {first!r}: {'; '.join(found)}")
    return spec


def import_code(code: str) -> Any:
    """Return the attribute that ``"package.module:attribute"`` names, imported now. Raises what importing raises."""
    module, _, name = code.partition(":")
    return getattr(importlib.import_module(module), name)


def conflict(what: str, claims: Iterable[Claim]) -> str:
    """Return the message for a name that several plugins claim. ``what``: the name with its noun."""
    names = " and ".join(claim.info.distribution for claim in claims)
    return f"{what} is claimed by {names}: uninstall one, or name it in SEQSAVE_DISABLE_PLUGINS"


def missing(what: str, error: ImportError, spec: Any) -> str:
    """Return the message for a record whose code cannot be imported; it ends with the install line."""
    hint = f"; install it with: {spec.install_hint}" if spec.install_hint else ""
    return f"{what} cannot be imported: {error}{hint}"


# --- the manager of this process --------------------------------------------------------------------------------------


_manager = PluginManager()


def current() -> PluginManager:
    """Return the manager of this process."""
    return _manager
