"""Plugins as they are installed: folders with metadata, entry points and modules. Broken ones break nothing."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import seqsave
from seqsave.errors import (
    EncoderConflictError,
    EncoderNotFoundError,
    EncoderUnavailableError,
    PluginError,
    SeqSaveWarning,
)
from seqsave.plugins import manager, registry
from seqsave.plugins.registry import Registry
from seqsave.specs import EncoderSpec
from tests.kit import TINY
from tests.support.site import HOOK, Site


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings about broken plugins, collected instead of raised."""
    reported: list[str] = []

    def warn(message: Any, category: type[Warning], stacklevel: int = 1) -> None:
        assert category is SeqSaveWarning
        reported.append(str(message))

    monkeypatch.setattr(manager.warnings, "warn", warn)
    return reported


def report(registry: Registry) -> dict[str, manager.PluginInfo]:
    return {info.name: info for info in registry.manager.infos()}


# --- sound plugins ---------------------------------------------------------------------------------------------------


def test_a_plugin_that_is_installed_is_found(site: Site) -> None:
    site.format("seqsave-aaa", "aaa")
    registry = Registry()
    info = report(registry)["seqsave-aaa"]
    assert (info.distribution, info.version, info.filetypes, info.error) == ("seqsave-aaa", "1.2", ("aaa",), None)
    found = registry.resolve("aaa with embedded workflow")
    assert (found.embed, found.extension, type(found.encoder).__name__) == (True, "aaa", "TinyEncoder")
    assert registry.resolve("aaa").embed is False
    rows = {row.filetype: row for row in registry.describe()}
    assert rows["aaa"].origin == rows["aaa with embedded workflow"].origin == "seqsave-aaa"
    assert registry.spec_for_extension("AAA") is found.spec


def test_the_encoder_is_imported_at_first_use_and_made_once(site: Site) -> None:
    site.install("seqsave-aaa", HOOK.format(filetype="aaa", encoder="aaa_codec:Codec"), aaa_codec="class Codec: pass")
    registry = Registry()
    registry.describe()
    assert "aaa_codec" not in sys.modules
    assert registry.resolve("aaa").encoder is registry.resolve("aaa with embedded workflow").encoder
    assert "aaa_codec" in sys.modules


def test_the_order_of_plugins_does_not_matter(site: Site) -> None:
    for name in ("zzz", "mmm", "aaa"):
        site.format(f"seqsave-{name}", name)
    names = [row.filetype for row in Registry().describe()]
    backwards = Registry(reversed(list(importlib.metadata.entry_points(group="seqsave"))))
    assert names == [row.filetype for row in backwards.describe()]
    assert names[0] == "png with embedded workflow"


def test_without_metadata_there_is_no_variant(site: Site) -> None:
    site.install("seqsave-aaa", HOOK.format(filetype="aaa", encoder="a:B").replace('"embed"', '"none"'))
    registry = Registry()
    assert [row.filetype for row in registry.describe() if row.filetype.startswith("aaa")] == ["aaa"]
    with pytest.raises(EncoderNotFoundError, match="'aaa' files cannot hold a workflow; use file type 'aaa'"):
        registry.resolve("aaa with embedded workflow")


# --- broken plugins --------------------------------------------------------------------------------------------------

TOP = "from seqsave import EncoderSpec, hookimpl\nimport dataclasses\nfrom tests.kit import TINY\n"


def hook(body: str, head: str = "@hookimpl\ndef seqsave_encoders():") -> str:
    return f"{TOP}{head}\n    {body}\n"


