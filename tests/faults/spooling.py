"""The store is unavailable and frames go into a spool; savers and flushes are killed at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.child import Hold, Order
from tests.faults.disks import LARGE, small_disk
from tests.faults.judge import Judge, healthy_run
from tests.faults.saver import Saver, environment
from tests.faults.steps import Resumer, resume
from tests.faults.trial import Faults, Lab, Trial
from tests.support.patience import PATIENCE, wait_until
from tests.support.places import Place
from tests.support.processes import ROOT
from tests.support.proxy import Fault as Trouble
from tests.support.proxy import Proxy

FAULTS = Faults()

FRAMES = 16
IMPATIENT = {"attempts": 2, "first_wait": 0.05}
EVERY = ("PUT", "GET", "HEAD", "DELETE")
MANIFEST = r"/\.seqsave/frame\.png\.json$"


class Flush:
    """``seqsave flush`` as a process of its own, in a ``with`` block."""

    def __init__(self, spool: Path, place: Place) -> None:
        options = [f"--storage-option={name}={value}" for name, value in place.storage_options.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "seqsave", "flush", str(spool), "--json", "--quiet", *options],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Flush:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """SIGKILL."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def end(self) -> tuple[int, str]:
        """Return its exit status and its output."""
        stated, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, stated + errors


def order_of(place: Place, spool: Path, **settings: Any) -> Order:
    return Order(
        url=place.url,
        indices=list(range(FRAMES)),
        storage_options=dict(place.storage_options),
        settings={"spool": str(spool), **settings},
        retry=IMPATIENT,
    )


def flush(judge: Judge, spool: Path) -> None:
    """Publish all frames of the spool, and check that it is empty."""
    with Flush(spool, judge.place) as flushing:
        status, stated = flushing.end()
    if status or entries(spool):
        judge.false(f"flush ended with status {status}, and {len(entries(spool))} entries are left: {stated[-600:]}")


def publish_rest(trial: Trial, judge: Judge, saver: Saver, spool: Path) -> None:
    """Publish what a saver has left in its spool: then the frames that it called spooled are in the store."""
    began = time.monotonic()
    flush(judge, spool)
    trial.seconds.append(time.monotonic() - began)
    judge.hear(saver, also=("spooled",))


def entries(spool: Path) -> list[Path]:
    """Return the waiting frames by the names that docs/spool.md documents."""
    return sorted(spool.glob("*/*.frame"))


def is_spooled(word: dict[str, Any]) -> bool:
    return word.get("status") == "spooled"


# --- the store is away -----------------------------------------------------------------------------------------------


def away(bring: Callable[[Proxy, int], Trouble], lab: Lab, trial: Trial, times: int) -> None:
    """From some frame on, the store refuses all: the run reports it at its end, and a flush publishes the rest."""
    for number in range(times):
        place, spool = lab.bucket(client=number), lab.folder()
        with lab.behind_proxy(place) as proxy:
            if_exists = ("overwrite", "error", "skip")[number % 3]
            # A lasting error before anything is saved ends a run: it is more likely a mistake.
            order = replace(order_of(place, spool, if_exists=if_exists), first_alone=True)
            judge = Judge(trial, place, healthy_run(lab, order))
            # What comes before the first frame is spared, and some frames.
            trouble = bring(proxy, 7 + number)
            with Saver(order) as saver:
                judge.fails(saver.end(), "SaveError", "seqsave flush")
                trial.tried += bool(trouble.hits)
                judge.hear(saver)
                proxy.clear()
                publish_rest(trial, judge, saver, spool)
        judge.end()


FAULTS.add("Store gone for good, with a spool, then flushed", "S3", 6)(
    partial(away, lambda proxy, spare: proxy.reset(methods=EVERY, spare=spare))
)
FAULTS.add("Store answers 503 for good, with a spool, then flushed", "S3", 6)(
    partial(away, lambda proxy, spare: proxy.slow_down(methods=EVERY, spare=spare))
)
FAULTS.add("Credentials expire, with a spool, then flushed", "S3", 6)(
    partial(away, lambda proxy, spare: proxy.answer(400, "ExpiredToken", methods=EVERY, spare=spare))
)
FAULTS.add("Every answer lost for good, with a spool, then flushed", "S3", 6)(
    partial(away, lambda proxy, spare: proxy.lose_reply(methods=EVERY, spare=spare))
)


