"""Be a node of the Ray at an address, until it is killed: ``python -m tests.support.ray_node ADDRESS FOLDER``.

The node has one CPU, and one of the resource ``machine``.

- Each node has a folder of its own in FOLDER. In one folder, two that start at once take the same names for their
  sockets, and one of them waits without end.
- Ray ends a node whose agents take longer than 15 seconds to start, which no option changes. On a busy machine, this
  program starts it again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

# Seconds after which a node that has ended while it started is noticed.
START = "40"


def main(address: str, folder: str) -> None:
    program = str(Path(sysconfig.get_path("scripts"), "ray"))
    size = ["--num-cpus=1", '--resources={"machine": 1}', "--object-store-memory=100000000"]
    place = [f"--address={address}", "--node-ip-address=127.0.0.1", "--disable-usage-stats"]
    while True:
        own = f"--temp-dir={tempfile.mkdtemp(dir=folder)}"
        environment = {**os.environ, "RAY_raylet_start_wait_time_s": START}
        subprocess.run([program, "start", *place, *size, own, "--block"], env=environment, check=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
