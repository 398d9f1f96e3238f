"""Imports go strictly downward through the floors, and a few libraries have exactly one owner.

The rules, read from the syntax tree, so that imports inside functions count as well:

- Every module of the package stands on a floor of ``FLOORS``; the modules of a subpackage are one room.
- A room imports from lower floors only: none of its neighbours, nothing above.
- Imports for annotations only (``if TYPE_CHECKING``) obey the same rule, since a type that is named is a thing that
  is known; only the records and errors of the ground floor may be named from everywhere, by each other too.
- ``OWNERS`` says which rooms or modules may import a library, or use the names that start threads and processes.
  Locks, events and the ``Future`` that ``write`` returns are free for all.
- The pure rooms import nothing that reaches a disk or a network.
- No modules import each other in a circle, not for annotations either.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import seqsave

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FLOORS = (
    ("errors", "types", "specs", "_lazy"),
    ("naming", "wording"),
    ("runtime",),
    ("pictures",),
    ("metadata",),
    ("encoders",),
    ("plugins",),
    ("targets",),
    ("manifest",),
    ("settings",),
    ("spool",),
    ("sequences",),
    ("existing", "look", "sources"),
    ("writer",),
    ("runs", "saving", "torch"),
    ("__init__", "cli", "testing"),
    ("__main__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

OWNERS = {
    # The kit for storages looks at one through fsspec alone, to prove what targets says of it.
    "fsspec": {"targets", "testing"},
    "s3fs": {"targets"},
    "aiobotocore": {"targets"},
    "botocore": {"targets"},
    "obstore": set(),
    "torch": {"torch"},
    "upath": {"targets"},
    "PyOpenColorIO": {"pictures"},
    "tenacity": {"runtime"},
    "pluggy": {"plugins"},
    "click": {"cli"},
    "aiohttp": {"look", "targets"},
    "rich": {"cli", "runtime"},
    # The kit has to encode from several threads and in another process to prove that an encoder bears it.
    "threading.Thread": {"runtime.threads", "testing"},
    "threading.Timer": {"runtime.threads"},
    # Event loops take no other executor for the calls that they make at the end of the program.
    "concurrent.futures.ThreadPoolExecutor": {"runtime.program_end", "testing"},
    "concurrent.futures.ProcessPoolExecutor": set(),
    # A coroutine that has to make one blocking call must leave its loop for that moment.
    "asyncio.to_thread": {"runtime", "writer"},
    "multiprocessing": {"runtime"},
    "subprocess": {"testing"},
    "_thread": set(),
}

PURE = {"errors", "types", "specs", "naming", "wording", "pictures", "metadata"}
# A movie that an MP4 muxer rewrites at its end is written to an anonymous temporary file, so that memory stays flat.
# A profile with tables is read from memory, and pictures in HTML are encoded there.
IMPURE_ALL_THE_SAME = {
    ("seqsave.pictures.movie", "tempfile"),
    ("seqsave.pictures.display", "io"),
    ("seqsave.pictures.embedded", "io"),
}
IMPURE = {"fsspec", "io", "http", "pathlib", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "urllib.request"}


def violations(sources: Mapping[str, str]) -> list[str]:
    """What breaks the rules. ``sources`` maps dotted module names to their code."""
    found: list[str] = []
    for module, code in sources.items():
        here = _room(module)
        if here not in FLOOR:
            found.append(f"{module} stands on no floor: give {here!r} a place in FLOORS")
            continue
        for use in _uses(module, code, sources):
            found += [f"{module}, line {use.line}: {problem}" for problem in _problems(module, here, use)]
    return found


def _problems(module: str, here: str, use: _Use) -> Iterator[str]:
    if use.room is not None:
        there = use.room
        if there not in FLOOR:
            yield f"imports {there!r}, which stands on no floor"
        elif there != here and not _downward(here, there, use.for_types):
            yield f"imports {use.name}: floor {FLOOR[here]} ({here}) may not reach floor {FLOOR[there]} ({there})"
        return
    for name, owners in OWNERS.items():
        if _within(use.name, name) and not owners & {here, module.removeprefix("seqsave.")}:
            yield f"uses {use.name}, which belongs to {' and '.join(sorted(owners)) or 'no room'}"
    impure = IMPURE - {name for owner, name in IMPURE_ALL_THE_SAME if owner == module}
    if here in PURE and not use.for_types and any(_within(use.name, name) for name in impure):
        yield f"uses {use.name}, but {here} does no input or output"


def _downward(here: str, there: str, for_types: bool) -> bool:
    return FLOOR[there] < FLOOR[here] or (for_types and FLOOR[there] == 0)


def _within(name: str, library: str) -> bool:
    return name == library or name.startswith(library + ".")


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


class _Use:
    """Something imported, or a name used of an imported module: ``name`` is dotted, ``room`` is set for our own."""

    def __init__(self, name: str, line: int, for_types: bool, room: str | None = None) -> None:
        self.name, self.line, self.for_types, self.room = name, line, for_types, room


def _uses(module: str, code: str, sources: Mapping[str, str]) -> Iterator[_Use]:
    tree = ast.parse(code)
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        for name, bound in _imported(node, module, f"{module}.__init__" in sources):
            if bound:
                aliases[bound] = name
            yield _use(name, getattr(node, "lineno", 0), id(node) in typing_only, sources)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            root, _, rest = ast.unparse(node).partition(".")
            if root in aliases and not aliases[root].startswith("seqsave"):
                yield _Use(f"{aliases[root]}.{rest}", node.lineno, id(node) in typing_only)
            elif node.attr == "run_in_executor":
                yield _Use("asyncio.to_thread", node.lineno, for_types=False)


def _imported(node: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, str]]:
    """Dotted names that a statement imports, and what each is bound to."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, alias.asname or (alias.name if "." not in alias.name else "")
            root = alias.name.partition(".")[0]
            if alias.asname is None and root not in (alias.name, "seqsave"):
                yield root, root
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = module.split(".")[: -node.level + is_package or None]
            base = ".".join([*parts, *filter(None, [node.module])])
        for alias in node.names:
            yield f"{base}.{alias.name}", alias.asname or alias.name
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
        for argument in node.args[:1]:
            if isinstance(argument, ast.Constant):
                yield str(argument.value), ""


