"""Many processes that save to one sequence at once, some of them killed, and a judge that looks all the time.

    python -m tests.faults.hammer FOLDER_OR_URL --processes 8 --rounds 500 --kills --spool SPOOL

The judge uses nothing of seqsave: it reads the manifest, every frame that it names, and the manifest again. A look
counts if the manifest is the same before and after, and says complete; it is a lie if a frame is missing or has another
checksum. Workers choose what to do by a random generator of their own, so that a seed repeats their choices.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Verdict", "hammer"]

MANIFEST = ".seqsave/frame.png.json"
FRAMES = 8

# One run for each line on its standard input, and one line when it has ended.
WORKER = """
import random, sys, warnings
import numpy as np
import seqsave
warnings.simplefilter("ignore")
url, seed, spool, options = sys.argv[1], int(sys.argv[2]), sys.argv[3] or None, eval(sys.argv[4])
dice = random.Random(seed)
for _ in sys.stdin:
    first = dice.choice([0, 0, *range(FRAMES)])
    frames = np.random.default_rng(dice.randrange(2**32)).integers(0, 255, (FRAMES - first, 8, 8, 3), "uint8")
    try:
        seqsave.save(frames, url, start=first, if_exists=dice.choice(["overwrite", "overwrite", "error", "skip valid"]),
                     filetype="png", spool=spool, storage_options=options,
                     publish_behind=bool(spool) and dice.random() < 0.3)
    except seqsave.SeqSaveError:
        pass
    print("ended", flush=True)
"""


@dataclass
class Verdict:
    """What the judge saw: how often it looked, how often the manifest said complete, and each lie in words."""

    looks: int = 0
    complete: int = 0
    killed: int = 0
    lies: list[str] = field(default_factory=list)


def hammer(
    url: str,
    read: Callable[[str], bytes | None],
    *,
    processes: int,
    rounds: int,
    kills: bool = False,
    spool: str = "",
    options: dict[str, object] | None = None,
    seed: int = 0,
) -> Verdict:
    """Let some of ``processes`` workers at a time save to ``url``, for ``rounds`` rounds, and look all the while.

    read:  returns the bytes of a file below ``url``, None if it does not exist; nothing of seqsave.
    kills: in every second round, one of the workers is killed after the first look, and another one takes its place.
    """
    verdict, dice, number = Verdict(), random.Random(seed), seed
    with contextlib.ExitStack() as stack:
        workers = []
        for _ in range(processes):
            number += 1
            workers.append(stack.enter_context(_worker(url, number, spool, options)))
        for turn in range(rounds):
            busy = dice.sample(workers, dice.randint(1, processes))
            for worker in busy:
                worker.begin()
            _look(read, verdict)
            if kills and turn % 2:
                victim = busy.pop()
                victim.process.kill()
                number += 1
                workers[workers.index(victim)] = stack.enter_context(_worker(url, number, spool, options))
                verdict.killed += 1
            while not all(worker.has_ended() for worker in busy):
                _look(read, verdict)
            _look(read, verdict)
    return verdict


def _look(read: Callable[[str], bytes | None], verdict: Verdict) -> None:
    verdict.looks += 1
    before = read(MANIFEST)
    if before is None:
        return
    document = json.loads(before)
    if not document["complete"]:
        return
    wrong = []
    for frame in document["frames"]:
        data = read(frame["name"])
        if data is None or frame["checksum"] not in (None, f"crc32:{zlib.crc32(data):08x}"):
            wrong.append(f"{frame['name']} {'is missing' if data is None else 'has other bytes'}")
    if read(MANIFEST) != before:
        return
    verdict.complete += 1
    verdict.lies += wrong


class _Worker:
    """A process that saves when it is asked to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def begin(self) -> None:
        assert self.process.stdin is not None
        self._ended.clear()
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def has_ended(self) -> bool:
        return self._ended.is_set()

    def close(self) -> None:
        self.process.kill()
        self._thread.join()
        with contextlib.suppress(BrokenPipeError):
            self.process.__exit__(None, None, None)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for _ in self.process.stdout:
            self._ended.set()
        self._ended.set()


@contextlib.contextmanager
def _worker(url: str, seed: int, spool: str, options: dict[str, object] | None) -> Iterator[_Worker]:
    code = WORKER.replace("FRAMES", str(FRAMES))
    process = subprocess.Popen(
        [sys.executable, "-c", code, url, str(seed), spool, repr(options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    worker = _Worker(process)
    try:
        yield worker
    finally:
        worker.close()


def local(folder: Path) -> Callable[[str], bytes | None]:
    """Return a reader of local files."""

    def read(name: str) -> bytes | None:
        try:
            return (folder / name).read_bytes()
        except FileNotFoundError:
            return None

    return read


def main() -> None:
    """Run the hammer on a local folder from the command line, and print what was seen."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--kills", action="store_true")
    parser.add_argument("--spool", default="")
    parser.add_argument("--seed", type=int, default=0)
    given = vars(parser.parse_args())
    folder = given.pop("folder")
    verdict = hammer(str(folder), local(folder), **given)
    print(  # noqa: T201 - a command's answer
        f"{verdict.looks} looks, {verdict.complete} complete, {verdict.killed} killed, {len(verdict.lies)} lies"
    )
    sys.exit(bool(verdict.lies))


if __name__ == "__main__":
    main()
