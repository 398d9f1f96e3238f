"""Access to ComfyUI: folders, arguments, interruption, progress.

This is the only module that imports ComfyUI's own modules. It does so in functions, so that the pack can be imported
without a server. Features that older versions lack are looked up before they are used.
"""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from typing import Any

__all__ = ["Folders", "ProgressBar", "check_interrupt", "folders", "has_node", "metadata_wanted"]


@dataclass(frozen=True)
class Folders:
    """ComfyUI's own folders: absolute paths."""

    output: str
    input: str
    temp: str

    def kinds(self) -> tuple[tuple[str, str], ...]:
        """Return each folder with the front end's name for it."""
        return (("output", self.output), ("input", self.input), ("temp", self.temp))


def folders() -> Folders:
    """Return the current folders: the command line and extensions may change them."""
    paths = importlib.import_module("folder_paths")
    own = (paths.get_output_directory(), paths.get_input_directory(), paths.get_temp_directory())
    return Folders(*map(os.path.abspath, own))


def metadata_wanted() -> bool:
    """Return False if the server was started with ``--disable-metadata``."""
    arguments = importlib.import_module("comfy.cli_args").args
    return not getattr(arguments, "disable_metadata", False)


def check_interrupt() -> None:
    """Raise ComfyUI's own exception if the user has pressed its interrupt button. Never catch it."""
    importlib.import_module("comfy.model_management").throw_exception_if_processing_interrupted()


def has_node(node_id: str) -> bool:
    """Return True if another pack has registered this node; False outside of a server."""
    return node_id in getattr(sys.modules.get("nodes"), "NODE_CLASS_MAPPINGS", {})


class ProgressBar:
    """The progress bar of the running node. Use it on that node's thread."""

    def __init__(self, total: int) -> None:
        self._bar: Any = importlib.import_module("comfy.utils").ProgressBar(total) if total > 1 else None
        self._done = 0

    def show(self, done: int) -> None:
        """Show that ``done`` items are done."""
        if self._bar is not None and done != self._done:
            self._done = done
            self._bar.update_absolute(done)

    def show_left(self, total: int, left: int) -> None:
        """Show that all items of ``total`` but ``left`` are done."""
        self.show(total - left)
