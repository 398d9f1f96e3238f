"""``s3://`` through obstore (Rust): the same requests as through s3fs, for a fraction of the CPU.

- Objects are put through obstore, read through ``getting``, and listed through ``listing``. Rare requests (HEAD,
  DELETE, ranges) go through s3fs, which is then imported.
- The storage option ``client`` is ``"obstore"`` or ``"s3fs"``. Without it, obstore is used if it is installed and
  ``plan`` shows that it sends the same requests; otherwise s3fs.
- One PUT below 5 GiB, tried once. The SHA-256 of the bytes is part of the signature, so that the store refuses damaged
  bytes. obstore does not return checksums of answers, so no answer counts as acknowledged.
- Buckets in another region, certificates that obstore does not accept, and buckets with locked objects, which need a
  checksum in a header, are left to s3fs, which follows redirects.
- A request whose credentials are refused is sent again through s3fs, which reads the credentials again. If that
  succeeds, obstore gets the new ones.
- Puts are coroutines: they leave encoders on the same two cores more time than threads do, and can be cancelled.
  Reading needs no event loop: on the calling thread it takes half of the CPU, and obstore would copy each object twice,
  on threads of its own.
"""

from __future__ import annotations

import importlib.metadata
import re
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from seqsave.errors import TargetError
from seqsave.runtime.threads import run_in_thread
from seqsave.targets import Location, Published, failures, filesystems
from seqsave.targets.base import Entries, described
from seqsave.targets.guards import guarded
from seqsave.targets.s3 import S3Target, unquoted
from seqsave.targets.s3_client import check_values, checked_options, wants_digest
from seqsave.targets.s3_session import REFUSALS, names_credentials
from seqsave_obstore import ending
from seqsave_obstore.copying import copy
from seqsave_obstore.errors import explained
from seqsave_obstore.getting import get
from seqsave_obstore.listing import fetch_page
from seqsave_obstore.loop import elsewhere, finished, interruptible, running_loop, wait_for
from seqsave_obstore.plan import KNOWN, Plan, RefusedError, make_plan, read_environment
from seqsave_obstore.signed import Connections

if TYPE_CHECKING:
    import asyncio

__all__ = ["FastS3Target"]

R = TypeVar("R")

OLDEST = (0, 12)
"""The oldest version of obstore whose behaviour is known."""
SLOWEST = 16 * 1024
"""Bytes per second below which a PUT is given up, in addition to the time-out of an idle connection."""

_HANDED_OVER = (failures.Fault.WRONG_PLACE, failures.Fault.UNTRUSTED)


