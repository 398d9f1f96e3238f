"""A folder of installed distributions, as an installer leaves them: metadata, entry points, modules."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HOOK", "Site"]

HOOK = """
from seqsave import EncoderSpec, hookimpl

@hookimpl
def seqsave_encoders():
    return [EncoderSpec(
        filetype="{filetype}", extensions=("{filetype}",), encoder="{encoder}", dtypes=("uint8",),
        metadata="embed", install_hint="pip install {filetype}-codec",
    )]
"""


@dataclass
class Site:
    """A folder on sys.path, into which distributions are put as an installer does it."""

    folder: Path

    def install(self, name: str, source: str, *, entry: str = "", **files: str) -> str:
        """Install a distribution with one module, named by an entry point of the same name."""
        module = name.replace("-", "_").replace(".", "_")
        self.record(name, f"[seqsave]\n{name} = {entry or module}\n")
        (self.folder / f"{module}.py").write_text(source)
        for other, text in files.items():
            (self.folder / f"{other}.py").write_text(text)
        for known in (module, *files):  # a page of the docs, or another test, may have made one of this name
            sys.modules.pop(known, None)
        return name

    def format(self, name: str, filetype: str, encoder: str = "tests.kit.codec:TinyEncoder") -> str:
        """Install a correct plugin."""
        return self.install(name, HOOK.format(filetype=filetype, encoder=encoder))

    def record(self, name: str, entry_points: str, metadata: str | None = "Name: {name}\nVersion: 1.2\n") -> None:
        info = self.folder / f"{name.replace('-', '_').replace('.', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "entry_points.txt").write_text(entry_points)
        if metadata is not None:
            (info / "METADATA").write_text("Metadata-Version: 2.1\n" + metadata.format(name=name))
