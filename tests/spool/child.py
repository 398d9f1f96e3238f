"""A process that puts frames into a spool, or publishes them, and says so line by line: it is there to be killed.

``python -m tests.spool.child put|flush SPOOL URL OPTIONS FIRST COUNT``
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from seqsave import targets
from seqsave.errors import SpoolError
from seqsave.spool import Outcome, Records, Spool, flush_place
from tests.spool.kept import keep


def picture(index: int) -> bytes:
    """The same bytes for the same frame, of some hundred kilobytes, so that writing takes a while."""
    return random.Random(index).randbytes(200_000 + index)


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def main(what: str, folder: str, url: str, options: str, first: str, count: str) -> None:
    target = targets.resolve(url, json.loads(options))
    spool = Spool(Path(folder))
    target.place()
    say("ready")
    if what == "put":
        for index in range(int(first), int(first) + int(count)):
            keep(spool, target, index, picture(index))
            say(str(index))
        return

    def tell(outcome: Outcome) -> None:
        if outcome.entry is not None:
            say(f"{outcome.status} {outcome.entry.index}")

    try:
        flush_place(spool, target, target.place(), records=Records(), on_outcome=tell)
    except SpoolError as error:
        say(f"refused {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
