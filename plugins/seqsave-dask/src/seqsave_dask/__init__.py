"""Image sequences as lazy dask arrays, and dask arrays saved as image sequences by any of dask's schedulers."""

from __future__ import annotations

from seqsave_dask.reading import from_sequence
from seqsave_dask.writing import to_sequence

__all__ = ["from_sequence", "to_sequence"]
