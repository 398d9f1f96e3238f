"""A stand-in for Slurm's ``sbatch``, which runs a job's tasks at once, one after the other.

The folder in ``FARM_STATE`` keeps a record of each job. ``FARM_DEAD`` is the number of a task that dies before its
command starts, once.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

OPTIONS = {"parsable", "job-name", "array", "dependency", "cpus-per-task", "requeue"}
"""Of sbatch's manual, those that the scripts use."""


def main(arguments: list[str]) -> int:
    options: dict[str, str] = {}
    while arguments and arguments[0].startswith("--"):
        name, _, value = arguments.pop(0)[2:].partition("=")
        options[name] = value
    script, *given = arguments
    code = Path(script).read_bytes()
    if b"\r\n" in code:
        return refused("Batch script contains DOS line breaks (\\r\\n)")
    for line in code.decode().splitlines()[1:]:
        if not line.startswith("#"):
            break
        if line.startswith("#SBATCH --"):
            name, _, value = line.removeprefix("#SBATCH --").partition("=")
            options.setdefault(name, value)
    if unknown := set(options) - OPTIONS:
        return refused(f"unrecognized option {sorted(unknown)}")
    state = Path(os.environ["FARM_STATE"])
    number = 100 + len(list(state.glob("*.json")))
    copied = state / f"job{number}"
    shutil.copy(script, copied)
    document = {"name": options["job-name"], "dependency": options.get("dependency"), "tasks": []}
    for variables in tasks_of(options, number):
        document["tasks"].append(run(copied, given, variables))
    (state / f"{number}.json").write_text(json.dumps(document), encoding="utf-8")
    sys.stdout.write(f"{number};cluster\n" if "parsable" in options else f"Submitted batch job {number}\n")
    return 0


def refused(text: str) -> int:
    sys.stderr.write(f"sbatch: error: {text}\n")
    return 1


def tasks_of(options: dict[str, str], number: int) -> list[dict[str, str]]:
    array = options.get("array")
    if array is None:
        return [{"SLURM_JOB_ID": str(number)}]
    found = re.fullmatch(r"0-(\d+)", array)
    assert found is not None, array
    return [
        {
            "SLURM_JOB_ID": str(number + task + 1),
            "SLURM_ARRAY_JOB_ID": str(number),
            "SLURM_ARRAY_TASK_ID": str(task),
            "SLURM_ARRAY_TASK_COUNT": str(int(found[1]) + 1),
        }
        for task in range(int(found[1]) + 1)
    ]


def run(script: Path, arguments: list[str], variables: dict[str, str]) -> dict[str, object]:
    if os.environ.get("FARM_DEAD") == variables.get("SLURM_ARRAY_TASK_ID", ""):
        return {"status": 9, "err": "killed"}
    done = subprocess.run(
        [script, *arguments], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    return {"status": done.returncode, "err": done.stderr}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
