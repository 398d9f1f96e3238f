"""Settings are declared once: what is made from the declarations, and what is checked where."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import subprocess
import sys
import typing
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.runtime.retry import RetryPolicy
from seqsave.settings import config
from seqsave.settings.config import GROUPS, SETTINGS
from seqsave.settings.formats import PixelFormat
from seqsave.settings.groups import Delivery, EmbeddedMetadata, Naming, Reports
from seqsave.settings.limits import Limits
from seqsave.types import Event
from tests.settings.pages import PAGE, README, page, readme

FACES: list[Callable[..., Any]] = [seqsave.SequenceWriter, seqsave.open_writer, seqsave.save, seqsave.check_settings]
RED = np.full((4, 6, 3), (255, 0, 0), np.uint8)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_the_signature_shows_every_setting_with_its_type_and_default(face: Callable[..., Any]) -> None:
    shown = inspect.signature(face).parameters
    assert [name for name in shown if name not in ("frames", "url", "config")] == list(SETTINGS)
    for name, one in SETTINGS.items():
        assert shown[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert (shown[name].annotation, shown[name].default) == (one.type, one.default)


@pytest.mark.parametrize("face", [seqsave.SequenceWriter.__init__, *FACES[1:]], ids=lambda face: face.__name__)
def test_the_docstring_explains_every_setting(face: Callable[..., Any]) -> None:
    text = inspect.getdoc(face) or ""
    for name, one in SETTINGS.items():
        assert f"\n{name}: {one.help}" in text


def test_readme_and_the_page_of_settings_are_up_to_date() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == readme(text), "make it again: python -m tests.settings.pages"
    assert PAGE.read_text(encoding="utf-8") == page(), "make it again: python -m tests.settings.pages"
    for name, one in SETTINGS.items():
        assert f"`{name}`" in page()
        assert one.help in text


def test_every_setting_is_declared_fully() -> None:
    for one in SETTINGS.values():
        assert one.help.endswith((".", ")"))
        assert one.details == "" or one.details.endswith(".")
        assert one.default in (one.choices or [one.default]) or one.default is None
        assert one.min is None or one.default is None or one.min <= one.default


def test_declared_types_are_real() -> None:
    later = {"RetryPolicy": RetryPolicy, "Event": Event, "Pixels": Any}
    for group in GROUPS.values():
        hints = typing.get_type_hints(group, vars(sys.modules[group.__module__]) | later)
        assert {one.name for one in dataclasses.fields(group)} <= set(hints)


@pytest.mark.parametrize("face", [*FACES], ids=lambda face: face.__name__)
def test_a_misspelt_setting_is_named_with_the_near_one(face: Callable[..., Any]) -> None:
    given = {seqsave.save: [[RED], "memory://misspelt"], seqsave.check_settings: []}.get(face, ["memory://misspelt"])
    with pytest.raises(seqsave.OptionError, match="unknown setting 'filetpye' \\(did you mean 'filetype'\\?\\)"):
        face(*given, filetpye="png")


@pytest.mark.parametrize(
    ("group", "wrong", "error"),
    [
        (Naming, {"prefix": "../up"}, seqsave.FrameNameError),
        (Naming, {"step": 0}, seqsave.FrameNameError),
        (Naming, {"start": 2**63 - 2, "total": 3}, seqsave.FrameNameError),
        (Naming, {"step": 2**62, "total": 4}, seqsave.FrameNameError),
        (Naming, {"at_end": "stop"}, seqsave.OptionError),
        (PixelFormat, {"filetype": "gif"}, seqsave.EncoderNotFoundError),
        (PixelFormat, {"options": {"quality": 9}}, seqsave.OptionError),
        (PixelFormat, {"convert_to": "srgb"}, seqsave.OptionError),
        (EmbeddedMetadata, {"metadata": {"x": object()}}, seqsave.MetadataError),
        (EmbeddedMetadata, {"metadata_in": "all"}, seqsave.OptionError),
        (EmbeddedMetadata, {"dpi": 0}, seqsave.OptionError),
        (Delivery, {"if_exists": "skipp"}, seqsave.OptionError),
        (Delivery, {"preview": "gif"}, seqsave.OptionError),
        (Delivery, {"retry": 3}, seqsave.OptionError),
        (Limits, {"concurrency": True}, seqsave.OptionError),
        (Reports, {"on_event": 3}, seqsave.OptionError),
        (Reports, {"on_event": asyncio.sleep}, seqsave.OptionError),
    ],
)
def test_a_group_is_checked_where_it_is_made(group: type[Any], wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        group(**wrong)
    with pytest.raises(error):
        seqsave.check_settings(**wrong)


def test_a_config_is_frozen_and_holds_checked_values() -> None:
    made = seqsave.check_settings(filetype=["png", "jpg"], digits=np.int64(3), rate=23.976, tags={"artist": ""})
    assert [form.rule.pattern for form in made.formats] == ["frame_###.png", "frame_###.jpg"]
    assert made.embedding.exact_rate == Fraction(24000, 1001)
    assert made.delivery.policy == RetryPolicy()
    for part in (made, *(getattr(made, name) for name in GROUPS)):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, dataclasses.fields(part)[0].name, None)


@pytest.mark.parametrize("rate", [10**9, Fraction(10**9 * 10**6 - 1, 10**6), 1 / 10**6, 23.976])
def test_every_rate_that_is_taken_fits_a_manifest(rate: Any) -> None:
    url = "memory://rates"
    seqsave.save([RED] * 2, url, rate=rate)
    manifest = seqsave.open_sequence(url).manifest
    assert manifest is not None
    assert manifest.rate == seqsave.check_settings(rate=rate).embedding.exact_rate


@pytest.mark.parametrize("rate", [10**9 + 1, 1e300, float("inf")])
def test_a_rate_that_fits_no_manifest_is_refused(rate: float) -> None:
    with pytest.raises(seqsave.OptionError, match=r"rate is .* at most 1000000000"):
        seqsave.check_settings(rate=rate)


def test_a_config_gives_its_settings_back() -> None:
    made = seqsave.check_settings(
        prefix="shots/a", metadata={"seed": 7}, withhold=["*.key"], retry=RetryPolicy(attempts=3)
    )
    assert list(made.settings) == list(SETTINGS)
    assert seqsave.check_settings(**made.settings) == made
    assert made != seqsave.check_settings()


def test_a_writer_takes_a_config_and_other_settings_beside_it() -> None:
    made = seqsave.check_settings(prefix="shot", digits=3, filetype="png")
    with seqsave.open_writer("memory://config", made) as writer:
        writer.write(RED)
    with seqsave.open_writer("memory://config", made, digits=1, start=7) as writer:
        writer.write(RED)
    result = seqsave.save([RED], "memory://config", made, start=9)
    assert result.urls[0].endswith("/shot_009.png")
    found = sorted(frame.name for frame in seqsave.open_sequence("memory://config"))
    assert found == ["shot_000.png", "shot_009.png", "shot_7.png"]
    assert seqsave.open_sequence("memory://config").manifest is not None, "the config asks for a manifest"


@pytest.mark.parametrize("wrong", [{"digits": 3}, "png", 3])
def test_what_is_no_config_is_refused(wrong: Any) -> None:
    with pytest.raises(seqsave.OptionError, match="check_settings"):
        seqsave.open_writer("memory://config", wrong)


def test_secrets_are_not_shown() -> None:
    made = seqsave.check_settings(storage_options={"secret": "hunter2"}, metadata={"key": "hunter2"})
    assert "hunter2" not in repr(made)


def test_the_declarations_are_light() -> None:
    heavy = ("numpy", "asyncio", "fsspec", "PIL", "pluggy")
    code = f"import sys, seqsave.settings.config; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_left_out_of_the_groups() -> None:
    assert {one.group for one in SETTINGS.values()} == set(GROUPS)
    assert [one.name for one in dataclasses.fields(config.WriterConfig) if one.init] == [
        *GROUPS,
        "pattern",
        "copies",
        "reads_slowly",
    ]


@pytest.mark.parametrize("name", ["manifest", "publish_behind", "progress"])
def test_a_text_is_neither_true_nor_false(name: str) -> None:
    with pytest.raises(seqsave.OptionError, match=rf"{name} is 'no': it must be True or False"):
        seqsave.check_settings(**{name: "no"})


def test_a_frame_has_its_own_recipe_or_that_of_all() -> None:
    assert Delivery(recipe="all").chosen_recipe(None) == "all"
    assert Delivery(recipe="all").chosen_recipe("own") == "own"
    assert Delivery().chosen_recipe(None) is None
    with pytest.raises(seqsave.OptionError, match="needs a `recipe`"):
        Delivery(if_exists="skip same recipe").chosen_recipe(None)
    with pytest.raises(seqsave.OptionError, match="recipe is ''"):
        Delivery(recipe="all").chosen_recipe("")
