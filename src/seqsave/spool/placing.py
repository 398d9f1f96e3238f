"""Publish one frame from the spool, and replace only the file that its run knew: any other file is a conflict."""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from seqsave import targets
from seqsave.errors import FrameExistsError, TargetError
from seqsave.spool.before import Before
from seqsave.spool.entries import Entry, FileFacts
from seqsave.targets.base import described
from seqsave.targets.spelling import Names, other_name, spelled

__all__ = ["ConflictError", "ConflictReason", "Placed", "Placing"]

ConflictReason = Literal["exists", "changed", "unreadable", "other name"]

# How often to check a file again that was changed between the check and the request.
MOST_LOOKS = 5
_UNREADABLE = ("denied", "not_permitted")


class ConflictError(Exception):
    """Another file has the name of a frame, and the frame must not replace it. ``reason`` says why."""

    def __init__(self, reason: ConflictReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Placed:
    """One file in the storage. is_same: it has the frame's bytes (acknowledged or compared); None if unknown."""

    published: targets.Published | None
    is_same: bool | None


class Placing:
    """Publishes the files of entries in one target.

    call:     makes one request, and repeats it after temporary failures.
    replaces: replace any existing file.
    """

    def __init__(
        self, target: targets.Target, call: Callable[[Callable[[], Any]], Any], *, replaces: bool = False
    ) -> None:
        self._target = target
        self._call = call
        self._replaces = replaces
        self._offsets: list[float | None] = []

    def place(self, entry: Entry, data: Sequence[bytes]) -> tuple[targets.Published | None, bool]:
        """Publish all files of an entry; return the answer for the frame, and whether all bytes are verified.

        Raises ConflictError, TargetError.
        """
        entry = self._spelled(entry)
        answer, is_verified = None, True
        if len(entry.files) > 1 and not self._replaces and not entry.frame.create:
            self._refuse_conflict(entry)  # before the sidecars of a frame that is not published
        for facts, content in zip(entry.files, data, strict=True):
            placed = self._place(entry, facts, content)
            if placed.is_same is False:
                raise TargetError(
                    f"{self._target.url_of(facts.path)} is not what was saved: the bytes that are read back differ",
                    transient=True,
                )
            is_verified = is_verified and bool(placed.is_same)
            answer = placed.published if facts.path == entry.path else answer
        return answer, is_verified

    def _spelled(self, entry: Entry) -> Entry:
        """Return the entry with the path that its frame's file has, if its name has the other Unicode form there."""
        path = self._call(partial(spelled, self._target, entry.path))
        if path == entry.path:
            return entry
        files = (replace(facts, path=path) if facts.path == entry.path else facts for facts in entry.files)
        return replace(entry, path=path, files=tuple(files))

    def _place(self, entry: Entry, facts: FileFacts, content: bytes) -> Placed:
        if self._replaces:
            return self._checked(facts, self._call(partial(self._put, facts, content, create=False)))
        if facts.create:
            return self._create(facts, content)
        if facts.path != entry.path:
            return self._checked(facts, self._call(partial(self._put, facts, content, create=False)))
        for _ in range(MOST_LOOKS):
            with contextlib.suppress(FrameExistsError):  # changed since the check: check again
                return self._place_over(entry, facts, content)
        raise ConflictError("changed")

    def _create(self, facts: FileFacts, content: bytes) -> Placed:
        try:
            return self._checked(facts, self._call(partial(self._put, facts, content, create=True)))
        except FrameExistsError:
            is_same = self._is_same(facts)
        if not is_same:
            raise ConflictError("exists" if is_same is False else "unreadable")
        return Placed(None, True)

    def _place_over(self, entry: Entry, facts: FileFacts, content: bytes) -> Placed:
        """Raises FrameExistsError if the file was changed between the check and the request."""
        try:
            seen = self._call(partial(self._target.look, facts.path))
        except TargetError as error:
            if error.fault not in _UNREADABLE:
                raise
            return self._create_unseen(facts, content)
        if seen is None:
            create = self._target.capabilities.create != "none"
            return self._checked(facts, self._call(partial(self._put, facts, content, create=create)))
        if not self._may_replace(entry.before, facts, seen):
            return Placed(described(content, facts.crc32, version=seen.version), True)
        replaced = partial(
            self._target.replace,
            facts.path,
            content,
            content_type=facts.content_type,
            version=seen.version,
            checksum=facts.crc32,
        )
        return self._checked(facts, self._call(replaced))

    def _create_unseen(self, facts: FileFacts, content: bytes) -> Placed:
        """Allow only a free name with credentials that may write but not read, since it replaces nothing."""
        if self._target.capabilities.create == "none":
            raise ConflictError("unreadable")
        try:
            return self._checked(facts, self._call(partial(self._put, facts, content, create=True)))
        except FrameExistsError:
            raise ConflictError("unreadable") from None

    def _refuse_conflict(self, entry: Entry) -> None:
        """Raise ConflictError if the frame must not replace the existing file, as far as that is known."""
        facts = entry.frame
        try:
            seen = self._call(partial(self._target.look, facts.path))
        except TargetError:
            return  # the request for the frame itself decides
        if seen is not None:
            self._may_replace(entry.before, facts, seen)

    def _may_replace(self, before: Before, facts: FileFacts, seen: targets.Entry) -> bool:
        """Return True for a file that the frame may replace, False for one that has its bytes. Raises ConflictError."""
        if before.is_file(seen):
            return True
        found = None
        try:
            content = self._read(facts.path)
            if content is None:
                raise FrameExistsError(f"{facts.path} was deleted after the check")
            found = (len(content), zlib.crc32(content))
        except TargetError as error:
            if error.fault not in _UNREADABLE:
                raise
        if found == (facts.size, facts.crc32):
            return False
        if self._is_of_other_name(facts.path):
            raise ConflictError("other name")
        if found in before.own or before.is_older(seen, self._storage_now(facts.path)):
            return True
        raise ConflictError("changed" if found is not None else "unreadable")

    def _is_of_other_name(self, path: str) -> bool:
        """Return whether the existing file has another name, because the storage ignores case: frame_1, Frame_1."""
        if not self._target.may_fold_case(path):
            return False
        folder = path.rpartition("/")[0]
        listed: Sequence[targets.Entry] = self._call(partial(self._target.list, folder))
        return self._call(partial(other_name, self._target, path, Names(one.name for one in listed))) is not None

    def may_be_newer(self, entry: Entry) -> bool:
        """Return whether the file under a frame's name may have been written since the run of the entry began.

        A file that the credentials do not allow reading may be.
        """
        try:
            seen = self._call(partial(self._target.look, entry.path))
        except TargetError as error:
            if error.fault not in _UNREADABLE:
                raise
            return True
        return seen is not None and not entry.before.is_older(seen, self._storage_now(entry.path))

    def _storage_now(self, path: str) -> float | None:
        """Return the time by the storage's clock, from one request for all frames."""
        if not self._offsets:
            try:
                now = self._call(partial(self._target.clock, path))
            except TargetError:
                now = None
            self._offsets.append(None if now is None else now - time.time())
        offset = self._offsets[0]
        return None if offset is None else time.time() + offset

    def _put(self, facts: FileFacts, content: bytes, *, create: bool) -> targets.Published:
        return self._target.publish(
            facts.path, content, content_type=facts.content_type, create=create, checksum=facts.crc32
        )

    def _checked(self, facts: FileFacts, published: targets.Published) -> Placed:
        return Placed(published, True if published.acknowledged else self._is_same(facts))

    def _is_same(self, facts: FileFacts) -> bool | None:
        """Return True if the existing file has the same bytes; None if the credentials do not allow reading it."""
        try:
            content = self._read(facts.path)
        except TargetError as error:
            if error.fault in _UNREADABLE:
                return None
            raise
        return content is not None and (len(content), zlib.crc32(content)) == (facts.size, facts.crc32)

    def _read(self, path: str) -> bytes | None:
        try:
            content: bytes = self._call(partial(self._target.read, path))
        except targets.FileMissingError:
            return None
        return content
