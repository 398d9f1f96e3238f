"""Two things that tox.ini cannot say; tox loads this file by itself.

Interpreters: pyenv puts shims on PATH that only fail for versions which are installed but not switched on, so its
real folders are added behind everything else.

Lower bounds: the envs ``mindeps`` and ``dask-oldest`` install the oldest versions that pyproject.toml allows; they are
read from there, so that the two cannot drift apart.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # tox itself needs it there

ROOT = Path(__file__).parent


def pyenv_folders() -> list[str]:
    """Where pyenv keeps the programs of every Python that it installed."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return sorted(str(folder) for folder in root.glob("versions/*/bin"))


def lower_bounds(pyproject: Path) -> list[str]:
    """``name==floor`` for each requirement of the project and its extras; ValueError for one without a floor."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project.get("optional-dependencies", {}).values()]
    bounds = []
    for requirement in (line for group in groups for line in group):
        found = re.fullmatch(r"([\w.-]+)(?:\[[^]]*\])?\s*>=\s*([\w.]+)\s*(?:,[^;]*)?(;.*)?", requirement)
        if found is None:
            raise ValueError(f"{requirement!r} in {pyproject} has no lower bound: write name>=version")
        name, floor, marker = found.groups(default="")
        bounds.append(f"{name}=={floor}{marker}")
    return bounds


os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), *pyenv_folders()])
_folder = ROOT / ".tox"
_folder.mkdir(exist_ok=True)
for _name, _project in {"lower-bounds": ROOT, "lower-bounds-dask": ROOT / "plugins" / "seqsave-dask"}.items():
    _lines = "\n".join(lower_bounds(_project / "pyproject.toml"))
    (_folder / f"{_name}.txt").write_text(f"{_lines}\n", encoding="utf-8")
