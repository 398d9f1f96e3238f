"""The numbers and the file that identify one frame on its way to a storage, and the records of its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqsave.naming.rule import join
from seqsave.types import FailedFrame, SavedFrame

if TYPE_CHECKING:
    from seqsave.types import Status

__all__ = ["FrameKey"]


@dataclass(frozen=True, slots=True)
class FrameKey:
    """The numbers of one frame, its file type, and the path of its file under the target.

    filetype:  as the user named it; it and the path are "" before the frame is prepared for a file type.
    after_end: why the frame is past the last one and is left out; "" for a frame that is not.
    """

    index: int
    batch: int | None
    path: str = ""
    after_end: str = ""
    filetype: str = ""

    @property
    def numbers(self) -> tuple[int, int | None]:
        """Return index and batch, which identify the frame in the manifest."""
        return self.index, self.batch

    @property
    def folder(self) -> str:
        """Return the folder under the target, ``""`` for the target itself."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Return the file's name."""
        return self.path.rpartition("/")[2]

    def saved(
        self, url: str, status: Status, *, size: int = 0, checksum: str | None = None, etag: str | None = None
    ) -> SavedFrame:
        """Return the record of the frame after it was saved, skipped, spooled or left out."""
        return SavedFrame(
            index=self.index,
            batch=self.batch,
            filetype=self.filetype,
            url=url,
            size=size,
            checksum=checksum,
            etag=etag,
            status=status,
        )

    def failed(self, url: str, error: BaseException, text: str) -> FailedFrame:
        """Return the record of a frame that is not saved because of ``error``. text: that of the error."""
        return FailedFrame(
            index=self.index, batch=self.batch, filetype=self.filetype, url=url, error=text, exception=error
        )

    def beside(self, name: str) -> str:
        """Return the path of the file ``name`` in the frame's folder."""
        return join(self.folder, name)
