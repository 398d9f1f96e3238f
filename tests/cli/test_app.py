"""The command as a program: help, version, exit statuses, near misses, one-line errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest

import seqsave as library
from seqsave.cli import cli
from seqsave.plugins import manager
from tests.cli.runner import seqsave
from tests.sources.pictures import encode, picture

COMMANDS = ["save", "ls", "workflow", "filetypes", "plugins", "demo"]


def test_version() -> None:
    assert seqsave("--version").out == f"seqsave {library.__version__}\n"


def test_help_names_every_command_and_the_exit_statuses() -> None:
    text = seqsave("--help").out
    for name in COMMANDS:
        assert re.search(rf"^  {name}  +\S", text, re.MULTILINE)
    assert "0 done, 1 something was not saved or not found, 2 wrong usage" in text
    assert "Examples:" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name: str) -> None:
    text = seqsave(name, "--help").out
    assert seqsave(name, "-h").out == text
    assert f"Examples:\n  seqsave {name}" in text
    command = cli.commands[name]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_without_a_command_the_help_is_shown_as_an_error() -> None:
    result = seqsave(status=2)
    assert result.out == ""
    assert result.err.startswith("Usage: seqsave")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sav", "a", "b"], "unknown command 'sav' (did you mean 'save'?); commands: save, ls,"),
        (["clip.mp4", "out"], "unknown command 'clip.mp4'; commands: save, ls,"),
        (["save"], "SOURCE and URL are needed"),
        (["save", "clip.mp4"], "URL is missing"),
        (
            ["save", "a.png", "b.png", "c.png", "out"],
            "got 4 paths: a.png, b.png, c.png, .... Put a glob in",
        ),
        (["save", "a", "b", "--filtype", "jpg"], "--filetype"),
        (["save", "a", "b", "--start", "x"], "'--start'"),
        (["save", "a", "b", "--digits", "99"], "'--digits'"),
        (["save", "a", "b", "--step", "0"], "'--step'"),
        (["save", "a", "b", "--concurrency", "0"], "'--concurrency'"),
        (["save", "a", "b", "--attempts", "0"], "'--attempts'"),
        (["save", "a", "b", "--max-bytes", "lots"], "'lots' is not a size: use bytes, or a unit as in 500MB"),
        (["save", "a", "b", "--at-end", "stop"], "'stop' is not one of 'stop output', 'raise error', 'keep going'"),
        (["save", "a", "b", "--if-exists", "replaces"], "'replaces' is not one of"),
        (["save", "a", "b", "--option", "quality"], "'--option': must be NAME=VALUE"),
        (["workflow"], "URL"),
        (["ls", "a", "--jsn"], "--json"),
        (["save", "a", "b", "--filetype"], "'--filetype' requires an argument"),
    ],
)
def test_a_wrong_call_is_one_message_and_status_2(arguments: list[str], message: str) -> None:
    result = seqsave(*arguments, status=2)
    assert result.out == ""
    first, *rest = result.err.splitlines()
    assert first.startswith("seqsave: error: ")
    assert message in first
    assert rest == [f"Try 'seqsave{' ' + arguments[0] if arguments[0] in COMMANDS else ''} --help'."]


@pytest.mark.parametrize("command", ["ls", "workflow", "demo", "save", "save from"])
@pytest.mark.parametrize(
    ("url", "more", "message"),
    [
        ("", [], "the URL is empty"),
        ("s3://", [], "s3://"),
        ("s3://key:hunter2@bucket/x", [], "holds credentials"),
        ("nosuch://x", [], "'nosuch' is neither a storage nor a configured target"),
        ("out/x.png", ["foo=1"], "storage option 'foo' is unknown"),
    ],
)
def test_a_url_that_is_not_understood_is_status_2_in_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, url: str, more: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_1.png").write_bytes(encode(picture()))
    words = {"save": ["save", "a_1.png", url], "save from": ["save", url, "out"]}.get(command, [command, url])
    option = "--source-storage-option" if command == "save from" else "--storage-option"
    result = seqsave(*words, *(part for pair in more for part in (option, pair)), status=2)
    assert message in result.err
    assert "hunter2" not in result.err
    assert result.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["a_1.png"]


def test_a_configuration_that_cannot_be_read_is_status_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("[targets")
    monkeypatch.setenv("SEQSAVE_CONFIG", str(tmp_path / "config.toml"))
    assert "config.toml" in seqsave("ls", "farm://x", status=2).err


def test_a_storage_that_does_not_answer_is_no_wrong_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise library.TargetError("the storage did not answer in time", transient=True)

    monkeypatch.setattr("seqsave.targets.resolve", away)
    assert "did not answer" in seqsave("ls", "sftp://host/x", status=1).err


def test_a_secret_without_a_name_is_not_repeated() -> None:
    assert "hunter2" not in seqsave("ls", "a", "--storage-option", "hunter2", status=2).err


def test_an_unexpected_fault_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("an error that was not expected")

    monkeypatch.setattr("seqsave.sequences.finder.survey", broken)
    result = seqsave("ls", ".", status=1)
    assert result.err == (
        "seqsave: error: unexpected RuntimeError: an error that was not expected (SEQSAVE_TRACEBACK=1 shows where)\n"
    )
    monkeypatch.setenv("SEQSAVE_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        seqsave("ls", ".")


def test_ctrl_c_anywhere_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seqsave.sequences.finder.survey", interrupted)
    assert seqsave("ls", ".", status=130).err.strip() == "seqsave: error: interrupted"


def test_the_status_is_the_exit_code() -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["ls", "/no/such/folder/anywhere"])
    assert ended.value.code == 1


@pytest.mark.parametrize(("returned", "status"), [(None, 0), ("text", 0), (True, 0), (3, 3)])
def test_only_a_number_that_a_command_of_a_plugin_returns_is_a_status(
    monkeypatch: pytest.MonkeyPatch, returned: object, status: int
) -> None:
    command = click.Command("farm", callback=lambda: returned)
    claim = manager.Claim(manager.PluginInfo(name="farm", distribution="farm", version="1"), command)
    monkeypatch.setattr("seqsave.cli.app._plugin_commands", lambda: {"farm": [claim]})
    assert seqsave("farm", status=status).err == ""


# --- what is printed ---------------------------------------------------------------------------------------------
