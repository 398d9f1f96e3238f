"""The frames of a sequence as tensors of PyTorch: a dataset for ``DataLoader``.

Needs PyTorch (``pip install torch``), and is imported by its own name alone: ``from seqsave.torch import
SequenceDataset``.
"""

from __future__ import annotations

import operator
import os
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, get_args

import numpy as np

try:
    import torch
    from torch.utils.data import Dataset
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("seqsave.torch needs PyTorch: pip install torch", name=error.name) from error

from seqsave import naming
from seqsave.errors import ImageError, OptionError, SeqSaveWarning, TargetError
from seqsave.plugins.options import check_choice
from seqsave.sequences.frame import Frame
from seqsave.sequences.opening import open_sequence
from seqsave.sequences.reader import FrameSequence
from seqsave.types import MAX_PIXELS
from seqsave.wording import counted

if TYPE_CHECKING:
    from seqsave.types import ImageArray

__all__ = ["SequenceDataset"]

Stored = Literal["float32", "stored"]


class SequenceDataset(Dataset[Any]):  # type: ignore[misc]  # checks of types have no PyTorch
    """A map-style dataset of the frames of a sequence: by position, the picture C,H,W and the frame's number.

    ``len`` counts the existing frames; positions and frame numbers differ if the sequence has gaps or does not begin at
    0. The dataset can be pickled for the workers of a ``DataLoader``; the pickle holds the storage options. Each worker
    opens its own connections, at its first frame.

    sequence: the frames, also of variations in batch folders.
    shape:    C, H, W of the first frame.
    """

    def __init__(
        self,
        source: FrameSequence | str | os.PathLike[str],
        *,
        dtype: Stored = "float32",
        transform: Callable[[Any], Any] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Open a sequence, and read its first frame. Gaps are named in a SeqSaveWarning.

        source:     a sequence, or the URL or pattern of one, as for ``open_sequence``.
        dtype:      ``"float32"``: integers become 0 to 1, floats keep their values. ``"stored"``: as in the files.
        transform:  called with each tensor; its result takes the tensor's place. Without one, a frame of another shape
                    than the first raises ImageError; a transform may bring them to one size, or keep their sizes. For
                    workers that are spawned, it must be picklable: a function of a module, or a ``torch.nn.Module``.
        max_pixels: W x H of the largest picture that is decoded.

        Raises OptionError, as ``open_sequence``, and as ``Frame.read``.
        """
        check_choice("dtype", dtype, get_args(Stored))
        if isinstance(source, FrameSequence):
            if storage_options is not None:
                raise OptionError("storage_options belong to a URL: a sequence has its own")
            self.sequence = source
        else:
            self.sequence = open_sequence(source, storage_options=storage_options)
        self._dtype, self._transform, self._max_pixels = dtype, transform, max_pixels
        self._process = os.getpid()
        first = self._tensor(self.sequence[0])
        self.shape: tuple[int, int, int] = tuple(first.shape)
        self._first = _described(first)
        if self.sequence.missing_ranges:
            lacking = naming.format_ranges(self.sequence.missing_ranges, 10)
            warnings.warn(
                f"{self.sequence.pattern} in {self.sequence.url} lacks {lacking}: the dataset goes over gaps, and has "
                f"{counted(len(self), 'frame')}",
                SeqSaveWarning,
                stacklevel=2,
            )

    def __len__(self) -> int:
        return len(self.sequence)

    def __getitem__(self, position: SupportsIndex) -> tuple[Any, int]:
        """Return the picture, after the transform, and the number of its frame.

        Without a transform, raises ImageError for a frame of another shape (with ``"stored"``, also of another dtype)
        than the first. Raises IndexError, and as ``Frame.read``.
        """
        frame = self.sequence[operator.index(position)]
        tensor = self._tensor(frame)
        if self._transform is not None:
            return self._transform(tensor), frame.index
        if _described(tensor) != self._first:
            raise ImageError(
                f"frame {frame.index} is {_described(tensor)}, and frame {self.sequence[0].index} is {self._first}: "
                "they do not fit into one batch; pass a transform that brings them to one size"
            )
        return tensor, frame.index

    def __repr__(self) -> str:
        return f"<SequenceDataset {self.sequence!r}>"

    def _tensor(self, frame: Frame) -> Any:
        target, _ = frame.source
        if os.getpid() != self._process and target.url.startswith("memory://"):
            raise TargetError(
                f"{target.url} has its frames only in the process that saved them: use DataLoader(num_workers=0), or "
                "save the frames to a folder",
                fault="missing",
            )
        array = frame.read(max_pixels=self._max_pixels)
        try:
            return torch.from_numpy(_planes(array, self._dtype))
        except TypeError:
            raise OptionError(
                f"PyTorch {torch.__version__} has no tensors of {array.dtype}: use dtype='float32', or "
                "pip install --upgrade torch"
            ) from None


def _planes(array: ImageArray, dtype: Stored) -> Any:
    """Return a picture H,W,C as a new array C,H,W in the machine's own byte order."""
    planes: Any = array.transpose(2, 0, 1)
    if dtype == "stored":
        return np.array(planes, dtype=array.dtype.newbyteorder("="), order="C")
    if planes.dtype.kind in "iu":
        return np.divide(planes, np.float32(np.iinfo(planes.dtype).max), dtype=np.float32, order="C")
    return np.array(planes, dtype=np.float32, order="C")


def _described(tensor: Any) -> str:
    return f"{'x'.join(map(str, tensor.shape))} {str(tensor.dtype).removeprefix('torch.')}"
