"""Each thing that can be wrong with a declaration gives one line that names it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seqsave.encoders import BUILTIN_SPECS
from seqsave.plugins.declarations import problems
from seqsave.specs import Option
from tests.kit import TINY

INT = Option(type=int, default=1, min=0, max=9, help="a number")


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"filetype": ""}, "filetype is ''"),
        ({"filetype": " tiny"}, "filetype is ' tiny'"),
        ({"filetype": 7}, "filetype is 7"),
        ({"filetype": "tiny with embedded workflow"}, "made from metadata='embed'"),
        ({"extensions": ()}, "at least one"),
        ({"extensions": "tiny"}, "extensions is 'tiny'"),
        ({"extensions": (".tiny",)}, "'.tiny': it must be lower case"),
        ({"extensions": ("TINY",)}, "'TINY': it must be lower case"),
        ({"extensions": (b"tiny",)}, "b'tiny'"),
        ({"encoder": "tests.kit.codec"}, "'package.module:Class'"),
        ({"encoder": "tests.kit.codec:TinyEncoder()"}, "'package.module:Class'"),
        ({"encoder": ":TinyEncoder"}, "'package.module:Class'"),
        ({"encoder": None}, "encoder is None"),
        ({"dtypes": ()}, "dtypes is ()"),
        ({"dtypes": ["uint8"]}, "dtypes is ['uint8']"),
        ({"dtypes": ("half",)}, "dtypes holds ['half']"),
        ({"dtypes": ("uint8", "uint8")}, "contains duplicates"),
        ({"channels": (0, 3)}, "channels holds [0]"),
        ({"channels": (True, 3)}, "channels holds [True]"),
        ({"channels": 3}, "channels is 3"),
        ({"channels": (3.0,)}, "channels holds [3.0]"),
        ({"channels": (3, 3)}, "contains duplicates"),
        ({"default_color": 1}, "default_color is 1"),
        ({"content_type": None}, "content_type is None"),
        ({"metadata": "yes"}, "metadata is 'yes'"),
        ({"content_type": "tiny"}, "content_type is 'tiny'"),
        ({"lossless": 1}, "lossless is 1"),
        ({"install_hint": ""}, "install_hint is ''"),
        ({"options": ["level"]}, "options is ['level']"),
        ({"options": {"level": 1}}, "option 'level' is 1"),
        ({"options": {"Level": INT}}, "'Level': a name is lower case"),
        ({"options": {"le-vel": INT}}, "a name is"),
        ({"options": {"level": replace(INT, type=list)}}, "type is <class 'list'>"),
        ({"options": {"level": replace(INT, help=None)}}, "help is None"),
        ({"options": {"level": replace(INT, default=10)}}, "default 10 is out of bounds"),
        ({"options": {"level": replace(INT, default=-1)}}, "default -1 is out of bounds"),
        ({"options": {"level": replace(INT, default="1")}}, "default '1' is not of type int"),
        ({"options": {"level": replace(INT, default=True)}}, "default True is not of type int"),
        ({"options": {"level": replace(INT, default=1.0)}}, "default 1.0 is not of type int"),
        ({"options": {"level": replace(INT, default=None, min=9, max=0)}}, "min 9 is more than max 0"),
        ({"options": {"level": replace(INT, min="0")}}, "min is '0'"),
        ({"options": {"level": replace(INT, choices=(2, 3))}}, "default 1 is not among the choices"),
        ({"options": {"level": replace(INT, choices=())}}, "choices is ()"),
        ({"options": {"level": replace(INT, choices=(1, 99))}}, "choice 99 is out of bounds"),
        ({"options": {"level": replace(INT, choices=(1, "2"))}}, "choice '2' is not of type int"),
        ({"options": {"name": Option(type=str, default="a", min=1, help="text")}}, "only for int and float"),
    ],
    ids=str,
)
def test_unsound_declarations(changes: dict[str, Any], part: str) -> None:
    found = problems(replace(TINY, **changes))
    assert len(found) == 1, found
    assert part in found[0]


def test_sound_declarations() -> None:
    assert problems(TINY) == []
    assert problems(replace(TINY, options={"level": replace(INT, default=None)})) == []
    assert problems(replace(TINY, channels=(1, 2, 3, 4, 7))) == []
    assert [problem for spec in BUILTIN_SPECS for problem in problems(spec)] == []
    assert problems("tiny") == ["'tiny' is not a seqsave.EncoderSpec"]
