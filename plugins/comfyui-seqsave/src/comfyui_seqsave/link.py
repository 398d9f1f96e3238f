"""The command ``comfyui-seqsave``: put the pack into a ComfyUI folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

__all__ = ["main", "pack_folder"]

_NAME = "comfyui-seqsave"


def pack_folder() -> Path:
    """Return the folder that ComfyUI loads: the project's, or the installed package."""
    package = Path(__file__).resolve().parent
    project = package.parent.parent
    return project if (project / "pyproject.toml").is_file() and package.parent.name == "src" else package


@click.group()
@click.version_option(package_name=_NAME)
def main() -> None:
    """Install ComfyUI nodes that save image sequences to folders and buckets."""


@main.command()
@click.argument("comfyui", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--copy", is_flag=True, help="Copy instead of linking, for systems where links need special rights.")
def link(comfyui: Path, copy: bool) -> None:
    """Link the pack into custom_nodes of the folder COMFYUI."""
    nodes = comfyui / "custom_nodes"
    if not nodes.is_dir():
        raise click.ClickException(f"{comfyui} has no folder custom_nodes: pass the path of ComfyUI's own folder")
    there, source = nodes / _NAME, pack_folder()
    if there.is_symlink() and there.resolve() == source:
        click.echo(f"{there} is already linked")
        return
    if there.is_symlink() and not there.exists():
        there.unlink()  # to a version that was removed
    if there.exists() or there.is_symlink():
        raise click.ClickException(f"{there} already exists: move it away first")
    if copy:
        shutil.copytree(source, there, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    else:
        try:
            there.symlink_to(source, target_is_directory=True)
        except OSError as error:
            reason = error.strerror or os.fspath(there)
            raise click.ClickException(f"{there} cannot be linked ({reason}): try --copy") from error
    click.echo(f"{there} -> {source}\nRestart ComfyUI; the nodes are in {'image/animation'!r}.")


if __name__ == "__main__":
    main()
