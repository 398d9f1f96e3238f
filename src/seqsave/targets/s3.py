"""``s3://`` through s3fs: one PUT request per object and nothing else, so that write-only credentials suffice.

- Below 5 GiB an object is one PUT, however large (s3fs alone goes multipart at 100 MiB; an interrupted multipart upload
  stays, invisible and billed). No HEAD, no listing, and no bucket is ever made.
- ``create`` is ``If-None-Match: *``: the store decides in the same request.
- Every PUT carries the CRC-32 of the bytes, which stores compare and repeat in their answer; a store that refuses the
  header is asked again once without it, and never again with it. botocore's own checksums are ``when_required``: they
  break some stores and cost a quarter of the client's CPU.
- A file that several processes change (``update``) is put with ``If-Match`` and the ETag that it had when it was read:
  if two change it at the same moment, one has to read it again.
- ``s3_client`` sets up the connection, and makes sure that no library sends a request twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, TypeVar
from urllib.parse import urlsplit

from seqsave.errors import TargetError
from seqsave.targets import filesystems
from seqsave.targets.base import (
    TRIES,
    Capabilities,
    Change,
    Data,
    Entries,
    Entry,
    Published,
    described,
    pause,
)
from seqsave.targets.failures import Scene, diagnose
from seqsave.targets.faults import Fault
from seqsave.targets.guards import guarded, guarded_async
from seqsave.targets.identity import canonical_url
from seqsave.targets.peers import checked_within
from seqsave.targets.ranges import open_ranges
from seqsave.targets.redact import redact_url, secrets_of, split_user_info
from seqsave.targets.s3_client import S3Client, checked_options, refuse_strange
from seqsave.targets.s3_copies import LARGEST_PUT, CopyingTarget
from seqsave.targets.s3_pages import entries_of, next_page, unquoted
from seqsave.targets.urls import Location, refuse_hidden_user_info

if TYPE_CHECKING:
    import asyncio

__all__ = ["S3Target", "unquoted"]

R = TypeVar("R")

# Access points stand in the bucket's place: arn:aws:s3:region:account:accesspoint/name/key
_BUCKET = re.compile(
    r"(arn:aws[^/]*:(?:accesspoint[:/][^/]+|outpost[:/][^/]+[:/](?:bucket|accesspoint)[:/][^/]+)|[^/]*)/?(.*)",
    re.DOTALL,
)

_AWS = re.compile(r"(?:.*\.)?(amazonaws\.com(?:\.cn)?)")


class S3Target(CopyingTarget):
    """A bucket, or a prefix in one."""

    takes_within: ClassVar[bool] = True
    _stays = False
    """Requests stay at the endpoint, and its name leads to no special address (``peers``)."""

    capabilities = Capabilities(folders=False, atomic=True, create="conditional", checksum=True, thread_safe=True)

    def __init__(self, bucket: str, prefix: str, options: Mapping[str, Any], *, connections: int, url: str) -> None:
        """Open a bucket. prefix: without slashes around it. options: from ``s3_client.checked_options``."""
        self.url = url
        self._bucket = bucket
        self._container = f"bucket {bucket!r}"
        self._prefix = f"{prefix}/" if prefix else ""
        self._options = options
        self._connections = connections
        self._secrets = secrets_of("", options)
        self._held: tuple[int, S3Client] | None = None

    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> S3Target:
        """Create a target for ``targets.resolve``; see ``Target.open``."""
        if split_user_info(location.url)[1]:
            raise TargetError(
                f"{redact_url(location.url)} holds credentials: give key and secret as storage options, "
                "name a profile, or configure a target"
            )
        refuse_hidden_user_info(location)
        bucket, prefix = _split(location.rest.strip("/"))
        if not bucket or location.rest.startswith("/"):  # s3://$BUCKET/folder, and the variable is empty
            raise TargetError(f"{url} names no bucket: write s3://bucket/folder")
        scene = Scene("open", url, secrets=secrets_of("", options))
        rest = {name: value for name, value in options.items() if name != "within"}
        full = filesystems.opening(scene, lambda: cls._checked_options(_without_client(rest)))
        target = cls(bucket, prefix.strip("/"), full, connections=connections, url=url)
        target._stays = bool(checked_within(options))
        filesystems.opening(replace(scene, secrets=target._secrets), target._begin)
        return target

    @property
    @guarded("open")
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop; see ``Target.loop``."""
        return self._client().loop

    @guarded("save")
    def publish(
        self,
        path: str,
        data: Data,
        *,
        content_type: str = "application/octet-stream",
        create: bool = False,
        checksum: int | None = None,
    ) -> Published:
        """Publish a file; see ``Target.publish``."""
        return self._wait_for(
            lambda: self.publish_async(path, data, content_type=content_type, create=create, checksum=checksum)
        )

    def publish_async(
        self,
        path: str,
        data: Data,
        *,
        content_type: str = "application/octet-stream",
        create: bool = False,
        checksum: int | None = None,
    ) -> Coroutine[Any, Any, Published]:
        """Return a coroutine that publishes a file; see ``Target.publish_async``."""
        size = memoryview(data).nbytes
        if size >= LARGEST_PUT:
            raise TargetError(
                f"cannot save {self.url_of(path)}: it has {size} bytes, and S3 takes less than 5 GiB in one request; "
                "save smaller frames, or compress them more"
            )
        body = data if isinstance(data, bytes) else bytes(data)
        crc32 = _crc32(body) if checksum is None else checksum & 0xFFFFFFFF
        return self._put(path, body, content_type, create, crc32)

    @guarded("read")
    def read(self, path: str) -> bytes:
        """Return the bytes of a file; see ``Target.read``."""
        return self._wait_for(lambda: self._get(path))[0]

    @guarded("read")
    def read_published(self, path: str) -> tuple[bytes, Published]:
        """Return a whole file and what is known of it; see ``Target.read_published``."""
        data, etag = self._wait_for(lambda: self._get(path))
        return data, described(data, None, etag=etag)

    @guarded("save")
    def update(
        self, path: str, change: Change, *, content_type: str, known: tuple[bytes, str | None] | None = None
    ) -> Published | None:
        """Change a small file; see ``Target.update``."""
        for attempt in range(TRIES):
            before, etag = known or self._tagged(path)
            after = change(before)
            if after is None or after == before:
                return self._left(path, before, after, etag)
            published = self._exchange(path, after, content_type, before is None, etag)
            if published is not None:
                return published
            known = None
            pause(attempt)
        raise self._contended(path)

    @guarded("read")
    def _tagged(self, path: str) -> tuple[bytes | None, str | None]:
        """Return the current content and its ETag."""
        try:
            return self._wait_for(lambda: self._get(path))
        except Exception as error:
            if diagnose(error) is not Fault.MISSING:
                raise
            return None, None

    def _exchange(self, path: str, body: bytes, content_type: str, create: bool, etag: str | None) -> Published | None:
        """Replace the content with this ETag; return None if the content has changed.

        Stores that do not support conditions get none. Ceph RGW compares the header with the bare ETag, although HTTP
        requires quotes: if a condition fails although the ETag is still the same, the bare ETag is tried.
        """
        # A weak ETag, W/"...", states that two contents are equivalent, and cannot be a condition.
        match = None if etag is None or '"' in etag else etag
        if match is None:
            return self._put_if(path, body, content_type, create, None)
        if self.known.bare_etags:
            return self._put_if(path, body, content_type, False, match)
        published = self._put_if(path, body, content_type, False, f'"{match}"')
        if published is not None or self._tagged(path)[1] != etag:
            return published
        published = self._put_if(path, body, content_type, False, match)
        if published is None or self._tagged(path)[0] != body:
            return None
        self.known.bare_etags = True
        return published

    def _put_if(self, path: str, body: bytes, content_type: str, create: bool, match: str | None) -> Published | None:
        """Put the file if the condition holds; return None if it does not."""
        crc32 = _crc32(body)
        try:
            return self._wait_for(lambda: self._send(path, body, content_type, crc32, create=create, match=match))
        except Exception as error:
            fault = diagnose(error)
            if fault in (Fault.EXISTS, Fault.CONFLICT) or (fault is Fault.MISSING and match):
                return None
            if fault is not Fault.UNSUPPORTED or not (create or match):
                raise
        return self._wait_for(lambda: self._send(path, body, content_type, crc32, create=False))

    @guarded("list")
    def list(self, folder: str = "") -> Entries:
        """Return the entries of a folder; see ``Target.list``."""
        return self._wait_for(lambda: self._list(self._checked_folder(folder)))

    @guarded("look for")
    def exists(self, path: str) -> bool:
        """Return whether a file exists; see ``Target.exists``."""
        try:
            self._wait_for(lambda: self._head(path))
        except FileNotFoundError:
            return False
        return True

    @guarded("look for")
    def look(self, path: str) -> Entry | None:
        """Return a file as a listing shows it; see ``Target.look``."""
        try:
            about = self._wait_for(lambda: self._head(path))
        except FileNotFoundError:
            return None
        changed = about.get("LastModified")
        return Entry(
            path.rpartition("/")[2],
            about["ContentLength"],
            False,
            version=unquoted(about.get("ETag")),
            changed=None if changed is None else changed.timestamp(),
        )

    @guarded("save")
    def replace(
        self, path: str, data: Data, *, content_type: str, version: str | None, checksum: int | None = None
    ) -> Published:
        """Replace a known version of a file; see ``Target.replace``."""
        published = self._exchange(path, bytes(data), content_type, False, version)
        if published is None:
            raise FileExistsError(path)
        return published

    @guarded("delete")
    def delete(self, path: str) -> None:
        """Delete a file; see ``Target.delete``."""
        self._wait_for(lambda: self._delete(path))

    @guarded("look for")
    def about(self, path: str) -> Mapping[str, str]:
        """Return what the storage reports; see ``Target.about``."""
        answer = self._wait_for(lambda: self._head(path))
        headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
        endpoint = self._endpoint()
        found = {
            "content type": answer.get("ContentType"),
            "date": headers.get("date"),
            "region": headers.get("x-amz-bucket-region"),
            "endpoint": redact_url(endpoint),
        }
        return {name: value for name, value in found.items() if value}

    def credentials(self) -> str | None:
        """Return where the credentials come from; see ``Target.credentials``."""
        from seqsave.targets.s3_session import source_of

        return source_of(self._options)

    @guarded("open")
    def identity(self) -> Mapping[str, str]:
        """Return the identity; see ``Target.identity``. Bucket names are unique in AWS, but not across stores."""
        endpoint = self._endpoint()
        found = _AWS.fullmatch((urlsplit(endpoint).hostname or "").rstrip("."))
        root = f"{self._bucket}/{self._prefix}".rstrip("/")
        return {"storage": "s3", "root": root, "endpoint": found[1] if found else canonical_url(redact_url(endpoint))}

    @guarded("read")
    def open_read(self, path: str) -> BinaryIO:
        """Return an open file; see ``Target.open_read``. A file that is replaced between two reads raises an error."""
        about = self._wait_for(lambda: self._head(path))
        return open_ranges(
            about["ContentLength"], lambda start, stop: self._read_range(path, start, stop, about.get("ETag"))
        )

    @guarded("read")
    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """Return a part of a file; see ``Target.read_range``."""
        return self._wait_for(lambda: self._get(path, Range=f"bytes={start}-{stop - 1}"))[0]

    @guarded("read")
    def _read_range(self, path: str, start: int, stop: int, etag: str | None) -> bytes:
        same = {"IfMatch": etag} if etag else {}
        try:
            return self._wait_for(lambda: self._get(path, Range=f"bytes={start}-{stop - 1}", **same))[0]
        except Exception as error:
            if diagnose(error) is not Fault.EXISTS:  # what a failed condition means elsewhere
                raise
        raise TargetError(f"cannot read {self.url_of(path)}: it was replaced while it was being read; open it again")

    # --- requests ---

    @guarded_async("save")
    async def _put(self, path: str, body: bytes, content_type: str, create: bool, crc32: int) -> Published:
        return await self._send(path, body, content_type, crc32, create=create)

    async def _send(
        self, path: str, body: bytes, content_type: str, crc32: int, *, create: bool, match: str | None = None
    ) -> Published:
        answer = await self._client().put(
            bucket=self._bucket,
            Key=self._key(path),
            Body=body,
            ContentType=content_type,
            crc32=crc32,
            create=create,
            match=match,
        )
        etag, checksum = unquoted(answer.get("ETag")), answer.get("ChecksumCRC32")
        refuse_strange(etag, checksum, crc32)
        return described(body, crc32, etag=etag, acknowledged=checksum is not None)

    async def _get(self, path: str, **request: Any) -> tuple[bytes, str | None]:
        answer = await self._client().call("get_object", bucket=self._bucket, Key=self._key(path), **request)
        try:
            return bytes(await answer["Body"].read()), unquoted(answer.get("ETag"))
        finally:
            answer["Body"].close()

    async def _head(self, path: str) -> Mapping[str, Any]:
        try:
            return dict(await self._client().call("head_object", bucket=self._bucket, Key=self._key(path)))
        except Exception as error:
            # A HEAD has no body, so a missing bucket and a missing object are both "404".
            if diagnose(error) is not Fault.MISSING:
                raise
        raise FileNotFoundError(path)

    async def _list(self, folder: str) -> Entries:
        prefix = self._prefix + (f"{folder}/" if folder else "")
        found: dict[tuple[str, bool], Entry] = {}
        more: dict[str, str] = {}
        method = "list_objects_v2"
        while True:
            page = await self._page(method, Prefix=prefix, Delimiter="/", **more)
            for entry in entries_of(page, prefix):
                found[entry.name, entry.is_folder] = entry
            if not page.get("IsTruncated"):
                return list(found.values())
            following = next_page(page, prefix)
            if following is None or following == (method, more):
                shown = self.url_of(folder) if folder else self.url
                raise TargetError(
                    f"cannot list {shown}: the server reports more files than it lists, but not how to ask for them. "
                    "Use folders with fewer files, or a server that lists by pages"
                )
            method, more = following

    async def _page(self, method: str, **request: str) -> Mapping[str, Any]:
        page: Mapping[str, Any] = await self._client().call(method, bucket=self._bucket, **request)
        return page

    async def _delete(self, path: str) -> None:
        await self._client().call("delete_object", bucket=self._bucket, Key=self._key(path))

    def _scene(self, doing: str, path: str) -> Scene:
        named = self._options.get("endpoint_url") or (self._options.get("client_kwargs") or {}).get("endpoint_url")
        found = named or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        scene = super()._scene(doing, path)
        return replace(scene, endpoint=redact_url(str(found))) if found else scene

    def _endpoint(self) -> str:
        return self._wait_for(lambda: self._client().endpoint(self._bucket))

    # --- the connection ---

    @staticmethod
    def _checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
        return checked_options(options)

    def _begin(self) -> None:
        """Find out now whether the options are good enough for a client."""
        self._client()

    def _client(self) -> S3Client:
        if self._held is None or self._held[0] != os.getpid():
            key = {**self._options, "connections": self._connections, "stays": self._stays}
            client = filesystems.shared(
                "s3", key, lambda: S3Client(self._options, self._connections, stays=self._stays), user=self
            )
            self._held = (os.getpid(), client)
        return self._held[1]

    def _wait_for(self, start: Callable[[], Coroutine[Any, Any, R]]) -> R:
        from fsspec.asyn import sync

        result: R = sync(self._client().loop, start)
        return result

    def _storage(self) -> Mapping[str, Any]:
        return {**self._options, "storage": "s3", "bucket": self._bucket}

    def _key(self, path: str) -> str:
        return self._prefix + self._checked(path)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_held": None}


def _without_client(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options for s3fs. ``client`` is read by the plugin that brings another client."""
    client = options.get("client")
    if client == "obstore":
        raise TargetError("client='obstore' needs the plugin seqsave-obstore: pip install 'seqsave[fast]'")
    if client not in (None, "s3fs"):
        raise TargetError(f"storage option 'client' is 'obstore' or 's3fs', not {client!r}")
    return {name: value for name, value in options.items() if name != "client"}


def _split(path: str) -> tuple[str, str]:
    found = _BUCKET.fullmatch(path)
    return (found[1], found[2]) if found else ("", "")


def _crc32(body: bytes) -> int:
    from isal.isal_zlib import crc32

    return int(crc32(body))
