"""Everything that is asked of ComfyUI: folders, arguments, interruption, progress.

The only module that imports ComfyUI's own modules, each time it needs them: the rest can be imported without a server.
What newer versions have and older ones lack is looked for before it is used.
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
        """Each with the name that the front end knows it by."""
        return (("output", self.output), ("input", self.input), ("temp", self.temp))


def folders() -> Folders:
    """As they are now: the command line, and extensions, may set them."""
    paths = importlib.import_module("folder_paths")
    own = (paths.get_output_directory(), paths.get_input_directory(), paths.get_temp_directory())
    return Folders(*map(os.path.abspath, own))


def metadata_wanted() -> bool:
    """False when the server was started with ``--disable-metadata``."""
    arguments = importlib.import_module("comfy.cli_args").args
    return not getattr(arguments, "disable_metadata", False)


def check_interrupt() -> None:
    """Raise ComfyUI's own exception if the user has pressed its interrupt button. Never catch it."""
    importlib.import_module("comfy.model_management").throw_exception_if_processing_interrupted()


def has_node(node_id: str) -> bool:
    """Return True if another pack has registered this node; False outside of a server."""
    return node_id in getattr(sys.modules.get("nodes"), "NODE_CLASS_MAPPINGS", {})


class ProgressBar:
    """The bar on the node that runs. To be used on that node's thread."""

    def __init__(self, total: int) -> None:
        self._bar: Any = importlib.import_module("comfy.utils").ProgressBar(total) if total > 1 else None
        self._done = 0

    def show(self, done: int) -> None:
        """So many are done now."""
        if self._bar is not None and done != self._done:
            self._done = done
            self._bar.update_absolute(done)

    def show_left(self, total: int, left: int) -> None:
        """All of ``total`` but ``left`` are done now."""
        self.show(total - left)
