"""Copy objects within one S3 store: CopyObject, so that the bytes do not pass through this machine.

- A copy is of one version: ``x-amz-copy-source-if-match`` has the ETag that the object had when its bytes were read or
  recorded. If it was replaced since, the store refuses the copy.
- The copy states what a PUT would: its content type, and the user's ``s3_additional_kwargs``. Metadata and tags of the
  original are not copied.
- ``create`` is ``If-None-Match: *``. Some stores honour it in a PUT and not in a copy: a trial shows that.
- Any refusal leaves the copy to a GET and a PUT. After one that concerns all objects (missing rights, a store without
  CopyObject), no further copy from that bucket is tried.
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from seqsave.errors import TargetError
from seqsave.targets.base import Original, Published, Target
from seqsave.targets.failures import diagnose
from seqsave.targets.faults import Fault
from seqsave.targets.guards import guarded, guarded_async
from seqsave.targets.s3_client import S3Client, no_store, refuse_strange
from seqsave.targets.s3_pages import unquoted
from seqsave.wording import crc32_text

__all__ = ["LARGEST_PUT", "CopyingTarget"]

R = TypeVar("R")

LARGEST_PUT = 5 * 2**30
"""Bytes that one PUT may hold, https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html; for a copy,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""

_TRIAL = b"seqsave asks whether a copy replaces this\n"
# These concern one object, and the next one may be copied.
_OF_ONE = (Fault.EXISTS, Fault.MISSING, Fault.TOO_LARGE)


class CopyingTarget(Target):
    """A bucket, or a prefix in one, into which the store copies objects by itself."""

    _bucket: str
    _options: Mapping[str, Any]
    _stays: bool

    @abstractmethod
    def _key(self, path: str) -> str: ...

    @abstractmethod
    def _client(self) -> S3Client: ...

    @abstractmethod
    def _wait_for(self, start: Callable[[], Coroutine[Any, Any, R]]) -> R: ...

    def place(self, path: str) -> dict[str, str]:
        """Return bucket and key of a file."""
        return {"Bucket": self._bucket, "Key": self._key(path)}

    @property
    def bucket(self) -> str:
        """Return the name of the bucket."""
        return self._bucket

    @property
    def access(self) -> tuple[Mapping[str, Any], bool]:
        """Return what is equal for two targets whose requests go to one store with the same credentials."""
        return self._options, self._stays

    def can_copy(self, source: Target) -> bool:
        """Return whether both are buckets of one store with the same options; see ``Target.can_copy``."""
        if not isinstance(source, CopyingTarget) or source.bucket in self.known.uncopied:
            return False
        # Access points have names that a copy spells in another way.
        is_usual = not any(bucket.startswith("arn:") for bucket in (source.bucket, self.bucket))
        return is_usual and source.access == self.access

    @guarded("save")
    def copy_in(self, path: str, original: Original, *, content_type: str, create: bool = False) -> Published | None:
        """Let the store copy an object; see ``Target.copy_in``."""
        return self._wait_for(lambda: self._copied(path, original, content_type, create))

    @guarded_async("save")
    async def copy_in_async(
        self, path: str, original: Original, *, content_type: str, create: bool = False
    ) -> Published | None:
        """Let the store copy an object; see ``Target.copy_in_async``."""
        return await self._copied(path, original, content_type, create)

    def refuses_copies(self, path: str) -> bool:
        """Let the store copy a small file onto itself, unless it exists; see ``Target.refuses_copies``."""
        known = self.known
        with known.lock:
            if known.creates_copies is None:
                known.creates_copies = self._keeps_existing(path)
            return known.creates_copies

    @guarded("save")
    def _keeps_existing(self, path: str) -> bool:
        try:
            published = self.publish(path, _TRIAL, content_type="text/plain")
            original = Original(target=self, path=path, etag=published.etag or "", size=published.size)
            request = self._request(original, "text/plain", create=True)
            try:
                self._wait_for(lambda: self._copy(path, request))
            except Exception as error:
                fault = diagnose(error)
                if fault.transient:
                    raise
                return fault is Fault.EXISTS
            return False
        finally:
            with contextlib.suppress(TargetError):
                self.delete(path)

    async def _copied(self, path: str, original: Original, content_type: str, create: bool) -> Published | None:
        source: Any = original.target
        is_usual = original.etag and '"' not in original.etag  # a weak ETag, W/"...", cannot be a condition
        if not is_usual or original.size >= LARGEST_PUT or not self.can_copy(source):
            return None
        request = self._request(original, content_type, create=create)
        try:
            answer = await self._copy(path, request)
        except Exception as error:
            fault = diagnose(error)
            if fault.transient:
                raise
            if fault not in _OF_ONE:
                self.known.uncopied.add(request["CopySource"]["Bucket"])
            return None
        return _published(original, answer)

    def _request(self, original: Original, content_type: str, *, create: bool) -> dict[str, Any]:
        source: Any = original.target
        request = {
            "CopySource": source.place(original.path),
            "CopySourceIfMatch": original.etag if self.known.bare_etags else f'"{original.etag}"',
            "ContentType": content_type,
            "MetadataDirective": "REPLACE",
            "TaggingDirective": "REPLACE",
        }
        return {**request, "IfNoneMatch": "*"} if create else request

    async def _copy(self, path: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a CopyObject, and return its result."""
        key, client = self._key(path), self._client()
        answer = await client.call("copy_object", bucket=self._bucket, Key=key, **request)
        return dict(answer.get("CopyObjectResult") or {})


def _published(original: Original, answer: Mapping[str, Any]) -> Published:
    etag, checksum = unquoted(answer.get("ETag")), answer.get("ChecksumCRC32")
    if original.crc32 is not None:
        refuse_strange(etag, checksum, original.crc32)
    elif not etag:
        raise no_store()
    # Either an ETag is computed from the bytes, or it differs with each object.
    is_same = etag == original.etag or (checksum is not None and original.crc32 is not None)
    return Published(
        size=original.size,
        etag=etag,
        checksum=None if original.crc32 is None else crc32_text(original.crc32),
        acknowledged=is_same,
        version=etag,
    )
