"""``gs://`` and ``az://``: files that are replaced only if they have not changed, and clients that repeat no request.

gcsfs and adlfs can create a file conditionally and no more. Here each upload is the request that they would send, with
its precondition: ``ifGenerationMatch`` on Google Cloud Storage, ``If-Match`` and ``If-None-Match`` on Azure.
The answer has the generation or ETag, which listings show too until the file is replaced.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from abc import abstractmethod
from collections.abc import Coroutine, Mapping
from types import MethodType
from typing import Any, TypeVar
from urllib.parse import quote

from seqsave.runtime.processes import environment_variable
from seqsave.targets.base import TRIES, Change, Data, Published, described, pause
from seqsave.targets.failures import diagnose
from seqsave.targets.faults import Fault
from seqsave.targets.fsspec import FsspecTarget
from seqsave.targets.guards import guarded, guarded_async
from seqsave.targets.urls import Location

__all__ = ["AzureTarget", "GoogleTarget", "prepare_google"]

R = TypeVar("R")

_BOUNDARY = "==seqsave=="


class _CloudTarget(FsspecTarget):
    """A bucket or container whose store compares versions when it replaces a file."""

    @abstractmethod
    async def _upload(self, full: str, body: bytes, content_type: str, *, create: bool, version: str | None) -> str:
        """Put a file in one step; return its version. version: the one that it may replace; None is any."""

    @abstractmethod
    async def _fetch(self, full: str) -> tuple[bytes, str | None]:
        """Return a file and its version."""

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
        full, body = self._ready(path, data, content_type, create)[0], bytes(data)
        return self._wait_for(self._put(path, full, body, content_type, create, checksum))

    def publish_async(
        self,
        path: str,
        data: Data,
        *,
        content_type: str = "application/octet-stream",
        create: bool = False,
        checksum: int | None = None,
    ) -> Coroutine[Any, Any, Published] | None:
        """Return a coroutine that publishes a file; see ``Target.publish_async``."""
        full, body = self._ready(path, data, content_type, create)[0], bytes(data)
        return self._put(path, full, body, content_type, create, checksum)

    @guarded("read")
    def read_published(self, path: str) -> tuple[bytes, Published]:
        """Return a whole file and what is known of it; see ``Target.read_published``."""
        data, version = self._wait_for(self._fetch(self._full(path)))
        return data, described(data, None, etag=version)

    @guarded("save")
    def update(
        self, path: str, change: Change, *, content_type: str, known: tuple[bytes, str | None] | None = None
    ) -> Published | None:
        """Change a small file; see ``Target.update``."""
        full = self._full(path)
        for attempt in range(TRIES):
            before, version = known or self._tagged(path)
            after = change(before)
            if after is None or after == before:
                return self._left(path, before, after, version)
            try:
                new = self._wait_for(self._upload(full, after, content_type, create=before is None, version=version))
            except Exception as error:
                fault = diagnose(error)
                if fault not in (Fault.EXISTS, Fault.CONFLICT) and not (fault is Fault.MISSING and version):
                    raise
            else:
                return described(after, None, etag=new)
            known = None
            pause(attempt)
        raise self._contended(path)

    @guarded("save")
    def replace(
        self, path: str, data: Data, *, content_type: str, version: str | None, checksum: int | None = None
    ) -> Published:
        """Replace a known version of a file; see ``Target.replace``."""
        if version is None:  # the listing did not show one
            return super().replace(path, data, content_type=content_type, version=version, checksum=checksum)
        full, body = self._ready(path, data, content_type, False)[0], bytes(data)
        try:
            new = self._wait_for(self._upload(full, body, content_type, create=False, version=version))
        except Exception as error:
            if diagnose(error) not in (Fault.EXISTS, Fault.CONFLICT, Fault.MISSING):
                raise
            raise FileExistsError(path) from error
        return described(body, checksum, etag=new)

    @guarded("read")
    def _tagged(self, path: str) -> tuple[bytes | None, str | None]:
        """Return the current content and its version."""
        try:
            return self._wait_for(self._fetch(self._full(path)))
        except Exception as error:
            if diagnose(error) is not Fault.MISSING:
                raise
            return None, None

    @guarded_async("save")
    async def _put(
        self, path: str, full: str, body: bytes, content_type: str, create: bool, checksum: int | None
    ) -> Published:
        version = await self._upload(full, body, content_type, create=create, version=None)
        return described(body, checksum, etag=version)

    def _wait_for(self, coroutine: Coroutine[Any, Any, R]) -> R:
        from fsspec.asyn import sync

        result: R = sync(self._handle().filesystem.loop, lambda: coroutine)
        return result


class GoogleTarget(_CloudTarget):
    """A bucket of Google Cloud Storage, or a prefix in one."""

    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> FsspecTarget:
        """Create a target for ``targets.resolve``; see ``Target.open``."""
        prepare_google(options)
        return super().open(location, options, connections=connections, url=url)

    def _settle(self, filesystem: Any) -> None:
        """Make gcsfs send each request once, where its decorator for retries can be taken off."""
        plain = getattr(type(filesystem)._request, "__wrapped__", None)  # noqa: SLF001 - it has no setting for that
        if plain is not None:
            filesystem._request = MethodType(plain, filesystem)  # noqa: SLF001

    async def _upload(self, full: str, body: bytes, content_type: str, *, create: bool, version: str | None) -> str:
        filesystem = self._handle().filesystem
        bucket, key, _ = filesystem.split_path(full)
        head = json.dumps({"name": key})
        parts = (
            f"--{_BOUNDARY}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{head}\r\n".encode(),
            f"--{_BOUNDARY}\r\nContent-Type: {content_type}\r\n\r\n".encode(),
            body,
            f"\r\n--{_BOUNDARY}--".encode(),
        )
        condition = "0" if create else version
        answer = await filesystem._call(  # noqa: SLF001 - as its own methods do
            "POST",
            f"{filesystem._location}/upload/storage/v1/b/{quote(bucket, safe='')}/o",  # noqa: SLF001
            uploadType="multipart",
            headers={"Content-Type": f'multipart/related; boundary="{_BOUNDARY}"'},
            data=b"".join(parts),
            json_out=True,
            **({} if condition is None else {"ifGenerationMatch": condition}),
        )
        return str(answer["generation"])

    async def _fetch(self, full: str) -> tuple[bytes, str | None]:
        filesystem = self._handle().filesystem
        headers, data = await filesystem._call("GET", filesystem.url(full))  # noqa: SLF001 - as its own methods do
        found = {name.lower(): value for name, value in headers.items()}.get("x-goog-generation")
        return bytes(data), found


class AzureTarget(_CloudTarget):
    """A container of Azure Blob Storage, or a prefix in one."""

    def _settle(self, filesystem: Any) -> None:
        """Make Azure's client send each request once."""
        for policy in getattr(filesystem.service_client._pipeline, "_impl_policies", ()):  # noqa: SLF001 - see above
            inner = getattr(policy, "_policy", policy)
            if hasattr(inner, "total_retries"):
                inner.total_retries = 0

    async def _upload(self, full: str, body: bytes, content_type: str, *, create: bool, version: str | None) -> str:
        from azure.core import MatchConditions
        from azure.storage.blob import ContentSettings

        same: Mapping[str, Any] = {}
        if version is not None:
            same = {"etag": f'"{version}"', "match_condition": MatchConditions.IfNotModified}
        async with self._blob(full) as blob:
            answer = await blob.upload_blob(
                body,
                overwrite=not create,
                metadata={"is_directory": "false"},
                content_settings=ContentSettings(content_type=content_type),
                max_concurrency=1,
                **same,
            )
        return str(answer["etag"]).strip('"')

    async def _fetch(self, full: str) -> tuple[bytes, str | None]:
        async with self._blob(full) as blob:
            stream = await blob.download_blob(max_concurrency=1)
            return bytes(await stream.readall()), str(stream.properties.etag).strip('"')

    def _blob(self, full: str) -> Any:
        filesystem = self._handle().filesystem
        container, name, _ = filesystem.split_path(full)
        return filesystem.service_client.get_blob_client(container=container, blob=name)


def prepare_google(options: Mapping[str, Any]) -> None:
    """Keep gcsfs from asking an emulator for hierarchical buckets, since its gRPC channel would wait for a minute."""
    if options.get("endpoint_url") or os.environ.get("STORAGE_EMULATOR_HOST"):
        # It chooses the class of its filesystem by this, while it is imported.
        with environment_variable("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false"), contextlib.suppress(ImportError):
            importlib.import_module("gcsfs")
