"""Submit a sequence to OpenCue: a layer whose frames save it, and a layer that commits the run after them.

    python opencue.py /shows/a/clip.mp4 s3://renders/shot010 0-99 --run shot010-v001 --chunk 10

FRAMES is written as OpenCue does: 0-99, 1-100x5 or 1,5,9. ``--run`` names this submission. Another submission needs
another name; one that saves frames again that are missing has the same one.
"""

from __future__ import annotations

import argparse
import shlex
from typing import Any

import outline
import outline.cuerun
from outline.modules.shell import Shell


def build(given: argparse.Namespace) -> Any:
    """Return the job. Cuebot puts the frames of a task in the place of #FRAMESPEC#: 7, 1-10 or 1-9x2."""
    whole = given.whole or given.frames
    if set(given.frames + whole) & set(":y"):
        raise SystemExit("write FRAMES without ':' and 'y': in seqsave, they do not mean what they mean in OpenCue")
    run = f"--run={given.run}"
    save = [
        given.executable,
        "save",
        given.source,
        given.url,
        f"--filetype={given.filetype}",
        "--frames=#FRAMESPEC#",
        run,
    ]
    commit = [given.executable, "commit", given.url, f"--frames={whole}", run]
    # OpenCue joins a command with spaces, and a shell runs it.
    saving = Shell("save", command=_quoted(save), range=given.frames, chunk=given.chunk, threads=1)
    committing = Shell("commit", command=_quoted(commit), range="1-1", threads=1, type="Util")
    committing.depend_all(saving)
    job = outline.Outline(f"seqsave_{given.run}", show=given.show, shot=given.shot)
    for layer in (saving, committing):
        job.add_layer(layer)
    return job


def _quoted(command: list[str]) -> list[str]:
    return [part if "#FRAMESPEC#" in part else shlex.quote(part) for part in command]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Save a sequence with a job of OpenCue.")
    parser.add_argument("source", help="a video, a folder or a pattern, which each machine can read")
    parser.add_argument("url", help="where the frames go")
    parser.add_argument("frames", help="0-99, 1-100x5 or 1,5,9")
    parser.add_argument("--run", required=True, help="the name of this submission, such as shot010-v001")
    parser.add_argument("--chunk", type=int, default=1, help="frames of one task")
    parser.add_argument("--filetype", default="png")
    parser.add_argument("--whole", help="the frames of the whole sequence, if FRAMES are those that are missing in it")
    parser.add_argument("--executable", default="seqsave", help="its path, if it is not in the PATH of the machines")
    parser.add_argument("--show", default="testing")
    parser.add_argument("--shot", default="default")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    outline.cuerun.launch(build(parse()), use_pycuerun=False)
