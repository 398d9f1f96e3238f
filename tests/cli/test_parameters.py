"""Values of options: sizes, pairs, workflow files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import Result, saved, seqsave


@pytest.mark.parametrize(
    ("content", "name"),
    [({"nodes": [], "links": []}, "workflow"), ({"1": {"class_type": "X", "inputs": {}}}, "prompt")],
)
def test_a_workflow_file_may_be_either_kind(renders: Path, tmp_path: Path, content: Any, name: str) -> None:
    (tmp_path / "wf.json").write_text("\ufeff" + json.dumps(content), encoding="utf-8")
    saved(renders, tmp_path / "out", "--workflow", tmp_path / "wf.json")
    assert seqsave("workflow", tmp_path / "out/frame_00006.png", "--key", name).document == content


def test_a_workflow_from_standard_input(renders: Path, tmp_path: Path) -> None:
    seqsave("save", renders, tmp_path / "out", "--workflow", "-", stdin='{"nodes": [1]}')
    assert seqsave("workflow", tmp_path / "out/frame_00003.png", "--key", "workflow").document == {"nodes": [1]}


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file"), ("nope", "is not a JSON file"), ("[1]", "is not a workflow: it must be a JSON object")],
)
def test_a_workflow_file_that_is_none(renders: Path, tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "wf.json").write_text(content)
    result = seqsave("save", renders, tmp_path / "out", "--workflow", tmp_path / "wf.json", status=2)
    assert message in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.s3
def test_secrets_in_options_are_not_reported(renders: Path) -> None:
    secret = ["--storage-option", "key=AKIAPUBLIC", "--storage-option", "secret=hunter2hunter2"]
    nowhere = ["--storage-option", "endpoint_url=http://127.0.0.1:9", "--attempts", "1"]
    result: Result = seqsave("save", renders, "s3://bucket/x", *secret, *nowhere, "--json", status=1)
    assert "hunter2" not in result.err + result.out
    assert result.document["counts"]["saved"] == 0
    assert result.document["failures"]


def test_a_key_of_digits_stays_text() -> None:
    from seqsave.cli.parameters import as_storage_options

    given = ("key=0123", "secret=12345", "anon=true", 'client_kwargs={"verify": false}', "profile=x=y", "port=22")
    assert as_storage_options(None, None, given) == {  # type: ignore[arg-type]
        "key": "0123",
        "secret": "12345",
        "anon": True,
        "client_kwargs": {"verify": False},
        "profile": "x=y",
        "port": 22,
    }