BROKEN = {
    "import-error": ("import no_such_backend", "ModuleNotFoundError: No module named 'no_such_backend'"),
    "syntax-error": ("def seqsave_encoders(:", "SyntaxError"),
    "exits": ("raise SystemExit('this plugin wants another Python')", "SystemExit: this plugin wants another Python"),
    "raises": (hook("raise RuntimeError('no licence found')"), "RuntimeError: no licence found"),
    "exits-late": (hook("raise SystemExit(3)"), "SystemExit: 3"),
    "returns-one": (hook("return TINY"), "it must be a list of seqsave.EncoderSpec"),
    "returns-none": (hook("return None"), "list of seqsave.EncoderSpec"),
    "returns-text": (hook("return 'tiny'"), "returned 'tiny': it must be a list"),
    "returns-dict": (hook("return {'tiny': TINY}"), "it must be a list"),
    "returns-names": (hook("return ['tiny']"), "returned 'tiny': it must be a seqsave.EncoderSpec"),
    "returns-a-number": (hook("return 7"), "returned 7"),
    "returns-twice": (hook("return [TINY, TINY]"), "declares a filetype twice: tiny, tiny"),
    "stops-midway": (hook("yield TINY\n    raise OSError('device is gone')"), "OSError: device is gone"),
    "misspelt": (
        hook("return [TINY]", "@hookimpl\ndef seqsave_encoder():"),
        "unknown hook 'seqsave_encoder' in plugin",
    ),
    "other-name": (hook("return [TINY]", "@hookimpl\ndef encoders():"), "unknown hook 'encoders' in plugin"),
    "one-misspelt": (hook("return [TINY]\n@hookimpl\ndef seqsave_reader(): pass"), "unknown hook 'seqsave_reader'"),
    "not-decorated": (hook("return [TINY]", "def seqsave_encoders():"), "no @seqsave.hookimpl in front of it"),
    "wrong-arguments": (hook("return [TINY]", "@hookimpl\ndef seqsave_encoders(config):"), "config"),
    "wraps": (hook("return (yield) + [TINY]", "@hookimpl(wrapper=True)\ndef seqsave_encoders():"), "Error"),
    "no-hook": (
        TOP,
        "it implements no hook; the hooks are seqsave_encoders, seqsave_targets, seqsave_observers, seqsave_commands",
    ),
    "bad-filetype": (hook("return [dataclasses.replace(TINY, filetype=7)]"), "filetype"),
    "bad-extensions": (hook("return [dataclasses.replace(TINY, extensions='tiny')]"), "extensions"),
    "bad-dtypes": (hook("return [dataclasses.replace(TINY, dtypes=('half',))]"), "dtypes"),
    "bad-channels": (hook("return [dataclasses.replace(TINY, channels=3)]"), "channels"),
    "bad-options": (hook("return [dataclasses.replace(TINY, options=['level'])]"), "options"),
    "bad-option": (hook("return [dataclasses.replace(TINY, options={'level': 3})]"), "option 'level'"),
    "bad-encoder": (hook("return [dataclasses.replace(TINY, encoder=None)]"), "encoder"),
    "bad-metadata": (hook("return [dataclasses.replace(TINY, metadata=True)]"), "metadata"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_reported_once_listed_and_breaks_no_other(site: Site, quiet: list[str], kind: str) -> None:
    source, error = BROKEN[kind]
    site.install(f"broken-{kind}", source)
    site.format("seqsave-aaa", "aaa")
    registry = Registry()
    assert registry.resolve("aaa").spec.filetype == "aaa"
    info = report(registry)[f"broken-{kind}"]
    assert info.error is not None
    assert error in info.error
    assert (info.distribution, info.version, info.filetypes) == (f"broken-{kind}", "1.2", ())
    assert len([line for line in quiet if f"broken-{kind}" in line and error in line]) == 1
    reported = list(quiet)
    registry.resolve("aaa")
    registry.describe()
    with pytest.raises(EncoderNotFoundError) as raised:
        registry.resolve("tiny")
    assert f"not loaded: broken-{kind} (" in str(raised.value)
    assert quiet == reported


def test_all_broken_plugins_at_once(site: Site, quiet: list[str]) -> None:
    for kind, (source, _) in BROKEN.items():
        site.install(f"broken-{kind}", source)
    site.format("seqsave-aaa", "aaa")
    registry = Registry()
    names = [row.filetype for row in registry.describe()]
    assert "aaa" in names
    assert "tiny" not in names
    assert {name for name, info in report(registry).items() if info.error} == {f"broken-{kind}" for kind in BROKEN}
    assert len(quiet) == len(BROKEN)


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("no_such_module", "No module named 'no_such_module'"),
        ("entry_trouble:nothing", "nothing"),
        ("not a module", "Error"),
        (":", "Error"),
    ],
)
def test_an_entry_point_that_leads_nowhere(site: Site, quiet: list[str], entry: str, error: str) -> None:
    site.install("entry-trouble", "", entry=entry)
    site.format("seqsave-aaa", "aaa")
    registry = Registry()
    registry.resolve("aaa")
    assert error in str(report(registry)["entry-trouble"].error)


