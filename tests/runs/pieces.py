"""A run and its tasks in one process."""

from __future__ import annotations

import io
import json
import pickle
import zlib
from typing import Any

import numpy as np
from PIL import Image

import seqsave
from seqsave.runs import FrameRecord, Run
from tests.runs.child import picture
from tests.support.places import Place


def travelled(what: Any) -> Any:
    """Return it as another process gets it from an engine."""
    return pickle.loads(pickle.dumps(what))  # noqa: S301 - our own


def open_run(place: Place, **given: Any) -> Run:
    return seqsave.open_run(place.url, storage_options=place.storage_options or None, **given)


def task(run: Run, *indices: int, seed: int = 0, **limits: Any) -> list[FrameRecord]:
    """Run a task as an engine does: run and records are pickled."""
    run = travelled(run)
    with run.part(**limits) as part:
        for index in indices:
            part.write(picture(index, seed), index=index)
    return travelled(part.records)


MANIFEST = ".seqsave/frame.png.json"


def written(place: Place) -> dict[str, Any]:
    return dict(json.loads(place.read(MANIFEST)))


def pixels(place: Place, index: int) -> Any:
    with Image.open(io.BytesIO(place.read(f"frame_{index:05d}.png"))) as found:
        return np.asarray(found)


def is_true(place: Place) -> bool:
    """Return whether each checksum in the manifest is that of the file."""
    frames = written(place)["frames"]
    return all(one["checksum"] == f"crc32:{zlib.crc32(place.read(one['name'])):08x}" for one in frames)
