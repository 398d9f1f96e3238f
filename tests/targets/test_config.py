"""Configured names: the file, what is wrong with it, and what a name means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.targets import config


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "my seqsave.toml"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setenv(config.VARIABLE, str(path))
        return path

    return write


def test_a_name_means_its_url_and_options(configure: Any, tmp_path: Path) -> None:
    configure(
        '[targets.renders]\nurl = "memory://studio/project-x"\n'
        f'[targets.disk]\nurl = "{tmp_path.as_posix()}"\nstorage_options = {{ fsync = true }}\n'
    )
    target = targets.resolve("renders://shot 010")
    target.publish("a/f.png", b"1", content_type="image/png")
    assert targets.resolve("memory://studio/project-x/shot 010").read("a/f.png") == b"1"
    assert target.url == "renders://shot 010"
    assert target.url_of("a/f.png") == "renders://shot 010/a/f.png"

    local = targets.resolve("disk://shot")
    assert local.is_local
    local.publish("f.png", b"2", content_type="image/png")
    assert (tmp_path / "shot" / "f.png").read_bytes() == b"2"
    assert local.url_of("f.png") == str(tmp_path / "shot" / "f.png")


@pytest.mark.parametrize("name", ["f.png", "me@home/f.png", "a:b@c/f.png", "a?b#c%20[d]/f.png"])
def test_the_root_of_a_name(configure: Any, name: str) -> None:
    configure('[targets.renders]\nurl = "memory://studio"')
    target = targets.resolve("renders://")
    target.publish(name, b"3", content_type="image/png")
    parent, last = targets.resolve_file(target.url_of(name))
    assert parent.read(last) == b"3"


def test_the_call_wins_over_the_file(configure: Any) -> None:
    configure(
        '[targets.renders]\nurl = "s3://bucket/x"\n'
        'storage_options = { key = "filekey", secret = "filesecret", endpoint_url = "http://127.0.0.1:9" }\n'
    )
    target = targets.resolve("renders://shot", {"key": "callkey"})
    options = target._options  # type: ignore[attr-defined]
    assert (options["key"], options["secret"]) == ("callkey", "filesecret")
    assert "filesecret" not in repr(target)


def test_the_usual_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(config.VARIABLE)
    monkeypatch.setattr(config, "user_folder", lambda _: tmp_path)
    assert config.load() == {}
    (tmp_path / "config.toml").write_text('[targets.renders]\nurl = "memory://x"\n')
    assert config.load()["renders"].url == "memory://x"


def test_an_unknown_name_lists_the_known_ones(configure: Any) -> None:
    path = configure('[targets.renders]\nurl = "memory://x"\n[targets.proxies]\nurl = "memory://y"\n')
    with pytest.raises(TargetError, match=r"'rendres' .*is neither") as caught:
        targets.resolve("rendres://shot")
    assert "did you mean 'renders'?" in str(caught.value)
    assert "proxies, renders" in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_unknown_scheme_names_the_near_miss() -> None:
    with pytest.raises(TargetError, match="did you mean 'gcs'"):
        targets.resolve("gccs://bucket")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("targets = 3", "'targets' is not a table"),
        ("[targets.renders]\nurl = 3", "renders has no url"),
        ("[targets.renders]\nurll = 'memory://a'", "the unknown key 'urll' (did you mean 'url'?)"),
        ("[targets]\nrenders = 3", "renders has no url"),
        ('[targets.renders]\nurl = "memory://x"\nstorage_option = {}', "did you mean 'storage_options'?"),
        ('[targets.renders]\nurl = "memory://x"\nstorage_options = 3', "storage_options is not a table"),
        ('[targets.s3]\nurl = "memory://x"', "'s3' is an fsspec protocol"),
        ('[targets.S3]\nurl = "memory://x"', "'S3' is an fsspec protocol"),
        ('[targets."a b"]\nurl = "memory://x"', "a name is two or more letters"),
        ('[targets.x]\nurl = "memory://x"', "a name is two or more letters"),
        ('[targets.renders]\nurl = "other://x"', "unknown scheme other://"),
        ('[targets.renders]\nurl = "renders://x"', "unknown scheme renders://"),
        ('[targets.renders]\nurl = "s3://b/x::y"', "chains storages"),
    ],
)
def test_what_is_wrong_with_it(configure: Any, text: str, says: str) -> None:
    configure(text)
    with pytest.raises(TargetError, match=re.escape(says)):
        targets.resolve("renders://shot")


def test_broken_toml_is_reported_by_its_position_alone(configure: Any) -> None:
    path = configure('[targets.renders]\nstorage_options = { secret = "verysecret" ] }\n')
    with pytest.raises(TargetError, match=re.escape(str(path))) as caught:
        targets.resolve("renders://shot")
    assert "line 2" in str(caught.value)
    assert "verysecret" not in str(caught.value)


@pytest.mark.parametrize("text", ["a=" + "[" * 5000 + "]" * 5000, "a=" + "{a=" * 3000 + "1" + "}" * 3000])
def test_toml_that_is_nested_too_deeply(configure: Any, text: str) -> None:
    path = configure(text)
    with pytest.raises(TargetError, match=f"{re.escape(str(path))} is nested too deeply: correct it"):
        targets.resolve("renders://shot")


def test_bytes_that_are_no_text(configure: Any) -> None:
    configure("").write_bytes(b"\xff\xfe")
    with pytest.raises(TargetError, match="not valid TOML"):
        targets.resolve("renders://shot")


def test_a_named_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(config.VARIABLE, str(tmp_path / "none.toml"))
    with pytest.raises(TargetError, match="does not exist"):
        targets.resolve("renders://shot")


def test_a_folder_in_the_file_s_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(config.VARIABLE, str(tmp_path))
    with pytest.raises(TargetError, match="cannot be read"):
        targets.resolve("renders://shot")


def test_a_broken_file_does_not_matter_without_a_configured_name(configure: Any, tmp_path: Path) -> None:
    configure("= broken")
    assert targets.resolve("memory://x").url == "memory://x"
    assert targets.resolve(tmp_path).is_local


def test_user_info_with_a_name_is_refused(configure: Any) -> None:
    configure('[targets.renders]\nurl = "memory://x"')
    with pytest.raises(TargetError, match="holds user info") as caught:
        targets.resolve("renders://me:verysecret@shot")
    assert "verysecret" not in str(caught.value)


def test_a_secret_in_the_configured_url_is_not_shown(configure: Any) -> None:
    configure('[targets.renders]\nurl = "s3://KEYKEYKEY:verysecret@bucket"')
    with pytest.raises(TargetError) as caught:
        targets.resolve("renders://shot")
    assert "verysecret" not in str(caught.value)
    assert "KEYKEYKEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "near"),
    [("target.xy", "targets"), ("Targets.xy", "targets"), ("tagets.xy", "targets"), ("spol", "spool")],
)
def test_a_misspelt_table_is_an_error_that_names_the_near_one(configure: Any, table: str, near: str) -> None:
    configure(f'[{table}]\nurl = "memory://x"')
    wrong = table.partition(".")[0]
    with pytest.raises(TargetError, match=rf"unknown table \[{wrong}\] \(did you mean '{near}'\?\)"):
        targets.resolve("xy://z")


def test_tables_of_other_programs_are_left_alone(configure: Any) -> None:
    configure('[farm]\nurl = "x"\n[targets.xy]\nurl = "memory://x"')
    assert targets.resolve("xy://z").url == "xy://z"


def test_a_target_outside_of_the_table_of_targets(configure: Any) -> None:
    configure('[renders]\nurl = "memory://x"')
    with pytest.raises(TargetError, match=r"\[renders\] in .* is not a target: write \[targets\.renders\]"):
        targets.resolve("renders://y")
