"""Without a usable spool, graphs wait for their storage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_seqsave import behind

import seqsave
from seqsave import targets
from seqsave.spool import open_spool
from seqsave.targets.memory import MemoryTarget
from seqsave.writer import publisher_behind


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="only on systems with users")
def test_a_spool_that_others_can_write_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o700)
    monkeypatch.setenv("SEQSAVE_SPOOL", str(spool))
    monkeypatch.setattr(behind, "_reported", set())
    target = targets.resolve("s3://bucket/x", {"key": "k", "secret": "s", "endpoint_url": "http://127.0.0.1:9"})
    monkeypatch.setattr(behind, "_proven", {behind._container(target)})
    assert behind.writer_settings(target) == {"spool": True, "publish_behind": True}
    spool.chmod(0o777)
    assert behind.writer_settings(target) == {}
    behind.wait_for(target)
    assert caplog.text.count("can write into it") == 1


@pytest.fixture
def conflicting(monkeypatch: pytest.MonkeyPatch) -> Iterator[targets.Target]:
    """A place where one frame of the sequence ``old`` is a conflict, and will be until a user resolves it."""
    target = targets.resolve("memory://conflicting")
    target.publish("old_00001.png", b"theirs", content_type="image/png")
    with monkeypatch.context() as patch:
        # As if the other machine had saved its frame when this one was in the spool already.
        patch.setattr(MemoryTarget, "list", lambda *_: [])
        _save("old", index=1, if_exists="error")
    publisher_behind(_spool()).wait(target.identity(), concerns=lambda _: False)
    yield target
    publisher_behind(_spool()).stop(10)
    target.delete("old_00001.png")


def _spool() -> Any:
    return open_spool(True)


def _save(prefix: str, index: int = 0, **settings: Any) -> seqsave.SaveResult:
    picture = np.zeros((4, 4, 3), np.uint8)
    more = {"spool": True, "publish_behind": True, "filetype": "png", **settings}
    return seqsave.save([picture], "memory://conflicting", prefix=prefix, start=index, **more)


def test_a_conflict_of_another_sequence_is_logged_once_and_no_error(
    conflicting: targets.Target, caplog: pytest.LogCaptureFixture
) -> None:
    for index in (0, 1):
        result = _save("new", index)
        behind.wait_for(conflicting)
        assert behind.trouble(conflicting) is None
        assert behind.conflict(conflicting, result.frames) is None
        assert conflicting.exists(f"new_{index:05d}.png")
    assert caplog.text.count("a frame of another sequence stays in the spool") == 1
    assert "old_00001.png: another file exists" in caplog.text


def test_a_conflict_of_the_own_sequence_makes_one_graph_fail(conflicting: targets.Target) -> None:
    result = _save("old", index=2)
    behind.wait_for(conflicting)
    error = behind.conflict(conflicting, result.frames)
    assert error is not None
    assert "old_00001.png: another file exists" in str(error)
    assert behind.conflict(conflicting, result.frames) is None
