"""Run ``_child`` in a new interpreter, with another hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqsave.testing import _child

if TYPE_CHECKING:
    from seqsave.types import FrameInfo

__all__ = ["as_document", "run_child"]

# The child uses the installed plugins, whatever the environment of this run selects.
_CHOOSING = ("SEQSAVE_LOAD_PLUGINS", "SEQSAVE_DISABLE_PLUGINS", "SEQSAVE_STRICT_PLUGINS")


def run_child(**request: Any) -> dict[str, Any]:
    """Return the answer to a request. Raises AssertionError with the end of the traceback if it fails."""
    request["path"] = [str(Path(entry).absolute()) for entry in sys.path]
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    inherited = {name: value for name, value in os.environ.items() if name not in _CHOOSING}
    done = subprocess.run(  # noqa: S603  (this interpreter, our own script)
        [sys.executable, str(_child.__file__)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
    )
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-12:])
        raise AssertionError(f"this fails in a new interpreter, although it works here; the end of its output:\n{last}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def as_document(info: FrameInfo) -> dict[str, Any]:
    """Return ``info`` as JSON values, which ``_child`` converts back to a FrameInfo; without ``image``."""
    document = asdict(info) | {"rate": None if info.rate is None else str(info.rate)}
    del document["image"]
    return document
