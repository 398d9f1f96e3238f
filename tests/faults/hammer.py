"""Many processes that save to one sequence at once, some of them killed, and a judge that looks all the time.

    python -m tests.faults.hammer FOLDER --processes 8 --rounds 500 --kills --spool SPOOL
    python -m tests.faults.hammer s3 --processes 8 --rounds 200 --kills
    python -m tests.faults.hammer gs --processes 8 --rounds 200 --kills --spool

The judge uses nothing of seqsave: it reads the manifest, every frame that should be there, and the manifest again. A
look counts if the manifest is the same before and after, and says complete; it is a lie if a frame is missing, is cut
off, or has another size or checksum than is stated. Workers choose what to do by generators of their own, so that a
seed repeats their choices: modes, parts, single frames, recipes, code that breaks off, spools, flushes. Between rounds,
when no worker is at work, other programs do harm: they cut a frame off, delete frames or all of them, or delete entries
of a spool. What the manifest stated before that is not looked at any more.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import secrets
import shutil
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

__all__ = ["PRELOADED", "AzureContainer", "Bucket", "Folder", "GoogleBucket", "Judge", "Verdict", "hammer"]

MANIFEST = ".seqsave/frame.png.json"
FRAMES = 6
# Between two looks, so that the workers get on.
PAUSE = 0.002
MODES = ("overwrite", "overwrite", "error", "skip", "skip valid", "skip same recipe")
# The last bytes of a whole PNG.
END = b"IEND\xaeB`\x82"
_CONTEXT = multiprocessing.get_context("forkserver")
# What a run imports, so that a fork need not; of other versions of seqsave, what they have of it.
PRELOADED = [
    "numpy",
    "isal.isal_zlib",
    "filelock",
    "platformdirs",
    "pluggy",
    "PIL.Image",
    "click",
    "seqsave.writer.writer",
    "seqsave.saving.frames",
    "seqsave.spool.deferred",
    "seqsave.encoders.png.encoder",
    "seqsave.encoders.png.decoder",
    "seqsave.sequences.frames",
    "seqsave.targets.local",
    "seqsave.targets.s3",
    "seqsave.targets.clouds",
    "seqsave.manifest.run",
    "seqsave.cli.spool",
    "seqsave_exr",
    "seqsave_jxl",
    "seqsave_obstore",
    "seqsave_tiff",
    "seqsave_webp",
    "s3fs",
    "aiobotocore.session",
    "aiobotocore.client",
    "botocore.endpoint",
    "botocore.signers",
    "seqsave.targets.s3_client",
    "seqsave.targets.filesystems",
    "seqsave.manifest.session",
    "seqsave.plugins.observers",
    "seqsave.plugins.registry",
]


class BrokenOffError(Exception):
    """Raised by the code that makes the frames."""


class Storage(Protocol):
    """The files below the place that is saved to, by means of the storage alone."""

    url: str
    options: dict[str, Any]

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None if it does not exist."""

    def write(self, name: str, data: bytes) -> None:
        """Replace a file."""

    def delete(self, name: str) -> None:
        """Delete a file that may exist."""


class Folder:
    """A local folder."""

    def __init__(self, folder: Path) -> None:
        self.url, self.options, self._folder = str(folder), dict[str, Any](), folder

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None if it does not exist."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace a file, in place."""
        (self._folder / name).write_bytes(data)

    def delete(self, name: str) -> None:
        """Delete a file that may exist."""
        (self._folder / name).unlink(missing_ok=True)