class FastS3Target(S3Target):
    """A bucket, or a prefix in one, whose objects obstore puts and reads."""

    capabilities = replace(S3Target.capabilities, checksum=False)
    _is_handed_over = False
    _sending: _Sender | None = None

    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> S3Target:
        """Open a target; an S3Target if s3fs is requested or obstore would not send the same requests."""
        rest = {name: value for name, value in options.items() if name != "client"}
        client = options.get("client")
        if client == "obstore" or (client is None and _is_installed()):
            target = cast("FastS3Target", super().open(location, rest, connections=connections, url=url))
            obstacle = target.obstacle()
            if obstacle is None and (client is not None or target.may_look_up_names()):
                return target
            if obstacle is not None and client is not None:
                raise obstacle
        return S3Target.open(location, rest, connections=connections, url=url)

    @staticmethod
    def _checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
        merged = filesystems.merged_options(_Protocols, options)
        if not set(merged) <= KNOWN:
            return checked_options(options)
        check_values(merged)
        return merged

    def _begin(self) -> None:
        """Do not open s3fs yet: ``obstacle`` checks the options."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop; see ``Target.loop``."""
        return running_loop()

    def _wait_for(self, start: Callable[[], Coroutine[Any, Any, R]]) -> R:
        return wait_for(running_loop(), start)

    async def _through_s3fs(self, start: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Run a coroutine of the base class, on the event loop of s3fs."""
        return await elsewhere(self._client().loop, start())

    @guarded("read")
    def read(self, path: str) -> bytes:
        """Return the bytes of a file; see ``Target.read``."""
        return self.read_published(path)[0]

    @guarded("read")
    def read_published(self, path: str) -> tuple[bytes, Published]:
        """Return a whole file and the facts about it; see ``Target.read_published``."""
        key = self._key(path)
        data, etag = self._directly(lambda sender: sender.get(key), partial(super()._get, path))
        return data, described(data, None, etag=etag)

    @guarded("list")
    def list(self, folder: str = "") -> Entries:
        """Return the entries of a folder; see ``Target.list``."""
        return finished(self._list(self._checked_folder(folder)))

    def _directly(self, ours: Callable[[_Sender], R], usual: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Send a request to read without an event loop; through s3fs if that has to, or may succeed."""
        sender, refused = self._sender(), False
        if sender is not None:
            try:
                return interruptible(lambda: ours(sender))
            except Exception as error:
                refused = self._is_refused(error)
                if not self._may_know_more(error):
                    raise
        found = wait_for(self._client().loop, usual)
        if refused:
            self._renew(sender)
        return found

    async def _send(
        self, path: str, body: bytes, content_type: str, crc32: int, *, create: bool, match: str | None = None
    ) -> Published:
        sender, refused = self._sender(), False
        if sender is not None:
            try:
                etag = await sender.put(self._key(path), body, content_type, create=create, match=match)
            except Exception as error:
                refused = self._is_refused(error)
                if not refused and not self._hands_over(error):
                    raise
            else:
                return described(body, crc32, etag=etag)
        usual = partial(super()._send, path, body, content_type, crc32, create=create, match=match)
        published = await self._through_s3fs(usual)
        if refused:
            self._renew(sender)
        return published

    async def _copy(self, path: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        key, usual = self._key(path), partial(super()._copy, path, request)
        return await self._either(
            lambda sender: run_in_thread(lambda: sender.copy(key, request)), usual, self._is_refused
        )

    async def _get(self, path: str, **request: Any) -> tuple[bytes, str | None]:
        usual = partial(super()._get, path, **request)
        if request:
            return await self._through_s3fs(usual)
        key = self._key(path)
        return await self._either(lambda sender: run_in_thread(lambda: sender.get(key)), usual)

    async def _either(
        self,
        ours: Callable[[_Sender], Coroutine[Any, Any, R]],
        usual: Callable[[], Coroutine[Any, Any, R]],
        may_know_more: Callable[[Exception], bool] | None = None,
    ) -> R:
        """Send a request that may be sent twice; through s3fs if that has to, or may succeed."""
        sender, refused = self._sender(), False
        if sender is not None:
            try:
                return await ours(sender)
            except Exception as error:
                refused = self._is_refused(error)
                if not (may_know_more or self._may_know_more)(error):
                    raise
        found = await self._through_s3fs(usual)
        if refused:
            self._renew(sender)
        return found

    def may_look_up_names(self) -> bool:
        """Return False if names are to be checked, and a server of any name could answer for the endpoint."""
        return not self._stays or (self._sending is not None and self._sending.is_encrypted)

    async def _page(self, method: str, **request: str) -> Mapping[str, Any]:
        # Waits for no event loop, as ``list`` runs it without one.
        return self._directly(lambda sender: sender.page(method, request), partial(super()._page, method, **request))

    async def _head(self, path: str) -> Mapping[str, Any]:
        return await self._through_s3fs(partial(super()._head, path))

    async def _delete(self, path: str) -> None:
        await self._through_s3fs(partial(super()._delete, path))

    def _endpoint(self) -> str:
        sender = self._sender()
        if sender is None:
            client = self._client()
            return wait_for(client.loop, lambda: client.endpoint(self._bucket))
        return sender.endpoint

    def _may_know_more(self, error: Exception) -> bool:
        """Return True if s3fs has to repeat a request to read."""
        # UNKNOWN: the store's answer lacks a header that obstore needs.
        return self._is_refused(error) or failures.diagnose(error) in (*_HANDED_OVER, failures.Fault.UNKNOWN)

    def _is_refused(self, error: Exception) -> bool:
        """Return True if the credentials were refused, and their source may have new ones."""
        return failures.diagnose(error) in REFUSALS and not names_credentials(self._options)

    def _hands_over(self, error: Exception) -> bool:
        """Return True if s3fs sends all further requests, because obstore cannot."""
        if failures.diagnose(error) in _HANDED_OVER or wants_digest(error):
            self._is_handed_over = True
        return self._is_handed_over

    def _renew(self, refused: _Sender | None) -> None:
        """Discard the sender if s3fs has just succeeded with other credentials."""
        if refused is None or self._sending is not refused:
            return
        filesystems.discard(refused)
        self._sending = None
        # A sender that never succeeded is not replaced: the next one may be refused as well.
        self._is_handed_over = not refused.is_proved

    def _sender(self) -> _Sender | None:
        """Return the sender; None if s3fs has to send."""
        if self._is_handed_over or ending.is_forked():
            return None
        if self._sending is None:
            try:
                self._sending = self._shared_sender()
            except RefusedError:  # in another process than the one that opened it
                self._is_handed_over = True
        return self._sending

    def _shared_sender(self) -> _Sender:
        key = {"options": self._options, "bucket": self._bucket, "connections": self._connections}
        return filesystems.shared("s3 obstore", {**key, **read_environment()}, self._make_sender)

    def _make_sender(self) -> _Sender:
        return _Sender(make_plan(self._bucket, self._options, self._connections), self._connections)

    def obstacle(self) -> Exception | None:
        """Return the error for client="obstore" with the reason why obstore cannot be used; None if it can."""
        if not _is_installed():
            least = ".".join(map(str, OLDEST))
            return TargetError(f"client='obstore' needs obstore {least} or newer: pip install 'seqsave[fast]'")
        if ending.is_forked():
            return TargetError("client='obstore' does not work in a forked process: start it with spawn, or use s3fs")
        try:
            self._sending = self._shared_sender()
        except RefusedError as refused:
            why = f"client='obstore' cannot honour {refused}: leave it out, or use client='s3fs'"
            return TargetError(f"cannot open {self.url}: {why}")
        except Exception as error:  # noqa: BLE001 - any error of botocore: translate() classifies them
            scene = self._scene("open", "")
            failure = failures.translate(error, scene, default=failures.Fault.BAD_OPTION)
        else:
            return None
        return failure

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_sending": None}


class _Protocols:
    """The protocols of s3fs, without s3fs: fsspec's configuration may have options for them."""

    protocol = ("s3", "s3a")


class _Sender:
    """Sends requests for one bucket: on the event loop, up to the number of connections, or on this thread."""

    def __init__(self, plan: Plan, connections: int) -> None:
        ending.note_start()
        self._plan = plan
        self._connections = connections
        self.is_encrypted = str(plan.config["endpoint"]).startswith("https://")
        self._room_here = threading.BoundedSemaphore(connections)
        self._open = Connections(plan)
        self.is_proved = False
        """Whether the store has accepted the credentials."""

    @cached_property
    def _room(self) -> asyncio.Semaphore:
        import asyncio

        return asyncio.Semaphore(self._connections)

    @cached_property
    def _put_store(self) -> Any:
        """Return obstore's store. Only the event loop asks for it, and a run that only reads never does."""
        return _store(self._plan)

    async def put(
        self, key: str, body: bytes, content_type: str, *, create: bool, match: str | None = None
    ) -> str | None:
        """Send one PUT, and return the ETag without quotes."""
        import asyncio

        import obstore

        view = memoryview(body)
        usual: Any = "create" if create else "overwrite"

        async def send() -> Any:
            return await obstore.put_async(
                self._put_store,
                key,
                view,
                attributes={"Content-Type": content_type},
                mode=usual if match is None else {"e_tag": match},
                use_multipart=False,
            )

        limit = self._plan.stall + len(body) / SLOWEST
        try:
            answer = await self._explained(lambda: asyncio.wait_for(send(), limit))
        finally:
            ending.lend(view)
        return unquoted(answer["e_tag"])

    def get(self, key: str) -> tuple[bytes, str | None]:
        """Send one GET, and return the bytes and the ETag without quotes."""
        with self._room_here:
            return self._proved(get(self._plan, key, self._open))

    def page(self, method: str, request: Mapping[str, str]) -> Mapping[str, Any]:
        """Return a page of a listing, as botocore does."""
        return self._proved(fetch_page(self._plan, method, request, self._open))

    def copy(self, key: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let the store copy an object; see ``copying.copy``."""
        with self._room_here:
            return self._proved(copy(self._plan, key, request, self._open))

    def _proved(self, answer: R) -> R:
        self.is_proved = True
        return answer

    @property
    def endpoint(self) -> str:
        """Return the endpoint without the bucket."""
        endpoint, bucket = str(self._plan.config["endpoint"]), self._plan.bucket
        return (
            endpoint.replace(f"://{bucket}.", "://", 1)
            if self._plan.config["virtual_hosted_style_request"]
            else endpoint
        )

    async def _explained(self, start: Callable[[], Coroutine[Any, Any, R]]) -> R:
        import asyncio

        async with self._room:
            try:
                answer = await start()
            except asyncio.TimeoutError:
                raise
            except Exception as error:  # noqa: BLE001 - classified by its text
                reason = self._reason(error)
            else:
                self.is_proved = True
                return answer
        # Not inside the handler: the text of the original error may repeat credentials.
        raise reason

    def _reason(self, error: Exception) -> Exception:
        identity = self._plan.identity
        if identity is not None and identity.failure is not None:
            return identity.failure
        return explained(error) or error


def _store(plan: Plan) -> Any:
    from obstore import store

    make: Any = store.S3Store
    return make(
        plan.bucket,
        config=dict(plan.config),
        client_options=dict(plan.client),
        retry_config={"max_retries": 0},
        credential_provider=plan.identity,
    )


def _is_installed() -> bool:
    try:
        version = importlib.metadata.version("obstore")
    except importlib.metadata.PackageNotFoundError:
        return False
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2]) >= OLDEST
