"""The kit's program for a new interpreter: a clean import, an encoding, a measurement of memory, a real save.

Run by its path, with a JSON request on standard input; the answer is the last line on standard output. Imports
only the standard library before it measures what the request imports.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from pathlib import Path
from typing import Any

# cython_runtime is not a module: compiled modules add it to sys.modules.
ALLOWED = {"seqsave", "pluggy", "cython_runtime"}


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    sys.path[:] = request["path"]
    answers = {"declarations": declarations, "encode": encode, "decode": decode, "save": save}
    answer = answers[request["action"]](request)
    print(f"\n{json.dumps(answer)}")  # noqa: T201  (that is how it answers)


def declarations(request: dict[str, Any]) -> dict[str, Any]:
    """Import a module of declarations and call its hook; return what that imported."""
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
    """Encode the picture in a ``.npy`` file; return the result in hexadecimal."""
    import numpy as np

    picture = np.load(request["picture"], allow_pickle=False)
    encoded = _encoder(request["encoder"]).encode(
        picture, metadata=request["metadata"], options=request["options"], info=_info(request["info"])
    )
    return {"data": bytes(encoded.data).hex()}


def decode(request: dict[str, Any]) -> dict[str, Any]:
    """Decode a file with more pixels than allowed; return the error, and by how many bytes this process grew."""
    encoder = _encoder(request["encoder"])
    encoder.decode(Path(request["small"]).read_bytes(), max_pixels=1 << 24)  # whatever is loaded at first use
    data = Path(request["large"]).read_bytes()
    _forget_the_peak()
    before = _peak()
    try:
        encoder.decode(data, max_pixels=request["max_pixels"])
        raised = None
    except Exception as error:  # noqa: BLE001  (the answer is what it was)
        raised = f"{type(error).__name__}: {error}"
    after = _peak()
    return {"raised": raised, "grown": None if before is None or after is None else after - before}


def save(request: dict[str, Any]) -> dict[str, Any]:
    """Save a picture as users do, with the installed plugin; return what was found and read back."""
    import numpy as np

    from seqsave.plugins.registry import describe_filetypes, filetypes
    from seqsave.saving import save as save_frames
    from seqsave.sequences.opening import open_sequence

    picture = np.load(request["picture"], allow_pickle=False)
    try:
        (row,) = (row for row in describe_filetypes() if row.filetype == request["filetype"])
    except ValueError:
        return {"problem": f"known file types: {', '.join(filetypes())}", **_broken()}
    if row.conflict:
        return {"problem": f"it is claimed by {' and '.join(row.conflict)}: uninstall one", **_broken()}
    if repr(row.spec) != request["spec"]:
        return {"problem": f"{row.origin} has another declaration of it: install the tested version again", **_broken()}
    save_frames([picture], request["folder"], filetype=request["filetype"], metadata=request["metadata"])
    answer: dict[str, Any] = {"problem": None, "broken": [], "metadata": None}
    if request["reads"]:
        (frame,) = open_sequence(request["folder"])
        np.save(request["result"], frame.read())
        answer["metadata"] = sorted(frame.read_metadata())
    return answer


def _broken() -> dict[str, list[str]]:
    from seqsave.plugins.registry import plugin_report

    return {"broken": [f"{info.distribution}: {info.error}" for info in plugin_report() if info.error]}


def _encoder(name: str) -> Any:
    module, _, cls = name.partition(":")
    return getattr(importlib.import_module(module), cls)()


def _info(document: dict[str, Any]) -> Any:
    from fractions import Fraction

    from seqsave.types import ColorSpace, FrameInfo

    given = dict(document)
    if given["rate"] is not None:
        given["rate"] = Fraction(given["rate"])
    if given["color"] is not None:
        color = dict(given["color"])
        color["primaries"] = tuple(map(tuple, color["primaries"]))
        color["cicp"] = None if color["cicp"] is None else tuple(color["cicp"])
        given["color"] = ColorSpace(**color)
    return FrameInfo(**given)


def _forget_the_peak() -> None:
    """Reset the peak of this process's size, on Linux. If that is not allowed, growth is seen a little later."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int | None:
    """Return the largest resident size of this process so far, in bytes; None if unknown."""
    with contextlib.suppress(OSError, StopIteration):
        # Not ru_maxrss on Linux: that one begins with the size of the process that started this one.
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
