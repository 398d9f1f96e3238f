"""Image sequences for Ray Data: a dataset's rows become the frames of one sequence, and frames become rows.

Write tasks only send frames, each under the name of its row's index, and the driver commits their records once.
"""

from seqsave_ray.reading import SequenceDatasource, read_sequence
from seqsave_ray.writing import SequenceDatasink, StorageFailedError, WorkerDiedError, write_sequence

__all__ = [
    "SequenceDatasink",
    "SequenceDatasource",
    "StorageFailedError",
    "WorkerDiedError",
    "read_sequence",
    "write_sequence",
]