@pytest.mark.parametrize(
    ("entry_points", "metadata"),
    [
        ("[seqsave]\nthis line has no equals sign\n", "Name: {name}\nVersion: 1.2\n"),
        ("[seqsave]\nrecord-trouble = no_such_module\n", None),
        ("[seqsave]\nrecord-trouble = no_such_module\n", "Summary: no name, no version\n"),
    ],
    ids=["entry points", "no metadata", "no name"],
)
@pytest.mark.parametrize("strict", ["0", "1"])
def test_a_distribution_whose_record_is_broken(
    site: Site, quiet: list[str], monkeypatch: pytest.MonkeyPatch, entry_points: str, metadata: str | None, strict: str
) -> None:
    site.record("record-trouble", entry_points, metadata)
    site.format("seqsave-aaa", "aaa")
    monkeypatch.setenv("SEQSAVE_STRICT_PLUGINS", strict)
    registry = Registry()
    if strict == "1":
        with pytest.raises(PluginError, match="record-trouble"):
            registry.resolve("aaa")
        return
    registry.resolve("aaa")
    broken = [info for info in registry.manager.infos() if info.error]
    assert [info.name for info in broken] == ["record-trouble"]
    place = "record-trouble" if metadata and "Name" in metadata else f"a distribution without a name in {site.folder}"
    assert broken[0].distribution == place
    assert len(quiet) == 1


def test_the_warning_is_a_seqsave_warning(site: Site) -> None:
    site.install("broken-import", "import no_such_backend")
    with pytest.warns(SeqSaveWarning, match="plugin 'broken-import' of broken-import is left out: ModuleNotFound"):
        Registry().describe()


def test_a_broken_plugin_in_a_process_of_its_own(site: Site) -> None:
    """One that calls sys.exit when imported does not end the program that looks for formats."""
    site.install("broken-exit", "import sys\nsys.exit('goodbye')")
    site.format("seqsave-aaa", "aaa")
    code = "import seqsave; print(*seqsave.filetypes(), sep='\\n')"
    path = [str(site.folder), str(Path(seqsave.__file__).parent.parent), str(Path(__file__).parents[2])]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{code}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "aaa" in done.stdout.split()
    assert done.stderr.count("goodbye") == 1


# --- environment variables -------------------------------------------------------------------------------------------


