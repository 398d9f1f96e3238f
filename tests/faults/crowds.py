"""Several processes at one place: two savers of the same frames, and readers while another process writes."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from tests.faults.child import Order, name_of
from tests.faults.judge import Judge, healthy_run
from tests.faults.saver import Saver
from tests.faults.steps import finish
from tests.faults.trial import Faults, Lab, Trial
from tests.support.places import Place

FAULTS = Faults()

SMALL = (16, 16, 3)
SEEDS = (1, 2)


def _at(
    run: Callable[[Lab, Trial, int, Place], None], make: Callable[[Lab], Place], lab: Lab, trial: Trial, times: int
) -> None:
    run(lab, trial, times, make(lab))


def race(lab: Lab, trial: Trial, times: int, place: Place) -> None:
    """Two processes save different pictures as the same frames: each frame has one winner, which reports it."""
    orders = [_order(place, times, seed, {"if_exists": "error"}, race=True) for seed in SEEDS]
    healthy = [healthy_run(lab, order) for order in orders]
    claims = [saver.end() for saver in _at_once(orders)]
    trial.tried += times
    trial.due += times
    judge = Judge(trial, place, {})
    for index in range(times):
        _award(judge, index, healthy, claims)
    Judge(trial, place, {name: place.read(name) for name in place.names() if not name.startswith(".")}).check_manifest()


def _award(judge: Judge, index: int, healthy: list[dict[str, bytes]], claims: list[dict[str, Any]]) -> None:
    name = name_of(index)
    try:
        data = judge.place.read(name)
    except Exception:  # noqa: BLE001 - whatever the storage says
        judge.trial.lost += 1
        judge.note(f"lost: no process has written {name}")
        return
    owners = [files[name] == data for files in healthy]
    if not any(owners):
        judge.damaged(f"{name} is neither one's")
        return
    judge.trial.written += 1
    for claim, is_owner in zip(claims, owners, strict=True):
        stated = Counter(claim.get("won_in_all", ()))[index], Counter(claim.get("lost_in_all", ()))[index]
        if stated != ((1, 0) if is_owner else (0, 1)):
            own = "its own" if is_owner else "not its own"
            judge.false(f"(won, lost) was reported {stated} times of {name}, which is {own}; {claim['end']}")


FAULTS.add("Two savers want the same frames", "local", 500)(partial(_at, race, Lab.local))
FAULTS.add("Two savers want the same frames", "S3", 500)(partial(_at, race, Lab.bucket))


def _at_once(orders: list[Order]) -> list[Saver]:
    """Run savers that begin at the same moment, and return them when they have ended."""
    with contextlib.ExitStack() as stack:
        savers = [stack.enter_context(Saver(replace(order, wait_for_go=True))) for order in orders]
        for saver in savers:
            saver.wait_for(lambda word: "ready" in word)
        for saver in savers:
            saver.go()
        for saver in savers:
            saver.end()
    return savers


def thirds(lab: Lab, trial: Trial, times: int, place: Place) -> None:
    """Three machines each write a third of one sequence, which is complete when the last one has ended."""
    whole = _order(place, times, SEEDS[0], {"total": times})
    judge = Judge(trial, place, healthy_run(lab, whole))
    trial.tried += times
    for saver in _at_once([replace(whole, indices=whole.indices[part::3]) for part in range(3)]):
        judge.hear(saver)
    judge.end()


def resumed_by_two(lab: Lab, trial: Trial, times: int, place: Place) -> None:
    """Half of a sequence exists, and two processes resume all of it."""
    whole = _order(place, times, SEEDS[0], {"if_exists": "skip", "total": times})
    judge = Judge(trial, place, healthy_run(lab, whole))
    with Saver(replace(whole, indices=whole.indices[: times // 2])) as saver:
        finish(judge, saver)
    trial.tried += times - times // 2
    for saver in _at_once([whole, whole]):
        finish(judge, saver)
    judge.end()


def overwritten_by_two(lab: Lab, trial: Trial, times: int, place: Place) -> None:
    """Each frame comes whole from one of the two. The manifest states a checksum only where it is right."""
    orders = [_order(place, times, seed, {}) for seed in SEEDS]
    healthy = [healthy_run(lab, order) for order in orders]
    savers = _at_once(orders)
    trial.tried += times
    trial.due += times
    actual = {name: place.read(name) for name in place.names() if not name.startswith(".")}
    judge = Judge(trial, place, actual)
    for name in healthy[0]:
        if actual.get(name) in (healthy[0][name], healthy[1][name]):
            trial.written += 1
        else:
            judge.damaged(f"{name} is neither one's")
    for saver in savers:
        judge.weigh(saver)
    judge.check_manifest()


for title, run, exact in (
    ("Three savers write a third each", thirds, True),
    ("Two savers resume the same sequence", resumed_by_two, False),  # the half that is there is not fought for
    ("Two savers overwrite the same frames", overwritten_by_two, True),
):
    FAULTS.add(title, "local", 150, exact=exact)(partial(_at, run, Lab.local))
    FAULTS.add(title, "S3", 150, exact=exact)(partial(_at, run, Lab.bucket))


def watch(lab: Lab, trial: Trial, times: int, place: Place) -> None:
    """While ``times`` frames are written, and then replaced by others, another thread lists and reads them.

    A frame that was seen once stays, and is always one of the two pictures as a whole.
    """
    orders = [_order(place, times, seed, {}, pace=0.02) for seed in SEEDS]
    first, second = (healthy_run(lab, order) for order in orders)
    judge = Judge(trial, place, first)
    began = time.monotonic()
    with Saver(orders[0]) as saver:
        _watch_one(judge, saver, [first])
        finish(judge, saver)
    judge = Judge(trial, place, second)
    with Saver(orders[1]) as saver:
        _watch_one(judge, saver, [first, second], set(first))
        finish(judge, saver)
    trial.seconds.append(time.monotonic() - began)
    judge.end()


def _watch_one(judge: Judge, saver: Saver, allowed: list[dict[str, bytes]], known: set[str] | None = None) -> None:
    known = set() if known is None else set(known)
    while saver.process.poll() is None:
        surely = known | {name_of(index) for index in saver.stated("saved")}
        listed = [name for name in judge.place.names() if not name.startswith(".")]
        judge.trial.tried += bool(listed)
        gone = surely - set(listed)
        if gone:
            judge.vanished(gone)
        for name in set(listed[:: max(1, len(listed) // 8)]) | (set(listed) - known):
            data = judge.place.read(name)
            if not any(data == files.get(name) for files in allowed):
                judge.damaged(f"{name} was seen with {len(data)} bytes that no process has written")
        known |= set(listed)
        judge.check_manifest()
        _compare_with_reader(judge, surely)


def _compare_with_reader(judge: Judge, surely: set[str]) -> None:
    """The reader of seqsave has to find at least the frames that certainly existed before it looked."""
    import seqsave

    if not surely:
        return
    found = seqsave.open_sequence(judge.place.url, storage_options=judge.place.storage_options or None).indices
    gone = surely - {name_of(index) for index in found}
    if gone:
        judge.vanished(gone)


FAULTS.add("Listed and read while another one writes", "local", 500, exact=False)(partial(_at, watch, Lab.local))
FAULTS.add("Listed and read while another one writes", "S3", 300, exact=False)(partial(_at, watch, Lab.bucket))


def _order(place: Place, count: int, seed: int, settings: dict[str, Any], **more: Any) -> Order:
    return Order(
        url=place.url,
        indices=list(range(count)),
        storage_options=dict(place.storage_options),
        settings=settings,
        seed=seed,
        shape=SMALL,
        **more,
    )
