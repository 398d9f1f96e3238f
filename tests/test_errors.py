"""Each error is also the builtin one that callers expect, says what it is about, and travels to other processes."""

from __future__ import annotations

import pickle

import pytest

from seqsave import errors

CLASSES = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.SeqSaveError)]
CALLED = {"RunError": {"reason": "missing", "frames": (range(3, 5),)}}


def made(kind: type[errors.SeqSaveError]) -> errors.SeqSaveError:
    return kind("it failed", **CALLED.get(kind.__name__, {}))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [one for one in CLASSES if one is not errors.SeqSaveError])
def test_each_is_a_builtin_error_too(kind: type[errors.SeqSaveError]) -> None:
    assert any(base.__module__ == "builtins" and base not in (Exception, BaseException, object) for base in kind.mro())


@pytest.mark.parametrize("kind", CLASSES)
def test_each_shows_its_message_and_survives_pickling(kind: type[errors.SeqSaveError]) -> None:
    error = made(kind)
    error.saved, error.aftermath, error.frame = 3, "3 frames are saved", 7
    there = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(there) is kind
    assert str(there) == str(error) == "frame 7: it failed (3 frames are saved)"
    assert vars(there) == vars(error)


def test_without_a_message_an_error_shows_its_name() -> None:
    assert str(errors.ImageError()) == "ImageError"


def test_the_tree_in_the_documentation_is_the_real_one() -> None:
    assert errors.__doc__ is not None
    assert [kind.__name__ for kind in CLASSES if kind.__name__ not in errors.__doc__] == []
