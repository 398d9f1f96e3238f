"""The saver is killed with SIGKILL, in each phase of a frame's life, and resumed by another process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.child import Hold, Order, name_of
from tests.faults.judge import Judge, healthy_run
from tests.faults.saver import Saver
from tests.faults.steps import Resumer
from tests.faults.trial import Faults, Lab, Trial
from tests.support.patience import PATIENCE
from tests.support.places import Place
from tests.support.proxy import Fault as Trouble
from tests.support.proxy import Proxy

FAULTS = Faults()

FRAMES = 8
TIMES = 20  # in each phase
SWEPT_FROM = 2  # frames on, so that a call for a single frame does not look at a whole folder
MANIFEST = r"/\.seqsave/frame\.png\.json$"


def held_at(what: str) -> Callable[[Order, int], Order]:
    """Return the order with a hold in that phase of the n-th frame."""
    return lambda order, index: replace(order, hold=Hold(what=what, path=rf"{name_of(index)}$"))


def half_written(order: Order, index: int) -> Order:
    return replace(order, hold=Hold(what="half", path=r"/\.seqsave-[^/]*\.tmp$", nth=index + 1))


def held_at_manifest(what: str, nth: int) -> Callable[[Order, int], Order]:
    """Return the order with a hold at the manifest, which the run writes before its first and after its last frame."""
    return lambda order, index: replace(order, hold=Hold(what=what, path=MANIFEST, nth=nth))


LOCAL: dict[str, tuple[Callable[[Order, int], Order], ...]] = {
    "encoding": (held_at("encoding"), held_at("encoded")),
    "temporary file half written": (half_written,),
    "temporary file written": (held_at("temporary"),),
    "published": (held_at("named"), held_at("saved")),
    "manifest": tuple(held_at_manifest(what, nth) for nth in (1, 2) for what in ("temporary", "named")),
}


def killed_locally(holds: tuple[Callable[[Order, int], Order], ...], lab: Lab, trial: Trial, times: int) -> None:
    """Use if_exists="skip" every other time: it names files in another way than "overwrite"."""
    with Resumer() as resumer:
        for number in range(times):
            place = lab.local()
            order = _order(place, number // len(holds))
            healthy = healthy_run(lab, order)
            index = 2 + number % 5
            with Saver(holds[number % len(holds)](order, index)) as saver:
                saver.wait_for(lambda word: "held" in word)
                _kill_and_resume(trial, Judge(trial, place, healthy), saver, resumer)


S3_HOLDS: dict[str, Any] = {
    "encoding": (held_at("encoding"), held_at("encoded")),
    "published": (held_at("saved"),),
}
S3_TROUBLES: dict[str, Callable[[Proxy, int], Trouble]] = {
    "PUT in flight, half sent": lambda proxy, number: proxy.cut(path=_frame_of(number), first=1),
    "PUT done, not answered": lambda proxy, number: proxy.lose_reply(path=_frame_of(number), first=1, seconds=600),
    "manifest": lambda proxy, number: _strike_manifest(proxy, number),
}


def _frame_of(number: int) -> str:
    return rf"{name_of(2 + number % 5)}$"


def _strike_manifest(proxy: Proxy, number: int) -> Trouble:
    """Strike at the manifest: the run PUTs it before its first frame, and after its last one."""
    spare = number // 8 % 2
    if number // 4 % 2:
        return proxy.lose_reply(path=MANIFEST, spare=spare, first=1, seconds=600)
    return proxy.cut(path=MANIFEST, spare=spare, first=1)


def killed_on_s3(holds: tuple[Callable[[Order, int], Order], ...], lab: Lab, trial: Trial, times: int) -> None:
    with Resumer() as resumer:
        for number in range(times):
            place = lab.bucket(client=number)
            order = _order(place, number // 2)
            healthy = healthy_run(lab, order)
            with Saver(holds[number // 4 % len(holds)](order, 2 + number % 5)) as saver:
                saver.wait_for(lambda word: "held" in word)
                _kill_and_resume(trial, Judge(trial, place, healthy), saver, resumer)


def killed_during_put(bring: Callable[[Proxy, int], Trouble], lab: Lab, trial: Trial, times: int) -> None:
    with Resumer() as resumer:
        for number in range(times):
            place = lab.bucket(client=number)
            healthy = healthy_run(lab, _order(place, 0))
            with lab.behind_proxy(place) as proxy:
                trouble = bring(proxy, number)
                with Saver(_order(place, number // 2)) as saver:
                    if not trouble.reached.wait(PATIENCE):
                        raise AssertionError(f"no such PUT came: {saver.words}, {saver.errors()}")
                    _kill_and_resume(trial, Judge(trial, place, healthy), saver, resumer)


def _order(place: Place, turn: int) -> Order:
    """Return an order, every other time with if_exists="skip", which publishes in another way than "overwrite"."""
    settings = {"if_exists": ("overwrite", "skip")[turn % 2]}
    return Order(
        url=place.url, indices=list(range(FRAMES)), storage_options=dict(place.storage_options), settings=settings
    )


def _kill_and_resume(trial: Trial, judge: Judge, saver: Saver, resumer: Resumer) -> None:
    judge.look()  # what others see while it stands there
    saver.kill()
    trial.tried += 1
    judge.hear(saver)
    if judge.place.kind == "local":
        _age(Path(judge.place.url))
    saved = resumer.resume(trial, judge, saver.order)
    if len(saved) >= SWEPT_FROM:
        judge.leaves_nothing_behind()


def _age(folder: Path) -> None:
    """Make the files of a dead process older than a minute, so that the next run removes them."""
    for path in folder.rglob(".seqsave-*.tmp"):
        os.utime(path, (time.time() - 120,) * 2)


for phase, holds in LOCAL.items():
    FAULTS.add(f"Saver killed: {phase}", "local", TIMES)(partial(killed_locally, holds))
for phase, holds in S3_HOLDS.items():
    FAULTS.add(f"Saver killed: {phase}", "S3", TIMES)(partial(killed_on_s3, holds))
for phase, bring in S3_TROUBLES.items():
    FAULTS.add(f"Saver killed: {phase}", "S3", TIMES)(partial(killed_during_put, bring))