@FAULTS.add("Store comes and goes, with a spool, while others flush it", "S3", 4, exact=False)
def comes_and_goes(lab: Lab, trial: Trial, times: int) -> None:
    """Half of the time the store refuses all; in the other half a flush publishes the spooled frames."""
    for number in range(times):
        place, spool = lab.bucket(client=number), lab.folder()
        with lab.behind_proxy(place) as proxy:
            order = replace(order_of(place, spool), indices=list(range(120)), pace=0.05)
            judge = Judge(trial, place, healthy_run(lab, order))
            with Saver(order) as saver:
                while saver.process.poll() is None:
                    trouble = proxy.slow_down(methods=EVERY)
                    stated = len(saver.stated("spooled"))
                    wait_until(lambda stated=stated: len(saver.stated("spooled")) > stated + 8 or not saver.is_running)
                    trial.tried += bool(trouble.hits)
                    proxy.clear()
                    with Flush(spool, place) as flushing:
                        flushing.end()
                judge.hear(saver)
                publish_rest(trial, judge, saver, spool)
        judge.end()


@FAULTS.add("Store gone when the manifest is to be finished, with a spool", "S3", 4)
def manifest_away(lab: Lab, trial: Trial, times: int) -> None:
    """All frames are saved, but the manifest cannot be updated: the spool keeps the update for a flush."""
    for number in range(times):
        place, spool = lab.bucket(client=number), lab.folder()
        with lab.behind_proxy(place) as proxy:
            order = order_of(place, spool)
            judge = Judge(trial, place, healthy_run(lab, order))
            proxy.answer(500, "InternalError", path=MANIFEST, methods=EVERY, spare=2)
            with Saver(order) as saver:
                judge.fails(saver.end(), "SaveError", "seqsave flush")
                trial.tried += 1
                judge.hear(saver)
                proxy.clear()
                publish_rest(trial, judge, saver, spool)
        judge.end()


@FAULTS.add("Disk of the spool full", "S3", 4)
def spool_full(lab: Lab, trial: Trial, times: int) -> None:
    """The store is unavailable and the spool is too small: the other frames fail; a flush and another run save all."""
    for number in range(times):
        place = lab.bucket(client=number)
        with lab.behind_proxy(place) as proxy, small_disk(lab.folder(), "512k") as disk:
            spool = disk.path / "spool"
            order = order_of(place, spool)
            judge = Judge(trial, place, healthy_run(lab, order))
            proxy.slow_down(methods=EVERY)
            with Saver(order) as saver:
                trial.tried += 1
                judge.fails(saver.end(), "SaveError", "the spool")
                judge.hear(saver)
                if not saver.stated("spooled"):
                    judge.false("nothing went into a spool that had room for some")
                proxy.clear()
                disk.remount(f"size={LARGE}")
                flush(judge, spool)
                judge.hear(saver, also=("spooled",))
            resume(trial, judge, order)


# --- killed ----------------------------------------------------------------------------------------------------------

HOLDS = (("half", r"/\.seqsave-[^/]*\.tmp$"), ("temporary", r"\.frame$"), ("named", r"\.frame$"))


@FAULTS.add("Saver killed: while it puts a frame into the spool", "S3", 12)
def killed_spooling(lab: Lab, trial: Trial, times: int) -> None:
    """A flush publishes the frames that the run reported as spooled, and another run saves the rest."""
    with Resumer() as resumer:
        for number in range(times):
            what, path = HOLDS[number % len(HOLDS)]
            place, spool = lab.bucket(client=number), lab.folder()
            with lab.behind_proxy(place) as proxy:
                order = order_of(place, spool)
                judge = Judge(trial, place, healthy_run(lab, order))
                proxy.slow_down(methods=EVERY)
                with Saver(replace(order, hold=Hold(what=what, path=path, nth=2 + number % 7))) as saver:
                    saver.wait_for(lambda word: "held" in word)
                    _kill_and_flush(trial, judge, saver, spool, proxy)
                resumer.resume(trial, judge, order)


