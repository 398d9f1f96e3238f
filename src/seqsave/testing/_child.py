"""What the kit runs in an interpreter of its own: a clean import, and the same encode in another process.

Run by its path, with a JSON request on standard input; the answer is one JSON line on standard output. Imports
nothing but the standard library before it has looked at what the request makes it import.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

# cython_runtime is no import: compiled modules leave it behind.
ALLOWED = {"seqsave", "pluggy", "cython_runtime"}


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    sys.path[:] = request["path"]
    answers = {"declarations": declarations, "encode": encode}
    json.dump(answers[request["action"]](request), sys.stdout)


def declarations(request: dict[str, Any]) -> dict[str, Any]:
    """Import a module of declarations and call its hook; say what that imported."""
    before = set(sys.modules)
    module = importlib.import_module(request["module"])
    hook = getattr(module, "seqsave_encoders", None)
    specs = None if hook is None else hook()
    is_list = isinstance(specs, list)
    new = set(sys.modules) - before
    own = request["module"].partition(".")[0]
    foreign = {name.partition(".")[0] for name in new} - set(sys.stdlib_module_names) - ALLOWED - {own}
    codec = request["encoder"].partition(":")[0]
    if codec != request["module"] and codec in new:
        foreign.add(codec)
    return {
        "heavy": sorted(name for name in foreign if not name.startswith("_")),
        "hook": hook is not None,
        "marked": hasattr(hook, "seqsave_impl"),
        "list": is_list,
        "specs": [repr(spec) for spec in specs] if isinstance(specs, list) else [repr(specs)],
    }


def encode(request: dict[str, Any]) -> dict[str, Any]:
    """Encode the picture in a ``.npy`` file; say what came out, in hexadecimal."""
    import numpy as np

    from seqsave.types import FrameInfo

    module, _, name = request["encoder"].partition(":")
    encoder = getattr(importlib.import_module(module), name)()
    picture = np.load(request["picture"], allow_pickle=False)
    info = FrameInfo(**request["info"])
    encoded = encoder.encode(picture, metadata=request["metadata"], options=request["options"], info=info)
    return {"data": bytes(encoded.data).hex()}


if __name__ == "__main__":
    main()