class Bucket:
    """A prefix in a bucket, by a plain S3 client."""

    def __init__(self, url: str, client: Any, options: dict[str, Any]) -> None:
        self.url, self.options, self._client = url, options, client
        self._bucket, _, self._prefix = url.removeprefix("s3://").partition("/")

    def _where(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._prefix}/{name}"}

    def read(self, name: str) -> bytes | None:
        """Return the bytes of an object; None if it does not exist."""
        try:
            return bytes(self._client.get_object(**self._where(name))["Body"].read())
        except self._client.exceptions.NoSuchKey:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace an object."""
        self._client.put_object(**self._where(name), Body=data)

    def delete(self, name: str) -> None:
        """Delete an object that may exist."""
        self._client.delete_object(**self._where(name))


class GoogleBucket:
    """A prefix in a bucket of Google Cloud Storage, by requests of its JSON API."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self.url, self.options = url, options
        bucket, _, self._prefix = url.removeprefix("gs://").partition("/")
        self._objects = f"{options['endpoint_url']}/storage/v1/b/{bucket}/o"
        self._uploads = f"{options['endpoint_url']}/upload/storage/v1/b/{bucket}/o"

    def _where(self, name: str) -> str:
        return quote(f"{self._prefix}/{name}", safe="")

    def read(self, name: str) -> bytes | None:
        """Return the bytes of an object; None if it does not exist."""
        return self._answer(urllib.request.Request(f"{self._objects}/{self._where(name)}?alt=media"))

    def write(self, name: str, data: bytes) -> None:
        """Replace an object."""
        url = f"{self._uploads}?uploadType=media&name={self._where(name)}"
        headers = {"Content-Type": "application/octet-stream"}
        self._answer(urllib.request.Request(url, data=data, headers=headers, method="POST"))

    def delete(self, name: str) -> None:
        """Delete an object that may exist."""
        self._answer(urllib.request.Request(f"{self._objects}/{self._where(name)}", method="DELETE"))

    @staticmethod
    def _answer(request: urllib.request.Request) -> bytes | None:
        try:
            with urllib.request.urlopen(request) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code != HTTPStatus.NOT_FOUND:
                    raise
            return None


class AzureContainer:
    """A prefix in a container of Azure, by its own client."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        from azure.storage.blob import BlobServiceClient

        self.url, self.options = url, options
        container, _, self._prefix = url.removeprefix("az://").partition("/")
        service = BlobServiceClient.from_connection_string(options["connection_string"])
        self._container = service.get_container_client(container)

    def _blob(self, name: str) -> Any:
        return self._container.get_blob_client(f"{self._prefix}/{name}")

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a blob; None if it does not exist."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return bytes(self._blob(name).download_blob().readall())
        except ResourceNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace a blob."""
        self._blob(name).upload_blob(data, overwrite=True)

    def delete(self, name: str) -> None:
        """Delete a blob that may exist."""
        from azure.core.exceptions import ResourceNotFoundError

        with contextlib.suppress(ResourceNotFoundError):
            self._blob(name).delete_blob()


@dataclass
class Verdict:
    """The judge's findings: how often it looked, how often the manifest stated complete, and each false statement.

    states: manifests that stated complete and differ. killed: workers. harmed: times that others did
    harm. troubles: errors of workers that are not seqsave's own.
    """

    rounds: int = 0
    looks: int = 0
    complete: int = 0
    states: int = 0
    killed: int = 0
    harmed: int = 0
    lies: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def hammer(
    storage: Storage,
    *,
    processes: int,
    rounds: int,
    kills: bool = False,
    spool: str = "",
    seed: int = 0,
    seconds: float = float("inf"),
) -> Verdict:
    """Let some of ``processes`` workers at a time save to the storage, for ``rounds`` rounds, and look all the while.

    kills:   in every second round some of the workers are killed after some looks, and others take their places.
    spool:   a folder for spools that the workers share.
    seconds: no further round begins after that time.
    """
    dice, end = random.Random(seed), time.monotonic() + seconds
    judge = Judge(storage)
    with contextlib.ExitStack() as stack:
        crew = _Crew(stack, storage, spool, seed)
        workers = [crew.hire() for _ in range(processes)]
        for turn in range(rounds):
            if time.monotonic() > end:
                break
            busy = dice.sample(workers, dice.choice([1, 1, min(2, processes), dice.randint(1, processes)]))
            judge.verdict.rounds += 1
            for worker in busy:
                worker.begin(whole=len(busy) == 1 and dice.random() < 0.5)
            victims = dice.sample(busy, dice.randint(1, len(busy))) if kills and turn % 2 else []
            for victim in victims:
                for _ in range(dice.randint(0, 4)):
                    judge.look()
                victim.kill()
                judge.verdict.killed += 1
                workers[workers.index(victim)] = crew.hire()
            while not all(worker.has_ended() for worker in busy):
                judge.look()
                time.sleep(PAUSE)
            judge.look()
            judge.verdict.troubles += [worker.trouble for worker in busy if worker.trouble]
            if turn % 3 == 2:
                for worker in [one for one in workers if one.publishes_behind]:  # it may still be at work
                    worker.kill()
                    workers[workers.index(worker)] = crew.hire()
                judge.let_harm(dice, spool)
    return judge.verdict


