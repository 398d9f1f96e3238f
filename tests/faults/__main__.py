"""``python -m tests.faults [--share SHARE] [--only WORDS]``: try the faults; a full run writes docs/faults.md."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults import page
from tests.faults.catalogue import FAULTS
from tests.faults.trial import Fault, Lab, Trial
from tests.support.s3 import S3Server


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the times that each one is tried (%(default)s)")
    parser.add_argument("--only", default="", metavar="WORDS", help="those in whose name or place these words are")
    parser.add_argument("--at-once", type=int, default=2, help="how many faults are tried side by side (%(default)s)")
    given = parser.parse_args()
    chosen = [one for one in FAULTS if given.only.lower() in f"{one.name}, {one.where}".lower()]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(given.at_once) as pool:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="seqsave-faults-"))
        lab = Lab(Path(scratch), lambda: stack.enter_context(S3Server()))
        trials = list(pool.map(lambda one: _tried(one, lab, given.share), chosen))
    print(page.table(trials))  # noqa: T201 - the table is the answer
    if given.share == 1 and len(chosen) == len(FAULTS):
        page.update(trials)
    return 0 if all(trial.is_good for trial in trials) else 1


def _tried(one: Fault, lab: Lab, share: float) -> Trial:
    began = time.monotonic()
    try:
        trial = one.tried(lab, share)
    except Exception:  # noqa: BLE001 - the others are tried all the same
        trial = Trial(one.name, one.where, trouble=[traceback.format_exc()])
    stated = "" if trial.is_good else "\n".join([": BAD", *trial.trouble])
    sys.stderr.write(f"{time.monotonic() - began:6.1f} s  {one.name}, {one.where}{stated}\n")
    return trial


if __name__ == "__main__":
    sys.exit(main())
