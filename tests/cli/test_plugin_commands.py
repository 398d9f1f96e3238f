"""Subcommands of plugins: found when they are called, and never in the way of the others."""

from __future__ import annotations

import importlib.metadata

import pytest

from seqsave.plugins import manager
from tests.cli.runner import seqsave
from tests.plugins.test_manager import COMMAND
from tests.support.site import Site


@pytest.fixture(autouse=True)
def _site(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "_manager", manager.PluginManager())
    monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", "studio-one, studio-two, broken-one")


def test_a_command_of_a_plugin(site: Site) -> None:
    site.install("studio-one", COMMAND.format(name="status", text="all is well"))
    assert seqsave("status").out == "all is well\n"
    assert "Usage: seqsave status" in seqsave("status", "-h").out
    assert "studio-one 1.2  command status\n" in seqsave("plugins").out
    (row,) = seqsave("plugins", "--json").document["plugins"]
    assert (row["commands"], row["unused"]) == (["status"], {})


def test_start_up_looks_at_no_plugin(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("studio-one", COMMAND.format(name="status", text="all is well"))

    def refuse() -> None:
        raise AssertionError("entry points were looked at")

    monkeypatch.setattr(importlib.metadata, "distributions", refuse)
    for arguments in (["--help"], ["--version"], ["ls", "--help"], ["plugins", "--help"]):
        assert "status" not in seqsave(*arguments).out.replace("Exit status", "")
    assert "looked at" in seqsave("status", status=1).err


def test_a_built_in_command_stays(site: Site) -> None:
    site.install("studio-one", COMMAND.format(name="ls", text="mine now"))
    assert "mine now" not in seqsave("ls", "--help").out
    assert "ls (not used: the built-in one is)" in seqsave("plugins").out


def test_two_plugins_for_one_command(site: Site) -> None:
    site.install("studio-one", COMMAND.format(name="status", text="one"))
    site.install("studio-two", COMMAND.format(name="status", text="two") + EXTRA)
    error = seqsave("status", status=1).err
    assert "the command 'status' is claimed by studio-one and studio-two: uninstall one" in error
    assert seqsave("two").out == "only two\n"
    both = "status (not used: claimed by studio-one and studio-two: uninstall one)"
    assert seqsave("plugins").out.count(both) == 2


EXTRA = """
    @cli.command("two")
    def two():
        click.echo("only two")
"""


@pytest.mark.parametrize("source", ["import no_such_backend", COMMAND.replace("    @cli", "    1 / 0\n    @cli")])
def test_a_broken_one_breaks_no_other(site: Site, source: str) -> None:
    site.install("broken-one", source.replace("{name}", "broken").replace("{text}", ""))
    site.install("studio-one", COMMAND.format(name="status", text="all is well"))
    result = seqsave("status")
    assert result.out == "all is well\n"
    assert result.err.count("plugin 'broken-one' of broken-one is left out") == 1
    broken = seqsave("broken", status=2).err
    assert "unknown command 'broken'; commands: save, ls," in broken
    assert broken.strip().endswith("Try 'seqsave --help'.")
    listed = seqsave("plugins")
    assert "broken-one 1.2  broken: " in listed.out
    assert listed.err == ""


def test_one_that_fails_when_it_is_called(site: Site) -> None:
    site.install(
        "studio-one", COMMAND.replace("click.echo", "raise RuntimeError").format(name="status", text="no farm")
    )
    assert "unexpected RuntimeError: no farm" in seqsave("status", status=1).err


def test_a_near_miss_may_be_a_plugin_s(site: Site) -> None:
    site.install("studio-one", COMMAND.format(name="status", text="all is well"))
    error = seqsave("statsu", status=2).err
    assert "unknown command 'statsu' (did you mean 'status'?)" in error
    assert "demo, status" in error


GROUP = """
import click, seqsave

@seqsave.hookimpl
def seqsave_commands(cli):
    class Commands(click.Group):
        def list_commands(self, ctx):
            return ["link", "show"]

        def get_command(self, ctx, name):
            return click.Command(name, callback=lambda: click.echo(name)) if name in self.list_commands(ctx) else None

    cli.add_command(Commands("studio"))
"""


def test_a_misspelt_name_in_a_plugin_s_group_has_a_hint(site: Site) -> None:
    site.install("studio-one", GROUP)
    error = seqsave("studio", "lnk", status=2).err
    assert "unknown command 'lnk' (did you mean 'link'?); commands: link, show" in error
    assert error.strip().endswith("Try 'seqsave studio --help'.")
    assert "unknown command 'nothing'; commands: link, show" in seqsave("studio", "nothing", status=2).err
    for name in ("link", "show"):
        assert seqsave("studio", name).out == f"{name}\n"
