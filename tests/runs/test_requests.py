"""The requests of a run to a real S3 server, counted at a proxy: one for each frame, and five more."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.runs import FarmTask, commit_run
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

RED = np.zeros((8, 8, 3), np.uint8)
FRAMES = 64


def seen(proxy: Proxy) -> Counter[str]:
    return Counter(request.method for request in proxy.requests)


@pytest.mark.parametrize("tasks", [1, 8, 64])
def test_requests_do_not_grow_with_the_number_of_tasks(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], tasks: int
) -> None:
    run = seqsave.open_run(s3_server.new_prefix(), storage_options=options, total=FRAMES)
    run.begin()
    assert seen(proxy) == {"GET": 1, "PUT": 1}
    proxy.requests.clear()
    records = []
    for first in range(tasks):
        with pickle.loads(pickle.dumps(run)).part() as part:  # noqa: S301 - our own
            for index in range(first, FRAMES, tasks):
                part.write(RED, index=index)
        records += part.records
    assert seen(proxy) == {"PUT": FRAMES}
    proxy.requests.clear()
    assert run.commit(records).complete
    assert seen(proxy) == {"GET": 2, "PUT": 1}  # the manifest, and one listing
    proxy.requests.clear()
    assert run.commit(records).complete
    assert seen(proxy) == {"GET": 1}


def test_an_attempt_that_differs_costs_one_request_more(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any]
) -> None:
    run = seqsave.open_run(s3_server.new_prefix(), storage_options=options, total=2)
    run.begin()
    records = [run.write(RED + value, index=index) for index, value in ((0, 0), (1, 0), (1, 1))]
    proxy.requests.clear()
    assert run.commit(records).complete
    assert seen(proxy) == {"GET": 3, "PUT": 1}


def test_many_attempts_that_differ_cost_one_listing(s3_server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    run = seqsave.open_run(s3_server.new_prefix(), storage_options=options, total=6)
    run.begin()
    records = [run.write(RED + value, index=index) for value in (0, 1) for index in range(6)]
    proxy.requests.clear()
    made = run.commit(records)
    assert seen(proxy) == {"GET": 3, "PUT": 1}  # the manifest, a listing to choose records, and one to confirm them
    assert [frame.checksum for frame in made.frames] == [record.checksum for record in records[6:]]


def test_the_sequences_of_one_run_ask_for_their_frames_once(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any]
) -> None:
    """They are looked at twice, so that none is committed if another one cannot be."""
    url = s3_server.new_prefix()
    for prefix in ("a", "b"):
        run = seqsave.open_run(url, run="JOB", prefix=prefix, storage_options=options, total=2, filetype="png")
        task = FarmTask(run, (range(2),))
        task.start()
        task.leave([run.write(RED + value, index=index) for index, value in ((0, 0), (1, 0), (1, 1))])
    proxy.requests.clear()
    assert [made.complete for made in commit_run(url, "JOB", storage_options=options)] == [True, True]
    assert proxy.count("GET", r"/a_00001\.png$") == proxy.count("GET", r"/b_00001\.png$") == 1


def test_a_store_that_overlooks_conditions_is_found_out_when_the_run_begins(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqsave.targets.base import Target

    run = seqsave.open_run(s3_server.new_prefix(), storage_options=options, if_exists="error")
    monkeypatch.setattr(Target, "refuses_to_replace", lambda self, path: False)
    with pytest.raises(seqsave.TargetError, match="replaces files that it was asked not to replace"):
        run.begin()
    assert proxy.count("PUT", r"\.json$") == 0


def test_error_proves_the_condition_once_and_not_in_tasks(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any]
) -> None:
    run = seqsave.open_run(s3_server.new_prefix(), storage_options=options, if_exists="error", total=2)
    run.begin()
    proxy.requests.clear()
    records = [run.write(RED, index=index) for index in range(2)]
    assert seen(proxy) == {"PUT": 2}
    assert run.commit(records).complete


def test_a_lost_answer_is_no_second_frame(s3_server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    run = seqsave.open_run(
        s3_server.new_prefix(),
        storage_options=options,
        if_exists="error",
        total=1,
        retry=seqsave.RetryPolicy(first_wait=0.01),
    )
    run.begin()
    proxy.lose_reply(path="frame_00000", first=1)
    assert run.commit([run.write(RED, index=0)]).complete
