"""Prepare a release: one version for all distributions, checked metadata, built files.

python tools/release.py check             versions, addresses and metadata agree; prints what does not
python tools/release.py bump 0.2.0        sets the version in every file that states it
python tools/release.py build dist        an sdist and a wheel of each distribution, from the files that git knows;
                                          needs build and hatchling
python tools/release.py licences          the licence of each package that is installed here, as a table
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]

# Where a version is stated: files, and the text around it.
PLACES = {
    "pyproject.toml": r'^version = "(.+)"$',
    "plugins/*/pyproject.toml": r'^version = "(.+)"$',
    "src/seqsave/__init__.py": r'^__version__ = "(.+)"$',
    "plugins/*/src/*/__init__.py": r'^__version__ = "(.+)"$',
    "CITATION.cff": r"^version: (.+)$",
    "docs/manifest.md": r'^  "software": "seqsave (.+)",$',
}
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
URLS = ("Documentation", "Repository", "Changelog", "Issues")
# Licences that a dependency at run time may have. Names are SPDX's, or as packages write them.
PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Zlib|HPND|CNRI|Unlicense|0BSD|MPL|Mozilla Public", re.IGNORECASE
)
REFUSED = re.compile(r"(?<![L\w])A?GPL|(?<!Lesser )General Public|Affero", re.IGNORECASE)


def projects(root: Path = ROOT) -> dict[Path, dict[str, Any]]:
    """Return the folder and ``[project]`` of each distribution, the core first."""
    folders = [root, *sorted(path.parent for path in root.glob("plugins/*/pyproject.toml"))]
    return {folder: _toml(folder)["project"] for folder in folders}


def _toml(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def versions(root: Path = ROOT) -> dict[str, str]:
    """Return the version that each place states, by file."""
    found = {}
    for pattern, text in PLACES.items():
        for path in sorted(root.glob(pattern)):
            if match := re.search(text, path.read_text(encoding="utf-8"), re.MULTILINE):
                found[path.relative_to(root).as_posix()] = match[1]
    return found


def bump(version: str, root: Path = ROOT) -> list[str]:
    """Set the version everywhere. Return the names of the changed files. Raises ValueError for a bad version."""
    if not VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is not a version: write three numbers, such as 0.2.0")
    changed = []
    for name in versions(root):
        path = root / name
        text = path.read_text(encoding="utf-8")
        new = text
        for pattern in PLACES.values():
            new = re.sub(pattern, lambda found: found[0].replace(found[1], version), new, flags=re.MULTILINE)
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(name)
    return changed


def problems(root: Path = ROOT) -> list[str]:
    """Return what prevents a release, a line each."""
    found = []
    stated = versions(root)
    core = stated["pyproject.toml"]
    found += [f"{name} states {one}, and pyproject.toml {core}" for name, one in stated.items() if one != core]
    if not VERSION.fullmatch(core):
        found.append(f"the version {core} is not three numbers")
    for folder, project in projects(root).items():
        found += [f"{project['name']}: {one}" for one in _problems_of(folder, project, core, root)]
    errors = re.search(r'^DOCS = "(.+)"$', (root / "src/seqsave/errors.py").read_text(encoding="utf-8"), re.MULTILINE)
    if errors is None or errors[1] != projects(root)[root].get("urls", {}).get("Documentation"):
        found.append("errors lead to another address than [project.urls] has for Documentation")
    heading = re.search(r"^## \[(.+?)\]", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    if heading is None or heading[1] not in ("Unreleased", core):
        found.append(f"CHANGELOG.md begins with neither Unreleased nor {core}")
    return found


def _problems_of(folder: Path, project: dict[str, Any], core: str, root: Path) -> list[str]:
    found = [f"[project.urls] has no {name}" for name in URLS if name not in project.get("urls", {})]
    found += [
        f"{name} does not begin with https://" for name, url in project.get("urls", {}).items() if url[:8] != "https://"
    ]
    found += [
        f"there is no {name}" for name in ("README.md", "LICENSE", "CHANGELOG.md") if not (folder / name).is_file()
    ]
    if (folder / "LICENSE").read_bytes() != (root / "LICENSE").read_bytes():
        found.append("its LICENSE differs from the project's")
    if project["license"] != "MIT":
        found.append(f"its licence is {project['license']!r}")
    for line in project["dependencies"]:
        own = re.fullmatch(r"seqsave\s*>=\s*([\d.]+)", line)
        if own and _numbers(own[1]) > _numbers(core):
            found.append(f"it needs {line}, and this is {core}")
    return found + (_registry_problems(folder, project) if folder.name == "comfyui-seqsave" else [])


def _registry_problems(folder: Path, project: dict[str, Any]) -> list[str]:
    """Compare with the rules of ComfyUI's registry: https://docs.comfy.org/registry/specifications."""
    comfy = _toml(folder)["tool"]["comfy"]
    found = []
    if len(project["name"]) >= 100 or not re.fullmatch(r"[A-Za-z](?:[-_.]?[A-Za-z0-9])*", project["name"]):
        found.append("its name breaks the registry's rules")
    found += [f"[tool.comfy] has no {name}" for name in ("PublisherId", "DisplayName", "Icon") if not comfy.get(name)]
    unknown = set(comfy) - {"PublisherId", "DisplayName", "Icon", "Banner", "Models", "includes", "requires-comfyui"}
    found += [f"[tool.comfy] has {name}, which the registry does not know" for name in sorted(unknown)]
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", comfy.get("PublisherId", "")):
        found.append("its PublisherId breaks the registry's rules")
    if not re.search(r"\.(svg|png|jpg|gif)$", comfy.get("Icon", "")):
        found.append("its Icon is not an SVG, PNG, JPG or GIF")
    icon = (folder / "icon.png").read_bytes()
    width, height = int.from_bytes(icon[16:20], "big"), int.from_bytes(icon[20:24], "big")
    if width != height or width > 400:
        found.append(f"its icon has {width} x {height} pixels: it must be square, and 400 at most")
    lines = (folder / "requirements.txt").read_text(encoding="utf-8").split()
    found += [
        f"requirements.txt has {line}, which is not a dependency"
        for line in lines
        if line not in project["dependencies"]
    ]
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def build(to: Path, root: Path = ROOT) -> list[Path]:
    """Build an sdist, and a wheel from that, of each distribution. Return the files."""
    to.mkdir(parents=True, exist_ok=True)
    for old in [*to.glob("*.whl"), *to.glob("*.tar.gz")]:
        old.unlink()
    for folder in projects(root):
        with tempfile.TemporaryDirectory() as scratch:
            copied(folder, Path(scratch), root)
            command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(to), scratch]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return sorted([*to.glob("*.whl"), *to.glob("*.tar.gz")])


