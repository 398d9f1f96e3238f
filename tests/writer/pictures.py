"""Pictures for writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import seqsave

URL = "memory://renders/shot"


RED = np.zeros((4, 6, 3), np.uint8)


def names(url: str = URL) -> list[str]:
    from fsspec.implementations.memory import MemoryFileSystem

    root = "/" + url.removeprefix("memory://") + "/"
    found = sorted(key.removeprefix(root) for key in MemoryFileSystem.store if key.startswith(root))
    return [name for name in found if not name.startswith(".seqsave/")]


class OnlyArray:
    """An object that has ``__array__`` and nothing else."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return self._array


GREY = np.full((8, 8, 3), 0.5, np.float32)


def save(folder: Path, count: int = 3, **settings: Any) -> seqsave.SaveResult:
    return seqsave.save([GREY] * count, folder, metadata={"shot": 7}, **settings)
