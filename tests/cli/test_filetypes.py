from __future__ import annotations

import dataclasses
import sys
import types
from importlib.metadata import EntryPoint
from typing import Any

import pytest

import seqsave as library
from seqsave.encoders.png import native
from seqsave.plugins import registry
from tests.cli.runner import seqsave

SPEC = library.EncoderSpec(
    filetype="grain",
    extensions=("grain",),
    encoder="nowhere:Grain",
    dtypes=("float32",),
    channels=(3,),
    options={"size": library.Option(type=float, default=1.5, help="of a grain")},
    install_hint="pip install seqsave-grain",
)


def hook() -> list[library.EncoderSpec]:
    return [SPEC]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a correct plugin and a broken one, as packages do."""
    sound = types.ModuleType("sound_plugin")
    sound.seqsave_encoders = library.hookimpl(hook, specname="seqsave_encoders")  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "sound_plugin", sound)
    points = [
        EntryPoint("grain", "sound_plugin", "seqsave"),
        EntryPoint("broken", "module_that_is_not_there", "seqsave"),
    ]
    monkeypatch.setattr(registry, "_registry", registry.Registry(points))


def test_filetypes_lists_formats_with_their_options() -> None:
    lines = seqsave("filetypes").out.splitlines()
    assert lines[0].startswith("png with embedded workflow")
    assert any(line.startswith("jpg ") and "lossy" in line and "built-in" in line for line in lines)
    assert any("quality" in line and "1 to 100, default 95" in line for line in lines)


def test_filetypes_as_json() -> None:
    document = seqsave("filetypes", "--json").document
    assert set(document) == {"filetypes"}
    rows = {row["filetype"]: row for row in document["filetypes"]}
    assert next(iter(rows)) == "png with embedded workflow"
    assert list(rows) == list(library.filetypes())
    jpg = rows["jpg"]
    assert set(jpg) == {
        *("filetype", "origin", "conflict", "extensions", "embeds_metadata", "lossless"),
        *("dtypes", "channels", "content_type", "install_hint", "options"),
    }
    assert jpg["extensions"] == ["jpg", "jpeg"]
    assert jpg["origin"] == "built-in"
    assert not jpg["lossless"]
    assert not jpg["embeds_metadata"]
    assert rows["jpg with embedded workflow"]["embeds_metadata"]
    assert jpg["options"]["quality"] == {
        "type": "int",
        "default": 95,
        "choices": None,
        "min": 1,
        "max": 100,
        "help": jpg["options"]["quality"]["help"],
    }


@pytest.mark.usefixtures("installed")
def test_a_plugins_format_is_listed_and_a_broken_plugin_reported() -> None:
    result = seqsave("filetypes")
    assert any(line.startswith("grain ") and "sound_plugin" in line for line in result.out.splitlines())
    assert "size          number, default 1.5: of a grain" in result.out
    assert "seqsave: warning: plugin 'broken'" in result.err


@pytest.mark.usefixtures("installed")
def test_plugins() -> None:
    result = seqsave("plugins")
    assert result.err == ""  # listed below, not a warning
    broken, sound, _ = result.out.splitlines()
    assert "broken: ModuleNotFoundError: No module named 'module_that_is_not_there'" in broken
    assert sound.endswith("grain")


@pytest.mark.usefixtures("installed")
def test_plugins_as_json() -> None:
    rows: dict[str, Any] = {row["name"]: row for row in seqsave("plugins", "--json").document["plugins"]}
    assert set(rows["grain"]) == {
        *("name", "distribution", "version", "filetypes", "protocols", "observers", "commands", "unused", "error"),
    }
    assert rows["grain"]["filetypes"] == ["grain"]
    assert rows["grain"]["unused"] == {}
    assert rows["grain"]["error"] is None
    assert "module_that_is_not_there" in rows["broken"]["error"]


def test_a_claim_that_does_not_count_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = {"one_plugin": ["grain", "png", "sand"], "other_plugin": ["grain"]}
    for name, filetypes in claims.items():
        specs = [dataclasses.replace(SPEC, filetype=filetype, extensions=(filetype,)) for filetype in filetypes]
        module = types.ModuleType(name)
        module.seqsave_encoders = library.hookimpl(  # type: ignore[attr-defined]
            lambda specs=specs: specs, specname="seqsave_encoders"
        )
        monkeypatch.setitem(sys.modules, name, module)
    points = [EntryPoint(name.partition("_")[0], name, "seqsave") for name in claims]
    monkeypatch.setattr(registry, "_registry", registry.Registry(points))
    both = "claimed by one_plugin and other_plugin: uninstall one"
    one, other, _ = seqsave("plugins").out.splitlines()
    assert one.endswith(f"  grain (not used: {both}), png (not used: the built-in one is), sand")
    assert other.endswith(f"  grain (not used: {both})")
    row, _ = seqsave("plugins", "--json").document["plugins"]
    assert row["filetypes"] == ["grain", "png", "sand"]
    assert row["unused"] == {"grain": both, "png": "the built-in one is"}


def test_no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registry", registry.Registry([]))
    monkeypatch.setattr(native, "native", lambda: native.Native(None, "igzip; it is not installed", False))
    result = seqsave("plugins")
    assert result.out.startswith("png is encoded by ")
    assert "no plugins are installed" in result.err
    assert seqsave("plugins", "--json").document["plugins"] == []
    for found in (native.Native(object(), "seqsave-native 1.0"), native.Native(None, "igzip; it has no extension")):
        monkeypatch.setattr(native, "native", lambda found=found: found)
        assert seqsave("plugins").err == ""  # what is installed is named by the line about png


def test_what_encodes_png_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    for found in (native.Native(object(), "the fast one"), native.Native(None, "igzip; it is not installed")):
        monkeypatch.setattr(native, "native", lambda found=found: found)
        assert seqsave("plugins").out.splitlines()[-1] == f"png is encoded by {found.state}"
        document = seqsave("plugins", "--json").document["png"]
        assert document == {"native": found.kernel is not None, "encoder": found.state}
