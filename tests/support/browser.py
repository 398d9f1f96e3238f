"""Pictures of movies as a browser shows them: Chromium without a window draws them on a canvas and sends the pixels."""

from __future__ import annotations

import queue
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from tests.support.needs import needs_program
from tests.support.patience import PATIENCE

__all__ = ["pictures_in_chromium"]

PAGE = """<!doctype html><script>
const times = TIMES
const send = (path, body) => fetch(path, {method: "POST", body})
async function main() {
    const video = document.createElement("video")
    video.muted = true
    const is_there = (kind) => new Promise((done, failed) => {
        video.addEventListener(kind, done, {once: true})
        video.addEventListener("error", () => failed(video.error.message), {once: true})
    })
    // A picture is reported to those who asked before it: one at a time, so that no report is taken for the next one's.
    const shown = () => new Promise((done) => video.requestVideoFrameCallback(done))
    const loaded = Promise.all([is_there("loadeddata"), shown()])
    video.src = URL.createObjectURL(await (await fetch("/movie")).blob())
    await loaded
    const canvas = document.createElement("canvas")
    canvas.width = video.videoWidth
    canvas.height = video.videoHeight
    const context = canvas.getContext("2d", {colorSpace: "srgb", willReadFrequently: true})
    for (const time of times) {
        // "seeked" may come before the picture can be drawn.
        const drawn = Promise.all([is_there("seeked"), shown()])
        video.currentTime = time
        await drawn
        context.drawImage(video, 0, 0)
        const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data
        await send(`/picture/${canvas.width}/${canvas.height}`, pixels)
    }
}
main().catch((error) => send("/failed", String(error)))
</script>"""


def pictures_in_chromium(movie: bytes, kind: str, times: Sequence[float]) -> list[Any]:
    """Return the pictures H,W,3, uint8, that are shown at these seconds. kind: of the movie, such as "video/mp4"."""
    chromium = needs_program("chromium")
    answers: queue.Queue[Any] = queue.Queue()
    page = PAGE.replace("TIMES", str(list(times))).encode()
    with _served({"/": (page, "text/html"), "/movie": (movie, kind)}, answers) as url, _open(chromium, url):
        found = [answers.get(timeout=PATIENCE) for _ in times]
    for one in found:
        if isinstance(one, str):
            pytest.fail(f"Chromium does not show it: {one}")
    return found


@contextmanager
def _served(files: dict[str, tuple[bytes, str]], answers: queue.Queue[Any]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data, kind = files.get(self.path, (b"", "text/plain"))
            self._answer(200 if self.path in files else 404, data, kind)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            name, *size = self.path.strip("/").split("/")
            if name == "failed":
                for _ in range(100):  # of the pictures that do not come
                    answers.put(body.decode())
            else:
                width, height = map(int, size)
                answers.put(np.frombuffer(body, np.uint8).reshape(height, width, 4)[..., :3])
            self._answer(200, b"", "text/plain")

        def _answer(self, status: int, data: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@contextmanager
def _open(chromium: str, url: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--force-color-profile=srgb")
        process = subprocess.Popen(
            [chromium, *options, f"--user-data-dir={folder}", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.kill()
            process.communicate()
