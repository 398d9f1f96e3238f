"""The declarations of settings: unknown names, and the names that other libraries use."""

from __future__ import annotations

import pytest

import seqsave
from seqsave.settings.config import SETTINGS
from seqsave.settings.table import _BY_OTHER_NAME, check_names, describe, other_name


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("fps", "`rate`, such as rate=24"),
        ("format", "`filetype`"),
        ("ext", "`filetype`"),
        ("quality", "`options`, such as options={'quality': ...}"),
        ("compression", "`options`, such as options={'compression': ...}"),
        ("overwrite", "`if_exists='overwrite'`"),
        ("exist_ok", "`if_exists='overwrite'`"),
        ("start_index", "`start`"),
        ("Start-Frame", "`start`"),
        ("endpoint_url", "`storage_options`, such as storage_options={'endpoint_url': ...}"),
    ],
)
def test_a_name_from_another_library(name: str, use: str) -> None:
    with pytest.raises(seqsave.OptionError) as caught:
        seqsave.check_settings(**{name: 1})
    assert str(caught.value) == f"unknown setting {name!r}: use {use}"


def test_a_misspelt_name() -> None:
    with pytest.raises(seqsave.OptionError, match=r"unknown setting 'prefx' \(did you mean 'prefix'\?\): the settings"):
        check_names(["prefx"], SETTINGS)


def test_other_names_lead_to_settings_and_hide_none() -> None:
    assert {use.partition("=")[0] for use in _BY_OTHER_NAME.values()} <= set(SETTINGS)
    assert not set(_BY_OTHER_NAME) & set(SETTINGS)
    assert other_name("nothing_like_it") is None


def test_each_choice_of_another_name_exists() -> None:
    for use in _BY_OTHER_NAME.values():
        name, equals, value = use.partition("=")
        assert not equals or value.strip("'") in SETTINGS[name].choices


def test_the_description_has_one_line_for_each_setting() -> None:
    assert [line.partition(":")[0] for line in describe(SETTINGS).splitlines()] == list(SETTINGS)
