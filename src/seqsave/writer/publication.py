"""From an encoded frame to files in the target: sidecars, collisions, retries, and recognising one's own frame."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from seqsave import naming, retry, targets
from seqsave.errors import FrameExistsError, TargetError
from seqsave.types import Encoded, SavedFrame, Status
from seqsave.writer.numbering import Place

__all__ = ["Payload", "Publication"]

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class _File:
    """One file that is ready to be published, with the CRC-32 of its bytes."""

    path: str
    data: Any
    content_type: str
    create: bool
    crc32: int

    @property
    def size(self) -> int:
        """Bytes."""
        return memoryview(self.data).nbytes


@dataclass(frozen=True, slots=True)
class Payload:
    """The files of one encoded frame, in the order in which they are published; ``frame`` is one of them."""

    files: tuple[_File, ...]
    frame: _File

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


class Publication:
    """Publishes the frames of one writer. ``on_retry`` is told (place, message) before each wait."""

    def __init__(
        self,
        target: targets.Target,
        *,
        policy: retry.RetryPolicy,
        if_exists: str,
        content_type: str,
        on_retry: Callable[[Place, str], None],
    ) -> None:
        self._target = target
        self._policy = policy
        self._if_exists = if_exists
        self._content_type = content_type
        self._on_retry = on_retry
        self._listings: dict[str, dict[str, int] | None] = {}
        self._lock = threading.Lock()

    def is_there(self, place: Place) -> bool:
        """With if_exists="skip": whether the frame lay there when its folder was first looked at.

        An empty file is no frame, whatever put it there.
        """
        return self._if_exists == "skip" and bool((self._listing(place.folder) or {}).get(place.name))

    def url_of(self, place: Place) -> str:
        """Where the frame lies, or would lie."""
        return self._target.url_of(place.path)

    def passed_over(self, place: Place, status: Status) -> SavedFrame:
        """The record of a frame that is not written."""
        return SavedFrame(
            index=place.index,
            batch=place.batch,
            url=self.url_of(place),
            size=0,
            checksum=None,
            etag=None,
            status=status,
        )

    def payload(self, place: Place, encoded: Encoded) -> Payload:
        """The frame's file and one sidecar for each text that did not fit into it.

        The frame is published last: where it is, all of it is. But where it must not replace another one it goes
        first, so that a collision leaves the other one's sidecars alone.
        """
        frame = _file(place.path, encoded.data, self._content_type, self._must_create(place))
        sidecars = tuple(
            _file(_beside(place, naming.sidecar_name(place.name, frame.crc32, key)), text.encode(), _JSON, False)
            for key, text in encoded.leftover.items()
        )
        return Payload((frame, *sidecars) if frame.create else (*sidecars, frame), frame)

    def publish(self, place: Place, payload: Payload, stop_event: threading.Event) -> SavedFrame:
        """Publish all files, on this thread."""
        etag = None
        for file in payload.files:
            attempts = _Attempts(self._on_retry, place)
            try:
                put = partial(self._put, file)
                published = retry.call(self._policy, put, on_retry=attempts.note, stop_event=stop_event)
            except FrameExistsError:
                content = self._read(file.path) if attempts.any else None
                if content != file.data:
                    return self._collided(place)
            else:
                etag = published.etag if file is payload.frame else etag
        return self._saved(place, payload.frame, etag)

    async def publish_async(self, place: Place, payload: Payload, stop_event: threading.Event) -> SavedFrame:
        """Publish all files, as a coroutine on the target's loop."""
        etag = None
        for file in payload.files:
            attempts = _Attempts(self._on_retry, place)
            try:
                put = partial(self._put_async, file)
                published = await retry.acall(self._policy, put, on_retry=attempts.note, stop_event=stop_event)
            except FrameExistsError:
                content = await asyncio.to_thread(self._read, file.path) if attempts.any else None
                if content != file.data:
                    return self._collided(place)
            else:
                etag = published.etag if file is payload.frame else etag
        return self._saved(place, payload.frame, etag)

    def _put(self, file: _File) -> targets.Published:
        return self._target.publish(
            file.path, file.data, content_type=file.content_type, create=file.create, checksum=file.crc32
        )

    def _put_async(self, file: _File) -> Coroutine[Any, Any, targets.Published]:
        coroutine = self._target.publish_async(
            file.path, file.data, content_type=file.content_type, create=file.create, checksum=file.crc32
        )
        # A target that has a loop has coroutines for it.
        return cast("Coroutine[Any, Any, targets.Published]", coroutine)

    def _read(self, path: str) -> bytes:
        return retry.call(self._policy, lambda: self._target.read(path))

    def _collided(self, place: Place) -> SavedFrame:
        """Somebody else's frame is there. (Our own is too when a request was answered late, or never: then the bytes
        are the same, and it does not come here.)
        """
        if self._if_exists == "skip":
            return self.passed_over(place, "skipped")
        raise FrameExistsError(
            f"{self.url_of(place)} is there already: use if_exists='overwrite' or 'skip', or another prefix or start"
        )

    def _saved(self, place: Place, frame: _File, etag: str | None) -> SavedFrame:
        return SavedFrame(
            index=place.index,
            batch=place.batch,
            url=self.url_of(place),
            size=frame.size,
            checksum=f"crc32:{frame.crc32:08x}",
            etag=etag,
            status="saved",
        )

    def _must_create(self, place: Place) -> bool:
        """Whether the store must refuse the frame when something is there."""
        if self._if_exists != "skip":
            return self._if_exists == "error"
        if self._target.capabilities.create == "none":
            return False
        # An empty file that was listed is to be replaced; anything that was not listed is the store's to decide.
        return place.name not in (self._listing(place.folder) or {})

    def _listing(self, folder: str) -> dict[str, int] | None:
        """Names and sizes in ``folder`` when it was first looked at; None where listing is not allowed."""
        with self._lock:
            if folder not in self._listings:
                self._listings[folder] = self._list(folder)
            return self._listings[folder]

    def _list(self, folder: str) -> dict[str, int] | None:
        try:
            entries = retry.call(self._policy, lambda: self._target.list(folder))
        except TargetError:
            if self._target.capabilities.create == "none":
                raise
            return None  # a key that may write but not list is a good key: the store decides frame by frame
        return {entry.name: entry.size for entry in entries if not entry.is_folder}


class _Attempts:
    """Whether a file was tried more than once, and telling why."""

    def __init__(self, tell: Callable[[Place, str], None], place: Place) -> None:
        self.any = False
        self._tell = tell
        self._place = place

    def note(self, attempt: int, wait: float, error: BaseException) -> None:
        self.any = True
        self._tell(self._place, f"attempt {attempt} failed, next in {wait:.1f} s: {error}")


def _file(path: str, data: Any, content_type: str, create: bool) -> _File:
    from isal.isal_zlib import crc32

    return _File(path, data, content_type, create, crc32(data))


def _beside(place: Place, name: str) -> str:
    return f"{place.folder}/{name}" if place.folder else name
