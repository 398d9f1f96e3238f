"""The test of a module is found by its name: ``src/seqsave/targets/local.py`` has ``tests/targets/test_local.py``.

Modules whose names begin with ``_`` are parts of those beside them. A new module gets its test file, or, where it has
nothing that could be wrong by itself, a line in ``TESTED_ELSEWHERE`` with the reason.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "seqsave"

TESTED_ELSEWHERE = {
    "sequences/belongings.py": "what belongs to a sequence shows in what is removed with it: tests/cli/test_rm.py",
    "sequences/removal.py": "it has one caller, the command: tests/cli/test_rm.py",
    "sources/records.py": "records without a method of their own; test_opening.py and test_video.py look at each field",
}

MODULES = sorted(
    path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if not path.name.startswith("_")
)  # fmt: skip


def test_there_are_modules() -> None:
    assert len(MODULES) > 100


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_test_by_name(module: str) -> None:
    folder, _, name = module.rpartition("/")
    path = TESTS / folder / f"test_{name}"
    if module in TESTED_ELSEWHERE:
        assert not path.exists(), f"{module} has its test now: remove its line from TESTED_ELSEWHERE"
    else:
        assert path.is_file(), f"write {path.relative_to(TESTS.parent)}, the test of src/seqsave/{module}"
        assert "def test_" in path.read_text(encoding="utf-8")


def test_exceptions_are_modules_and_have_a_reason() -> None:
    assert TESTED_ELSEWHERE.keys() <= set(MODULES)
    assert all(TESTED_ELSEWHERE.values())
