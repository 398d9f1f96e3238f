"""The pack stands on what seqsave documents for others, and on nothing inside of it."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import comfyui_seqsave
import pytest

SOURCES = sorted(Path(comfyui_seqsave.__file__).parent.rglob("*.py"))
PAGE = Path(__file__).parents[3] / "docs" / "tools.md"
# The modules that the page documents, each with a list of its public names.
FACES = {"seqsave", *re.findall(r"^## `(seqsave\.\w+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)}


def problems(code: str) -> list[str]:
    """What a module uses of seqsave that is not public."""
    tree = ast.parse(code)
    modules: dict[str, str] = {}
    used: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_ours(node.module or ""):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in FACES:
                    modules[alias.asname or alias.name] = whole
                else:
                    used.append((node.module or "", alias.name))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _is_ours(alias.name):
                    modules[alias.asname or alias.name.partition(".")[0]] = alias.name if alias.asname else "seqsave"
                    used += [] if alias.name in FACES else [(alias.name, "")]
    return [f"{module}.{name}" for module, name in [*used, *_attributes(tree, modules)] if not _is_public(module, name)]


def _attributes(tree: ast.Module, modules: dict[str, str]) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield modules[node.value.id], node.attr


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "seqsave"


def _is_public(module: str, name: str) -> bool:
    return module in FACES and name in importlib.import_module(module).__all__


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_only_public_names_are_used(path: Path) -> None:
    assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import seqsave\nseqsave.save", []),
        ("from seqsave import naming, save\nnaming.NameRule", []),
        ("def f():\n    from seqsave.writer.writer import SequenceWriter", ["seqsave.writer.writer.SequenceWriter"]),
        ("from seqsave.targets import registry", ["seqsave.targets.registry"]),
        ("from seqsave import targets\ntargets.urls", ["seqsave.targets.urls"]),
        ("import seqsave.targets.urls", ["seqsave.targets.urls."]),
        ("import seqsave\nseqsave.no_such_name", ["seqsave.no_such_name"]),
    ],
)
def test_what_is_internal_is_found(code: str, found: list[str]) -> None:
    assert problems(code) == found
