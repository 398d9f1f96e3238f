"""From an encoded frame to files in the target: sidecars, collisions, retries, and recognising one's own frame."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from seqsave import naming, targets
from seqsave.errors import DecodeError, FrameExistsError, TargetError
from seqsave.manifest import UNKNOWN_VERSION, FrameEntry, Picture
from seqsave.runtime import retry
from seqsave.runtime.threads import run_in_thread
from seqsave.sequences import reader
from seqsave.types import Encoded, SavedFrame, Status
from seqsave.wording import crc32_text
from seqsave.writer.deferred import frame_facts
from seqsave.writer.fallback import Outage, Parcel
from seqsave.writer.numbering import Place
from seqsave.writer.record import Record

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
    """The files of one encoded frame, in the order in which they are published; ``frame`` is one of them.

    entry: what the manifest will say of it.
    """

    files: tuple[_File, ...]
    frame: _File
    entry: FrameEntry

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


class Publication:
    """Publishes the frames of one writer.

    on_retry:     is told (place, message) before each wait.
    on_throttled: is called when the storage asks for fewer requests.
    folder:       the sequence's own below the target, "" for the target itself.
    outage:       where frames go that the storage does not take.
    """

    def __init__(
        self,
        target: targets.Target,
        record: Record,
        *,
        folder: str,
        policy: retry.RetryPolicy,
        if_exists: str,
        content_type: str,
        on_retry: Callable[[Place, str], None],
        on_throttled: Callable[[], None] = lambda: None,
        outage: Outage | None = None,
    ) -> None:
        self._outage = outage
        self._target = target
        self._record = record
        self._folder = folder
        self._known = target.known
        self._proof: asyncio.Future[None] | None = None
        self._policy = policy
        self._if_exists = if_exists
        self._content_type = content_type
        self._on_retry = on_retry
        self._on_throttled = on_throttled
        self._examined: dict[str, Picture] = {}
        self._listings: dict[str, dict[str, int] | None] = {}
        self._published = Counter[str]()
        self._lock = threading.Lock()

    def is_there(self, place: Place) -> bool:
        """With if_exists="skip": whether the frame lay there when its folder was first looked at.

        An empty file is no frame, whatever put it there.
        """
        return self._if_exists == "skip" and bool(self._listed(place))

    def stands(self, place: Place, picture: Callable[[], Picture], recipe: str | None) -> bool:
        """With the two degrees of skip that look closer: whether the frame that is there is as good as this one.

        picture: of this one. Asks the storage; not to be called on the caller's thread.
        """
        size = self._listed(place) if self._if_exists in ("skip valid", "skip same recipe") else None
        if not size:
            return False
        told = self._record.before(place.index, place.batch)
        if told is None or told.checksum is None or told.size != size:
            told = None
        if self._if_exists == "skip same recipe":
            return told is not None and recipe is not None and told.recipe == recipe
        wanted = picture()
        if told is not None and told.picture is not None and _is_as_large(told.picture, wanted):
            return True
        is_valid = self._is_valid(place, wanted)
        if is_valid:
            self._examined[place.path] = wanted
        return is_valid

    def url_of(self, place: Place) -> str:
        """Where the frame lies, or would lie."""
        return self._target.url_of(place.path)

    def passed_over(self, place: Place, status: Status) -> SavedFrame:
        """The record of a frame that is not written."""
        if status == "skipped":
            self._record.add(self._entry(place, self._listed(place), picture=self._examined.get(place.path)))
        return SavedFrame(
            index=place.index,
            batch=place.batch,
            url=self.url_of(place),
            size=0,
            checksum=None,
            etag=None,
            status=status,
        )

    def payload(self, place: Place, encoded: Encoded, picture: Picture | None, recipe: str | None) -> Payload:
        """The frame's file and one sidecar for each text that did not fit into it.

        The frame is published last: where it is, all of it is. But where it must not replace another one it goes
        first, so that a collision leaves the other one's sidecars alone.
        """
        frame = _file(place.path, encoded.data, self._content_type, self._must_create(place))
        sidecars = tuple(
            _file(_beside(place, naming.sidecar_name(place.name, frame.crc32, key)), text.encode(), _JSON, False)
            for key, text in encoded.leftover.items()
        )
        entry = self._entry(place, frame.size, frame.crc32, picture, recipe)
        return Payload((frame, *sidecars) if frame.create else (*sidecars, frame), frame, entry)

    def publish(self, place: Place, payload: Payload | None, stop_event: threading.Event) -> SavedFrame:
        """Publish all files, on this thread; None for a frame that is there, and as good."""
        if payload is None:
            return self.passed_over(place, "skipped")
        attempt = partial(self._publish, place, payload, stop_event)
        if self._outage is None:
            return attempt(self._policy)
        return self._outage.publish(self._parcel(place, payload), attempt)

    def _publish(
        self, place: Place, payload: Payload, stop_event: threading.Event, policy: retry.RetryPolicy
    ) -> SavedFrame:
        self._record.enter(_Attempts(self._on_retry, self._on_throttled, place).note, stop_event, policy)
        answer = None
        for file in payload.files:
            attempts = _Attempts(self._on_retry, self._on_throttled, place)
            try:
                put = partial(self._put, file)
                published = retry.call(policy, put, on_retry=attempts.note, stop_event=stop_event, contact=self._known)
            except FrameExistsError:
                if not (attempts.any and self._is_ours(file, stop_event)):
                    return self._collided(place)
            else:
                answer = published if file is payload.frame else answer
        self._tidy(place.folder)
        return self._saved(place, payload, answer)

    async def publish_async(self, place: Place, payload: Payload | None, stop_event: threading.Event) -> SavedFrame:
        """``publish`` as a coroutine on the target's loop."""
        if payload is None:
            return self.passed_over(place, "skipped")
        attempt = partial(self._publish_async, place, payload, stop_event)
        if self._outage is None:
            return await attempt(self._policy)
        return await self._outage.publish_async(self._parcel(place, payload), attempt)

    async def _publish_async(
        self, place: Place, payload: Payload, stop_event: threading.Event, policy: retry.RetryPolicy
    ) -> SavedFrame:
        await self._record.enter_async(_Attempts(self._on_retry, self._on_throttled, place).note, stop_event, policy)
        answer = None
        for file in payload.files:
            attempts = _Attempts(self._on_retry, self._on_throttled, place)
            try:
                put = partial(self._put_async, file)
                published = await retry.acall(
                    policy, put, on_retry=attempts.note, stop_event=stop_event, contact=self._known
                )
            except FrameExistsError:
                if not (attempts.any and await run_in_thread(partial(self._is_ours, file, stop_event))):
                    return self._collided(place)
            else:
                answer = published if file is payload.frame else answer
        return self._saved(place, payload, answer)

    def _parcel(self, place: Place, payload: Payload) -> Parcel:
        facts = partial(frame_facts, self._record.facts, payload.entry)
        return Parcel(place, self.url_of(place), payload.files, payload.frame, facts)

    def _tidy(self, folder: str) -> None:
        """Sweep a folder when its second frame is there: one look at all names is too much for a single frame."""
        with self._lock:
            self._published[folder] += 1
            if self._published[folder] != 2:
                return
        for one in (folder, f"{folder}/{naming.PRIVATE_FOLDER}" if folder else naming.PRIVATE_FOLDER):
            with contextlib.suppress(TargetError):  # what is left there harms nobody
                self._target.sweep(one)

    def _put(self, file: _File) -> targets.Published:
        if self._has_to_prove(file):
            self._target.prove_create(_trial_beside(file.path))
        return self._target.publish(
            file.path, file.data, content_type=file.content_type, create=file.create, checksum=file.crc32
        )

    async def _put_async(self, file: _File) -> targets.Published:
        if self._has_to_prove(file):
            await self._prove_async(_trial_beside(file.path))
        coroutine = self._target.publish_async(
            file.path, file.data, content_type=file.content_type, create=file.create, checksum=file.crc32
        )
        # A target that has a loop has coroutines for it.
        return await cast("Coroutine[Any, Any, targets.Published]", coroutine)

    async def _prove_async(self, path: str) -> None:
        """One proof at a time: whoever comes meanwhile waits for that one, and fails as it does."""
        if self._proof is None or self._proof.done():
            self._proof = asyncio.ensure_future(run_in_thread(partial(self._target.prove_create, path)))
            self._proof.add_done_callback(lambda proof: proof.cancelled() or proof.exception())
        # Whoever is cancelled while he waits leaves it to the others.
        await asyncio.shield(self._proof)

    def _has_to_prove(self, file: _File) -> bool:
        """Whether a frame that is there would be lost if the storage overlooked the condition.

        Where it was listed that nothing is there, to resume, the condition is for those who write at the same time.
        """
        if not file.create or self._known.refuses:
            return False
        return self._if_exists == "error" or self._listings.get(file.path.rpartition("/")[0]) is None

    def _is_ours(self, file: _File, stop_event: threading.Event) -> bool:
        """Whether what is there is what we sent: then the answer to an earlier attempt was lost, or came late.

        Where it may not be read nobody knows. Resuming, it is there and that is enough; else it is an error.
        """
        try:
            content = self._read(file.path, stop_event)
        except TargetError as error:
            if self._if_exists == "skip":
                return False
            raise TargetError(
                f"{self._target.url_of(file.path)} is there already. It may be this very frame, since the answer to an "
                f"earlier attempt was lost, but it cannot be looked at: {error}",
                fault=error.fault,
            ) from error
        return content == bytes(file.data)

    def _read(self, path: str, stop_event: threading.Event) -> bytes:
        return retry.call(self._policy, lambda: self._target.read(path), stop_event=stop_event, contact=self._known)

    def _collided(self, place: Place) -> SavedFrame:
        """Somebody else's frame is there. (Our own is too when a request was answered late, or never: then the bytes
        are the same, and it does not come here.)
        """
        if self._if_exists == "skip":
            return self.passed_over(place, "skipped")
        raise FrameExistsError(
            f"{self.url_of(place)} is there already: use `if_exists='overwrite'` or `if_exists='skip'`, or another "
            "prefix or start"
        )

    def _saved(self, place: Place, payload: Payload, answer: targets.Published | None) -> SavedFrame:
        """No answer: it was lost, and what is there was read and is the same."""
        etag, acknowledged, version = (
            (None, True, UNKNOWN_VERSION) if answer is None else (answer.etag, answer.acknowledged, answer.version)
        )
        entry = replace(payload.entry, etag=etag, acknowledged=acknowledged, version=version)
        self._record.add(entry)
        return SavedFrame(
            index=place.index,
            batch=place.batch,
            url=self.url_of(place),
            size=entry.size or 0,
            checksum=entry.checksum,
            etag=etag,
            status="saved",
        )

    def _entry(
        self,
        place: Place,
        size: int | None,
        crc32: int | None = None,
        picture: Picture | None = None,
        recipe: str | None = None,
    ) -> FrameEntry:
        return FrameEntry(
            index=place.index,
            batch=place.batch,
            name=place.path[len(self._folder) :].lstrip("/"),
            size=size,
            checksum=None if crc32 is None else crc32_text(crc32),
            recipe=recipe,
            picture=picture,
        )

    def _is_valid(self, place: Place, wanted: Picture) -> bool:
        """Whether the frame that is there can be read, and is as large as this one."""
        data = retry.call(self._policy, lambda: self._target.read(place.path), contact=self._known)
        try:
            height, width = reader.decode(place.name, data).array.shape[:2]
        except DecodeError:
            return False
        return (width, height) == (wanted.width, wanted.height)

    def _listed(self, place: Place) -> int | None:
        """The size that the frame had when its folder was first looked at; None where it was not there."""
        if not self._if_exists.startswith("skip"):
            return None
        return (self._listing(place.folder) or {}).get(place.name)

    def _must_create(self, place: Place) -> bool:
        """Whether the store must refuse the frame when something is there."""
        if self._if_exists != "skip":  # its other degrees replace what is there and does not do
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
            entries = retry.call(self._policy, lambda: self._target.list(folder), contact=self._known)
        except TargetError:
            if self._target.capabilities.create == "none":
                raise
            return None  # a key that may write but not list is a good key: the store decides frame by frame
        return {entry.name: entry.size for entry in entries if not entry.is_folder}


class _Attempts:
    """Whether a file was tried more than once, and telling why."""

    def __init__(self, tell: Callable[[Place, str], None], throttled: Callable[[], None], place: Place) -> None:
        self.any = False
        self._tell = tell
        self._throttled = throttled
        self._place = place

    def note(self, attempt: int, wait: float, error: BaseException) -> None:
        self.any = True
        if getattr(error, "throttled", False):
            self._throttled()
        self._tell(self._place, f"attempt {attempt} failed, next in {wait:.1f} s: {error}")


def _file(path: str, data: Any, content_type: str, create: bool) -> _File:
    from isal.isal_zlib import crc32

    return _File(path, data, content_type, create, crc32(data))


def _is_as_large(one: Picture, other: Picture) -> bool:
    return (one.width, one.height) == (other.width, other.height)


def _beside(place: Place, name: str) -> str:
    return f"{place.folder}/{name}" if place.folder else name


def _trial_beside(path: str) -> str:
    """Where to try whether the storage refuses to replace a file."""
    folder = path.rpartition("/")[0]
    return f"{folder}/{naming.PRIVATE_FOLDER}/create.txt" if folder else f"{naming.PRIVATE_FOLDER}/create.txt"
