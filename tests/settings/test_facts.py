"""The facts that settings state: of a sequence, and of a picture in place of what its source states."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.naming.key import FrameKey
from seqsave.pictures.color import color_space
from seqsave.pictures.pixels import Taken
from seqsave.settings.facts import PictureFacts, facts_of
from seqsave.types import FrameInfo, ImageInfo

KEY = FrameKey(17, 3, "batch_0003/shot.00017.png")
SOURCE = ImageInfo(
    dpi=72.0, rate=Fraction(25), tags={"artist": "A", "copyright": "old"}, color=color_space("display-p3")
)


def _facts(**settings: Any) -> PictureFacts:
    config = seqsave.check_settings(filetype="png", **settings)
    return PictureFacts(config.formats[0], config)


def _info(image: ImageInfo, **settings: Any) -> FrameInfo:
    config = seqsave.check_settings(filetype="png", **settings)
    taken = config.formats[0].pixels.take(np.zeros((4, 6, 3), np.uint8), image)
    assert isinstance(taken, Taken)
    return PictureFacts(config.formats[0], config).of(KEY, taken)


def test_what_the_source_states_is_stated() -> None:
    info = _info(SOURCE, prefix="shot", total=40)
    assert (info.index, info.batch, info.name, info.prefix, info.total) == (17, 3, "shot.00017.png", "shot", 40)
    assert (info.dpi, info.rate, info.tags, info.color) == (72.0, 25, dict(SOURCE.tags), SOURCE.color)


def test_settings_go_before_it() -> None:
    info = _info(SOURCE, dpi=300, rate=24, tags={"copyright": "new"}, color="srgb")
    assert (info.dpi, info.rate, info.color) == (300.0, 24, color_space("srgb"))
    assert info.tags == {"artist": "A", "copyright": "new"}


@pytest.mark.parametrize(
    ("settings", "left"), [({}, (72.0, 25)), ({"dpi": 300}, (None, 25)), ({"rate": 24}, (72.0, None))]
)
def test_facts_that_a_setting_states_are_not_left(settings: dict[str, Any], left: tuple[Any, Any]) -> None:
    info = _facts(**settings).left(SOURCE, {})
    assert (info.dpi, info.rate) == left


@pytest.mark.parametrize(("of", "left"), [("exr", {"b": 2}), ("png", {"a": 1, "b": 2})])
def test_attributes_of_another_format_that_are_metadata_are_not_left(of: str, left: dict[str, Any]) -> None:
    info = ImageInfo(attributes={"a": 1, "b": 2}, attributes_of=of)
    assert _facts().left(info, {"a": "1"}).attributes == left


@pytest.mark.parametrize(
    ("if_exists", "keeps"),
    [("overwrite", False), ("replace", False), ("skip", True), ("skip valid", True), ("error", True)],
)
def test_the_facts_of_a_sequence(if_exists: Any, keeps: bool) -> None:
    config = seqsave.check_settings(
        prefix="shots/a", digits=4, start=5, step=2, total=9, rate=24, recipe="r", if_exists=if_exists
    )
    facts = facts_of(config.formats[0], config)
    assert (facts.prefix, facts.separator, facts.digits, facts.extension) == ("shots/a", "_", 4, "png")
    assert (facts.start, facts.step, facts.total, facts.rate, facts.recipe) == (5, 2, 9, 24, "r")
    assert facts.keeps is (if_exists not in ("overwrite", "replace"))
