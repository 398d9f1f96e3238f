"""The administrator's settings, and the errors for wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from comfyui_seqsave import host, settings
from comfyui_seqsave.access import admit

from seqsave import OptionError, TargetError
from seqsave.writer import StandingPattern

Write = Callable[[str], int]


def test_nothing_is_set_at_first(write_config: Write) -> None:
    assert settings.load() == settings.Settings((), False)


def test_all_of_it(write_config: Write) -> None:
    write_config('[comfyui]\nallow = ["/mnt/renders", " s3://b/c/ "]\noriginal_ids = true\n[targets.x]\nurl = "/x"')
    loaded = settings.load()
    assert [entry.url for entry in loaded.allow] == ["/mnt/renders", "s3://b/c"]
    assert loaded.original_ids
    assert loaded.publish_behind
    write_config("[comfyui]\npublish_behind = false")
    assert settings.load() == settings.Settings((), False, False)
    write_config('[comfyui]\nwithhold = ["*.api_key", "Note"]')
    loaded = settings.load()
    assert loaded.withhold == ("*.api_key", "Note")
    assert all(isinstance(one, StandingPattern) for one in loaded.withhold), "no warning where they match nothing"


def test_it_is_read_afresh(folders: host.Folders, write_config: Write, tmp_path: Path) -> None:
    with pytest.raises(PermissionError):
        admit(str(tmp_path))
    write_config(f'[comfyui]\nallow = ["{tmp_path}"]')
    assert admit(str(tmp_path)).is_local


def test_where_names_the_file(write_config: Write, tmp_path: Path) -> None:
    assert settings.where() == str(tmp_path / "config.toml")


@pytest.mark.parametrize(
    ("lines", "stated"),
    [
        ('alow = ["/x"]', "'alow'"),
        ('allow = "/x"', "list"),
        ('withhold = "*.api_key"', "list of patterns"),
        ("withhold = [1]", "list of patterns"),
        ('withhold = ["."]', "list of patterns"),
        ("allow = [1]", "list"),
        ('allow = [""]', "list"),
        ('allow = ["/x", "  "]', "list"),
        ('allow = ["renders"]', "absolute path"),
        ('allow = ["./renders"]', "absolute path"),
        ('allow = ["~nobody-of-this-name/x"]', "absolute path"),
        ('allow = ["s3://b/../c"]', "'..'"),
        ('allow = ["https://host/a/../b"]', "'..'"),
        ('allow = ["https://host/a//b"]', "empty"),
        ('allow = ["s3://me:SECRET@b"]', "user info"),
        ('allow = ["sftp://me@host/x"]', "user info"),
        ('allow = ["https://me:SECRET@host/x"]', "user info"),
        ('allow = ["ftp:///me:SE/SECRET@host/x"]', "user info"),
        ('allow = ["s3://b::memory://x"]', "::"),
        ("alow = []", "unknown setting 'alow' in [comfyui] (did you mean 'allow'?); known settings: allow, "),
        ("publish_behind = 1", "true or false"),
        ("original_ids = 1", "true or false"),
        ('original_ids = "yes"', "true or false"),
    ],
)
def test_mistakes_are_reported_with_the_file(
    folders: host.Folders, write_config: Write, lines: str, stated: str
) -> None:
    write_config(f"[comfyui]\n{lines}")
    with pytest.raises(OptionError) as caught:
        settings.load()
    assert stated in str(caught.value)
    assert settings.where() in str(caught.value)
    assert "SECRET" not in str(caught.value)
    if "allow" in lines:
        with pytest.raises(OptionError):
            admit("")  # nothing is guessed from a list that is broken


def test_a_table_is_no_table(write_config: Write) -> None:
    write_config("comfyui = 3")
    with pytest.raises(TargetError, match="not a table"):
        settings.load()
    write_config("[comfyui\nsecret = 'SECRET'")
    with pytest.raises(TargetError, match="TOML") as caught:
        settings.load()
    assert "SECRET" not in str(caught.value)