class Judge:
    """A judge that looks at the storage, and records its findings."""

    def __init__(self, storage: Storage) -> None:
        self.verdict = Verdict()
        self._storage = storage
        self._stale: bytes | None = None
        self._seen: set[int] = set()

    def look(self) -> None:
        """Compare what the manifest states with the files, if it says complete."""
        verdict, read = self.verdict, self._storage.read
        verdict.looks += 1
        before = read(MANIFEST)
        if before is None or before == self._stale:
            return
        document = json.loads(before)
        if not document["complete"]:
            return
        wrong = list(_lies(document, read))
        if read(MANIFEST) != before:
            return
        verdict.complete += 1
        self._seen.add(hash(before))
        verdict.states = len(self._seen)
        for lie in wrong:
            verdict.lies.append(f"look {verdict.looks}: {lie}")
            if os.environ.get("HAMMER_SHOWS"):
                print(lie, before.decode(), file=sys.stderr)  # noqa: T201 - to study a lie

    def let_harm(self, dice: random.Random, spool: str) -> None:
        """Let another program do harm. Earlier states of the manifest are not checked any more."""
        kind = dice.choice(["nothing", "cut", "delete", "vanish", "entries", "entries"])
        names = [f"frame_{index:05d}.png" for index in range(FRAMES)]
        if kind == "entries":
            _delete_entries(dice, spool)
        if kind not in ("cut", "delete", "vanish"):
            return
        self.verdict.harmed += 1
        self._stale = self._storage.read(MANIFEST)
        if kind == "cut":
            recorded = _with_checksums(self._stale)
            for name in dice.sample(names, 1):
                data = self._storage.read(name)
                if data is not None and name in recorded:
                    self._storage.write(name, data[: len(data) // 2])
        else:
            for name in names if kind == "vanish" else dice.sample(names, 2):
                self._storage.delete(name)


def _lies(document: dict[str, Any], read: Callable[[str], bytes | None]) -> Iterator[str]:
    there = {frame["index"] for frame in document["frames"]}
    for index in sorted(_indices(document["expected"]) - there):
        yield f"frame {index} is expected and not recorded"
    for frame in document["frames"]:
        name, data = frame["name"], read(frame["name"])
        if data is None:
            yield f"{name} is missing"
        elif frame["checksum"] not in (None, f"crc32:{zlib.crc32(data):08x}"):
            yield f"{name} has other bytes"
        elif frame["size"] not in (None, len(data)):
            yield f"{name} has {len(data)} bytes, not {frame['size']}"
        elif not data.endswith(END):
            yield f"{name} is cut off"


def _indices(ranges: str) -> set[int]:
    found: set[int] = set()
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _with_checksums(manifest: bytes | None) -> set[str]:
    if manifest is None:
        return set()
    return {frame["name"] for frame in json.loads(manifest)["frames"] if frame["checksum"] is not None}


def _delete_entries(dice: random.Random, spool: str) -> None:
    """Delete some entries, as a user who wants room."""
    files = [path for path in sorted(Path(spool).rglob("*")) if path.is_file()] if spool else []
    for path in dice.sample(files, len(files) // 2):
        if path.suffix != ".lock":
            path.unlink(missing_ok=True)


# --- workers ---------------------------------------------------------------------------------------------------------


class _Crew:
    """Starts workers: forks of one process that has imported seqsave, so that another one costs little."""

    def __init__(self, stack: contextlib.ExitStack, storage: Storage, spool: str, seed: int) -> None:
        _CONTEXT.set_forkserver_preload(PRELOADED)
        self._stack, self._storage, self._spool, self._seed = stack, storage, spool, seed

    def hire(self) -> _Worker:
        """Start a worker."""
        self._seed += 1
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(
            target=_work, args=(theirs, self._storage.url, self._storage.options, self._spool, self._seed), daemon=True
        )
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._stack.callback(worker.kill)
        return worker


class _Worker:
    """A process that saves when it is asked to."""

    def __init__(self, process: Any, connection: Any) -> None:
        self._process, self._connection = process, connection
        self._is_busy = False
        self.publishes_behind = False
        """Whether it publishes out of a spool after its runs have ended."""
        self.trouble = ""
        """What went wrong in its last run that is no error of seqsave."""

    def begin(self, *, whole: bool) -> None:
        """Request one run: over all frames, or of a kind that the worker chooses."""
        self._is_busy = True
        self._connection.send(whole)

    def has_ended(self) -> bool:
        """Return whether the run has ended, or the worker."""
        if self._is_busy and (self._connection.poll() or not self._process.is_alive()):
            self._is_busy = False
            self.trouble, is_behind = self._connection.recv()
            self.publishes_behind |= is_behind
        return not self._is_busy

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.join()
        self._is_busy = False


def _work(connection: Any, url: str, options: dict[str, Any], spool: str, seed: int) -> None:
    """Do one run for each message."""
    import seqsave

    warnings.simplefilter("ignore")
    sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process lives
    dice = random.Random(seed)
    while True:
        whole, trouble, is_behind = connection.recv(), "", False
        kept = f"{spool}/{dice.randrange(2)}" if spool and dice.random() < 0.7 else None
        try:
            if whole:
                _save_all(dice, url, options)
            else:
                is_behind = kept is not None and dice.random() < 0.6
                _run(dice, url, options, kept, is_behind)
        except (seqsave.SeqSaveError, BrokenOffError, SystemExit):
            pass
        except BaseException:  # noqa: BLE001 - the judge has to know of it
            trouble = traceback.format_exc()
        connection.send((trouble, is_behind))


def _save_all(dice: random.Random, url: str, options: dict[str, Any]) -> None:
    import numpy as np

    import seqsave

    pictures = np.random.default_rng(dice.randrange(2**32)).integers(0, 255, (FRAMES, 8, 8, 3), "uint8")
    mode = dice.choice(["overwrite", "skip", "skip valid"])
    seqsave.save(pictures, url, if_exists=mode, filetype="png", storage_options=options or None)


def _run(dice: random.Random, url: str, options: dict[str, Any], spool: str | None, is_behind: bool) -> None:
    import numpy as np

    import seqsave

    if spool is not None and dice.random() < 0.2:
        _flush(spool, options)
    first = dice.choice([0, 0, 0, *range(FRAMES)])
    count = FRAMES - first if dice.random() < 0.8 else 1
    pictures = np.random.default_rng(dice.randrange(2**32)).integers(0, 255, (count, 8, 8, 3), "uint8")
    last = dice.randrange(count) if dice.random() < 0.1 else count

    def frames() -> Iterator[Any]:
        for number, one in enumerate(pictures):
            if number == last:
                raise BrokenOffError
            yield one

    seqsave.save(
        frames() if last < count or dice.random() < 0.3 else pictures,
        url,
        start=first,
        if_exists=dice.choice(MODES),
        recipe=dice.choice(["one", "other"]),
        filetype="png",
        spool=spool,
        storage_options=options or None,
        publish_behind=is_behind,
        manifest=count > 1 or dice.random() < 0.3,
        total=dice.choice([None, None, count]),
    )


def _flush(spool: str, options: dict[str, Any]) -> None:
    """Flush by the command, or by the library if the command line would contain secrets."""
    import seqsave
    from seqsave.cli import cli

    if options:
        seqsave.flush(spool, storage_options=options)
    else:
        cli.main(args=["flush", spool], prog_name="seqsave")


# --- command ---------------------------------------------------------------------------------------------------------


def main() -> None:
    """Run the hammer from the command line, and print the findings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "folder", nargs="?", default="", help="or s3, gs, az: on a server that is started; by default a new folder"
    )
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--kills", action="store_true")
    parser.add_argument("--spool", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = vars(parser.parse_args())
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seqsave-hammer-")))
        given["spool"] = str(scratch / "spools") if given["spool"] else ""
        storage = _storage(stack, given.pop("folder"), scratch)
        verdict = hammer(storage, **given)
    print(  # noqa: T201 - a command's answer
        f"{verdict.rounds} rounds, {verdict.looks} looks, {verdict.complete} at complete ({verdict.states} different), "
        f"{verdict.killed} killed, {verdict.harmed} times harmed, {len(verdict.lies)} lies",
        *verdict.lies[:10],
        *verdict.troubles[:3],
        sep="\n  ",
    )
    sys.exit(bool(verdict.lies or verdict.troubles))


def _storage(stack: contextlib.ExitStack, name: str, scratch: Path) -> Storage:
    if name in ("gs", "az"):
        from tests.support.clouds import Azurite, FakeGoogle

        cloud = stack.enter_context(FakeGoogle() if name == "gs" else Azurite())
        url = f"{cloud.url}/{secrets.token_hex(6)}"
        made = GoogleBucket if name == "gs" else AzureContainer
        return made(url, cloud.storage_options)
    if name != "s3":
        folder = Path(name) if name else scratch / "renders"
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return Folder(folder)
    from tests.support.s3 import S3Server

    server = stack.enter_context(S3Server())
    return Bucket(server.new_prefix(), server.client, server.storage_options)


if __name__ == "__main__":
    main()
