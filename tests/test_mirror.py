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
    "cli/numbers.py": ("cli/test_save.py", "numbers of frames as options of save choose them"),
    "cli/saving.py": ("cli/test_save.py", "the steps of save that several kinds of sources share"),
    "manifest/outcome.py": ("manifest/test_merging.py", "records without a method that could be wrong"),
    "manifest/moved.py": ("cli/test_mv.py", "the manifest of a sequence that was moved"),
    "runs/plan.py": ("runs/test_run.py", "the fields of a run"),
    "runtime/display.py": ("runtime/test_progress.py", "what the displays of progress share"),
    "sequences/belongings.py": ("cli/test_rm.py", "what belongs to a sequence is what is removed with it"),
    "sequences/destination.py": ("cli/test_mv.py", "an argument of mv, read"),
    "sequences/file.py": ("cli/test_save.py", "a file that save copies byte for byte"),
    "sequences/findings.py": ("sequences/test_verify.py", "the findings of verify that compare with the manifest"),
    "sequences/frames.py": ("sequences/test_reader.py", "a sequence without the pictures of it"),
    "sequences/moving.py": ("cli/test_mv.py", "it has one caller, the command"),
    "sequences/removal.py": ("cli/test_rm.py", "it has one caller, the command"),
    "sequences/transfer.py": ("cli/test_mv.py", "one step of mv"),
    "targets/fsspec_entries.py": ("targets/test_fsspec.py", "what its listings say"),
    "targets/faults.py": ("targets/test_failures.py", "the words of the failures that it translates"),
    "settings/groups.py": ("settings/test_config.py", "the groups of one record, checked with it"),
    "sources/records.py": ("sources/test_opening.py", "records without a method that could be wrong"),
}
"""Module: the file that tests it, and what it is."""

MODULES = sorted(
    path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if not path.name.startswith("_")
)  # fmt: skip


PACKAGED = {".py", ".pyi", ".html", ".css", ".js", ".json", ".svg", ".txt"}
"""What the package consists of. Everything below ``src`` is in the wheel, an editor's left-over copy too."""


def test_the_package_holds_nothing_else() -> None:
    files = [path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert [path.name for path in files if path.suffix not in PACKAGED and path.name != "py.typed"] == []


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


def test_exceptions_are_modules_with_a_test_elsewhere() -> None:
    assert TESTED_ELSEWHERE.keys() <= set(MODULES)
    assert [path for path, _ in TESTED_ELSEWHERE.values() if not (TESTS / path).is_file()] == []
