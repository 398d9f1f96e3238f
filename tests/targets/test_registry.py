"""Which class serves which protocol, and what plugins and calls may say of it."""

from __future__ import annotations

import importlib.metadata
import sys
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

import seqsave
from seqsave import Option, TargetSpec, targets
from seqsave.errors import PluginError, TargetError
from seqsave.plugins import manager
from seqsave.targets import Location
from seqsave.targets.local import LocalTarget
from seqsave.targets.memory import MemoryTarget
from seqsave.targets.s3 import S3Target
from tests.support.site import Site
from tests.targets.stores import TRUSTED, declare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
from seqsave import Traits
from seqsave.errors import FrameExistsError

S3 = {"key": "k", "secret": "s", "endpoint_url": "http://127.0.0.1:9"}
PLUGIN = """
import seqsave

@seqsave.hookimpl
def seqsave_targets():
    return [seqsave.TargetSpec(
        protocols={protocols}, {how}, options={{"size": seqsave.Option(type=int, min=1, max=9)}},
        install_hint="pip install shelf-fs",
    )]
"""


class Shelf(MemoryFileSystem):
    """A filesystem that refuses to replace a file on request."""

    protocol = "shelf"
    store: dict[str, Any] = {}
    pseudo_dirs = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("shelf://").strip("/")


class Careless(Shelf):
    """A filesystem that accepts the condition and ignores it."""

    protocol = "careless"
    store: dict[str, Any] = {}
    pseudo_dirs = [""]

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        super().pipe_file(path, value, **kwargs)


class Special(MemoryTarget):
    """A target of another package."""

    opened: list[tuple[str, Mapping[str, Any]]] = []

    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> MemoryTarget:
        cls.opened.append((location.url, options))
        return cls(location.rest, {}, url=url)


