"""The declarations of plugins: frozen records of names, which any module may make without importing the code."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

from seqsave import specs
from seqsave.specs import EncoderSpec, ObserverSpec, Option, TargetSpec, Traits

RECORDS = [one for one in vars(specs).values() if dataclasses.is_dataclass(one)]
MADE = [
    EncoderSpec(
        filetype="dot", extensions=("dot",), encoder="dots:Dots", dtypes=("uint8",), options={"q": Option(type=int)}
    ),
    TargetSpec(protocols=("shelf",), traits=Traits(publish="put")),
    ObserverSpec(name="farm", observer="farm:note"),
]


@pytest.mark.parametrize("record", RECORDS)
def test_every_declaration_is_frozen_and_takes_names_only(record: Any) -> None:
    assert record.__dataclass_params__.frozen
    assert all(one.kw_only for one in dataclasses.fields(record))


@pytest.mark.parametrize("made", MADE, ids=lambda made: type(made).__name__)
def test_a_declaration_is_made_without_its_code_and_travels(made: Any) -> None:
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - made here
