"""Make the pictures of ``seqsave view`` in this folder: the page in a browser, with the frames of ``seqsave demo``.

    pip install . 'playwright>=1.50'
    python docs/images/view.py [NAME ...]

It needs Chromium (``apt-get install chromium``).
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import seqsave

HERE = Path(__file__).parent
SIZE = {"width": 1280, "height": 760}
QUALITY = 86

# Name of the picture: what the address states after '#', keys that are pressed, the frame that must be shown.
PICTURES = {
    "view": ("s=0&f=11", "", 11),
    "view_compare": ("s=0&f=22&mode=wipe&with=1&wipe=0.55", "m", 22),
    "view_gaps": ("s=2&f=17", "mnn", 30),
}


def main() -> None:
    """Make the pictures, or those that are named."""
    names = sys.argv[1:] or list(PICTURES)
    with tempfile.TemporaryDirectory() as folder, served(render(Path(folder))) as url, sync_playwright() as driver:
        chromium = shutil.which("chromium") or sys.exit("needs Chromium: apt-get install chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        for name in names:
            page = browser.new_page(viewport=SIZE)
            take(page, url, name)
            page.close()
        browser.close()


def render(root: Path) -> list[Path]:
    """Save the demo, a warmer version of it, and one with gaps and a broken frame; return their folders."""
    demo, warm, damaged = (root / name for name in ("lake_v1", "lake_v2", "lake_v3"))
    subprocess.run([sys.executable, "-m", "seqsave", "demo", str(demo), "--quiet"], check=True)
    with seqsave.open_writer(warm, rate=24) as writer:
        for picture in seqsave.open_sequence(demo).arrays():
            writer.write((np.clip(picture / 255 * [1.12, 0.98, 0.8], 0, 1) * 255).astype(np.uint8))
    shutil.copytree(demo, damaged)
    for index in (8, 9, 30, 31, 32, 33):
        (damaged / f"frame_{index:05}.png").unlink()
    broken = damaged / "frame_00018.png"
    broken.write_bytes(broken.read_bytes()[:20_000])
    return [demo, warm, damaged]


@contextmanager
def served(folders: list[Path]) -> Iterator[str]:
    """Run ``seqsave view``; the value is its address."""
    command = [sys.executable, "-m", "seqsave", "view", "--no-open", *map(str, folders)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def take(page: Page, url: str, name: str) -> None:
    """Save one picture as a JPEG file."""
    fragment, keys, number = PICTURES[name]
    page.goto(f"{url}#{fragment}")
    page.wait_for_selector("html[data-ready^=frame]", state="attached")
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_selector(f'html[data-ready="frame:{number}"]', state="attached")
    page.wait_for_timeout(1500)  # for what is read ahead, and shown on the timeline
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = HERE / f"{name}.jpg"
    picture.save(path, quality=QUALITY, optimize=True, progressive=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
