"""Look up the frames that existed before a run, for the values of ``if_exists`` that keep some of them."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from dataclasses import replace

from isal.isal_zlib import crc32

from seqsave import naming, targets
from seqsave.errors import DecodeError, TargetError
from seqsave.manifest import Picture
from seqsave.manifest.run import RunRecord
from seqsave.naming.key import FrameKey
from seqsave.runtime import retry
from seqsave.sequences.frame import decode
from seqsave.targets.spelling import Names, other_name, refusal, spelled
from seqsave.wording import checksum_of

__all__ = ["ExistingFrames"]

Data = bytes | bytearray | memoryview


class ExistingFrames:
    """The frames of one file type that existed before the run. Each folder is listed once. Thread-safe.

    record: has the manifest's entries of them.
    """

    def __init__(self, target: targets.Target, record: RunRecord, policy: retry.RetryPolicy, if_exists: str) -> None:
        self._target = target
        self._record = record
        self._policy = policy
        self._if_exists = if_exists
        self._examined: dict[str, Picture] = {}
        self._listings: dict[str, dict[str, targets.Entry] | None] = {}
        self._names: dict[str, Names] = {}
        self._published = Counter[str]()
        self._lock = threading.Lock()
        self._listers: dict[str, threading.Lock] = {}

    def exists(self, key: FrameKey) -> bool:
        """Return whether if_exists="skip" and the frame existed when its folder was first looked at.

        An empty file is not a frame.
        """
        return self._if_exists == "skip" and bool(self.size(key))

    def is_as_good(self, key: FrameKey, picture: Picture | None, recipe: str | None, data: Data = b"") -> bool:
        """Return whether the existing frame is as good as this one, for "skip valid" and "skip same recipe".

        picture: the facts about the new one. data: its file, which is decoded if these are unknown.

        Sends requests: do not call it on the caller's thread. Raises DecodeError for ``data``.
        """
        size = self.size(key) if self._if_exists in ("skip valid", "skip same recipe") else None
        if not size:
            return False
        stated = self._record.earlier(key.index, key.batch)
        if stated is None or stated.checksum is None or stated.size != size:
            stated = None
        if self._if_exists == "skip same recipe":
            return stated is not None and recipe is not None and stated.recipe == recipe
        wanted = _picture_in(key.name, bytes(data)) if picture is None else picture
        if stated is not None and stated.picture is not None and _is_as_large(stated.picture, wanted):
            return True
        found = self._decoded(key)
        if found is None or not _is_as_large(found, wanted):
            return False
        self._examined[key.path] = found
        return True

    def is_same(self, key: FrameKey, data: Data, recipe: str | None) -> bool:
        """Return whether the existing frame is as good as the encoded file ``data``: for "skip valid", the same bytes.

        Sends requests: do not call it on the caller's thread.
        """
        if self._if_exists != "skip valid":
            return self.is_as_good(key, None, recipe, data)
        size = self.size(key)
        if not size or size != memoryview(data).nbytes:
            return False
        stated = self._record.earlier(key.index, key.batch)
        recorded = None if stated is None or stated.size != size else checksum_of(stated.checksum)
        if recorded is not None:
            return recorded == crc32(data)
        return self._content(key) == data

    def would_be_lost(self, path: str) -> bool:
        """Return whether an existing frame would be lost if the storage ignored the condition to refuse this one.

        If the folder was listed, to resume, and lacks the frame, the condition only matters for savers at the same
        time.
        """
        return self._if_exists == "error" or self._listings.get(path.rpartition("/")[0]) is None

    def is_time_to_clean(self, folder: str) -> bool:
        """Count a published frame in its folder, and return whether to remove stale temporary files from it now.

        That takes a listing, too much for a single frame: it is done with the second one.
        """
        with self._lock:
            self._published[folder] += 1
            return self._published[folder] == 2

    def remove_stale_files(self, folder: str) -> None:
        """Remove the temporary files that killed savers have left in a folder."""
        for one in (folder, naming.join(folder, naming.PRIVATE_FOLDER)):
            with contextlib.suppress(TargetError):  # stale files do no harm
                self._target.remove_stale_temporaries(one)

    def _decoded(self, key: FrameKey) -> Picture | None:
        """Return the facts about the existing frame's picture; None if it cannot be decoded."""
        try:
            return _picture_in(key.name, self._content(key))
        except DecodeError:
            return None

    def _content(self, key: FrameKey) -> bytes:
        """Return the bytes of the existing frame, whose name may be spelled in another way."""
        found = (self._listing(key.folder) or {}).get(naming.name_key(key.name))
        path = key.path if found is None else naming.join(key.folder, found.name)
        return retry.call(self._policy, lambda: self._target.read(path), contact=self._target.known)

    def size(self, key: FrameKey) -> int | None:
        """Return the size that the frame had when its folder was first looked at; None if it did not exist."""
        if not self._keeps_some:
            return None
        found = (self._listing(key.folder) or {}).get(naming.name_key(key.name))
        return None if found is None else found.size

    def kept(self, key: FrameKey) -> tuple[FrameKey, int | None, Picture | None]:
        """Return the existing frame: its key, as its name may be spelled in another way, its size and its picture.

        Size and picture are None where this run has not looked at them. Sends no request.
        """
        picture = self._examined.get(key.path)
        found = (self._listings.get(key.folder) or {}).get(naming.name_key(key.name))
        if found is None:
            return key, None, picture
        names = self._names.get(key.folder)
        if names is not None and key.name not in names.alike(key.name):
            key = replace(key, path=key.beside(found.name))
        return key, found.size, picture

    def must_create(self, key: FrameKey) -> bool:
        """Return whether the storage must refuse the frame when it exists."""
        if self._if_exists != "skip":  # the other values replace a frame that is not good enough
            return self._if_exists == "error"
        if self._target.capabilities.create == "none":
            return False
        # A listed empty file is replaced; for a file that was not listed, the storage decides.
        return naming.name_key(key.name) not in (self._listing(key.folder) or {})

    def may_have_other_form(self, key: FrameKey) -> bool:
        """Return whether the frame's name has another Unicode form, so that ``in_other_form`` is needed."""
        return bool(naming.other_forms(key.name))

    def in_other_form(self, key: FrameKey) -> str | None:
        """Return the path of the frame's file if that exists under the other Unicode form of its name; else None.

        A folder that was listed shows that; elsewhere, this sends one request as a rule. Raises TargetError for
        temporary failures.
        """
        names = self._names.get(key.folder)
        if names is None:
            path = spelled(self._target, key.path)
            return None if path == key.path else path
        alike = [one for one in names.alike(key.name) if naming.normalized(one) == naming.normalized(key.name)]
        return None if key.name in alike or not alike else naming.join(key.folder, alike[0])

    def may_be_misspelled(self, key: FrameKey) -> bool:
        """Return whether ``check_spelling`` is needed for a frame. Sends no request."""
        if key.folder in self._listings:
            names = self._names.get(key.folder)
            return names is not None and names.other(key.name) is not None
        return self._may_fold_case(key.path)

    def check_spelling(self, key: FrameKey, *, again: bool = False) -> None:
        """Raise FrameExistsError if another file has the frame's name in another case: frame_1, Frame_1.

        again: list the folder now, since a file has appeared in it.

        Raises TargetError for temporary failures.
        """
        if again:
            names: Names | None = Names(entry.name for entry in self._target.list(key.folder))
        else:
            self._listing(key.folder)
            names = self._names.get(key.folder)
        other = None if names is None else other_name(self._target, key.path, names)
        if other is not None:
            raise refusal(self._target, key.path, other)

    def _may_fold_case(self, path: str) -> bool:
        return self._target.may_fold_case(path)

    def _listing(self, folder: str) -> dict[str, targets.Entry] | None:
        """Return the files in ``folder`` when it was first looked at, by ``naming.name_key``.

        None if listing is not allowed.
        """
        if folder not in self._listings:
            with self._lock:
                lister = self._listers.setdefault(folder, threading.Lock())
            # One lock for each folder: a thread that waits here may be needed for the listing of another folder.
            with lister:
                if folder not in self._listings:
                    self._listings[folder] = self._list(folder)
        return self._listings[folder]

    def _list(self, folder: str) -> dict[str, targets.Entry] | None:
        try:
            entries = self._entries(folder)
        except TargetError as error:
            is_needed = self._target.capabilities.create == "none" if self._keeps_some else error.transient
            if is_needed:
                raise
            return None  # a key may write and not list: then the storage decides about each frame
        self._names[folder] = Names(entry.name for entry in entries)
        files = [entry for entry in entries if not entry.is_folder]
        # Names in lower case come last, and so take precedence over the same names in upper case.
        return {naming.name_key(entry.name): entry for entry in sorted(files, key=lambda one: one.name)}

    def _entries(self, folder: str) -> list[targets.Entry]:
        if not self._keeps_some:  # the publish flow tries again
            return self._target.list(folder)
        return retry.call(self._policy, lambda: self._target.list(folder), contact=self._target.known)

    @property
    def _keeps_some(self) -> bool:
        return self._if_exists.startswith("skip")


def _picture_in(name: str, data: bytes) -> Picture:
    array = decode(name, data).array
    return Picture.of(array.shape, array.dtype)


def _is_as_large(one: Picture, other: Picture) -> bool:
    return (one.width, one.height) == (other.width, other.height)
