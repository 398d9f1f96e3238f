"""Observers of writers, declared by plugins and by calls of ``register_observer``."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping

from seqsave.errors import PluginError, SeqSaveWarning
from seqsave.plugins import manager
from seqsave.specs import ObserverSpec
from seqsave.types import Event
from seqsave.wording import described

__all__ = ["open_observers", "register_observer", "unregister_observer"]


def register_observer(spec: ObserverSpec, clobber: bool = False) -> None:
    """Add an observer to this process, without a plugin. It takes precedence over plugins' observers of that name.

    Open writers are not observed. Raises PluginError for an invalid declaration, and for a name that is already
    registered, unless ``clobber`` is True.
    """
    if manager.current().register("observers", spec, "register_observer", clobber) is not None:
        raise PluginError(f"the observer {spec.name!r} already exists; pass clobber=True to replace it")


def unregister_observer(name: str) -> None:
    """Undo ``register_observer``. Raises PluginError if the name is not registered."""
    if manager.current().unregister("observers", name) is None:
        added = ", ".join(manager.current().registered("observers")) or "nothing"
        raise PluginError(f"{name!r} was not registered in this process (registered: {added})")


def open_observers() -> list[Callable[[Event], None]]:
    """Open every observer for one writer. Return functions that take an Event and catch errors of the observer."""
    return [_Observer(spec) for spec in _specs().values()]


def _specs() -> Mapping[str, ObserverSpec]:
    found: dict[str, ObserverSpec] = dict(manager.current().registered("observers"))
    for name, claims in sorted(manager.current().collect("observers").items()):
        if name in found:
            continue
        if len(claims) == 1:
            found[name] = claims[0].spec
        else:
            warnings.warn(manager.conflict(f"the observer {name!r}", claims), SeqSaveWarning, 2)
    return found


class _Observer:
    """One observer of one writer. Its first error is reported as a warning; further events are still passed on."""

    def __init__(self, spec: ObserverSpec) -> None:
        self._spec = spec
        self._call: Callable[[Event], object] | None = None
        self._has_warned = False

    def __call__(self, event: Event) -> None:
        try:
            if self._call is None:
                self._call = self._open()
            self._check(self._call(event))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - an observer is another's code, and must not end a save
            if self._has_warned:
                return
            self._has_warned = True
            message = self._message(error)
        else:
            return
        warnings.warn(message, SeqSaveWarning, 2)

    def _open(self) -> Callable[[Event], object]:
        found = manager.import_code(self._spec.observer)
        opened: Callable[[Event], object] = found() if isinstance(found, type) else found
        return opened

    @staticmethod
    def _check(result: object) -> None:
        """Raise TypeError for a coroutine, which no event loop would ever run."""
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError("it returned a coroutine: it must be an ordinary function")

    def _message(self, error: BaseException) -> str:
        what = f"the observer {self._spec.name!r}"
        if isinstance(error, ImportError) and self._call is None:
            return manager.missing(what, error, self._spec)
        return f"{what} failed: {described(error)}; saving continues"
