"""A stand-in for ``deadlinecommand JOB_INFO PLUGIN_INFO``, which runs the tasks at once as CommandLine does.

The folder in ``FARM_STATE`` keeps a record of each job. ``FARM_DEAD`` is the number of a task that dies before its
command starts; then jobs that depend on its job stay pending.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from seqsave import naming

JOB = {"Plugin", "Name", "BatchName", "Comment", "Frames", "ChunkSize", "JobDependencies"}
PLUGIN = {"Executable", "Arguments", "ShellExecute", "SingleFramesOnly"}
"""The keys of Deadline's manual that the submission uses."""


def read(path: str, keys: set[str]) -> dict[str, str]:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    found = dict(line.split("=", 1) for line in lines)
    assert set(found) <= keys, found
    return found


def main(arguments: list[str]) -> int:
    job, plugin = (read(path, keys) for path, keys in zip(arguments, (JOB, PLUGIN), strict=True))
    assert job["Plugin"] == "CommandLine"
    state = Path(os.environ["FARM_STATE"])
    number = f"{len(list(state.glob('*.json'))):024x}"
    frames = [frame for run in naming.parse_frames(job["Frames"]) for frame in run]
    size = int(job.get("ChunkSize", "1"))
    chunks = [frames[first : first + size] for first in range(0, len(frames), size)]
    document: dict[str, object] = {"name": job["Name"], "state": "pending", "tasks": []}
    before = job.get("JobDependencies")
    if before is None or json.loads((state / f"{before}.json").read_text())["state"] == "completed":
        tasks = [run(plugin, chunk, place) for place, chunk in enumerate(chunks)]
        ended = all(task["status"] == 0 for task in tasks)
        document = {**document, "tasks": tasks, "state": "completed" if ended else "failed"}
    (state / f"{number}.json").write_text(json.dumps(document), encoding="utf-8")
    sys.stdout.write(
        f"Deadline Command 10.3\n\nResult=Success\nJobID={number}\n\nThe job was submitted successfully.\n"
    )
    return 0


def run(plugin: dict[str, str], chunk: list[int], place: int) -> dict[str, object]:
    if os.environ.get("FARM_DEAD") == str(place):
        return {"status": 9, "err": "killed"}
    text = plugin["Arguments"].replace("<STARTFRAME>", str(chunk[0])).replace("<ENDFRAME>", str(chunk[-1]))
    command = [plugin["Executable"], *shlex.split(text.replace("<QUOTE>", '"'))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"status": done.returncode, "err": done.stderr, "command": command}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