@pytest.fixture(autouse=True)
def _filesystems(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from fsspec.registry import _registry

    for kind in (Shelf, Careless):
        monkeypatch.setitem(_registry, kind.protocol, kind)
    module: Any = types.ModuleType("special")
    module.Special, module.not_a_target = Special, dict
    monkeypatch.setitem(sys.modules, "special", module)
    yield
    for kind in (Shelf, Careless):
        kind.store.clear()
        kind.pseudo_dirs[:] = [""]
    Special.opened.clear()


@pytest.fixture
def installed(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(manager, "_manager", manager.PluginManager())
    return site


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("entry points were looked at")


# --- who wins ---------------------------------------------------------------------------------------------------------


def test_built_ins_never_look_at_entry_points(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(manager, "_manager", manager.PluginManager())
    monkeypatch.setattr(importlib.metadata, "distributions", refuse)
    assert type(targets.resolve(tmp_path)) is LocalTarget
    assert type(targets.resolve("memory://x")) is MemoryTarget
    with pytest.raises(AssertionError, match="looked at"):
        targets.resolve("s3://bucket", S3)


def test_a_plugin_cannot_take_a_built_in_protocol(installed: Site) -> None:
    installed.install("pirate", PLUGIN.format(protocols=("memory", "shelf"), how="target='special:Special'"))
    assert type(targets.resolve("shelf://x")) is Special
    assert type(targets.resolve("memory://x")) is MemoryTarget


def test_a_plugin_wins_over_what_seqsave_does_by_itself(installed: Site) -> None:
    assert type(targets.resolve("s3://bucket/x", {**S3, "client": "s3fs"})) is S3Target
    installed.install("special-s3", PLUGIN.format(protocols=("s3",), how="target='special:Special'"))
    manager._manager = manager.PluginManager(
        point for point in importlib.metadata.entry_points(group="seqsave") if point.name == "special-s3"
    )
    assert type(targets.resolve("s3://bucket/x")) is Special


def test_what_is_registered_wins(installed: Site) -> None:
    installed.install("one-shelf", PLUGIN.format(protocols=("shelf",), how="target='a:B'"))
    installed.install("two-shelf", PLUGIN.format(protocols=("shelf",), how="target='a:B'"))
    declare("shelf", target="special:Special")
    assert type(targets.resolve("shelf://x")) is Special
    with pytest.raises(TargetError, match="a target for shelf:// already exists; pass clobber=True"):
        declare("shelf", target="a:B")
    seqsave.unregister_target("shelf")
    with pytest.raises(
        TargetError, match=r"claimed by one-shelf and two-shelf: uninstall one, or name it in SEQSAVE_DIS"
    ):
        targets.resolve("shelf://x")
    with pytest.raises(TargetError, match=r"'shelf' was not registered in this process \(registered: nothing\)"):
        seqsave.unregister_target("shelf")


def test_two_plugins_for_one_protocol_matter_only_where_it_is_asked_for(
    installed: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.install("one-shelf", PLUGIN.format(protocols=("shelf",), how="target='special:Special'"))
    installed.install("two-shelf", PLUGIN.format(protocols=("shelf", "other"), how="target='special:Special'"))
    assert type(targets.resolve("other://x")) is Special
    monkeypatch.setenv("SEQSAVE_DISABLE_PLUGINS", "two-shelf")
    monkeypatch.setattr(manager, "_manager", manager.PluginManager())
    assert type(targets.resolve("shelf://x")) is Special


def test_a_built_in_is_replaced_on_purpose_only() -> None:
    with pytest.raises(TargetError, match="a target for memory:// already exists; pass clobber=True"):
        declare("memory", target="special:Special")
    seqsave.register_target(TargetSpec(protocols=("memory",), target="special:Special"), clobber=True)
    assert type(targets.resolve("memory://x")) is Special
    seqsave.unregister_target("memory")
    assert type(targets.resolve("memory://x")) is MemoryTarget
    with pytest.raises(PluginError, match="register_target declares"):
        declare("memory")


def test_a_configured_name_keeps_its_meaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('[targets.newest]\nurl = "memory://configured"\n')
    monkeypatch.setenv("SEQSAVE_CONFIG", str(tmp_path / "config.toml"))
    declare("newest", target="special:Special")
    assert targets.resolve("newest://x").url == "newest://x"
    assert type(targets.resolve("newest://x")) is MemoryTarget


# --- what can go wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (
            "no_such_backend:Target",
            "cannot be imported: No module named 'no_such_backend'; install it with: pip install shelf-fs$",
        ),
        ("special:nothing", r"the target of shelf:// \(special:nothing\) could not be imported: AttributeError"),
        ("special:not_a_target", "is not a subclass of seqsave.targets.Target"),
    ],
)
def test_a_target_that_cannot_be_imported(target: str, says: str) -> None:
    declare("shelf", target=target, install_hint="pip install shelf-fs")
    with pytest.raises(TargetError, match=says):
        targets.resolve("shelf://x")


def test_options_are_checked_before_anything_is_opened() -> None:
    options = {
        "size": Option(type=int, min=1, max=9),
        "password": Option(type=str, choices=("open", "sesame")),
    }
    declare("shelf", target="special:Special", options=options)
    targets.resolve("shelf://x", {"size": "7", "other": object})
    assert Special.opened.pop() == ("shelf://x", {"size": 7, "other": object})
    targets.resolve("shelf://x", {"size": None})
    Special.opened.clear()
    with pytest.raises(
        TargetError, match="storage option 'size' of shelf:// is 10: it must be a whole number from 1 to 9"
    ):
        targets.resolve("shelf://x", {"size": 10})
    with pytest.raises(TargetError, match="'password' of shelf:// is not suitable") as caught:
        targets.resolve("shelf://x", {"password": "hush-hush"})
    assert "hush-hush" not in str(caught.value)
    assert Special.opened == []


def test_an_unknown_scheme_names_what_plugins_know() -> None:
    declare("shelfworks", target="special:Special")
    with pytest.raises(TargetError, match=r"did you mean 'shelfworks'\?"):
        targets.resolve("shelfwork://x")
    assert type(targets.resolve("ShelfWorks://x")) is Special


# --- traits -----------------------------------------------------------------------------------------------------------


def test_what_it_claims_is_tried_before_it_is_relied_on() -> None:
    declare("careless", traits=TRUSTED)
    import numpy as np

    with pytest.raises(seqsave.SaveError, match="replaces files that it was asked not to replace"):
        seqsave.save(np.zeros((1, 2, 2, 3), "uint8"), "careless://top/x", if_exists="error")
    assert [name for name in Careless.store if name.endswith(".png")] == []
    with pytest.raises(TargetError, match="replaces files that it was asked not to replace"):
        targets.resolve("careless://top/x").probe_create("probe.txt")


def test_a_class_s_claim_is_tried_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Boaster(Special):
        _refuses_for_certain = False

        def publish(self, path: str, data: Any, *, create: bool = False, **more: Any) -> targets.Published:  # type: ignore[override]
            return super().publish(path, data, create=False, **more)

    monkeypatch.setattr(sys.modules["special"], "Special", Boaster)
    declare("shelf", target="special:Special")
    with pytest.raises(TargetError, match="replaces files that it was asked not to replace"):
        targets.resolve("shelf://x").probe_create("probe.txt")


def test_schemes_are_those_that_are_no_configured_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare("newest", "newer", target="special:Special")
    assert {"file", "memory", "s3", "newest", "newer"} <= set(targets.schemes())
    (tmp_path / "config.toml").write_text('[targets.newest]\nurl = "memory://configured"\n')
    monkeypatch.setenv("SEQSAVE_CONFIG", str(tmp_path / "config.toml"))
    assert "newest" not in targets.schemes()
    assert "newer" in targets.schemes()


def test_without_a_declaration_nothing_good_is_assumed() -> None:
    can = targets.resolve("shelf://top/x").capabilities
    assert (can.atomic, can.create, can.thread_safe) == (False, "none", False)


def test_a_declaration_says_otherwise() -> None:
    declare("shelf", traits=TRUSTED)
    target = targets.resolve("shelf://top/x")
    can = target.capabilities
    assert (can.folders, can.atomic, can.create, can.thread_safe) == (True, True, "conditional", True)
    target.publish("a/b", b"1", content_type="image/png", create=True)
    with pytest.raises(FrameExistsError):
        target.publish("a/b", b"2", content_type="image/png", create=True)
    assert target.read("a/b") == b"1"
    target.probe_create(".seqsave/create.txt")
    assert target.known.refuses


def test_functions_of_traits_are_imported_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    module: Any = types.ModuleType("shelf_helpers")
    module.keywords = lambda content_type, size: calls.append((content_type, size)) or {}
    module.move = lambda filesystem, old, new: filesystem.mv(old, new) or calls.append(new)
    declare("shelf", traits=Traits(publish="move", keywords="shelf_helpers:keywords", move="shelf_helpers:move"))
    target = targets.resolve("shelf://top/x")
    monkeypatch.setitem(sys.modules, "shelf_helpers", module)
    target.publish("f", b"123", content_type="image/png")
    assert calls == [("image/png", 3), "/top/x/f"]
    assert [entry.name for entry in target.list()] == ["f"]