def _use(name: str, line: int, for_types: bool, sources: Mapping[str, str]) -> _Use:
    if not _within(name, "seqsave"):
        return _Use(name, line, for_types)
    # "from seqsave import naming" means that room; "from seqsave import save" means the face of the package.
    room = _room(name)
    is_room = room in FLOOR or room in map(_room, sources) or len(name.split(".")) > 2
    return _Use(name, line, for_types, room if is_room else "__init__")


def read_package() -> dict[str, str]:
    """The package's modules as they are installed: dotted name to code; a package's own code is ``x.__init__``."""
    root = Path(seqsave.__file__).parent
    return {
        ".".join(["seqsave", *path.relative_to(root).with_suffix("").parts]): path.read_text(encoding="utf-8")
        for path in root.rglob("*.py")
    }


def test_the_package_keeps_its_floors() -> None:
    sources = read_package()
    assert len(sources) > len(FLOORS[0])
    assert violations(sources) == []


def circles(sources: Mapping[str, str]) -> list[list[str]]:
    """The modules that reach themselves through the modules that they import, in groups that reach each other."""
    graph = {
        module: {
            there for use in _uses(module, code, sources) if (there := _home(use.name, sources)) not in ("", module)
        }
        for module, code in sources.items()
    }
    reached = {module: _reached(module, graph) for module in graph}
    inside = [module for module in graph if module in reached[module]]
    groups = {tuple(sorted(other for other in inside if module in reached[other] and other in reached[module]))
              for module in inside}  # fmt: skip
    return [list(group) for group in sorted(groups)]


