"""Each error is also the builtin one that callers expect, says what it is about, and travels to other processes."""

from __future__ import annotations

import inspect
import pickle
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave import errors, runs

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


ADDRESS = "https://seqsave.github.io/seqsave/troubleshooting.html#after-the-end"


def test_the_address_of_the_page_is_an_attribute_and_ends_a_traceback() -> None:
    error = errors.EndOfSequenceError("it is over")
    assert error.help_url == ADDRESS
    assert str(error) == "it is over"
    lines = "".join(traceback.format_exception_only(error)).splitlines()
    assert lines[1:] == ([f"Help: {ADDRESS}"] if sys.version_info >= (3, 11) else [])


def test_an_error_has_the_topic_of_its_class_of_its_cause_or_one_of_its_own() -> None:
    assert errors.SaveError("x").help_url.endswith("#not-saved")
    assert errors.SaveError("x", topic="after-the-end").help_url == ADDRESS
    assert errors.TargetError("x", fault="expired").help_url.endswith("#expired")
    assert errors.TargetError("x").help_url == ""
    with pytest.raises(errors.EncodeError) as raised:
        raise errors.EncodeError("x") from errors.EndOfSequenceError("y")
    assert raised.value.help_url == ADDRESS


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", ""),
        ("https://docs.studio", "https://docs.studio/troubleshooting.html#after-the-end"),
        ("https://docs.studio/s/", "https://docs.studio/s/troubleshooting.html#after-the-end"),
        ("file:///srv/seqsave", "file:///srv/seqsave/troubleshooting.html#after-the-end"),
        ("https://me:secret@docs.studio/s?token=secret", "https://docs.studio/s/troubleshooting.html#after-the-end"),
    ],
)
def test_an_environment_variable_moves_the_pages(value: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQSAVE_DOCS_URL", value)
    error = errors.EndOfSequenceError("it is over")
    assert error.help_url == address
    assert "".join(traceback.format_exception_only(error)).count("Help") == (
        1 if address and sys.version_info >= (3, 11) else 0
    )


def test_without_a_message_an_error_shows_its_name() -> None:
    assert str(errors.ImageError()) == "ImageError"


def test_the_tree_in_the_documentation_is_the_real_one() -> None:
    assert errors.__doc__ is not None
    assert [kind.__name__ for kind in CLASSES if kind.__name__ not in errors.__doc__] == []


# Of a folder with one frame, and with these storage options.
TAKING: dict[str, Callable[[str, Any], object]] = {
    "check_settings": lambda _, given: seqsave.check_settings(storage_options=given),
    "find_sequences": lambda url, given: list(seqsave.find_sequences(url, storage_options=given)),
    "flush": lambda url, given: seqsave.flush(f"{url}-spool", storage_options=given),
    "open_frame": lambda url, given: seqsave.open_frame(f"{url}/frame_00000.png", given),
    "open_run": lambda url, given: seqsave.open_run(url, storage_options=given),
    "open_sequence": lambda url, given: seqsave.open_sequence(url, storage_options=given),
    "open_writer": lambda url, given: seqsave.open_writer(url, storage_options=given),
    "save": lambda url, given: seqsave.save([np.zeros((2, 2, 3), np.uint8)], url, storage_options=given),
}
OF_RUNS: dict[str, Callable[[str, Any], object]] = {
    "abandon_run": lambda url, given: runs.abandon_run(url, "a", storage_options=given),
    "commit_run": lambda url, given: runs.commit_run(url, "a", storage_options=given),
    "from_document": lambda url, given: runs.Run.from_document(seqsave.open_run(url).as_document(), given),
}


def test_every_function_that_takes_storage_options_is_tried() -> None:
    functions = {name: getattr(seqsave, name) for name in seqsave.__all__}
    taking = {
        name
        for name, one in functions.items()
        if inspect.isfunction(one) and "storage_options" in inspect.signature(one).parameters
    }
    assert taking == {*TAKING}


@pytest.mark.parametrize("given", ["token=hunter2", [("token", "hunter2")], 7, ()], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("name", [*TAKING, *OF_RUNS])
def test_storage_options_are_a_mapping_and_are_not_shown(tmp_path: Path, name: str, given: object) -> None:
    seqsave.save([np.zeros((2, 2, 3), np.uint8)], tmp_path / "shot", filetype="png")
    message = f"storage_options is of type {type(given).__name__}: it must be a mapping of names to values"
    with pytest.raises(seqsave.OptionError, match=message) as caught:
        (TAKING | OF_RUNS)[name](str(tmp_path / "shot"), given)
    assert "hunter2" not in str(caught.value)
