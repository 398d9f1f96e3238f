"""The plugins that are installed: which entry points are found, under which names, and which of them are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seqsave.plugins.discovery import PluginInfo, discover, is_chosen
from tests.support.site import Site

if TYPE_CHECKING:
    from pathlib import Path


def found(site: Site) -> list[tuple[str, str, str]]:
    """Return entry point, distribution and version of each plugin that is installed in the site."""
    infos = [candidate.info for candidate in discover()]
    return [(info.name, info.distribution, info.version) for info in infos if info.version in ("1.2", "")]


def test_a_plugin_has_the_names_of_its_entry_point_and_its_distribution(site: Site) -> None:
    site.record("Studio.AAA", "[seqsave]\naaa = no_such_module\naab = no_such_module\n")
    assert found(site) == [("aaa", "Studio.AAA", "1.2"), ("aab", "Studio.AAA", "1.2")]


def test_an_unreadable_record_of_another_package_does_not_matter(site: Site) -> None:
    site.record("other-package", "[console_scripts]\nthis line has no equals sign\n")
    site.format("seqsave-aaa", "aaa")
    assert found(site) == [("seqsave-aaa", "seqsave-aaa", "1.2")]


def test_other_entry_points_of_a_plugin_do_not_matter(site: Site) -> None:
    site.record("seqsave-aaa", "[console_scripts]\naaa = no_such_module:main\n[seqsave]\naaa = no_such_module\n")
    assert found(site) == [("aaa", "seqsave-aaa", "1.2")]


def test_an_unreadable_record_of_a_plugin_is_kept_with_its_error(site: Site) -> None:
    site.record("seqsave-aaa", "[seqsave]\nthis line has no equals sign\n", metadata=None)
    (candidate,) = (one for one in discover() if one.error is not None)
    assert candidate.entry_point is None
    assert candidate.info.distribution == f"a distribution without a name in {site.folder}"


def test_of_a_distribution_that_is_installed_twice_the_first_one_counts(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.format("seqsave-aaa", "aaa")
    (tmp_path / "other").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    Site(tmp_path / "other").format("Seqsave.AAA", "aaa")
    assert found(site) == [("Seqsave.AAA", "Seqsave.AAA", "1.2")]


@pytest.mark.parametrize(
    ("only", "disabled", "chosen"),
    [
        (None, "", True),
        ("", "", False),
        ("aaa", "", True),
        ("other, studio-aaa", "", True),
        ("other", "", False),
        (None, "aaa", False),
        (None, "studio-aaa,other", False),
        ("aaa", "studio-aaa", False),
    ],
)
def test_plugins_are_chosen_by_either_name(
    monkeypatch: pytest.MonkeyPatch, only: str | None, disabled: str, chosen: bool
) -> None:
    monkeypatch.delenv("SEQSAVE_LOAD_PLUGINS", raising=False)
    if only is not None:
        monkeypatch.setenv("SEQSAVE_LOAD_PLUGINS", only)
    monkeypatch.setenv("SEQSAVE_DISABLE_PLUGINS", disabled)
    assert is_chosen(PluginInfo(name="aaa", distribution="studio-aaa", version="1")) is chosen
