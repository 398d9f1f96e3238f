"""``python -m tests.matrix [--local]``: bring each row about, and write docs/wholeness.md."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from tests.matrix import page
from tests.matrix.faces import Faces
from tests.matrix.rows import ROWS, Bench
from tests.support.places import Place
from tests.support.s3 import S3Server


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--local", action="store_true", help="print the rows of the local folder, and write nothing")
    given = parser.parse_args()
    rows = []
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seqsave-matrix-")))
        benches = {"local": Bench(scratch, lambda: Place("local", tempfile.mkdtemp(dir=scratch)))}
        if not given.local:
            server = stack.enter_context(S3Server())
            benches["S3"] = Bench(scratch, lambda: Place("s3", server.new_prefix(), server.storage_options, server))
        for name, row in ROWS.items():
            for where, bench in benches.items():
                rows.append([name, where, *Faces.after(row(bench)).cells()])
                sys.stderr.write(f"{' | '.join(rows[-1])}\n")
    if not given.local:
        page.update(rows)
    return 0 if all(row[-1] == "agrees" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
