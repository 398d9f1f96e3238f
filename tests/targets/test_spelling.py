"""Names that differ only in capital and small letters: found, and asked of the storage only where it matters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.targets import spelling

COMPOSED, DECOMPOSED = "\u00e4_1.png", "a\u0308_1.png"


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ("frame_1.png", "Frame_1.png", True),
        ("frame_1.png", "frame_1.PNG", False),  # the same frame in every place
        ("frame_1.png", "frame_2.png", False),
        (COMPOSED, DECOMPOSED, False),
        (COMPOSED, "\u00c4_1.png", True),
        ("strasse_1.png", "STRASSE_1.png", True),
    ],
)
def test_what_differs_in_case_alone(one: str, other: str, differs: bool) -> None:
    assert spelling.differs_in_case(one, other) is spelling.differs_in_case(other, one) is differs
    assert (spelling.Names([one]).other(other) == one) is differs


def test_the_name_itself_is_no_other_name() -> None:
    assert spelling.Names(["Frame_1.png", "frame_1.png"]).other("frame_1.png") is None
    assert spelling.Names([]).other("frame_1.png") is None


class Asked:
    """A storage that answers whether a file exists."""

    def __init__(self, answer: Any) -> None:
        self.known = targets.Known()
        self.answer, self.asked = answer, 0

    def url_of(self, path: str) -> str:
        return f"smb://disk/{path}"

    def exists(self, path: str) -> bool:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        assert path not in ("a/frame_1.png", "a/Frame_1.png")  # a name that no file has
        return bool(self.answer)


@pytest.mark.parametrize("folds", [True, False])
def test_a_storage_is_asked_once_for_each_folder(folds: bool) -> None:
    place: Any = Asked(folds)
    for _ in range(3):
        found = spelling.other_name(place, "a/frame_1.png", spelling.Names(["Frame_1.png"]))
        assert found == ("Frame_1.png" if folds else None)
    assert place.asked == 1
    assert spelling.other_name(place, "b/x.png", spelling.Names(["y.png"])) is None
    assert place.asked == 1


def test_a_key_that_may_not_look_may_still_save_and_what_may_pass_is_raised() -> None:
    refusing: Any = Asked(TargetError("denied"))
    assert not spelling.folds_case(refusing, "a/frame_1.png", ["Frame_1.png"])
    away: Any = Asked(TargetError("away", transient=True))
    with pytest.raises(TargetError, match="away"):
        spelling.folds_case(away, "a/frame_1.png", ["Frame_1.png"])
    assert away.known.folds == {}


def test_a_local_folder_that_is_exact_is_learned_without_a_listing(tmp_path: Path) -> None:
    learned: dict[str, bool] = {}
    path = tmp_path / "frame_1.png"
    assert not spelling.may_be_folded(str(path), learned)
    assert learned == {}
    path.touch()
    folds = (tmp_path / "FRAME_1.PNG").exists()
    assert spelling.may_be_folded(str(path), learned) is folds
    assert learned == ({} if folds else {str(tmp_path): False})