def test_strict_makes_a_broken_plugin_an_error(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("broken-import", "import no_such_backend")
    monkeypatch.setenv("SEQSAVE_STRICT_PLUGINS", "1")
    registry = Registry()
    registry.resolve("png")  # built in: no plugin is looked at
    for _ in range(2):
        with pytest.raises(PluginError, match="plugin 'broken-import' of broken-import is broken") as raised:
            registry.describe()
        assert isinstance(raised.value.__cause__, ImportError)


@pytest.mark.parametrize("value", ["", "0"])
def test_strict_can_be_off(site: Site, quiet: list[str], monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    site.install("broken-import", "import no_such_backend")
    monkeypatch.setenv("SEQSAVE_STRICT_PLUGINS", value)
    Registry().describe()


@pytest.mark.parametrize("names", ["broken-import", "broken-import, other", " other ,broken-import"])
def test_disabled_plugins_are_not_imported(site: Site, monkeypatch: pytest.MonkeyPatch, names: str) -> None:
    site.install("broken-import", "import no_such_backend")
    site.format("seqsave-aaa", "aaa")
    monkeypatch.setenv("SEQSAVE_DISABLE_PLUGINS", names)
    monkeypatch.setenv("SEQSAVE_STRICT_PLUGINS", "1")
    registry = Registry()
    registry.resolve("aaa")
    assert "broken-import" not in report(registry)


def of_the_studio(registry: Registry) -> list[str]:
    return [info.name for info in registry.manager.infos() if info.distribution == "studio-formats"]


def test_an_entry_point_is_chosen_by_its_own_name_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.record("studio-formats", "[seqsave]\none = formats_one\ntwo = formats_two\n")
    (site.folder / "formats_one.py").write_text(HOOK.format(filetype="one", encoder="a:B"))
    (site.folder / "formats_two.py").write_text(HOOK.format(filetype="two", encoder="a:B"))
    monkeypatch.setenv("SEQSAVE_DISABLE_PLUGINS", "one")
    assert of_the_studio(Registry()) == ["two"]
    monkeypatch.delenv("SEQSAVE_DISABLE_PLUGINS")
    monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", "one")
    assert of_the_studio(Registry()) == ["one"]
    monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", "studio-formats")
    assert of_the_studio(Registry()) == ["one", "two"]


def test_an_empty_list_of_plugins_loads_none(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("broken-import", "import no_such_backend")
    monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", "")
    monkeypatch.setenv("SEQSAVE_STRICT_PLUGINS", "1")
    assert report(Registry()) == {}


# --- who wins --------------------------------------------------------------------------------------------------------


def test_two_plugins_for_one_filetype_are_an_error_only_when_it_is_asked_for(site: Site) -> None:
    site.format("first-exr", "aaa")
    site.format("second-exr", "aaa")
    site.format("seqsave-bbb", "bbb")
    registry = Registry()
    registry.resolve("bbb")
    for filetype in ("aaa", "aaa with embedded workflow"):
        with pytest.raises(EncoderConflictError) as raised:
            registry.resolve(filetype)
        assert "first-exr" in str(raised.value)
        assert "second-exr" in str(raised.value)
        assert "SEQSAVE_DISABLE_PLUGINS" in str(raised.value)
    row = next(row for row in registry.describe() if row.filetype == "aaa")
    assert row.conflict == ("first-exr", "second-exr")
    assert all(info.error is None for info in registry.manager.infos())


def test_a_conflict_is_settled_as_the_message_says(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.format("first-exr", "aaa")
    site.format("second-exr", "aaa")
    monkeypatch.setenv("SEQSAVE_DISABLE_PLUGINS", "first-exr")
    registry = Registry()
    registry.resolve("aaa")
    assert report(registry)["second-exr"].filetypes == ("aaa",)


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("entry points were looked at")


@pytest.mark.parametrize("filetype", ["png", "png with embedded workflow", "jpg", "jpeg", "jpg with embedded workflow"])
def test_built_ins_never_look_at_entry_points(monkeypatch: pytest.MonkeyPatch, filetype: str) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", refuse)
    monkeypatch.setattr(importlib.metadata, "distributions", refuse)
    registry = Registry()
    assert registry.resolve(filetype).filetype == filetype
    assert registry.spec_for_extension("png") is registry.resolve("png").spec
    with pytest.raises(AssertionError, match="looked at"):
        registry.resolve("webp9")


def test_a_plugin_cannot_take_a_built_in_name(site: Site) -> None:
    site.format("seqsave-pirate", "png")
    registry = Registry()
    registry.describe()
    assert registry.resolve("png").spec.encoder == "seqsave.encoders.png.encoder:PngEncoder"
    assert [row.origin for row in registry.describe() if row.filetype == "png"] == ["built-in"]


def test_registered_encoders_win(site: Site) -> None:
    site.format("seqsave-aaa", "aaa")
    registry = Registry()
    mine = replace(TINY, filetype="aaa")
    registry.register(mine)
    assert registry.resolve("aaa").spec is mine
    assert [row.origin for row in registry.describe() if row.filetype == "aaa"] == ["registered"]
    registry.unregister("aaa")
    assert registry.resolve("aaa").spec is not mine


def test_clobber_is_asked_for() -> None:
    registry = Registry([])
    other = replace(TINY, extensions=("other",))
    registry.register(TINY)
    with pytest.raises(EncoderConflictError, match="'tiny' already exists; pass clobber=True to replace it"):
        registry.register(other)
    assert registry.resolve("tiny").spec is TINY
    registry.register(other, clobber=True)
    assert registry.resolve("tiny").spec is other
    registry.unregister("tiny")
    with pytest.raises(EncoderNotFoundError, match="unknown file type 'tiny'"):
        registry.resolve("tiny")


def test_a_built_in_can_be_replaced_for_this_process_only_on_purpose() -> None:
    registry = Registry([])
    mine = replace(TINY, filetype="png", extensions=("png",))
    with pytest.raises(EncoderConflictError, match="clobber=True"):
        registry.register(mine)
    registry.register(mine, clobber=True)
    assert registry.resolve("png").spec is mine
    assert registry.resolve("png with embedded workflow").spec is mine
    registry.unregister("png")
    assert registry.resolve("png").spec.encoder == "seqsave.encoders.png.encoder:PngEncoder"
    with pytest.raises(EncoderNotFoundError, match=r"'png' was not registered in this process \(registered: nothing\)"):
        registry.unregister("png")


@pytest.mark.parametrize("spec", ["tiny", None, {"filetype": "tiny"}, replace(TINY, extensions=(".tiny",))])
def test_register_refuses_what_is_no_declaration(spec: Any) -> None:
    with pytest.raises(PluginError):
        Registry([]).register(spec)


def test_public_registration() -> None:
    spec = replace(TINY, filetype="tiny registered by a test")
    seqsave.register_encoder(spec)
    try:
        assert spec.filetype in seqsave.filetypes()
        assert registry.resolve(spec.filetype).spec is spec
    finally:
        seqsave.unregister_encoder(spec.filetype)
    assert spec.filetype not in seqsave.filetypes()
    assert all(isinstance(row.spec, EncoderSpec) for row in seqsave.describe_filetypes())


# --- what is missing -------------------------------------------------------------------------------------------------


def test_a_missing_backend_names_the_install_line(site: Site) -> None:
    site.install(
        "seqsave-aaa", HOOK.format(filetype="aaa", encoder="aaa_codec:Codec"), aaa_codec="import no_such_backend"
    )
    registry = Registry()
    assert "aaa" in [row.filetype for row in registry.describe()]
    with pytest.raises(EncoderUnavailableError) as raised:
        registry.resolve("aaa")
    assert str(raised.value).endswith("install it with: pip install aaa-codec")
    assert "no_such_backend" in str(raised.value)
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)
    (site.folder / "no_such_backend.py").write_text("")
    (site.folder / "aaa_codec.py").write_text(
        "import no_such_backend\nclass Codec:\n    made_after_the_install = True\n"
    )
    importlib.invalidate_caches()
    assert registry.resolve("aaa").encoder.made_after_the_install  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("codec", "error"),
    [
        ("", "Codec"),
        ("class Codec:\n    def __init__(self, level): pass", "level"),
        ("1 / 0", "ZeroDivisionError"),
        ("class Codec:\n    def __init__(self): raise SystemExit(5)", "SystemExit: 5"),
    ],
)
def test_an_encoder_that_cannot_be_made(site: Site, codec: str, error: str) -> None:
    site.install("seqsave-aaa", HOOK.format(filetype="aaa", encoder="aaa_codec:Codec"), aaa_codec=codec)
    with pytest.raises(EncoderUnavailableError, match=error) as raised:
        Registry().resolve("aaa")
    assert "aaa_codec:Codec" in str(raised.value)


@pytest.mark.parametrize(
    ("filetype", "part"),
    [
        ("webp9", "known file types: "),
        ("webp with embedded workflow", "pip install seqsave-webp"),
        ("WEBP", "pip install seqsave-webp"),
        ("pgn", "did you mean 'png'?"),
        ("jpg with embeded workflow", "did you mean 'jpg with embedded workflow'?"),
        ("", "known file types: 'png with embedded workflow'"),
        ("no such thing", "known file types: 'png with embedded workflow', "),
    ],
)
def test_an_unknown_filetype_says_what_there_is(filetype: str, part: str) -> None:
    with pytest.raises(EncoderNotFoundError) as raised:
        Registry([]).resolve(filetype)
    assert f"unknown file type {filetype!r}" in str(raised.value)
    assert part in str(raised.value)


@pytest.mark.parametrize("filetype", [None, 3, b"png", ["png"]])
def test_a_filetype_that_is_no_text(filetype: Any) -> None:
    with pytest.raises(EncoderNotFoundError, match="it must be text"):
        Registry([]).resolve(filetype)


def test_many_threads_load_the_plugins_once(site: Site) -> None:
    source = "import builtins\nbuiltins.seqsave_test_loads = getattr(builtins, 'seqsave_test_loads', 0) + 1\n"
    site.install("seqsave-aaa", source + HOOK.format(filetype="aaa", encoder="tests.kit.codec:TinyEncoder"))
    registry, start, found = Registry(), threading.Barrier(8), []

    def ask() -> None:
        start.wait()
        found.append(registry.resolve("aaa").encoder)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1
