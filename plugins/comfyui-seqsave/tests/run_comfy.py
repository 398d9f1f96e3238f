"""Start ComfyUI's server from its source folder: ``python run_comfy.py FOLDER ARGUMENTS...``. Ends with its parent."""

from __future__ import annotations

import os
import runpy
import sys
import threading
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


def main() -> None:
    threading.Thread(target=leave_with_parent, daemon=True).start()
    folder = Path(sys.argv[1]).resolve()
    sys.argv = [str(folder / "main.py"), *sys.argv[2:]]
    sys.path[0] = str(folder)
    declare_missing_operators()
    os.chdir(folder)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