def _home(name: str, sources: Mapping[str, str]) -> str:
    """The module that holds what is imported by this dotted name; "" for libraries."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        found = next((one for one in (module, f"{module}.__init__") if one in sources), "")
        if found:
            return found
    return ""


def _reached(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(read_package()) == []


@pytest.mark.parametrize(
    "code",
    [
        "from seqsave.targets import config",
        "def f():\n    from seqsave.targets.config import load",
        "if TYPE_CHECKING:\n    from seqsave.targets.config import load",
    ],
)
def test_a_planted_circle_is_found(code: str) -> None:
    sources = {
        "seqsave.targets.__init__": "",
        "seqsave.targets.base": code,
        "seqsave.targets.config": "from seqsave.targets import urls",
        "seqsave.targets.urls": "import seqsave.targets.base",
        "seqsave.targets.local": "from seqsave.targets.base import Target",
    }
    assert circles(sources) == [["seqsave.targets.base", "seqsave.targets.config", "seqsave.targets.urls"]]


LONGEST = 450


def test_no_module_is_longer_than_a_reader_can_follow() -> None:
    long = {name: lines for name, code in read_package().items() if (lines := code.count("\n")) > LONGEST}
    assert not long, f"split these modules, of at most {LONGEST} lines: {long}"


PLANTED = {
    "an import above": {"seqsave.naming": "from seqsave.writer import save"},
    "inside a function": {"seqsave.runtime.retry": "def f():\n    import seqsave.targets"},
    "a neighbour": {"seqsave.pictures.x": "from seqsave import metadata", "seqsave.metadata": ""},
    "the face of the package": {"seqsave.sequences.reader": "from seqsave import SequenceWriter"},
    "the face of the package, whole": {"seqsave.sequences.reader": "import seqsave"},
    "a relative import": {"seqsave.targets.local": "from ..sequences import reader"},
    "a relative import from a package": {
        "seqsave.targets.__init__": "from .. import sequences",
        "seqsave.sequences": "",
    },
    "a type from above": {"seqsave.naming": "if TYPE_CHECKING:\n    from seqsave.sequences.reader import Frame"},
    "a neighbour's type": {
        "seqsave.naming": "if typing.TYPE_CHECKING:\n    from seqsave.pictures.arrays import Prepared"
    },
    "an import by name": {"seqsave.naming": "import importlib\nimportlib.import_module('seqsave.writer')"},
    "a module without a floor": {"seqsave.helpers": ""},
    "fsspec outside targets": {"seqsave.writer.writer": "def f():\n    import fsspec.core"},
    "tenacity outside retry": {"seqsave.targets.s3": "from tenacity import retry"},
    "a pool outside the pipeline": {
        "seqsave.sequences.reader": "from concurrent.futures import ThreadPoolExecutor as T"
    },
    "a pool by attribute": {
        "seqsave.sequences.reader": "import concurrent.futures\nconcurrent.futures.ThreadPoolExecutor()"
    },
    "a thread": {"seqsave.writer": "import threading as t\nt.Thread()"},
    "a thread beside the module that starts them": {"seqsave.runtime.pipeline": "from threading import Thread"},
    "the loop's threads": {
        "seqsave.sequences.reader": "async def f(loop):\n    await loop.run_in_executor(None, print)"
    },
    "a disk under a pure part": {"seqsave.naming": "def f():\n    from pathlib import Path"},
}


@pytest.mark.parametrize("sources", PLANTED.values(), ids=PLANTED)
def test_a_planted_wrong_import_is_found(sources: dict[str, str]) -> None:
    assert violations(sources) != []


ALLOWED = {
    "a floor below": {"seqsave.writer.writer": "from seqsave import naming\nimport seqsave.runtime.pipeline"},
    "the same room": {"seqsave.targets.local": "from seqsave.targets.base import Target\nfrom . import urls"},
    "records for annotations": {"seqsave.errors": "if TYPE_CHECKING:\n    from seqsave.types import SaveResult"},
    "a lock and a future": {
        "seqsave.writer": "import threading\nfrom concurrent.futures import Future\nthreading.Lock()"
    },
    "the owner": {
        "seqsave.targets.s3": "import s3fs",
        "seqsave.runtime.threads": "import threading\nthreading.Thread()",
    },
}


@pytest.mark.parametrize("sources", ALLOWED.values(), ids=ALLOWED)
def test_what_is_right_is_let_through(sources: dict[str, str]) -> None:
    rooms = {f"seqsave.{room}": "" for room in FLOOR}
    assert violations({**rooms, **sources}) == []


def test_planted_imports_are_found_in_the_whole_package_too() -> None:
    sources = read_package()
    sources["seqsave.types"] += "\ndef _planted():\n    from seqsave import naming\n"
    found = [problem for problem in violations(sources) if problem.startswith("seqsave.types, line")]
    assert len(found) == 1
    assert found[0].endswith("floor 0 (types) may not reach floor 1 (naming)")
