"""Rules of every hook: precedence, broken plugins, the choice of plugins."""

from __future__ import annotations

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click
import pytest

from seqsave.errors import PluginError, SeqSaveWarning
from seqsave.plugins.manager import HOOKS, PluginManager
from seqsave.specs import EncoderSpec, ObserverSpec, TargetSpec, Traits
from tests.kit import TINY
from tests.plugins import meeting
from tests.plugins.made import BOTH
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from tests.support.site import Site

RECORDS = {
    "encoders": "EncoderSpec(filetype='{name}', extensions=('x',), encoder='a:B', dtypes=('uint8',))",
    "targets": "TargetSpec(protocols=('{name}',), target='a:B')",
    "observers": "ObserverSpec(name='{name}', observer='a:b')",
}
PLUGIN = """
from seqsave import EncoderSpec, ObserverSpec, TargetSpec, Traits, hookimpl

@hookimpl
def seqsave_{kind}():
    return [{record}]
"""
COMMAND = """
import click
from seqsave import hookimpl

@hookimpl
def seqsave_commands(cli):
    @cli.command("{name}")
    def command():
        "Print it."
        click.echo("{text}")
"""
KINDS = pytest.mark.parametrize("kind", HOOKS)


def plugin(kind: str, name: str, **changes: str) -> str:
    record = RECORDS[kind].format(name=name)
    for old, new in changes.items():
        record = record.replace(old, new)
    return PLUGIN.format(kind=kind, record=record)


def names(manager: PluginManager, kind: str) -> dict[str, list[str]]:
    return {
        name: [claim.info.distribution for claim in claims]
        for name, claims in manager.collect(kind).items()
        if name.startswith("our")
    }


def error_of(manager: PluginManager, name: str) -> str | None:
    return next(info.error for info in manager.infos() if info.name == name)


@KINDS
def test_every_hook_is_collected_with_whose_it_is(site: Site, kind: str) -> None:
    site.install("studio-one", plugin(kind, "our1"))
    site.install("studio-two", plugin(kind, "our2"))
    site.install("studio-three", plugin(kind, "our2"))
    manager = PluginManager()
    assert names(manager, kind) == {"our1": ["studio-one"], "our2": ["studio-three", "studio-two"]}
    info = next(info for info in manager.infos() if info.name == "studio-one")
    assert {"encoders": info.filetypes, "targets": info.protocols, "observers": info.observers}[kind] == ("our1",)
    assert info.error is None


@KINDS
@pytest.mark.parametrize(
    "broken", ["import", "raises", "exits", "base", "wordless", "other record", "not a list", "unsound", "twice"]
)
def test_a_broken_plugin_is_reported_once_listed_and_breaks_no_other(site: Site, kind: str, broken: str) -> None:
    other = "TINY" if kind != "encoders" else "ObserverSpec(name='x', observer='a:b')"
    source, says = {
        "import": ("import no_such_backend", "No module named 'no_such_backend'"),
        "raises": (PLUGIN.format(kind=kind, record="1 / 0"), "ZeroDivisionError"),
        "exits": (PLUGIN.format(kind=kind, record="exit('enough')"), "SystemExit: enough"),
        "base": ("raise GeneratorExit('enough')", "GeneratorExit: enough"),
        "wordless": ("from tests.kit import WordlessError\nraise WordlessError", "WordlessError"),
        "other record": (
            PLUGIN.format(kind=kind, record=other) + "\nfrom tests.kit import TINY",
            "it must be a seqsave.",
        ),
        "not a list": (plugin(kind, "our9").replace("return [", "return (").replace("]\n", ")\n"), "must be a list of"),
        "unsound": (
            plugin(
                kind,
                "",
            ),
            "declares",
        ),
        "twice": (plugin(kind, "our9").replace("return [", "return 2 * ["), "twice"),
    }[broken]
    site.install("broken-one", source)
    site.install("studio-one", plugin(kind, "our1"))
    manager = PluginManager()
    with pytest.warns(SeqSaveWarning, match="plugin 'broken-one' of broken-one is left out") as reported:
        assert names(manager, kind) == {"our1": ["studio-one"]}
    assert len(reported) == 1
    for each in HOOKS:
        manager.collect(each)  # and not again
    assert says in str(error_of(manager, "broken-one"))
    assert error_of(manager, "studio-one") is None


