"""A user without a home folder: no HOME, and no entry in the system's list of users."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import platformdirs
import pytest

import seqsave
from seqsave import targets
from seqsave.errors import OptionError, TargetError
from seqsave.spool import open_spool
from seqsave.targets.homes import user_folder


@pytest.fixture(params=["unset", "unknown to platformdirs", "empty"])
def homeless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HOME", "USERPROFILE", "HOMEPATH", "HOMEDRIVE", "SEQSAVE_CONFIG", "SEQSAVE_SPOOL"):
        monkeypatch.delenv(name, raising=False)
    for kind in ("CONFIG", "STATE"):
        monkeypatch.delenv(f"XDG_{kind}_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    if request.param == "empty":
        monkeypatch.setenv("HOME", "")
        return
    monkeypatch.setattr("os.path.expanduser", lambda path: path)

    def find(*_: Any, **__: Any) -> Path:
        if request.param == "unset":
            return Path("~/folder")
        raise RuntimeError("could not determine the home directory")

    for name in ("user_config_path", "user_state_path"):
        monkeypatch.setattr(platformdirs, name, find)


@pytest.mark.usefixtures("homeless")
def test_the_usual_spool_is_not_known() -> None:
    for act in (lambda: open_spool(True), lambda: seqsave.open_writer("out", spool=True), seqsave.flush):
        with pytest.raises(OptionError, match=r"no home folder: pass a folder with spool=, or set SEQSAVE_SPOOL"):
            act()


@pytest.mark.usefixtures("homeless")
def test_a_tilde_is_not_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"spool is '~/x': the home folder of this user is not known"):
        open_spool("~/x")
    with pytest.raises(TargetError, match=r"the home folder of this user is not known"):
        targets.resolve("~/x")
    monkeypatch.setenv("SEQSAVE_SPOOL", "~/x")
    with pytest.raises(OptionError, match=r"SEQSAVE_SPOOL is '~/x'"):
        open_spool(True)
    monkeypatch.setenv("SEQSAVE_CONFIG", "~/config.toml")
    with pytest.raises(TargetError, match=r"SEQSAVE_CONFIG is '~/config.toml'"):
        targets.resolve("renders://shot")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("homeless")
def test_the_rest_works_without_a_home(tmp_path: Path) -> None:
    (tmp_path / "~" / ".config" / "seqsave").mkdir(parents=True)
    (tmp_path / "~" / ".config" / "seqsave" / "config.toml").write_text('[targets.renders]\nurl = "memory://x"\n')
    spool = open_spool("spool")
    assert spool is not None
    assert spool.folder == tmp_path / "spool"
    with pytest.raises(TargetError, match="neither a storage nor a configured target"):
        targets.resolve("renders://shot")


@pytest.mark.parametrize("kind", ["config", "state"])
@pytest.mark.parametrize("named", [None, "", "  ", "/elsewhere"])
def test_the_usual_folders_are_those_of_other_programs(
    kind: Literal["config", "state"], named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Linux they are found without platformdirs, which takes longer than a listing."""
    variable = f"XDG_{kind.upper()}_HOME"
    monkeypatch.delenv(variable, raising=False) if named is None else monkeypatch.setenv(variable, named)
    find = {"config": platformdirs.user_config_path, "state": platformdirs.user_state_path}[kind]
    assert user_folder(kind) == find("seqsave", appauthor=False)
