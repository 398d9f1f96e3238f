"""Without a usable spool, graphs wait for their storage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from comfyui_seqsave import behind

from seqsave import targets


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
