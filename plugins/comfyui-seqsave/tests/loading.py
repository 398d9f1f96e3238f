"""Load a folder of custom nodes under a name of its own, as ComfyUI does."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["load_folder"]


def load_folder(folder: Path) -> ModuleType:
    """Load the pack as ComfyUI's ``nodes.load_custom_node`` does, as a new module each time."""
    name = str(folder).replace(".", "_x_")
    for loaded in [module for module in sys.modules if module == name or module.startswith(name + ".")]:
        del sys.modules[loaded]
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