def copied(folder: Path, to: Path, root: Path = ROOT) -> None:
    """Copy the files of a distribution that git knows or would add; its README gets addresses in place of paths."""
    listing = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in names:
        source = folder / name
        # The project's own folder holds those of the plugins; a file may be deleted and not yet committed.
        if not name or not source.is_file() or (folder == root and name.startswith("plugins/")):
            continue
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, to / name)
    readme = folder / "README.md"
    (to / "README.md").write_text(with_addresses(readme.read_text(encoding="utf-8"), folder, root), encoding="utf-8")


def with_addresses(text: str, folder: Path, root: Path = ROOT) -> str:
    """Return the text of a README, whose links an index of packages shows, with addresses in place of relative paths.

    Pages of docs lead to the site, other files to the repository as it was at this version.
    """
    urls = projects(root)[root]["urls"]
    version = versions(root)["pyproject.toml"]

    def address(found: re.Match[str]) -> str:
        name, link = found.groups()
        if re.match(r"[a-z]+:", link):
            return found[0]
        path, hash_, anchor = link.partition("#")
        target = folder / (path or "README.md")
        inside = Path(os.path.normpath(target)).relative_to(root).as_posix()
        if name.startswith("!"):
            raw = urls["Repository"].replace("https://github.com/", "https://raw.githubusercontent.com/")
            return f"{name}({raw}/v{version}/{inside})"
        if inside.startswith("docs/") and inside.endswith(".md"):
            return f"{name}({urls['Documentation']}{inside[len('docs/') : -len('.md')]}.html{hash_}{anchor})"
        kind = "tree" if target.is_dir() else "blob"
        return f"{name}({urls['Repository']}/{kind}/v{version}/{inside}{hash_}{anchor})"

    return re.sub(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^)\s]+)\)", address, text)


def licences(names: set[str]) -> dict[str, str]:
    """Return the licence of each installed distribution in ``names``, and of what these need, by name."""
    found: dict[str, str] = {}
    waiting = {_normal(name) for name in names}
    while waiting:
        name = waiting.pop()
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or Python, or an extra
        found[name] = _licence(distribution.metadata)
        lines = [line for line in distribution.requires or () if "extra ==" not in line]
        waiting |= {_normal(re.split(r"[^\w.-]", line)[0]) for line in lines} - found.keys()
    return dict(sorted(found.items()))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(metadata: Any) -> str:
    classified = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if line.startswith("License")
    ]
    classified = [line for line in classified if line != "OSI Approved"]
    text = (metadata.get("License") or "").strip()
    return (
        metadata.get("License-Expression") or ", ".join(classified) or (text.splitlines()[0] if text else "not stated")
    )


def is_refused(licence: str) -> bool:
    """Return whether a dependency at run time may not have this licence."""
    return bool(REFUSED.search(licence)) and not PERMISSIVE.search(licence)


def main() -> int:
    """Run the command of the arguments, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check")
    commands.add_parser("bump").add_argument("version")
    commands.add_parser("build").add_argument("to", type=Path, nargs="?", default=ROOT / "dist")
    commands.add_parser("licences")
    arguments = parser.parse_args()
    if arguments.command == "bump":
        try:
            print("\n".join(bump(arguments.version)) or "nothing changed")
        except ValueError as error:
            parser.error(str(error))
    elif arguments.command == "build":
        print("\n".join(str(path) for path in build(arguments.to)))
    elif arguments.command == "licences":
        own = {project["name"] for project in projects().values()}
        for name, licence in licences(own).items():
            if name not in own:
                print(f"| {name} | {licence} |")
        return 0
    found = problems()
    for line in found:
        print(f"release: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
