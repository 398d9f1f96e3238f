"""The store or the network fails while a saver is at work, with the default settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from tests.faults.child import Order
from tests.faults.judge import Judge, healthy_run
from tests.faults.saver import Saver
from tests.faults.steps import finish, resume
from tests.faults.trial import CLIENTS, Faults, Lab, Trial
from tests.support.places import Place
from tests.support.proxy import Fault as Trouble
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

FAULTS = Faults()

EVERY = ("PUT", "GET", "HEAD")

IMPATIENT = {"attempts": 3, "first_wait": 0.2}


def order_of(place: Place, count: int, **more: Any) -> Order:
    return Order(url=place.url, indices=list(range(count)), storage_options=dict(place.storage_options), **more)


def is_saved(word: dict[str, Any]) -> bool:
    return word.get("status") == "saved"


# --- the server ------------------------------------------------------------------------------------------------------


def killed_and_restarted(lab: Lab, trial: Trial, times: int, *, gone: float = 0.0) -> None:
    """With each client in turn, the server is killed after some frames, and comes back after ``gone`` seconds."""
    for number in range(times):
        with S3Server() as server:
            place = lab.bucket(server, client=number)
            order = order_of(place, 60, halt_before=20 + number)
            judge = Judge(trial, place, healthy_run(lab, order))
            with Saver(order) as saver:
                saver.wait_for(is_saved, 10 + number)
                server.kill()
                trial.tried += saver.is_running
                saver.go()
                time.sleep(gone)
                server.restart()
                began = time.monotonic()
                finish(judge, saver)
                trial.seconds.append(time.monotonic() - began)
            judge.end()


FAULTS.add("Server killed and restarted", "S3", 8)(killed_and_restarted)
FAULTS.add("Server gone for 30 s", "S3", 2)(partial(killed_and_restarted, gone=30.0))


@FAULTS.add("Server gone for good, then resumed", "S3", 2)
def gone_for_good(lab: Lab, trial: Trial, times: int) -> None:
    """The error names the frames that are not saved; when the server is back, another run saves them."""
    for number in range(times):
        with S3Server() as server:
            place = lab.bucket(server, client=number)
            order = order_of(place, 40, halt_before=20, retry=IMPATIENT)
            judge = Judge(trial, place, healthy_run(lab, order))
            with Saver(order) as saver:
                saver.wait_for(is_saved, 10)
                server.kill()
                trial.tried += saver.is_running
                saver.go()
                last = saver.end()
                server.restart()
                judge.fails(last, "SaveError")
                judge.hear(saver)
            resume(trial, judge, order)


@FAULTS.add("Store gone when the manifest is to be finished", "S3", 4)
def manifest_away(lab: Lab, trial: Trial, times: int) -> None:
    """All frames are saved, but the manifest cannot be updated: an error, and it is incomplete until the next run."""
    for number in range(times):
        place = lab.bucket(client=number)
        with lab.behind_proxy(place) as proxy:
            order = order_of(place, 16, retry=IMPATIENT)
            judge = Judge(trial, place, healthy_run(lab, order))
            trouble = proxy.answer(500, "InternalError", path=r"/\.seqsave/frame\.png\.json$", methods=EVERY, spare=2)
            with Saver(order) as saver:
                judge.fails(saver.end(), "SaveError", "manifest")
                trial.tried += bool(trouble.hits)
                judge.hear(saver)
            proxy.clear()
            resume(trial, judge, order)


# --- the way to it ---------------------------------------------------------------------------------------------------


def through_a_bad_proxy(
    bring: Callable[[Proxy], Trouble],
    lab: Lab,
    trial: Trial,
    times: int,
    *,
    if_exists: str = "overwrite",
    least: int = 0,
) -> None:
    """``times`` frames with each client, side by side; how often the fault struck is what the proxy counts."""
    order = order_of(lab.bucket(), max(times, least), settings={"if_exists": if_exists})
    healthy = healthy_run(lab, order)

    def with_client(client: int) -> Trial:
        part, place = trial.part(), lab.bucket(client=client)
        judge = Judge(part, place, healthy)
        with lab.behind_proxy(place) as proxy:
            trouble = bring(proxy)
            began = time.monotonic()
            with Saver(replace(order, url=place.url, storage_options=dict(place.storage_options))) as saver:
                finish(judge, saver)
                part.seconds.append(time.monotonic() - began)
            part.tried += trouble.hits
        judge.end()
        return part

    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        for part in pool.map(with_client, range(len(CLIENTS))):
            trial.add(part)


FAULTS.add("20 % of PUTs answered 503", "S3", 300, exact=False)(
    partial(through_a_bad_proxy, lambda proxy: proxy.slow_down(probability=0.2))
)
FAULTS.add("5 % of connections reset in mid-body", "S3", 300, exact=False)(
    partial(through_a_bad_proxy, lambda proxy: proxy.reset(probability=0.05, methods=EVERY), least=60, if_exists="skip")
)
FAULTS.add("10 % of answers lost, the PUT was done", "S3", 200, exact=False)(
    partial(through_a_bad_proxy, lambda proxy: proxy.lose_reply(probability=0.1), if_exists="error", least=40)
)
FAULTS.add("Every answer 10 s late", "S3", 48, exact=False)(
    partial(through_a_bad_proxy, lambda proxy: proxy.delay(seconds=10, methods=EVERY))
)


@FAULTS.add("Bandwidth limited to 1 MB/s", "S3", 200, exact=False)
def narrow(lab: Lab, trial: Trial, times: int) -> None:
    """``times`` frames of 37 KB with each client: the limit holds for all of them together."""
    for client in range(len(CLIENTS)):
        place = lab.bucket(client=client)
        judge = Judge(trial, place, healthy_run(lab, order_of(place, times)))
        with lab.behind_proxy(place) as proxy:
            proxy.bandwidth = 1e6
            began = time.monotonic()
            with Saver(order_of(place, times)) as saver:
                finish(judge, saver)
            trial.seconds.append(time.monotonic() - began)
            trial.tried += proxy.count("PUT")
        judge.end()


@FAULTS.add("Credentials expire", "S3", 6)
def expired(lab: Lab, trial: Trial, times: int) -> None:
    """From some request on, every answer is ExpiredToken; the next run has new credentials."""
    for number in range(times):
        place = lab.bucket(client=number)
        with lab.behind_proxy(place) as proxy:
            order = order_of(place, 40)
            judge = Judge(trial, place, healthy_run(lab, order))
            trouble = proxy.answer(400, "ExpiredToken", methods=EVERY, spare=5 + 3 * number)
            with Saver(order) as saver:
                judge.fails(saver.end(), "SaveError", "expired")
                trial.tried += bool(trouble.hits)
                judge.hear(saver)
            proxy.clear()
            resume(trial, judge, order)