@FAULTS.add("Saver killed: while it publishes behind the program", "S3", 12)
def killed_behind(lab: Lab, trial: Trial, times: int) -> None:
    """With publish_behind=True a frame counts as done when it is in the spool."""
    with Resumer() as resumer:
        for number in range(times):
            place, spool = lab.bucket(client=number), lab.folder()
            with lab.behind_proxy(place) as proxy:
                order = order_of(place, spool)
                judge = Judge(trial, place, healthy_run(lab, order))
                with Saver(replace(order_of(place, spool, publish_behind=True), halt_before=14)) as saver:
                    saver.wait_for(is_spooled, 1 + number)
                    _kill_and_flush(trial, judge, saver, spool, proxy)
                resumer.resume(trial, judge, order)


def _kill_and_flush(trial: Trial, judge: Judge, saver: Saver, spool: Path, proxy: Proxy) -> None:
    trial.tried += saver.is_running
    saver.kill()
    judge.hear(saver)
    proxy.clear()
    flush(judge, spool)
    judge.hear(saver, also=("spooled",))


STRIKES: tuple[Callable[[Proxy, int], Trouble], ...] = (
    lambda proxy, spare: proxy.cut(path=r"/frame_\d+\.png$", spare=spare),
    lambda proxy, spare: proxy.lose_reply(path=r"/frame_\d+\.png$", spare=spare, seconds=600),
    lambda proxy, spare: proxy.cut(path=MANIFEST, spare=spare % 2),
    lambda proxy, spare: proxy.lose_reply(path=MANIFEST, spare=spare % 2, seconds=600),
)


@FAULTS.add("Flush killed, then started again", "S3", 16)
def killed_flushing(lab: Lab, trial: Trial, times: int) -> None:
    """Kill a flush in the middle of a frame or the manifest, half sent or sent: the next flush does the rest."""
    for number in range(times):
        place, spool = lab.bucket(client=number), lab.folder()
        with lab.behind_proxy(place) as proxy:
            order = order_of(place, spool)
            judge = Judge(trial, place, healthy_run(lab, order))
            proxy.slow_down(methods=EVERY)
            with Saver(order) as saver:
                judge.fails(saver.end(), "SaveError", "seqsave flush")
                proxy.clear()
                strike = STRIKES[number // 2 % len(STRIKES)](proxy, number)
                with Flush(spool, place) as flushing:
                    if not strike.reached.wait(PATIENCE):
                        raise AssertionError(f"no such PUT came: {flushing.end()}")
                    flushing.kill()
                trial.tried += 1
                proxy.clear()
                judge.look()
                publish_rest(trial, judge, saver, spool)
        judge.end()


@FAULTS.add("Two flushes at once", "S3", 6)
def two_flushes(lab: Lab, trial: Trial, times: int) -> None:
    """One of them publishes. The other one reports that, or finds nothing left."""
    for number in range(times):
        place, spool = lab.bucket(client=number), lab.folder()
        with lab.behind_proxy(place) as proxy:
            order = order_of(place, spool)
            judge = Judge(trial, place, healthy_run(lab, order))
            proxy.slow_down(methods=EVERY)
            with Saver(order) as saver:
                saver.end()
                proxy.clear()
                began = time.monotonic()
                with Flush(spool, place) as one, Flush(spool, place) as other:
                    ends = one.end(), other.end()
                trial.seconds.append(time.monotonic() - began)
                trial.tried += 1
                _judge_two(judge, ends)
                judge.hear(saver, also=("spooled",))
        puts = [request.path for request in proxy.requests if request.method == "PUT" and request.path.endswith("png")]
        if len(puts) != len(set(puts)):
            judge.false("a frame was published twice")
        judge.end()


def _judge_two(judge: Judge, ends: tuple[tuple[int, str], ...]) -> None:
    if not any(status == 0 for status, _ in ends):
        judge.false(f"neither flush has succeeded: {ends}")
    for status, stated in ends:
        if status and "are being published already" not in stated:
            judge.false(f"a flush failed, and not because another one is running: {stated[-600:]}")
        if not status:
            json.loads(stated)
