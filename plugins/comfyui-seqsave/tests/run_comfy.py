"""Start ComfyUI's server from its source folder: ``python run_comfy.py FOLDER ARGUMENTS...``. Ends with its parent."""

from __future__ import annotations

import os
import runpy
import sys
import threading
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path


def leave_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def declare_missing_operators() -> None:
    """ComfyUI imports torchvision, which wants operators that its build without a graphics card does not bring."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    globals()["kept"] = library  # its definitions go with it


def stand_in_for_torchaudio() -> None:
    """Newer servers import it at their start, and its builds need those of a graphics card. No test uses sound."""
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        for name in ("torchaudio", "torchaudio.functional", "torchaudio.transforms"):
            sys.modules[name] = module_from_spec(ModuleSpec(name, None, is_package=True))


def main() -> None:
    threading.Thread(target=leave_with_parent, daemon=True).start()
    folder = Path(sys.argv[1]).resolve()
    sys.argv = [str(folder / "main.py"), *sys.argv[2:]]
    sys.path[0] = str(folder)
    declare_missing_operators()
    stand_in_for_torchaudio()
    os.chdir(folder)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
