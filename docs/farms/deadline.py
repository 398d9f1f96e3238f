"""Submit a sequence to Deadline: a job whose tasks save it, and a job that commits the run after them.

    python deadline.py /shows/a/clip.mp4 s3://renders/shot010 0-99 --run shot010-v001 --chunk 10

FRAMES is written as Deadline does: 0-99, 1-100x5 or 1,5,9. ``--run`` names this submission. Another submission needs
another name; one that saves frames again that are missing has the same one.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from pathlib import Path


def submit(job: dict[str, str], executable: str, arguments: list[str]) -> str:
    """Submit one job of the plugin CommandLine, and return its id."""
    if any(set(argument) & set('"\r\n') for argument in arguments):
        raise SystemExit("Deadline cannot pass quotes and line ends in an argument: rename the file")
    plugin = {
        "Executable": executable,
        "Arguments": " ".join(f"<QUOTE>{argument}<QUOTE>" for argument in arguments),
        "ShellExecute": "False",
        "SingleFramesOnly": "False",
    }
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, values in {"job_info.txt": {"Plugin": "CommandLine", **job}, "plugin_info.txt": plugin}.items():
            files.append(Path(folder, name))
            files[-1].write_text("".join(f"{key}={value}\n" for key, value in values.items()), encoding="utf-8")
        answer = subprocess.run(["deadlinecommand", *files], check=True, capture_output=True, text=True).stdout
    found = re.search(r"^JobID=(\S+)", answer, re.MULTILINE)
    if found is None:
        raise SystemExit(f"Deadline accepted no job: {answer}")
    return found[1]


def submit_both(given: argparse.Namespace) -> None:
    """Submit both jobs, and print their ids."""
    whole = given.whole or given.frames
    # Deadline passes the first and the last frame of a task: only chunks without gaps may have several.
    chunk = given.chunk if re.fullmatch(r"-?\d+[-:]-?\d+", given.frames) else 1
    common = {"BatchName": given.run, "Comment": given.url}
    job = {"Name": f"{given.run} save", "Frames": given.frames, "ChunkSize": str(chunk), **common}
    frames = "--frames=<STARTFRAME>-<ENDFRAME>"
    save = ["save", given.source, given.url, f"--filetype={given.filetype}", frames, f"--run={given.run}"]
    saving = submit(job, given.executable, save)
    job = {"Name": f"{given.run} commit", "Frames": "0", "JobDependencies": saving, **common}
    commit = ["commit", given.url, f"--frames={whole}", f"--run={given.run}"]
    committing = submit(job, given.executable, commit)
    print(f"save: {saving}\ncommit: {committing}")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Save a sequence with tasks of Deadline.")
    parser.add_argument("source", help="a video, a folder or a pattern, which each machine can read")
    parser.add_argument("url", help="where the frames go")
    parser.add_argument("frames", help="0-99, 1-100x5 or 1,5,9")
    parser.add_argument("--run", required=True, help="the name of this submission, such as shot010-v001")
    parser.add_argument("--chunk", type=int, default=1, help="frames of one task")
    parser.add_argument("--filetype", default="png")
    parser.add_argument("--whole", help="the frames of the whole sequence, if FRAMES are those that are missing in it")
    parser.add_argument("--executable", default="seqsave", help="its path, if it is not in the PATH of the machines")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    submit_both(parse())
