"""A process that saves frames with a spool and says which are safe, line by line: it is there to be killed.

``python -m tests.writer.spooling URL OPTIONS SPOOL FIRST COUNT BEHIND``
"""

from __future__ import annotations

import json
import sys

import numpy as np

import seqsave


def picture(index: int) -> np.ndarray:
    """The same picture for the same frame; its noise makes the file as large as the array."""
    return np.random.default_rng(index).integers(0, 256, (64, 64, 3), "uint8")


def main(url: str, options: str, spool: str, first: str, count: str, behind: str) -> None:
    with seqsave.open_writer(
        url,
        storage_options=json.loads(options),
        filetype="png",
        spool=spool,
        publish_behind=behind == "behind",
        retry=seqsave.RetryPolicy(attempts=2, first_wait=0.01),
        on_event=tell,
    ) as writer:
        for index in range(int(first), int(first) + int(count)):
            writer.write(picture(index), index=index)
            if index % 8 == 0:
                writer.flush()


def tell(event: seqsave.Event) -> None:
    if event.kind in ("saved", "spooled"):
        sys.stdout.write(f"{event.kind} {event.index}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
