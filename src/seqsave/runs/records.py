"""The record that a task returns for each frame, with which the run is committed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from seqsave import naming
from seqsave.errors import ManifestError
from seqsave.manifest import FrameEntry, Picture

__all__ = ["FrameRecord"]

_CHECKSUM = re.compile(r"crc32:[0-9a-f]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """One frame that a part of a run wrote, or found and kept. It contains no secret, and can be pickled.

    run:          the id of the run.
    index, batch: the frame's numbers; ``batch`` is None outside of batch folders.
    name:         the path below the sequence's folder: ``frame_00017.png``, ``batch_0003/frame_00017.png``.
    size:         bytes.
    checksum:     ``"crc32:9ae0daaf"`` of the file.
    etag:         the store's ETag; None for storages without ETags.
    acknowledged: the store answered that it has bytes with this checksum, or they were read and compared.
    version:      the version that listings of the storage show until the file is replaced.
    recipe:       the recipe that the caller gave.
    picture:      the format of the picture; None for a frame that was kept.
    proxy:        the pack with the small pictures of these bytes; None without one.
    sidecars:     the names of the metadata in sidecar files of these bytes.
    disputed:     its bytes are those of a source that has them in place of others: it is to be rendered again.
    """

    run: str
    index: int
    batch: int | None
    name: str
    size: int
    checksum: str
    etag: str | None = None
    acknowledged: bool = False
    version: str | None = None
    recipe: str | None = None
    picture: Picture | None = None
    proxy: str | None = None
    sidecars: tuple[str, ...] = ()
    disputed: bool = False

    @classmethod
    def of(cls, run: str, entry: FrameEntry) -> FrameRecord:
        """Return the record of an entry that states size and checksum. Raises ManifestError for another one."""
        values = {one.name: getattr(entry, one.name) for one in fields(cls) if one.name != "run"}
        if entry.size is None or entry.checksum is None:
            raise ManifestError(f"the record of frame {entry.index} is damaged: it has no size or no checksum")
        record = cls(run=run, **values)
        if not record.is_sound:
            raise ManifestError(f"the record of frame {entry.index} is damaged: it has values of another type")
        return record

    @property
    def is_sound(self) -> bool:
        """Return False for a record with values that no task writes, since a manifest with them could not be read."""
        texts, optional = (self.run, self.name, self.checksum), (self.etag, self.version, self.recipe, self.proxy)
        numbers = (
            (abs(self.index), self.size, 0 if self.batch is None else self.batch)
            if type(self.index) is int
            else (None,)
        )
        return (
            all(type(text) is str for text in texts)
            and all(text is None or type(text) is str for text in optional)
            and all(type(number) is int and 0 <= number <= naming.MAX_INDEX for number in numbers)
            and type(self.sidecars) is tuple
            and all(type(name) is str for name in self.sidecars)
            and type(self.acknowledged) is type(self.disputed) is bool
            and (self.picture is None or type(self.picture) is Picture)
            and _CHECKSUM.fullmatch(self.checksum) is not None
        )

    @property
    def key(self) -> tuple[int, int | None]:
        """Return (index, batch)."""
        return self.index, self.batch

    @property
    def entry(self) -> FrameEntry:
        """Return the frame as a manifest states it."""
        return FrameEntry(**{one.name: getattr(self, one.name) for one in fields(self) if one.name != "run"})

    def as_document(self) -> dict[str, Any]:
        """Return the record as JSON values; ``from_document`` reads them."""
        return {"run": self.run, **self.entry.as_document()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> FrameRecord:
        """Return the record of a document. Raises ManifestError for a damaged one."""
        if not isinstance(document, Mapping) or not isinstance(document.get("run"), str):
            raise ManifestError("the record of a frame is damaged: it names no run")
        return cls.of(document["run"], FrameEntry.from_document(dict(document)))
