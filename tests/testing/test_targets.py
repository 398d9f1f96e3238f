"""The kit for storages finds what is wrong, and lets what is sound pass."""

from __future__ import annotations

import inspect
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

import seqsave
from seqsave.testing import TargetPlace, TargetSuite
from tests.kit import storages

CHECKS = [name for name in vars(TargetSuite) if name.startswith("test_")]


class Place(TargetPlace):
    """What the storages of ``tests.kit.storages`` keep, as fsspec's memory:// shows it."""

    def _filesystem(self) -> tuple[Any, str]:
        filesystem, root = TargetPlace(self.url.replace("kit://", "memory://"))._filesystem()
        storages.KeepsTheBuffer.flush(filesystem)
        return filesystem, root


class Suite(TargetSuite):
    updates_are_safe = True

    def place(self, tmp_path: Path) -> TargetPlace:
        return Place(f"kit://{uuid.uuid4().hex}/shot")


def suite_of(storage: str) -> Suite:
    spec = seqsave.TargetSpec(protocols=("kit",), target=f"tests.kit.storages:{storage}")
    seqsave.register_target(spec)
    suite = Suite()
    suite.spec = spec  # type: ignore[misc]
    return suite


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_storage_passes(check: str, tmp_path: Path) -> None:
    getattr(suite_of("Sound"), check)(tmp_path)


SINS = {
    "WritesWhenOpened": ("test_check_changes_nothing", "opening the target has written"),
    "ForgetsTheLastByte": ("test_publish", "the file has other bytes"),
    "LeavesATemporaryFile": ("test_publish", "write one file"),
    "KeepsTheBuffer": ("test_kinds_of_data", "changing a bytearray after publish changes the saved file: copy"),
    "LowersNames": ("test_names", "'100%_%20_%2F_%s_00001.png' is stored as"),
    "TakesAnyPath": ("test_bad_paths", "the path '' is accepted"),
    "KeepsTheFirst": ("test_replaces", "holds b'a longer first one'"),
    "Torn": ("test_whole_files_only", "a reader saw a part of a file"),
    "NeverRefuses": ("test_create", "create=True replaces a file"),
    "RefusesAfterwards": ("test_create", "raises FrameExistsError, but has replaced the file"),
    "TakesWhatItCannot": ("test_create", "although capabilities.create is 'none'"),
    "LooksThenWrites": ("test_create_has_one_winner", "8 threads have created one file"),
    "MixesThreads": ("test_threads", "have another thread's bytes"),
    "OnlyOneLoop": ("test_publish_async", "must either both be None"),
    "BelievesWhatIsKnown": ("test_update", "update passes b'one' to the change"),
    "LosesUpdates": ("test_updates_from_threads", "of 40 changes"),
    "MissingIsEmpty": ("test_missing_files", "a missing file must raise FileNotFoundError"),
    "MissingMayPass": ("test_missing_files", "a missing file is reported as a temporary failure"),
    "OnePosition": ("test_open_read", "readers share a position"),
    "Remembers": ("test_list", "list must not answer from a cache"),
    "ListsMissing": ("test_list", "folders that do not exist are listed as"),
    "FolderExists": ("test_list", "exists must be True for files only"),
    "ListsSome": ("test_long_listing", "1000 of 2100 files are listed"),
    "KeepsALock": ("test_pickle", "cannot pickle"),
    "WritesNothing": ("test_save", ""),
}


@pytest.mark.parametrize("storage", sorted(set(SINS) - {"WritesNothing"}))
def test_a_broken_storage_is_found(storage: str, tmp_path: Path) -> None:
    check, says = SINS[storage]
    with pytest.raises((AssertionError, TypeError), match=re.escape(says)):
        getattr(suite_of(storage), check)(tmp_path)


def test_save_finds_what_replaces_frames(tmp_path: Path) -> None:
    with pytest.raises((AssertionError, seqsave.SaveError), match="replaces files that it was asked not to replace"):
        suite_of("NeverRefuses").test_save(tmp_path)


def test_every_check_finds_something() -> None:
    found = {check for check, _ in SINS.values()}
    assert set(CHECKS) - found == {"test_declaration"}, "which is below"
    # Those of this module: on Python 3.10, an alias such as list[int] passes for a class.
    own = [kind for kind in vars(storages).values() if getattr(kind, "__module__", "") == storages.__name__]
    broken = {kind.__name__ for kind in own if inspect.isclass(kind) and issubclass(kind, storages.Sound)}
    assert broken - {"Sound"} <= set(SINS)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (seqsave.TargetSpec(protocols=("kit",)), "one of target and traits must be set"),
        (seqsave.TargetSpec(protocols=("other",), target="a:B"), "has none of the declared protocols"),
        (seqsave.TargetSpec(protocols=("kit",), target="a:B"), "kit:// does not find this declaration"),
    ],
)
def test_a_declaration_that_is_not_the_one(spec: Any, says: str, tmp_path: Path) -> None:
    suite = suite_of("Sound")
    suite.spec = spec  # type: ignore[misc]
    with pytest.raises(AssertionError, match=says):
        suite.test_declaration(tmp_path)


def test_a_suite_without_a_place(tmp_path: Path) -> None:
    class Nothing(TargetSuite):
        pass

    with pytest.raises(NotImplementedError, match=r"Nothing needs a method place\(tmp_path\)"):
        Nothing().test_publish(tmp_path)
