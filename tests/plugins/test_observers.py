"""Observers get every event of every writer; their errors are reported, and never end a save."""

from __future__ import annotations

import asyncio
import sys
import types
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave.errors import PluginError, SeqSaveWarning
from seqsave.plugins import manager
from tests.cli.runner import seqsave as command
from tests.kit import WordlessError
from tests.support.site import Site

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = np.zeros((3, 2, 2, 3), "uint8")
OBSERVER = """
import seqsave

seen = []

def note(event):
    seen.append(event)

@seqsave.hookimpl
def seqsave_observers():
    return [seqsave.ObserverSpec(name="{name}", observer="{observer}", install_hint="pip install backend")]
"""


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module ``watching`` whose function ``note`` and class ``Log`` observe."""
    module: Any = types.ModuleType("watching")
    module.seen, module.logs = [], []

    class Log:
        def __init__(self) -> None:
            self.kinds: list[str] = []
            module.logs.append(self)

        def __call__(self, event: seqsave.Event) -> None:
            self.kinds.append(event.kind)

    def fail(event: seqsave.Event) -> None:
        module.seen.append(event)
        raise module.error

    module.note, module.Log, module.fail = module.seen.append, Log, fail
    monkeypatch.setitem(sys.modules, "watching", module)
    return module  # type: ignore[no-any-return]


def observe(observer: str, name: str = "watch", **more: Any) -> None:
    seqsave.register_observer(seqsave.ObserverSpec(name=name, observer=observer, **more))


def test_a_function_gets_every_event_of_every_writer(watching: Any) -> None:
    observe("watching:note")
    mine: list[seqsave.Event] = []
    seqsave.save(FRAMES, "memory://observed/a", on_event=mine.append)
    assert watching.seen == mine
    assert [event.kind for event in mine].count("saved") == 3
    assert mine[-1].kind == "closed"
    seqsave.save(FRAMES, "memory://observed/b")
    assert len(watching.seen) == 2 * len(mine)


def test_of_a_class_each_writer_has_one(watching: Any) -> None:
    observe("watching:Log")
    with seqsave.open_writer("memory://observed/a") as one, seqsave.open_writer("memory://observed/b") as other:
        one.write(FRAMES[0])
        other.write(FRAMES[0])
        other.write(FRAMES[0])
    first, second = sorted(watching.logs, key=lambda log: len(log.kinds))
    assert [first.kinds.count("saved"), second.kinds.count("saved")] == [1, 2]
    assert [first.kinds.count("closed"), second.kinds.count("closed")] == [1, 1]


@pytest.mark.parametrize(
    "error", [RuntimeError("the database is away"), SystemExit("enough"), KeyError("x"), asyncio.CancelledError("x")]
)
def test_what_it_raises_is_a_warning_once_and_everything_is_saved(watching: Any, error: BaseException) -> None:
    watching.error = error
    observe("watching:fail")
    observe("watching:note", "sound")
    with pytest.warns(SeqSaveWarning, match=rf"the observer 'watch' failed: {type(error).__name__}: ") as reported:
        result = seqsave.save(FRAMES, "memory://observed/a")
    assert len(reported) == 1
    assert result.counts["saved"] == 3
    kinds = [event.kind for event in watching.seen]
    assert kinds.count("saved") == 6, "it is called again, and the other one too"


def test_an_observer_whose_error_has_no_text(watching: Any) -> None:
    watching.error = WordlessError()
    observe("watching:fail")
    with pytest.warns(SeqSaveWarning, match="the observer 'watch' failed: WordlessError; saving continues"):
        assert seqsave.save(FRAMES, "memory://observed/a").counts["saved"] == 3


def test_a_coroutine_function_is_not_an_observer(watching: Any) -> None:
    async def note(event: seqsave.Event) -> None:
        watching.seen.append(event)

    watching.note = note
    observe("watching:note")
    with pytest.warns(SeqSaveWarning, match="TypeError: it returned a coroutine: it must be an ordinary function"):
        assert seqsave.save(FRAMES, "memory://observed/a").counts["saved"] == 3


@pytest.mark.parametrize(
    ("observer", "says"),
    [
        (
            "no_such_backend:note",
            "cannot be imported: No module named 'no_such_backend'; install it with: x",
        ),
        ("watching:nothing", "AttributeError"),
        ("watching:seen", "'list' object is not callable"),
    ],
)
def test_one_that_cannot_be_opened(watching: Any, observer: str, says: str) -> None:
    observe(observer, install_hint="x")
    with pytest.warns(SeqSaveWarning, match=says) as reported:
        assert seqsave.save(FRAMES, "memory://observed/a").counts["saved"] == 3
    assert len(reported) == 1


def test_registering(watching: Any) -> None:
    observe("watching:note")
    with pytest.raises(PluginError, match="the observer 'watch' already exists; pass clobber=True to replace it"):
        observe("watching:Log")
    seqsave.register_observer(seqsave.ObserverSpec(name="watch", observer="watching:Log"), clobber=True)
    seqsave.unregister_observer("watch")
    seqsave.save(FRAMES, "memory://observed/a")
    assert (watching.seen, watching.logs) == ([], [])
    with pytest.raises(PluginError, match=r"'watch' was not registered in this process \(registered: nothing\)"):
        seqsave.unregister_observer("watch")
    with pytest.raises(PluginError, match=r"observer is 'watching'"):
        observe("watching")


@pytest.fixture
def installed(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(manager, "_manager", manager.PluginManager())
    monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", "farm-log, farm-log-too")
    return site


def test_a_plugin_s_observer(installed: Site, watching: Any) -> None:
    installed.install("farm-log", OBSERVER.format(name="watch", observer="farm_log:note"))
    seqsave.save(FRAMES, "memory://observed/a")
    import farm_log  # type: ignore[import-not-found]

    assert [event.kind for event in farm_log.seen].count("saved") == 3
    observe("watching:note")  # of the same name: what is registered wins
    before = len(farm_log.seen)
    seqsave.save(FRAMES, "memory://observed/b")
    assert len(farm_log.seen) == before
    assert len(watching.seen) == before


def test_two_plugins_of_one_name_are_a_warning_that_names_both(installed: Site) -> None:
    installed.install("farm-log", OBSERVER.format(name="watch", observer="farm_log:note"))
    installed.install("farm-log-too", OBSERVER.format(name="watch", observer="farm_log_too:note"))
    with pytest.warns(SeqSaveWarning, match="the observer 'watch' is claimed by farm-log and farm-log-too"):
        assert seqsave.save(FRAMES, "memory://observed/a").counts["saved"] == 3


def test_the_command_is_observed_too(watching: Any, tmp_path: Path) -> None:
    watching.error = RuntimeError("the database is away")
    observe("watching:fail")
    np.save(tmp_path / "frames.npy", FRAMES)
    result = command("save", tmp_path / "frames.npy", tmp_path / "renders")
    assert [event.kind for event in watching.seen].count("saved") == 3
    assert result.err.count("the observer 'watch' failed: RuntimeError: the database is away; saving continues") == 1
