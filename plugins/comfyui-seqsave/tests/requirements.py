"""Install what the test server needs beside tox.ini's packages: ``python requirements.py [VERSION]``.

That is the front end, of this version or of the one in SEQSAVE_TEST_FRONTEND ("newest" for the newest one), and what
the checkout in COMFYUI_FOLDER requires, if there is one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["wanted"]

FRONT_END = "comfyui-frontend-package"
TESTED = "1.58.1"
# PyTorch is installed already, in the build for this machine; the templates are gigabytes of pictures.
LEFT_OUT = {"torch", "torchvision", "torchaudio", "comfyui-workflow-templates", "comfyui-embedded-docs", FRONT_END}


def wanted(version: str, folder: str | None) -> list[str]:
    """What pip is to install: the front end, and the requirements of a checkout."""
    lines = (Path(folder).expanduser() / "requirements.txt").read_text().splitlines() if folder else []
    packages = [line.partition("#")[0].strip() for line in lines]
    known = [one for one in packages if one and re.split(r"[^\w.-]", one, maxsplit=1)[0].lower() not in LEFT_OUT]
    front_end = ["--upgrade", FRONT_END] if version == "newest" else [f"{FRONT_END}=={version}"]
    return [*known, *front_end]


def main() -> None:
    version = next(iter(sys.argv[1:]), os.environ.get("SEQSAVE_TEST_FRONTEND") or TESTED)
    packages = wanted(version, os.environ.get("COMFYUI_FOLDER"))
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *packages], check=True)


if __name__ == "__main__":
    main()