@KINDS
def test_strict_makes_it_an_error_each_time(site: Site, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    site.install("broken-one", PLUGIN.format(kind=kind, record="1 / 0"))
    monkeypatch.setenv("SEQSAVE_STRICT_PLUGINS", "1")
    manager = PluginManager()
    for _ in range(2):
        with pytest.raises(PluginError, match="plugin 'broken-one' of broken-one is broken: ZeroDivisionError"):
            manager.collect(kind)


@pytest.mark.parametrize("kind", ["targets", "observers"])
def test_a_plugin_is_left_out_as_a_whole(site: Site, kind: str) -> None:
    site.install("half-broken", BOTH.format(kind=kind, arguments="", body="raise OSError('no disk')"))
    manager = PluginManager()
    with pytest.warns(SeqSaveWarning, match="OSError: no disk"):
        assert "sound" not in manager.collect("encoders")


@KINDS
def test_plugins_are_chosen_for_every_hook(site: Site, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    site.install("studio-one", plugin(kind, "our1"))
    site.install("studio-two", plugin(kind, "our2"))
    monkeypatch.setenv("SEQSAVE_DISABLE_PLUGINS", "studio-one")
    assert list(names(PluginManager(), kind)) == ["our2"]
    monkeypatch.delenv("SEQSAVE_DISABLE_PLUGINS")
    monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", "studio-one")
    assert list(names(PluginManager(), kind)) == ["our1"]
    monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", "")
    assert names(PluginManager(), kind) == {}


SPECS: dict[str, Any] = {
    "encoders": TINY,
    "targets": TargetSpec(protocols=("shelf", "shelves"), traits=Traits(publish="put")),
    "observers": ObserverSpec(name="log", observer="a:b"),
}


@KINDS
def test_what_is_registered_is_kept_until_it_is_taken_back(kind: str) -> None:
    manager, spec = PluginManager([]), SPECS[kind]
    first, *others = HOOKS[kind].names(spec)
    assert manager.register(kind, spec, "test") is None
    assert manager.register(kind, spec, "test") == first
    assert manager.register(kind, spec, "test", clobber=True) is None
    assert manager.registered(kind) == dict.fromkeys([first, *others], spec)
    assert manager.unregister(kind, first) is spec
    assert manager.registered(kind) == {}
    assert manager.unregister(kind, first) is None
    with pytest.raises(PluginError, match="test returned 3: it must be a seqsave"):
        manager.register(kind, 3, "test")


# --- commands --------------------------------------------------------------------------------------------------------


def test_commands_are_collected_into_a_group_of_each_plugin_s_own(site: Site) -> None:
    site.install("studio-one", COMMAND.format(name="status", text="one"))
    site.install("studio-two", COMMAND.format(name="status", text="two"))
    manager = PluginManager()
    claims = manager.commands(click.Group)["status"]
    assert [claim.info.distribution for claim in claims] == ["studio-one", "studio-two"]
    assert [info.commands for info in manager.infos() if info.name == "studio-one"] == [("status",)]
    assert manager.commands(click.Group) is manager.commands(click.Group)


def test_commands_that_cannot_be_made_cost_the_plugin_nothing_else(site: Site) -> None:
    site.install("half-broken", BOTH.format(kind="commands", arguments="cli", body="cli.no_such_thing()"))
    site.install("studio-one", COMMAND.format(name="status", text="one"))
    manager = PluginManager()
    assert "sound" in manager.collect("encoders")
    with pytest.warns(SeqSaveWarning, match="plugin 'half-broken' of half-broken is left out: AttributeError"):
        assert "status" in manager.commands(click.Group)
    manager.commands(click.Group)
    assert "AttributeError" in str(error_of(manager, "half-broken"))
    assert isinstance(manager.collect("encoders")["sound"][0].spec, EncoderSpec)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise GeneratorExit('enough')", "GeneratorExit: enough"),
        ("raise SystemExit(9)", "SystemExit: 9"),
        ("cli.commands['status'] = 5", "seqsave_commands added 5 as 'status': it must be a click.Command with a name"),
        ("cli.commands[None] = cli", "as None: it must be a click.Command with a name"),
    ],
)
def test_whatever_a_plugin_adds_other_commands_remain(site: Site, body: str, says: str) -> None:
    site.install("broken-one", BOTH.format(kind="commands", arguments="cli", body=body))
    site.install("studio-one", COMMAND.format(name="status", text="one"))
    manager = PluginManager()
    with pytest.warns(SeqSaveWarning, match="plugin 'broken-one' of broken-one is left out"):
        claims = manager.commands(click.Group)
    assert [claim.info.distribution for claim in claims["status"]] == ["studio-one"]
    assert says in str(error_of(manager, "broken-one"))


def test_an_interrupt_during_the_import_of_a_plugin_is_an_interrupt(site: Site) -> None:
    site.install("broken-one", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        PluginManager().infos()


def test_a_plugin_that_another_thread_imports_may_ask_for_plugins(site: Site) -> None:
    """That thread has Python's lock of the module, for which a thread that loads plugins waits."""
    waits = "from tests.plugins import meeting\n"
    site.install("a-first", waits + "meeting.reach('loading')\nmeeting.wait('importing')\n" + plugin("targets", "our1"))
    asks = waits + "meeting.reach('importing')\nmeeting.wait('loading')\nmeeting.answers.append(meeting.ask())\n"
    site.install("b-second", asks + plugin("targets", "our2"))
    manager = PluginManager()
    meeting.start(lambda: names(manager, "targets"))
    whole: list[object] = []
    threads = [
        threading.Thread(target=lambda: importlib.import_module("b_second"), daemon=True),
        threading.Thread(target=lambda: whole.append(names(manager, "targets")), daemon=True),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert [sorted(answer) for answer in meeting.answers] == [["our1"]]
    assert whole == [{"our1": ["a-first"], "our2": ["b-second"]}]
    assert names(manager, "targets") == whole[0]


def test_a_plugin_that_the_program_imports_may_ask_for_plugins(site: Site) -> None:
    asks = "from tests.plugins import meeting\nmeeting.answers.append(meeting.ask())\n"
    site.install("b-second", asks + plugin("targets", "our2"))
    manager = PluginManager()
    meeting.start(lambda: names(manager, "targets"))
    importlib.import_module("b_second")
    assert meeting.answers == [{}]  # it has declared nothing yet
    assert names(manager, "targets") == {"our2": ["b-second"]}


def test_of_threads_that_load_at_the_same_time_one_reports_what_is_broken(site: Site) -> None:
    site.install("broken-one", "1 / 0")
    site.install("studio-one", plugin("targets", "our1"))
    manager = PluginManager()
    at_once = threading.Barrier(4)

    def ask(_: int) -> object:
        at_once.wait(PATIENCE)
        return names(manager, "targets")

    with pytest.warns(SeqSaveWarning, match="plugin 'broken-one'") as reported, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [{"our1": ["studio-one"]}] * 4
    assert len(reported) == 1
